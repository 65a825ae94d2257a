#include "base/ip.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/fail.h"

static const uint8_t mapped_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static struct ip from_v6_bytes(const uint8_t b[16])
{
	struct ip ip = { .family = IP_V6 };
	if (memcmp(b, mapped_prefix, sizeof(mapped_prefix)) == 0) {
		ip.family = IP_V4;
		memcpy(ip.b, b + 12, 4);
	} else {
		memcpy(ip.b, b, 16);
	}
	return ip;
}

/* The family as written, before mapped addresses become IPv4. */
static enum ip_family parse_bytes(struct str s, uint8_t b[16])
{
	char text[IP_TEXT_MAX];
	if (s.n == 0 || s.n >= sizeof(text) || memchr(s.p, 0, s.n) != NULL)
		return IP_NONE;
	memcpy(text, s.p, s.n);
	text[s.n] = 0;
	memset(b, 0, 16);
	if (inet_pton(AF_INET, text, b) == 1)
		return IP_V4;
	return inet_pton(AF_INET6, text, b) == 1 ? IP_V6 : IP_NONE;
}

static struct ip from_bytes(enum ip_family family, const uint8_t b[16])
{
	if (family == IP_V6)
		return from_v6_bytes(b);
	struct ip ip = { .family = family };
	if (family == IP_V4)
		memcpy(ip.b, b, 4);
	return ip;
}

bool ip_parse(struct str s, struct ip *out)
{
	uint8_t b[16];
	enum ip_family family = parse_bytes(s, b);
	if (family == IP_NONE)
		return false;
	*out = from_bytes(family, b);
	return true;
}

bool ip_net_parse(struct str s, struct ip_net *out)
{
	struct str address, bits;
	uint8_t b[16];
	bool has_prefix = str_cut(s, '/', &address, &bits);
	enum ip_family family = parse_bytes(address, b);
	if (family == IP_NONE)
		return false;
	uint64_t prefix = ip_bits(family);
	if (has_prefix && (!str_to_u64(bits, &prefix) || bits.n > 3 || prefix > ip_bits(family)))
		return false;
	struct ip ip = from_bytes(family, b);
	if (ip.family != family) { /* ::ffff:192.0.2.0/120 is 192.0.2.0/24; shorter covers more than IPv4 */
		if (prefix < 96)
			return false;
		prefix -= 96;
	}
	*out = (struct ip_net){ ip, (unsigned)prefix };
	return true;
}

struct ip ip_from_sockaddr(const struct sockaddr *sa)
{
	struct ip ip = { .family = IP_NONE };
	if (sa != NULL && sa->sa_family == AF_INET) {
		const struct sockaddr_in *in4 = (const void *)sa;
		ip.family = IP_V4;
		memcpy(ip.b, &in4->sin_addr, 4);
	} else if (sa != NULL && sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)sa;
		ip = from_v6_bytes(in6->sin6_addr.s6_addr);
	}
	return ip;
}

const char *ip_print(struct ip ip, char out[static IP_TEXT_MAX])
{
	if (ip.family == IP_NONE)
		return strcpy(out, "unknown");
	return inet_ntop(ip.family == IP_V4 ? AF_INET : AF_INET6, ip.b, out, IP_TEXT_MAX);
}

unsigned ip_bits(enum ip_family family)
{
	return family == IP_V4 ? 32 : family == IP_V6 ? 128 : 0;
}

bool ip_eq(struct ip a, struct ip b)
{
	return a.family == b.family && memcmp(a.b, b.b, sizeof(a.b)) == 0;
}

static struct ip masked(struct ip ip, unsigned prefix_bits, bool fill)
{
	for (unsigned bit = prefix_bits; bit < ip_bits(ip.family); bit++) {
		uint8_t mask = (uint8_t)(0x80 >> (bit % 8));
		ip.b[bit / 8] = fill ? ip.b[bit / 8] | mask : ip.b[bit / 8] & (uint8_t)~mask;
	}
	return ip;
}

bool ip_in_net(struct ip ip, struct ip_net net)
{
	return ip.family != IP_NONE && ip.family == net.ip.family &&
	       ip_eq(masked(ip, net.prefix_bits, false), masked(net.ip, net.prefix_bits, false));
}

bool ip_is_loopback(struct ip ip)
{
	static const struct ip v6_loopback = { IP_V6, { [15] = 1 } };
	return ip.family == IP_V4 ? ip.b[0] == 127 : ip_eq(ip, v6_loopback);
}

struct str ip_net_print(struct arena *a, struct ip_net net)
{
	char text[IP_TEXT_MAX];
	ip_print(net.ip, text);
	if (net.prefix_bits == ip_bits(net.ip.family))
		return str_dup(a, str_of(text));
	return str_printf(a, "%s/%u", text, net.prefix_bits);
}

struct str ip_reverse_name(struct arena *a, struct ip ip)
{
	if (ip.family == IP_V4)
		return str_printf(a, "%u.%u.%u.%u.in-addr.arpa", ip.b[3], ip.b[2], ip.b[1], ip.b[0]);
	BUG_IF(ip.family != IP_V6);
	char nibbles[64 + 1];
	for (int i = 0; i < 16; i++) {
		static const char hex[] = "0123456789abcdef";
		char *at = nibbles + (15 - i) * 4;
		at[0] = hex[ip.b[i] & 15];
		at[2] = hex[ip.b[i] >> 4];
		at[1] = at[3] = '.';
	}
	return str_printf(a, "%.64sip6.arpa", nibbles);
}

struct range {
	struct ip first, last;
};

struct ip_set {
	struct arena *arena;
	struct range *ranges;
	size_t count, room;
	bool is_sealed;
};

struct ip_set *ip_set_new(struct arena *a)
{
	struct ip_set *set = ARENA_NEW(a, struct ip_set);
	set->arena = a;
	return set;
}

void ip_set_add(struct ip_set *set, struct ip_net net)
{
	BUG_IF(set->is_sealed);
	if (set->count == set->room) {
		size_t room = set->room == 0 ? 16 : set->room * 2;
		struct range *ranges = arena_array(set->arena, room, sizeof(*ranges));
		if (set->count > 0)
			memcpy(ranges, set->ranges, set->count * sizeof(*ranges));
		set->ranges = ranges;
		set->room = room;
	}
	set->ranges[set->count++] = (struct range){ masked(net.ip, net.prefix_bits, false),
						    masked(net.ip, net.prefix_bits, true) };
}

static int ip_cmp(const struct ip *a, const struct ip *b)
{
	return a->family != b->family ? (a->family < b->family ? -1 : 1) : memcmp(a->b, b->b, 16);
}

static int range_cmp(const void *a, const void *b)
{
	return ip_cmp(&((const struct range *)a)->first, &((const struct range *)b)->first);
}

/* Sorts, and joins networks that hold others, so that one search step decides. */
void ip_set_seal(struct ip_set *set)
{
	set->is_sealed = true;
	if (set->count == 0)
		return;
	qsort(set->ranges, set->count, sizeof(*set->ranges), range_cmp);
	size_t kept = 0;
	for (size_t i = 1; i < set->count; i++) {
		struct range *last = &set->ranges[kept], *next = &set->ranges[i];
		if (last->first.family != next->first.family || ip_cmp(&next->first, &last->last) > 0)
			set->ranges[++kept] = *next;
		else if (ip_cmp(&next->last, &last->last) > 0)
			last->last = next->last;
	}
	set->count = kept + 1;
}

bool ip_set_has(const struct ip_set *set, struct ip ip)
{
	BUG_IF(!set->is_sealed);
	size_t low = 0, high = set->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (ip_cmp(&ip, &set->ranges[middle].last) > 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < set->count && ip_cmp(&ip, &set->ranges[low].first) >= 0;
}

size_t ip_set_count(const struct ip_set *set)
{
	return set->count;
}

struct ip_net ip_set_at(const struct ip_set *set, size_t index)
{
	BUG_IF(!set->is_sealed || index >= set->count);
	const struct range *r = &set->ranges[index];
	unsigned bits = 0;
	while (bits < ip_bits(r->first.family) && !(ip_eq(masked(r->first, bits, false), r->first) &&
						    ip_eq(masked(r->first, bits, true), r->last)))
		bits++;
	return (struct ip_net){ r->first, bits };
}

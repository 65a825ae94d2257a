#include "dns/dns_packet.h"

#include <string.h>

#include "base/arena.h"
#include "dns/dns_name.h"

enum {
	HEADER_BYTES = 12,
	POINTERS_MAX = 127,
	CNAME_HOPS_MAX = 16,
	TYPE_CNAME = 5,
	TYPE_SOA = 6,
	CLASS_IN = 1,
	FLAG_RESPONSE = 0x8000,
	FLAG_TRUNCATED = 0x0200,
	RCODE_MASK = 0x000f,
	RCODE_NXDOMAIN = 3,
	TTL_MAX = 0x7fffffff,
};

struct reader {
	const uint8_t *p;
	size_t n, at;
};

static bool take_u16(struct reader *r, uint16_t *value)
{
	if (r->n - r->at < 2)
		return false;
	*value = (uint16_t)(r->p[r->at] << 8 | r->p[r->at + 1]);
	r->at += 2;
	return true;
}

static bool take_u32(struct reader *r, uint32_t *value)
{
	uint16_t high, low;
	if (!take_u16(r, &high) || !take_u16(r, &low))
		return false;
	*value = (uint32_t)high << 16 | low;
	return true;
}

/* RFC 1035 4.1.4. Each pointer leads to before the piece of name it ends, so there is no way round in circles. */
static bool take_name(struct reader *r, struct dns_wire *name)
{
	size_t at = r->at, piece = r->at, end = 0;
	name->n = 0;
	for (int pointers = 0; at < r->n;) {
		uint8_t length = r->p[at];
		if (length >= 0xc0) {
			if (r->n - at < 2 || ++pointers > POINTERS_MAX)
				return false;
			size_t target = (size_t)(length & 0x3f) << 8 | r->p[at + 1];
			if (end == 0)
				end = at + 2;
			if (target >= piece)
				return false;
			at = piece = target;
			continue;
		}
		if (length > DNS_LABEL_MAX || r->n - at <= length || name->n + 1u + length > DNS_WIRE_MAX)
			return false;
		memcpy(name->b + name->n, r->p + at, 1u + length);
		name->n += 1u + length;
		at += 1u + length;
		if (length == 0) {
			r->at = end == 0 ? at : end;
			return true;
		}
	}
	return false;
}

struct rr {
	struct dns_wire owner;
	uint16_t type, class;
	uint32_t ttl_s;
	struct reader data; /* ends where the data ends; names in it may point before it */
};

static bool take_rr(struct reader *r, struct rr *rr)
{
	uint16_t data_bytes;
	if (!take_name(r, &rr->owner) || !take_u16(r, &rr->type) || !take_u16(r, &rr->class) ||
	    !take_u32(r, &rr->ttl_s) || !take_u16(r, &data_bytes) || r->n - r->at < data_bytes)
		return false;
	if (rr->ttl_s > TTL_MAX)
		rr->ttl_s = 0; /* RFC 2181 8 */
	rr->data = (struct reader){ r->p, r->at + data_bytes, r->at };
	r->at += data_bytes;
	return true;
}

static bool is_at_end(const struct reader *r)
{
	return r->at == r->n;
}

static bool take_host(struct reader *r, struct arena *arena, struct str *text)
{
	struct dns_wire name;
	if (!take_name(r, &name))
		return false;
	*text = dns_wire_text(arena, &name);
	return true;
}

/* RFC 1035 3.3.14, joined as RFC 7208 3.3 and RFC 6376 3.6.2.2 want it. */
static bool take_strings(struct reader *r, struct arena *arena, struct str *text)
{
	char *joined = arena_alloc(arena, r->n - r->at);
	size_t n = 0;
	if (is_at_end(r))
		return false;
	while (!is_at_end(r)) {
		size_t length = r->p[r->at++];
		if (r->n - r->at < length)
			return false;
		memcpy(joined + n, r->p + r->at, length);
		r->at += length;
		n += length;
	}
	*text = (struct str){ joined, n };
	return true;
}

static bool take_address(struct reader *r, enum ip_family family, size_t bytes, struct ip *ip)
{
	if (r->n - r->at != bytes)
		return false;
	ip->family = family;
	memcpy(ip->b, r->p + r->at, bytes);
	r->at += bytes;
	return true;
}

static bool take_record(struct reader *r, enum dns_type type, struct arena *arena, struct dns_record *record)
{
	*record = (struct dns_record){ .text = STR_EMPTY };
	switch (type) {
	case DNS_A:
		return take_address(r, IP_V4, 4, &record->ip);
	case DNS_AAAA:
		return take_address(r, IP_V6, 16, &record->ip);
	case DNS_PTR:
		return take_host(r, arena, &record->text) && is_at_end(r);
	case DNS_MX:
		return take_u16(r, &record->preference) && take_host(r, arena, &record->text) && is_at_end(r);
	case DNS_TXT:
		return take_strings(r, arena, &record->text);
	}
	return false;
}

struct answer {
	struct arena *arena;
	enum dns_type type;
	struct dns_wire owner; /* whose records are wanted; the alias' target after an alias */
	bool is_alias;
	uint32_t ttl_s;
	size_t count;
	struct dns_record records[DNS_RECORDS_MAX];
};

static bool take_answer(struct answer *a, struct rr *rr)
{
	bool is_wanted = rr->type == a->type && a->count < DNS_RECORDS_MAX;
	if (rr->class != CLASS_IN || !(is_wanted || rr->type == TYPE_CNAME) || !dns_wire_eq(&rr->owner, &a->owner))
		return true;
	if (rr->ttl_s < a->ttl_s)
		a->ttl_s = rr->ttl_s;
	if (is_wanted)
		return take_record(&rr->data, a->type, a->arena, &a->records[a->count++]);
	a->is_alias = true;
	return a->count == 0 && take_name(&rr->data, &a->owner) && is_at_end(&rr->data); /* RFC 1034 3.6.2 */
}

/* One pass through the answer section for each alias: their order is not promised. */
static bool take_answers(struct answer *a, struct reader *r, unsigned rr_count)
{
	struct rr rr;
	size_t begin = r->at;
	for (int hops = 0; hops <= CNAME_HOPS_MAX; hops++) {
		a->is_alias = false;
		r->at = begin;
		for (unsigned i = 0; i < rr_count; i++)
			if (!take_rr(r, &rr) || (!a->is_alias && !take_answer(a, &rr)))
				return false;
		if (!a->is_alias)
			return true;
	}
	return false;
}

/* RFC 2308 5: how long "there is none" may be kept. 0 if nobody says. */
static bool take_negative_ttl(struct reader *r, unsigned rr_count, uint32_t *ttl_s)
{
	struct rr rr;
	struct dns_wire name;
	uint32_t number, minimum = 0;
	*ttl_s = 0;
	for (unsigned i = 0; i < rr_count; i++) {
		if (!take_rr(r, &rr))
			return false;
		if (rr.type != TYPE_SOA || rr.class != CLASS_IN)
			continue;
		struct reader *d = &rr.data;
		if (!take_name(d, &name) || !take_name(d, &name) || !take_u32(d, &number) || !take_u32(d, &number) ||
		    !take_u32(d, &number) || !take_u32(d, &number) || !take_u32(d, &minimum) || !is_at_end(d))
			return false;
		*ttl_s = minimum < rr.ttl_s ? minimum : rr.ttl_s;
	}
	return true;
}

/* RFC 1035 4.1.2; the question is repeated as it was asked. */
static bool take_question(struct reader *r, const struct answer *a)
{
	struct dns_wire name;
	uint16_t type, class;
	return take_name(r, &name) && take_u16(r, &type) && take_u16(r, &class) && dns_wire_eq(&name, &a->owner) &&
	       type == a->type && class == CLASS_IN;
}

static bool take_message(struct reader *r, struct answer *a, enum dns_status *status)
{
	uint16_t id, flags, questions, answers, authorities, additionals;
	if (!take_u16(r, &id) || !take_u16(r, &flags) || !take_u16(r, &questions) || !take_u16(r, &answers) ||
	    !take_u16(r, &authorities) || !take_u16(r, &additionals))
		return false;
	unsigned rcode = flags & RCODE_MASK;
	if ((flags & FLAG_RESPONSE) == 0 || (flags & FLAG_TRUNCATED) != 0 || questions != 1 ||
	    (rcode != 0 && rcode != RCODE_NXDOMAIN) || !take_question(r, a) || !take_answers(a, r, answers))
		return false;
	*status = a->count > 0 ? DNS_OK : rcode == RCODE_NXDOMAIN ? DNS_NXDOMAIN : DNS_NODATA;
	uint32_t negative_ttl_s;
	if (a->count == 0 && !take_negative_ttl(r, authorities, &negative_ttl_s))
		return false;
	if (a->count == 0 && negative_ttl_s < a->ttl_s)
		a->ttl_s = negative_ttl_s;
	return true;
}

struct dns_shared *dns_packet_answer(const void *packet, size_t packet_bytes, struct str name, enum dns_type type,
				     bool is_secure)
{
	struct reader r = { packet, packet_bytes, 0 };
	struct answer a;
	enum dns_status status;
	a.arena = arena_new();
	a.type = type;
	a.ttl_s = TTL_MAX;
	a.count = 0;
	dns_wire_of(name, &a.owner);
	struct dns_shared *shared;
	if (take_message(&r, &a, &status))
		shared = dns_answer_new(&(struct dns_answer){ status, a.ttl_s, is_secure, a.count, a.records, NULL });
	else
		shared = dns_answer_of_status(DNS_SERVFAIL, 0);
	arena_free(a.arena);
	return shared;
}

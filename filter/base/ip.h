/* base/ip.h - addresses and networks.
 *
 * An IPv4-mapped IPv6 address (::ffff:192.0.2.1) becomes IPv4 wherever one is
 * read, so that one client has one spelling.
 * Owns:    ip_set keeps its ranges in the arena given.
 * Threads: any; an ip_set is immutable once ip_set_seal was called.
 * Fails:   parsers answer false and leave the result untouched. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct arena;
struct sockaddr;

enum ip_family { IP_NONE, IP_V4, IP_V6 };

struct ip {
	enum ip_family family;
	uint8_t b[16]; /* network order; IPv4 uses the first four, the rest is zero */
};

struct ip_net {
	struct ip ip; /* host bits may be set */
	unsigned prefix_bits;
};

enum { IP_TEXT_MAX = 46 }; /* with the final zero */

bool ip_parse(struct str, struct ip *);
/* "192.0.2.0/24", "2001:db8::/32"; without a slash the single address. */
bool ip_net_parse(struct str, struct ip_net *);
/* IP_NONE for anything but AF_INET and AF_INET6. */
struct ip ip_from_sockaddr(const struct sockaddr *);
/* Returns out. IP_NONE prints as "unknown". */
const char *ip_print(struct ip, char out[static IP_TEXT_MAX]);
unsigned ip_bits(enum ip_family);
bool ip_eq(struct ip, struct ip);
bool ip_in_net(struct ip, struct ip_net);
bool ip_is_loopback(struct ip);
/* "192.0.2.0/24"; an address alone without the slash. */
struct str ip_net_print(struct arena *, struct ip_net);
/* The name below in-addr.arpa or ip6.arpa. */
struct str ip_reverse_name(struct arena *, struct ip);

/* Many networks, asked by binary search. Add, seal, then ask. */
struct ip_set;
struct ip_set *ip_set_new(struct arena *);
void ip_set_add(struct ip_set *, struct ip_net);
void ip_set_seal(struct ip_set *);
bool ip_set_has(const struct ip_set *, struct ip);
size_t ip_set_count(const struct ip_set *);
/* Of a sealed set, in order; networks inside others are gone. */
struct ip_net ip_set_at(const struct ip_set *, size_t index);

/* dns/dns_zone_node.h - what dns_zone_parse makes and dns_zone_ask reads; for these two only. */
#pragma once

#include "dns/dns.h"

struct map;

enum { ZONE_TTL_S = 60, ZONE_TYPE_EVERY = 0 };

enum zone_kind { ZONE_RECORD, ZONE_CNAME, ZONE_OUTCOME, ZONE_DELAY };

struct zone_line {
	struct zone_line *next;
	enum zone_kind kind;
	unsigned type;            /* enum dns_type or ZONE_TYPE_EVERY; not with CNAME */
	uint32_t ttl_s;           /* records and CNAME */
	struct dns_record record; /* CNAME: the target as text */
	enum dns_status outcome;
	int delay_ms;
	int number;               /* in the file */
};

struct zone_node {
	struct zone_line *lines; /* in the order of the file; none: only names below it are there */
	struct zone_line **last;
};

struct dns_zone {
	struct arena *arena;
	struct map *nodes; /* by normalised name; "*" and "*.x" are wildcards */
};

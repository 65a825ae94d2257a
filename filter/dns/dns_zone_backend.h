/* dns/dns_zone_backend.h - a zone as backend.
 *
 * Owns:    the zone.
 * Threads: see dns_backend.h; swap may be called by any.
 * Fails:   never. */
#pragma once

#include "dns/dns_backend.h"
#include "dns/dns_zone.h"

struct event_base;

struct dns_backend dns_zone_backend_open(struct event_base *, struct dns_zone *);
/* From now on this zone answers; the old one is freed. */
void dns_zone_backend_swap(struct dns_backend *, struct dns_zone *);

/* dns/dns_cache.h - answers by name and type until their time is over.
 *
 * Bounded in entries and in bytes; what was not asked for longest goes first.
 * Owns:    one reference to every answer in it.
 * Threads: one at a time (the caller's lock).
 * Fails:   never. */
#pragma once

#include "dns/dns_answer.h"

struct dns_cache;

struct dns_cache *dns_cache_new(size_t max_entries);
void dns_cache_free(struct dns_cache *);
/* NULL if absent or over; else a reference for the caller. The name is normalised. */
struct dns_shared *dns_cache_get(struct dns_cache *, struct str name, enum dns_type, int64_t now_ms);
/* Replaces what is there; takes a reference of its own. */
void dns_cache_put(struct dns_cache *, struct str name, enum dns_type, struct dns_shared *, int64_t expires_ms);
void dns_cache_clear(struct dns_cache *);
size_t dns_cache_count(const struct dns_cache *);

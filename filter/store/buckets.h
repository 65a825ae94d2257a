/* store/buckets.h - token buckets in memory.
 *
 * A bucket is one number: when it will be full again. Taking moves that time
 * on, and it may not be further away than the time it takes to fill; what is
 * full is forgotten. So a bucket needs no upkeep, and a clock that jumps back
 * costs one filling at most.
 * Owns:    its entries, a bounded number: beyond it one near to being full goes.
 * Threads: any (one leaf lock). Fails: never. */
#pragma once

#include "store/store.h"

struct buckets;

struct bucket_state {
	struct str key;
	int64_t full_at_us; /* Unix time */
};

/* is_kept: changes are noted for buckets_changes. */
struct buckets *buckets_new(size_t max, bool is_kept);
void buckets_free(struct buckets *);

/* As store_take; false: not taken. */
bool buckets_take(struct buckets *, const struct store_bucket *, size_t count, const int64_t *amounts,
		  int64_t *wait_ms, size_t *which);
void buckets_give_back(struct buckets *, const struct store_bucket *, size_t count, const int64_t *amounts);

/* True once when there are changes, until buckets_changes has taken them. */
bool buckets_has_news(struct buckets *);
/* Those that have changed since this was last asked. */
const struct bucket_state *buckets_changes(struct buckets *, struct arena *, size_t *count);
/* They could not be kept: they are changes again. */
void buckets_keep_as_changes(struct buckets *, const struct bucket_state *, size_t count);
/* As it was kept. */
void buckets_restore(struct buckets *, const struct bucket_state *);
size_t buckets_count(struct buckets *);

/* How far taking an amount moves the time on; a microsecond each at least. */
int64_t bucket_cost_us(const struct store_bucket *, int64_t amount);

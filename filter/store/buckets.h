/* store/buckets.h - token buckets in memory.
 *
 * A bucket is one number: when it will be full again. Taking moves that time
 * on, and it may not be further away than the time it takes to fill; what is
 * full is forgotten. So a bucket needs no upkeep, and a clock that jumps back
 * costs one filling at most.
 *
 * Processes that were forked after buckets_new count in the same ones. One that
 * is killed meanwhile costs the others nothing: at most it has taken for a
 * message that never comes.
 * Owns:    its memory, a bounded number of buckets: beyond it one near to being full goes.
 * Threads: any, of any process (one leaf lock). Fails: never. */
#pragma once

#include "store/store.h"

struct buckets;

enum { BUCKETS_MAX = 200000 };

struct bucket_state {
	struct str key;
	int64_t full_at_us; /* Unix time */
};

/* For up to BUCKETS_MAX. Memory is taken as they come. */
struct buckets *buckets_new(size_t max);
void buckets_free(struct buckets *);

/* As store_take; false: not taken. */
bool buckets_take(struct buckets *, const struct store_bucket *, size_t count, const int64_t *amounts,
		  int64_t *wait_ms, size_t *which);
void buckets_give_back(struct buckets *, const struct store_bucket *, size_t count, const int64_t *amounts);

/* From now on changes are noted, for this process or any other to keep them elsewhere. */
void buckets_note_changes(struct buckets *);
/* True once in each process when there are changes, until buckets_changes has taken them there. */
bool buckets_has_news(struct buckets *);
/* Those that have changed since any process asked this. A key that is over long has its hash for an end. */
const struct bucket_state *buckets_changes(struct buckets *, struct arena *, size_t *count);
/* They could not be kept: they are changes again. */
void buckets_keep_as_changes(struct buckets *, const struct bucket_state *, size_t count);
/* As it was kept, unless it is known already. */
void buckets_restore(struct buckets *, const struct bucket_state *);
size_t buckets_count(struct buckets *);

/* How far taking an amount moves the time on; a microsecond each at least. */
int64_t bucket_cost_us(const struct store_bucket *, int64_t amount);

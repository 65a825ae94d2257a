/* store/store.h - what must outlive the process.
 *
 * Records of what was decided, token buckets, suppressed recipients, refusals
 * given for good. One contract, several backends (store_table in store.c);
 * every backend passes tests/unit/store/contract.c unchanged.
 * Owns:    its file or connections. Threads: any.
 * Fails:   as a value; the caller's policy decides. Writing records and
 *          refusals never blocks mail: a full queue drops and counts. No call
 *          on the way of mail waits longer than STORE_WAIT_MAX_MS. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct arena;
struct buckets;
struct diags;
struct log;
struct store;

enum store_status { STORE_OK, STORE_NOT_FOUND, STORE_UNAVAILABLE };

enum { STORE_WAIT_MAX_MS = 500 };

/* "sqlite:PATH", "redis:PATH", "redis://HOST:PORT" or "memory:". NULL and a diagnostic that says what to do. Redis
 * that does not answer is a warning: it is tried until it does. */
struct store *store_open(struct str url, struct log *, struct diags *);
/* In one of several processes that count together: in buckets made before they were forked, which stay the caller's. */
struct store *store_open_sharing(struct buckets *, struct str url, struct log *, struct diags *);
/* Beside a running daemon: for `gatepost why`, which only reads, and for `gatepost suppress`. */
struct store *store_open_reader(struct str url, struct diags *);
struct store *store_open_editor(struct str url, struct diags *);
/* What is wrong with the URL, as far as that can be told without opening anything. */
void store_check_url(struct str url, struct diags *);
/* Copies all that is kept into a file of mode 0600, as it is at one moment, while daemons run; an older copy there is
 * replaced as a whole. False and a diagnostic, also where that is not ours to do. */
bool store_back_up(struct str url, const char *path, struct diags *);
/* Writes what is queued. NULL is allowed. */
void store_close(struct store *);

/* Forgets records older than this, and everything else whose own time is over. */
enum store_status store_expire(struct store *, int64_t records_before_unix_ms);
/* Waits until everything queued is stored, for tests and for a clean stop. STORE_UNAVAILABLE as soon as writing fails;
 * what was queued stays so. */
enum store_status store_flush(struct store *);
/* Records and refusals dropped because the queue was full, or given up when the store was closed. */
uint64_t store_lost_writes(const struct store *);
/* What is queued could not be written when that was last tried. */
bool store_is_failing(const struct store *);

/* ---- records of decisions -------------------------------------------------------------------------------- */

/* Queues one record (JSON) under its decision id; the same id again replaces. queue_id may be empty. Never waits. */
void store_put_record(struct store *, struct str id, int64_t unix_ms, struct str queue_id, struct str json);
/* By decision id, or by queue id (the newest). What is still queued may not be found. */
enum store_status store_find_record(struct store *, struct str id_or_queue_id, struct arena *, struct str *json);

struct stored_record {
	struct str id;
	int64_t unix_ms;
	struct str queue_id; /* may be empty; not told by store_next_records */
	struct str json;
};

/* Up to `max` records in order of time and id, from this time on; of that very millisecond only those behind the id.
 * Texts are the arena's. Fewer than max: there are no more. */
enum store_status store_next_records(struct store *, int64_t from_unix_ms, struct str behind_id, struct arena *,
				     struct stored_record *list, size_t max, size_t *count);

/* Up to `max` records in the order in which they came into the store, whatever their time, behind *place, which is moved
 * on; 0 is before all. Fewer than max: there are no more at present. One that came again is where it was. Redis does not
 * tell their time. */
enum store_status store_next_arrivals(struct store *, int64_t *place, struct arena *, struct stored_record *list,
				      size_t max, size_t *count);
/* The place behind all that is there. */
enum store_status store_last_arrival(struct store *, int64_t *place);

/* ---- token buckets --------------------------------------------------------------------------------------- */

/* Holds `capacity` at most, and at first; refilled evenly, from empty to full in per_ms. A bucket is known by its key:
 * with another capacity or time it stays as long from being full as it was, but per_ms at most. */
struct store_bucket {
	struct str key;
	int64_t capacity, per_ms;
};

enum { STORE_BUCKETS_MAX = 8 };

/* Takes from all buckets, whose keys differ, or from none. *wait_ms is 0 if it took; else it is the time until all
 * could give, and *which the bucket that takes longest. More than its capacity is never given. */
enum store_status store_take(struct store *, const struct store_bucket *, size_t count, const int64_t *amounts,
			     int64_t *wait_ms, size_t *which);
/* What was not needed after all. */
void store_give_back(struct store *, const struct store_bucket *, size_t count, const int64_t *amounts);
/* The same from buckets of this gateway alone, for as long as store_take says STORE_UNAVAILABLE; a store that counts in
 * memory never does. */
bool store_take_here(struct store *, const struct store_bucket *, size_t count, const int64_t *amounts,
		     int64_t *wait_ms, size_t *which);
void store_give_back_here(struct store *, const struct store_bucket *, size_t count, const int64_t *amounts);

/* ---- suppressed recipients ------------------------------------------------------------------------------- */

struct suppression {
	struct str scope;   /* empty: everywhere */
	struct str address; /* in one spelling: the caller's matter */
	struct str reason, source;
	int64_t created_unix_s, expires_unix_s; /* expires 0: never */
};

/* With texts of its own, in the arena. */
struct suppression suppression_dup(struct arena *, const struct suppression *);

/* Adds, or replaces what has the same scope and address. Stored when it answers STORE_OK. Else nothing is, or with
 * Redis only some of the first ones: the same call again completes it. */
enum store_status store_suppress(struct store *, const struct suppression *, size_t count);
enum store_status store_unsuppress(struct store *, struct str scope, struct str address);
/* That of the scope before the one for everywhere. */
enum store_status store_find_suppression(struct store *, struct str scope, struct str address, struct arena *,
					 struct suppression *);
/* Those of one scope, or all with NULL, by scope and address. Texts live until use returns; false from it ends. It may
 * not use the store. */
typedef bool store_use_suppression(void *context, const struct suppression *);
enum store_status store_each_suppression(struct store *, const struct str *scope, store_use_suppression *, void *);

/* ---- refusals given for good ----------------------------------------------------------------------------- */

struct refusal {
	struct str key;    /* what is not to be tried again */
	struct str id;     /* the decision */
	struct str enhanced, text;
	struct str source; /* who refused: here, or a remote server */
	int code;
	int64_t unix_s, expires_unix_s;
	int64_t repeats;   /* set by the store */
};

/* With texts of its own, in the arena. */
struct refusal refusal_dup(struct arena *, const struct refusal *);

/* Queues it; an earlier one under the key stays as it is until its time is over. Never waits. */
void store_remember_refusal(struct store *, const struct refusal *);
/* Counts this repeat and tells how many there are. What is still queued may not be found, nor counted yet. */
enum store_status store_find_refusal(struct store *, struct str key, struct arena *, struct refusal *);
/* All that are remembered still, in any order. Texts live until use returns; false from it ends. It may not use the
 * store. */
typedef bool store_use_refusal(void *context, const struct refusal *);
enum store_status store_each_refusal(struct store *, store_use_refusal *, void *context);
enum store_status store_forget_refusal(struct store *, struct str key);

/* store/backend.h - what a kind of store brings.
 *
 * The functions have the promises of store.h; `self` is what open gave. To add
 * a backend: fill one of these and add its row in store.c.
 * Threads: any for all but open and close; close when nobody asks any more. */
#pragma once

#include "store/buckets.h"
#include "store/node.h"

struct store_backend {
	/* place: what stands behind the colon of the URL. Buckets are for a store that has none itself. NULL and a
	 * diagnostic. */
	void *(*open)(struct str place, struct buckets *, struct log *, struct diags *);
	void *(*open_beside)(struct str place, bool may_write, struct diags *);
	void (*check)(struct str place, struct diags *);
	bool (*back_up)(struct str place, const char *path, struct diags *);
	void (*close)(void *self);
	enum store_status (*expire)(void *self, int64_t records_before_unix_ms);
	enum store_status (*flush)(void *self);
	uint64_t (*lost)(void *self);
	bool (*is_failing)(void *self);
	/* Takes the node over. */
	void (*put)(void *self, struct node *);
	enum store_status (*find_record)(void *self, struct str id_or_queue_id, struct arena *, struct str *json);
	enum store_status (*next_records)(void *self, int64_t from_unix_ms, struct str behind_id, struct arena *,
					  struct stored_record *list, size_t max, size_t *count);
	enum store_status (*next_arrivals)(void *self, int64_t *place, struct arena *, struct stored_record *list,
					   size_t max, size_t *count);
	enum store_status (*last_arrival)(void *self, int64_t *place);
	enum store_status (*take)(void *self, const struct store_bucket *, size_t count, const int64_t *amounts,
				  int64_t *wait_ms, size_t *which);
	void (*give_back)(void *self, const struct store_bucket *, size_t count, const int64_t *amounts);
	enum store_status (*suppress)(void *self, const struct suppression *, size_t count);
	enum store_status (*unsuppress)(void *self, struct str scope, struct str address);
	enum store_status (*find_suppression)(void *self, struct str scope, struct str address, struct arena *,
					      struct suppression *);
	enum store_status (*each_suppression)(void *self, const struct str *scope, store_use_suppression *, void *);
	/* The repeats of those put are counted by a node of their own. */
	enum store_status (*find_refusal)(void *self, struct str key, struct arena *, struct refusal *);
	enum store_status (*each_refusal)(void *self, store_use_refusal *, void *);
	enum store_status (*forget_refusal)(void *self, struct str key);
};

extern const struct store_backend store_mem, store_redis, store_sqlite;

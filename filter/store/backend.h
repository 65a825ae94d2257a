/* store/backend.h - what a kind of store brings.
 *
 * The functions have the promises of store.h; `self` is what open gave. To add
 * a backend: fill one of these and add its row in store.c.
 * Threads: put, find, expire, flush and lost any; close when nobody asks any more. */
#pragma once

#include "store/store.h"

struct stored_record {
	struct str id;
	int64_t unix_ms;
	struct str queue_id;
	struct str json;
};

struct store_backend {
	/* place: what stands behind the colon of the URL. NULL and a diagnostic. */
	void *(*open)(struct str place, struct log *, struct diags *);
	void *(*open_reader)(struct str place, struct diags *);
	void (*close)(void *self);
	void (*put)(void *self, const struct stored_record *);
	enum store_status (*find)(void *self, struct str id_or_queue_id, struct arena *, struct str *json);
	enum store_status (*expire)(void *self, int64_t before_unix_ms);
	enum store_status (*flush)(void *self);
	uint64_t (*lost)(void *self);
};

extern const struct store_backend store_mem, store_sqlite;

/* store/store.h - what must outlive the process.
 *
 * One contract, several backends (store_table in store.c); every backend
 * passes tests/unit/store/contract.c unchanged.
 * Owns:    its file or connection. Threads: any.
 * Fails:   as a value; the caller's policy decides. Writing records never
 *          blocks mail: a full queue drops and counts. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct arena;
struct diags;
struct log;
struct store;

enum store_status { STORE_OK, STORE_NOT_FOUND, STORE_UNAVAILABLE };

/* "sqlite:PATH" or "memory:". NULL and a diagnostic that says what to do. */
struct store *store_open(struct str url, struct log *, struct diags *);
/* Read only, beside a running daemon: for `gatepost why`. */
struct store *store_open_reader(struct str url, struct diags *);
/* Writes what is queued. NULL is allowed. */
void store_close(struct store *);

/* Queues one record (JSON) under its decision id; the same id again replaces. queue_id may be empty. Never waits. */
void store_put_record(struct store *, struct str id, int64_t unix_ms, struct str queue_id, struct str json);
/* By decision id, or by queue id (the newest). What is still queued may not be found. */
enum store_status store_find_record(struct store *, struct str id_or_queue_id, struct arena *, struct str *json);
/* Forgets records older than this. */
enum store_status store_expire_records(struct store *, int64_t before_unix_ms);
/* Waits until everything queued is stored, for tests and for a clean stop. STORE_UNAVAILABLE as soon as writing fails;
 * the records stay queued. */
enum store_status store_flush(struct store *);
/* Dropped because the queue was full, or given up when the store was closed. */
uint64_t store_lost_records(const struct store *);

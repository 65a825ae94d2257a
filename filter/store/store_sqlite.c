/* The embedded default: one SQLite file; and "memory:", the same rows without the file, gone with the process.
 *
 * Mail never waits for the disk: records and refusals are queued, buckets are counted in memory and what has changed is
 * written a moment later, look-ups use a connection of their own, which in WAL mode waits for no writer. Suppressions
 * are written at once, by commands and by what must be stored before it is answered. In memory one connection does
 * all of it. One lock for each connection; only mend() takes the reader's inside the writer's.
 *
 * Nor does mail depend on the file: if it cannot be used the daemon starts and serves without, and finds it again. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/fail.h"
#include "log/log.h"
#include "store/backend.h"
#include "store/queue.h"
#include "store/sqlite_db.h"

enum {
	BUCKETS_DELAY_MS = 250,    /* a crash may give back what was taken within this time */
	RECORDS_DELAY_MS = 50,     /* under load many records are one transaction; a crash may lose those of this time */
	MEMORY_ROWS_MAX = 10000,
};

struct connection {
	pthread_mutex_t lock;
	struct sqlite_db *db;
};

struct sqlite_store {
	struct log *log;
	struct connection *write, *read; /* write NULL: reader only; both the same in memory */
	struct queue *queue;             /* NULL: in memory, or beside a daemon */
	struct buckets *buckets;         /* not ours */
	bool is_unreadable;              /* logged; under the lock of read */
};

static struct connection *connection_new(struct sqlite_db *db)
{
	struct connection *c = fail_if_null(calloc(1, sizeof(*c)));
	pthread_mutex_init(&c->lock, NULL);
	c->db = db;
	return c;
}

static void connection_free(struct connection *c)
{
	if (c == NULL)
		return;
	sqlite_db_close(c->db);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

static struct sqlite_db *use(struct connection *c)
{
	BUG_IF(c == NULL);
	pthread_mutex_lock(&c->lock);
	return c->db;
}

static void leave(struct connection *c)
{
	pthread_mutex_unlock(&c->lock);
}

/* ---- writing what is queued -------------------------------------------------------------------------------- */

/* What SQLite knows of a file is shared by all connections of a process: one that holds on to a damaged or read-only
 * file keeps the others there. So the reader lets go while the writer opens the file anew. */
static void mend(struct sqlite_store *s, struct sqlite_db *writer)
{
	struct sqlite_db *reader = use(s->read);
	sqlite_db_let_go(reader);
	sqlite_db_is_ready(writer);
	leave(s->read);
}

static bool write_batch(void *context, const struct node_list *list, char why[static QUEUE_WHY_MAX])
{
	struct sqlite_store *s = context;
	struct sqlite_db *db = use(s->write);
	if (sqlite_db_is_broken(db))
		mend(s, db);
	bool ok = sqlite_db_is_in_place(db) && sqlite_db_write(db, list, s->buckets);
	if (!ok)
		snprintf(why, QUEUE_WHY_MAX, "%s", sqlite_db_why(db));
	leave(s->write);
	return ok;
}

static void keep_changes(struct sqlite_store *s)
{
	if (s->queue != NULL && buckets_has_news(s->buckets))
		queue_put(s->queue, node_new_buckets(), BUCKETS_DELAY_MS);
}

/* Nothing fails in memory. */
static void write_now(struct sqlite_store *s, struct node *n)
{
	struct node_list list;
	BUG_IF(s->read != s->write);
	node_list_init(&list);
	node_list_add(&list, n);
	struct sqlite_db *db = use(s->write);
	BUG_IF(!sqlite_db_write(db, &list, NULL) || !sqlite_db_keep_newest(db, MEMORY_ROWS_MAX));
	leave(s->write);
	node_list_free(&list);
}

static void sqlite_put(void *self, struct node *n)
{
	struct sqlite_store *s = self;
	if (s->queue != NULL)
		queue_put(s->queue, n, n->kind == NODE_RECORD ? RECORDS_DELAY_MS : 0);
	else
		write_now(s, n);
}

static enum store_status sqlite_flush(void *self)
{
	struct sqlite_store *s = self;
	return s->queue == NULL ? STORE_OK : queue_flush(s->queue);
}

static uint64_t sqlite_lost(void *self)
{
	struct sqlite_store *s = self;
	return s->queue == NULL ? 0 : queue_lost(s->queue);
}

static bool sqlite_is_failing(void *self)
{
	struct sqlite_store *s = self;
	return s->queue != NULL && queue_is_failing(s->queue);
}

/* ---- opening ----------------------------------------------------------------------------------------------- */

static struct sqlite_store *store_new(struct connection *write, struct connection *read)
{
	struct sqlite_store *s = fail_if_null(calloc(1, sizeof(*s)));
	s->write = write;
	s->read = read;
	return s;
}

static struct sqlite_store *store_of(struct sqlite_db *writer, struct sqlite_db *reader)
{
	if (writer != NULL && reader != NULL)
		return store_new(connection_new(writer), connection_new(reader));
	sqlite_db_close(writer);
	sqlite_db_close(reader);
	return NULL;
}

static struct sqlite_store *open_both(struct str place, struct diags *diags)
{
	struct sqlite_db *writer = sqlite_db_open(place, diags);
	return store_of(writer, writer == NULL ? NULL : sqlite_db_open_reader(place, diags));
}

static struct sqlite_store *open_both_patiently(struct str place, struct diags *diags)
{
	struct sqlite_db *writer = sqlite_db_open_patiently(place, diags);
	if (writer == NULL)
		return NULL;
	if (sqlite_db_is_open(writer))
		return store_of(writer, sqlite_db_open_reader(place, diags));
	diag_warn(diags, (struct place){ .setting = "store" },
		  "until it can be used mail goes on without it: limits begin at zero, suppressed recipients are unknown");
	return store_of(writer, sqlite_db_reader_for_later(place));
}

static void restore_bucket(void *context, const struct bucket_state *state)
{
	buckets_restore(context, state);
}

static void *sqlite_open(struct str place, struct buckets *buckets, struct log *log, struct diags *diags)
{
	struct sqlite_store *s = open_both_patiently(place, diags);
	if (s == NULL)
		return NULL;
	s->log = log;
	s->buckets = buckets;
	buckets_note_changes(buckets);
	if (sqlite_db_is_open(s->read->db) && !sqlite_db_each_bucket(s->read->db, restore_bucket, s->buckets))
		diag_warn(diags, (struct place){ .setting = "store" }, "token buckets cannot be read, all are full: %s",
			  sqlite_db_why(s->read->db));
	s->queue = queue_new(log, write_batch, s);
	keep_changes(s); /* of a process that died before it could */
	return s;
}

static void *sqlite_open_beside(struct str place, bool may_write, struct diags *diags)
{
	if (may_write)
		return open_both(place, diags);
	struct sqlite_db *reader = sqlite_db_open_reader(place, diags);
	return reader == NULL ? NULL : store_new(NULL, connection_new(reader));
}

static void sqlite_check(struct str place, struct diags *diags)
{
	if (place.n == 0)
		diag_error(diags, (struct place){ .setting = "store" }, "\"sqlite:\" needs a path behind the colon");
}

/* On disk before it has its name. */
static bool copy_to(struct sqlite_db *db, const char *path, const char *unfinished, struct diags *diags)
{
	const struct place at = { .file = path };
	int fd = open(unfinished, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		diag_error(diags, at, "cannot be written: %s", strerror(errno));
		return false;
	}
	bool is_done = false;
	if (!sqlite_db_copy(db, unfinished))
		diag_error(diags, at, "cannot be written: %s", sqlite_db_why(db));
	else if (fsync(fd) != 0 || rename(unfinished, path) != 0)
		diag_error(diags, at, "cannot be written: %s", strerror(errno));
	else
		is_done = true;
	close(fd);
	if (!is_done)
		unlink(unfinished);
	return is_done;
}

static bool sqlite_back_up(struct str place, const char *path, struct diags *diags)
{
	struct sqlite_db *db = sqlite_db_open_reader(place, diags);
	if (db == NULL)
		return false;
	struct arena *a = arena_new();
	bool is_done = copy_to(db, path, str_printf(a, "%s.unfinished", path).p, diags);
	arena_free(a);
	sqlite_db_close(db);
	return is_done;
}

static bool memory_back_up(struct str place, const char *path, struct diags *diags)
{
	(void)place;
	(void)path;
	diag_error(diags, (struct place){ .setting = "store" }, "\"memory:\" keeps nothing that could be backed up");
	return false;
}

static void memory_check(struct str place, struct diags *diags)
{
	if (place.n > 0)
		diag_error(diags, (struct place){ .setting = "store" }, "nothing may follow in \"memory:\"");
}

static void *memory_open(struct str place, struct buckets *buckets, struct log *log, struct diags *diags)
{
	(void)log;
	memory_check(place, diags);
	if (place.n > 0)
		return NULL;
	struct connection *only = connection_new(sqlite_db_open_memory());
	struct sqlite_store *s = store_new(only, only);
	s->buckets = buckets;
	return s;
}

static void *memory_open_beside(struct str place, bool may_write, struct diags *diags)
{
	(void)place;
	diag_error(diags, (struct place){ .setting = "store" },
		   "\"memory:\" is inside the daemon only; to %s from outside use \"sqlite:PATH\"",
		   may_write ? "change it" : "read it");
	return NULL;
}

static void sqlite_close(void *self)
{
	struct sqlite_store *s = self;
	queue_free(s->queue);
	if (s->read != s->write)
		connection_free(s->read);
	connection_free(s->write);
	free(s);
}

static enum store_status sqlite_expire(void *self, int64_t records_before_unix_ms)
{
	struct sqlite_store *s = self;
	bool ok, is_more;
	do {
		ok = sqlite_db_expire_some(use(s->write), records_before_unix_ms, &is_more);
		leave(s->write);
	} while (ok && is_more);
	return ok ? STORE_OK : STORE_UNAVAILABLE;
}

/* ---- buckets ----------------------------------------------------------------------------------------------- */

static enum store_status sqlite_take(void *self, const struct store_bucket *b, size_t count, const int64_t *amounts,
				     int64_t *wait_ms, size_t *which)
{
	struct sqlite_store *s = self;
	BUG_IF(s->buckets == NULL);
	if (buckets_take(s->buckets, b, count, amounts, wait_ms, which))
		keep_changes(s);
	return STORE_OK;
}

static void sqlite_give_back(void *self, const struct store_bucket *b, size_t count, const int64_t *amounts)
{
	struct sqlite_store *s = self;
	BUG_IF(s->buckets == NULL);
	buckets_give_back(s->buckets, b, count, amounts);
	keep_changes(s);
}

/* ---- rows -------------------------------------------------------------------------------------------------- */

/* Logs once when trouble begins and once when it ends. */
static enum store_status done_reading(struct sqlite_store *s, enum store_status status)
{
	char why[QUEUE_WHY_MAX] = "";
	bool is_unreadable = status == STORE_UNAVAILABLE, is_news = is_unreadable != s->is_unreadable;
	s->is_unreadable = is_unreadable;
	if (is_news && is_unreadable)
		snprintf(why, sizeof(why), "%s", sqlite_db_why(s->read->db));
	leave(s->read);
	if (is_news && is_unreadable)
		log_error(s->log, "store: cannot be read: %s", why);
	else if (is_news)
		log_info(s->log, "store: is read again");
	return status;
}

static enum store_status sqlite_find_record(void *self, struct str wanted, struct arena *a, struct str *json)
{
	struct sqlite_store *s = self;
	return done_reading(s, sqlite_db_find_record(use(s->read), wanted, a, json));
}

static enum store_status sqlite_next_records(void *self, int64_t from_unix_ms, struct str behind_id, struct arena *a,
					     struct stored_record *list, size_t max, size_t *count)
{
	struct sqlite_store *s = self;
	enum store_status status = sqlite_db_next_records(use(s->read), from_unix_ms, behind_id, a, list, max, count);
	leave(s->read);
	return status;
}

static enum store_status sqlite_next_arrivals(void *self, int64_t *place, struct arena *a, struct stored_record *list,
					      size_t max, size_t *count)
{
	struct sqlite_store *s = self;
	enum store_status status = sqlite_db_next_arrivals(use(s->read), place, a, list, max, count);
	leave(s->read);
	return status;
}

static enum store_status sqlite_last_arrival(void *self, int64_t *place)
{
	struct sqlite_store *s = self;
	enum store_status status = sqlite_db_last_arrival(use(s->read), place);
	leave(s->read);
	return status;
}

static enum store_status sqlite_suppress(void *self, const struct suppression *list, size_t count)
{
	struct sqlite_store *s = self;
	bool ok = sqlite_db_suppress(use(s->write), list, count);
	leave(s->write);
	return ok ? STORE_OK : STORE_UNAVAILABLE;
}

static enum store_status sqlite_unsuppress(void *self, struct str scope, struct str address)
{
	struct sqlite_store *s = self;
	enum store_status status = sqlite_db_unsuppress(use(s->write), scope, address);
	leave(s->write);
	return status;
}

static enum store_status sqlite_find_suppression(void *self, struct str scope, struct str address, struct arena *a,
						 struct suppression *found)
{
	struct sqlite_store *s = self;
	return done_reading(s, sqlite_db_find_suppression(use(s->read), scope, address, a, found));
}

static enum store_status sqlite_each_suppression(void *self, const struct str *scope, store_use_suppression *use_one,
						 void *context)
{
	struct sqlite_store *s = self;
	return done_reading(s, sqlite_db_each_suppression(use(s->read), scope, use_one, context));
}

static enum store_status sqlite_find_refusal(void *self, struct str key, struct arena *a, struct refusal *found)
{
	struct sqlite_store *s = self;
	return done_reading(s, sqlite_db_find_refusal(use(s->read), key, a, found));
}

static enum store_status sqlite_each_refusal(void *self, store_use_refusal *use_one, void *context)
{
	struct sqlite_store *s = self;
	return done_reading(s, sqlite_db_each_refusal(use(s->read), use_one, context));
}

static enum store_status sqlite_forget_refusal(void *self, struct str key)
{
	struct sqlite_store *s = self;
	enum store_status status = sqlite_db_forget_refusal(use(s->write), key);
	leave(s->write);
	return status;
}

#define SHARED                                                                                     \
	.close = sqlite_close, .expire = sqlite_expire, .flush = sqlite_flush, .lost = sqlite_lost,   \
	.is_failing = sqlite_is_failing, .put = sqlite_put, .find_record = sqlite_find_record, .next_records = sqlite_next_records,    \
	.next_arrivals = sqlite_next_arrivals, .last_arrival = sqlite_last_arrival,                   \
	.take = sqlite_take, .give_back = sqlite_give_back, .suppress = sqlite_suppress, .unsuppress = sqlite_unsuppress,  \
	.find_suppression = sqlite_find_suppression, .each_suppression = sqlite_each_suppression,     \
	.find_refusal = sqlite_find_refusal, .each_refusal = sqlite_each_refusal, .forget_refusal = sqlite_forget_refusal

const struct store_backend store_sqlite = {
	.open = sqlite_open, .open_beside = sqlite_open_beside, .check = sqlite_check,
	.back_up = sqlite_back_up, SHARED
};

const struct store_backend store_mem = {
	.open = memory_open, .open_beside = memory_open_beside, .check = memory_check,
	.back_up = memory_back_up, SHARED
};

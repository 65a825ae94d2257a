/* The embedded default: one SQLite file, one thread that writes.
 *
 * Mail threads leave records in a bounded queue and go on; the writer takes all that is there into one transaction.
 * While writing fails the batch stays with the writer, which tries again every second, and the queue fills up; what
 * finds it full is dropped and counted. Two locks, never held together: `lock` for the queue and its counts, one
 * each for the use of the writing and of the reading connection. */
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/fail.h"
#include "log/log.h"
#include "store/sqlite_db.h"

enum {
	QUEUE_RECORDS_MAX = 20000,
	QUEUE_BYTES_MAX = 64 << 20,
	RETRY_S = 1,
};

struct connection {
	pthread_mutex_t lock;
	struct sqlite_db *db;
};

struct sqlite_store {
	struct log *log;
	struct connection write, read; /* write.db NULL: reader only */
	pthread_t writer;
	pthread_mutex_t lock;
	pthread_cond_t wake, changed;  /* for the writer; for who waits in flush */
	struct node_list queue;
	uint64_t queued, stored, lost, failures;
	bool is_hurried;               /* somebody waits: do not wait for the next try */
	bool is_full;                  /* logged once */
	bool is_closing;
};

static void connection_init(struct connection *c, struct sqlite_db *db)
{
	pthread_mutex_init(&c->lock, NULL);
	c->db = db;
}

static void connection_fini(struct connection *c)
{
	sqlite_db_close(c->db);
	pthread_mutex_destroy(&c->lock);
}

/* ---- the writer ----------------------------------------------------------------------------------------- */

/* Called and left with s->lock held. */
static void wait_for_retry(struct sqlite_store *s)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += RETRY_S;
	while (!s->is_closing && !s->is_hurried && pthread_cond_timedwait(&s->wake, &s->lock, &until) == 0)
		;
}

/* Takes what there is, or waits for it. False: the store is closing and nothing is left. */
static bool next_batch(struct sqlite_store *s, struct node_list *batch)
{
	pthread_mutex_lock(&s->lock);
	while (s->queue.count == 0 && !s->is_closing)
		pthread_cond_wait(&s->wake, &s->lock);
	node_list_move(batch, &s->queue);
	s->is_full = false;
	pthread_mutex_unlock(&s->lock);
	return batch->count > 0;
}

static bool write_batch(struct sqlite_store *s, const struct node_list *batch, char why[static 300])
{
	pthread_mutex_lock(&s->write.lock);
	bool ok = sqlite_db_insert(s->write.db, batch);
	if (!ok)
		snprintf(why, 300, "%s", sqlite_db_why(s->write.db));
	pthread_mutex_unlock(&s->write.lock);
	return ok;
}

/* False: give up, the store is closing. */
static bool note_outcome(struct sqlite_store *s, size_t count, bool is_stored)
{
	pthread_mutex_lock(&s->lock);
	bool is_last = s->is_closing;
	if (is_stored)
		s->stored += count;
	else
		s->failures++;
	if (!is_stored && is_last)
		s->lost += count;
	s->is_hurried = false;
	pthread_cond_broadcast(&s->changed);
	if (!is_stored && !is_last)
		wait_for_retry(s);
	pthread_mutex_unlock(&s->lock);
	return is_stored || !is_last;
}

/* Until the batch is stored or given up. Logs once when trouble begins and once when it ends. */
static void store_batch(struct sqlite_store *s, struct node_list *batch)
{
	char why[300];
	bool is_stored, is_first = true;
	do {
		is_stored = write_batch(s, batch, why);
		if (!is_stored && is_first)
			log_error(s->log, "store: records cannot be written, they are kept in memory: %s", why);
		if (is_stored && !is_first)
			log_info(s->log, "store: records are written again");
		is_first = false;
		if (!note_outcome(s, batch->count, is_stored)) {
			log_error(s->log, "store: %zu records are lost: %s", batch->count, why);
			return;
		}
	} while (!is_stored);
}

static void *write_records(void *context)
{
	struct sqlite_store *s = context;
	struct node_list batch;
	node_list_init(&batch);
	while (next_batch(s, &batch)) {
		store_batch(s, &batch);
		node_list_free(&batch);
	}
	return NULL;
}

/* ---- the store ------------------------------------------------------------------------------------------ */

static struct sqlite_store *store_new(struct sqlite_db *writer, struct sqlite_db *reader, struct log *log)
{
	struct sqlite_store *s = fail_if_null(calloc(1, sizeof(*s)));
	pthread_condattr_t monotonic;
	s->log = log;
	connection_init(&s->write, writer);
	connection_init(&s->read, reader);
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&s->wake, &monotonic);
	pthread_cond_init(&s->changed, NULL);
	pthread_condattr_destroy(&monotonic);
	node_list_init(&s->queue);
	return s;
}

/* Signals belong to the signal thread alone. */
static void start_writer(struct sqlite_store *s)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	BUG_IF(pthread_create(&s->writer, NULL, write_records, s) != 0);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void *sqlite_open(struct str place, struct log *log, struct diags *diags)
{
	struct sqlite_db *writer = sqlite_db_open(place, diags);
	struct sqlite_db *reader = writer == NULL ? NULL : sqlite_db_open_reader(place, diags);
	if (reader == NULL) {
		sqlite_db_close(writer);
		return NULL;
	}
	struct sqlite_store *s = store_new(writer, reader, log);
	start_writer(s);
	return s;
}

static void *sqlite_open_reader(struct str place, struct diags *diags)
{
	struct sqlite_db *reader = sqlite_db_open_reader(place, diags);
	return reader == NULL ? NULL : store_new(NULL, reader, NULL);
}

static void sqlite_close(void *self)
{
	struct sqlite_store *s = self;
	if (s->write.db != NULL) {
		pthread_mutex_lock(&s->lock);
		s->is_closing = true;
		pthread_cond_signal(&s->wake);
		pthread_mutex_unlock(&s->lock);
		pthread_join(s->writer, NULL);
	}
	connection_fini(&s->read);
	connection_fini(&s->write);
	pthread_cond_destroy(&s->wake);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static void sqlite_put(void *self, const struct stored_record *record)
{
	struct sqlite_store *s = self;
	BUG_IF(s->write.db == NULL);
	struct node *n = node_new(record);
	pthread_mutex_lock(&s->lock);
	bool is_taken = s->queue.count < QUEUE_RECORDS_MAX && s->queue.size_bytes + n->size_bytes <= QUEUE_BYTES_MAX;
	bool is_news = !is_taken && !s->is_full;
	if (is_taken) {
		node_list_add(&s->queue, n);
		s->queued++;
		pthread_cond_signal(&s->wake);
	} else {
		s->lost++;
		s->is_full = true;
	}
	pthread_mutex_unlock(&s->lock);
	if (!is_taken)
		free(n);
	if (is_news)
		log_error(s->log, "store: the queue of records is full, new ones are lost");
}

static enum store_status sqlite_find(void *self, struct str wanted, struct arena *a, struct str *json)
{
	struct sqlite_store *s = self;
	pthread_mutex_lock(&s->read.lock);
	enum store_status status = sqlite_db_find(s->read.db, wanted, a, json);
	pthread_mutex_unlock(&s->read.lock);
	return status;
}

static enum store_status sqlite_expire(void *self, int64_t before_unix_ms)
{
	struct sqlite_store *s = self;
	bool ok, is_more;
	BUG_IF(s->write.db == NULL);
	do {
		pthread_mutex_lock(&s->write.lock);
		ok = sqlite_db_expire_some(s->write.db, before_unix_ms, &is_more);
		pthread_mutex_unlock(&s->write.lock);
	} while (ok && is_more);
	return ok ? STORE_OK : STORE_UNAVAILABLE;
}

static enum store_status sqlite_flush(void *self)
{
	struct sqlite_store *s = self;
	pthread_mutex_lock(&s->lock);
	uint64_t target = s->queued, failures = s->failures;
	s->is_hurried = s->stored < target;
	pthread_cond_signal(&s->wake);
	while (s->stored < target && s->failures == failures)
		pthread_cond_wait(&s->changed, &s->lock);
	enum store_status status = s->stored >= target ? STORE_OK : STORE_UNAVAILABLE;
	pthread_mutex_unlock(&s->lock);
	return status;
}

static uint64_t sqlite_lost(void *self)
{
	struct sqlite_store *s = self;
	pthread_mutex_lock(&s->lock);
	uint64_t lost = s->lost;
	pthread_mutex_unlock(&s->lock);
	return lost;
}

const struct store_backend store_sqlite = {
	sqlite_open, sqlite_open_reader, sqlite_close, sqlite_put,
	sqlite_find, sqlite_expire,      sqlite_flush, sqlite_lost,
};

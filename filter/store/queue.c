#include "store/queue.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/thread.h"
#include "log/log.h"

enum {
	QUEUE_NODES_MAX = 20000,
	QUEUE_BYTES_MAX = 64 << 20,
	RETRY_MS = 1000,
};

struct queue {
	struct log *log;
	queue_write *write;
	void *context;
	pthread_t writer;
	pthread_mutex_t lock;
	pthread_cond_t wake, changed; /* for the writer; for who waits in flush */
	struct node_list nodes;
	int64_t due_mono_ms;          /* of the first node that is due, while there are nodes */
	uint64_t queued, stored, lost, failures;
	bool is_hurried;              /* somebody waits */
	bool is_full;                 /* logged once */
	bool is_failing;
	bool is_closing;
};

/* ---- the writer: what is called with q->lock held says so -------------------------------------------------- */

/* Held. Until then, or until somebody is in a hurry. */
static void wait_until(struct queue *q, const int64_t *due_mono_ms)
{
	bool is_early = true;
	while (is_early && !q->is_closing && !q->is_hurried && clock_mono_ms() < *due_mono_ms)
		is_early = condition_wait_until(&q->wake, &q->lock, *due_mono_ms);
}

/* Takes what there is, or waits for it. False: the queue is closing and nothing is left. */
static bool next_batch(struct queue *q, struct node_list *batch)
{
	pthread_mutex_lock(&q->lock);
	while (q->nodes.count == 0 && !q->is_closing)
		pthread_cond_wait(&q->wake, &q->lock);
	wait_until(q, &q->due_mono_ms);
	node_list_move(batch, &q->nodes);
	q->is_full = false;
	pthread_mutex_unlock(&q->lock);
	return batch->count > 0;
}

/* False: give up, the queue is closing. */
static bool note_outcome(struct queue *q, size_t count, bool is_stored)
{
	pthread_mutex_lock(&q->lock);
	bool is_last = q->is_closing;
	int64_t retry_mono_ms = clock_mono_ms() + RETRY_MS;
	if (is_stored)
		q->stored += count;
	else
		q->failures++;
	q->is_failing = !is_stored;
	if (!is_stored && is_last)
		q->lost += count;
	q->is_hurried = false;
	pthread_cond_broadcast(&q->changed);
	if (!is_stored && !is_last)
		wait_until(q, &retry_mono_ms);
	pthread_mutex_unlock(&q->lock);
	return is_stored || !is_last;
}

/* Until the batch is stored or given up. Logs once when trouble begins and once when it ends. */
static void store_batch(struct queue *q, struct node_list *batch)
{
	char why[QUEUE_WHY_MAX] = "";
	bool is_stored, is_first = true;
	do {
		is_stored = q->write(q->context, batch, why);
		if (!is_stored && is_first)
			log_error(q->log, "store: records cannot be written, they are kept in memory: %s", why);
		if (is_stored && !is_first)
			log_info(q->log, "store: records are written again");
		is_first = false;
		if (!note_outcome(q, batch->count, is_stored)) {
			log_error(q->log, "store: %zu records are lost: %s", batch->count, why);
			return;
		}
	} while (!is_stored);
}

static void *write_nodes(void *context)
{
	struct queue *q = context;
	struct node_list batch;
	node_list_init(&batch);
	while (next_batch(q, &batch)) {
		store_batch(q, &batch);
		node_list_free(&batch);
	}
	return NULL;
}

/* ---- the queue --------------------------------------------------------------------------------------------- */

struct queue *queue_new(struct log *log, queue_write *write, void *context)
{
	struct queue *q = fail_if_null(calloc(1, sizeof(*q)));
	q->log = log;
	q->write = write;
	q->context = context;
	pthread_mutex_init(&q->lock, NULL);
	condition_init(&q->wake);
	condition_init(&q->changed);
	node_list_init(&q->nodes);
	q->writer = thread_start(write_nodes, q);
	return q;
}

void queue_free(struct queue *q)
{
	if (q == NULL)
		return;
	pthread_mutex_lock(&q->lock);
	q->is_closing = true;
	pthread_cond_signal(&q->wake);
	pthread_mutex_unlock(&q->lock);
	pthread_join(q->writer, NULL);
	pthread_cond_destroy(&q->wake);
	pthread_cond_destroy(&q->changed);
	pthread_mutex_destroy(&q->lock);
	free(q);
}

void queue_put(struct queue *q, struct node *n, int64_t delay_ms)
{
	int64_t due_mono_ms = clock_mono_ms() + delay_ms;
	pthread_mutex_lock(&q->lock);
	bool has_room = q->nodes.count < QUEUE_NODES_MAX && q->nodes.size_bytes + n->size_bytes <= QUEUE_BYTES_MAX;
	bool is_taken = has_room || n->kind == NODE_BUCKETS;
	bool is_news = !is_taken && !q->is_full;
	if (is_taken) {
		bool is_first = q->nodes.count == 0;
		node_list_add(&q->nodes, n);
		q->queued++;
		if (is_first || due_mono_ms < q->due_mono_ms) {
			q->due_mono_ms = due_mono_ms;
			pthread_cond_signal(&q->wake);
		}
	} else {
		q->lost++;
		q->is_full = true;
	}
	pthread_mutex_unlock(&q->lock);
	if (!is_taken)
		free(n);
	if (is_news)
		log_error(q->log, "store: the queue of records is full, new ones are lost");
}

enum store_status queue_flush(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	uint64_t target = q->queued, failures = q->failures;
	q->is_hurried = q->stored < target;
	pthread_cond_signal(&q->wake);
	while (q->stored < target && q->failures == failures)
		pthread_cond_wait(&q->changed, &q->lock);
	enum store_status status = q->stored >= target ? STORE_OK : STORE_UNAVAILABLE;
	pthread_mutex_unlock(&q->lock);
	return status;
}

uint64_t queue_lost(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	uint64_t lost = q->lost;
	pthread_mutex_unlock(&q->lock);
	return lost;
}

bool queue_is_failing(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	bool is_failing = q->is_failing;
	pthread_mutex_unlock(&q->lock);
	return is_failing;
}

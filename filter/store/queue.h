/* store/queue.h - what waits to be written, and the thread that writes it.
 *
 * Mail threads leave nodes and go on; the thread gives all that is there to
 * the backend's write function at once. While that fails the batch stays and
 * is tried again every second, and the queue fills up; what finds it full is
 * dropped and counted. Trouble is logged when it begins and when it ends.
 * Owns:    the nodes put. Threads: any but new and free.
 * Fails:   by dropping, counted. */
#pragma once

#include "store/node.h"

struct queue;

enum { QUEUE_WHY_MAX = 1000 };

/* Writes all nodes; false with a reason if it could not. What was written before a failure comes again. */
typedef bool queue_write(void *context, const struct node_list *, char why[static QUEUE_WHY_MAX]);

struct queue *queue_new(struct log *, queue_write *, void *context);
/* Writes what is there, or gives it up. NULL is allowed. */
void queue_free(struct queue *);
/* The node need not be written before so many milliseconds are over. NODE_BUCKETS is never dropped. */
void queue_put(struct queue *, struct node *, int64_t delay_ms);
/* Waits until what is there now is written, without any delay; STORE_UNAVAILABLE as soon as that fails. */
enum store_status queue_flush(struct queue *);
uint64_t queue_lost(struct queue *);
/* The last attempt to write was in vain. */
bool queue_is_failing(struct queue *);

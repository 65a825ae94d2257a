/* Records in memory, for tests and for running without a disk: gone with the process, the oldest first when there
 * are too many. */
#include <pthread.h>
#include <stdlib.h>

#include "base/diag.h"
#include "base/fail.h"
#include "store/node.h"

enum { MEMORY_RECORDS_MAX = 10000 };

struct memory {
	pthread_mutex_t lock;
	struct node_list records; /* as they came */
};

static void *memory_open(struct str place, struct log *log, struct diags *diags)
{
	(void)log;
	if (place.n > 0) {
		diag_error(diags, (struct place){ .setting = "store" }, "nothing may follow in \"memory:\"");
		return NULL;
	}
	struct memory *m = fail_if_null(calloc(1, sizeof(*m)));
	pthread_mutex_init(&m->lock, NULL);
	node_list_init(&m->records);
	return m;
}

static void *memory_open_reader(struct str place, struct diags *diags)
{
	(void)place;
	diag_error(diags, (struct place){ .setting = "store" },
		   "\"memory:\" keeps records inside the daemon only; to read them later use \"sqlite:PATH\"");
	return NULL;
}

static void memory_close(void *self)
{
	struct memory *m = self;
	node_list_free(&m->records);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

static void memory_put(void *self, const struct stored_record *record)
{
	struct memory *m = self;
	struct node *n = node_new(record);
	pthread_mutex_lock(&m->lock);
	node_list_add(&m->records, n);
	if (m->records.count > MEMORY_RECORDS_MAX)
		free(node_list_take(&m->records));
	pthread_mutex_unlock(&m->lock);
}

/* Of two with one id the later one counts: it replaced the other. */
static const struct node *choose(const struct node_list *records, struct str wanted)
{
	const struct node *by_id = NULL, *by_queue_id = NULL;
	for (const struct node *n = records->first; n != NULL; n = n->next) {
		if (str_eq(n->record.id, wanted))
			by_id = n;
		if (str_eq(n->record.queue_id, wanted) &&
		    (by_queue_id == NULL || n->record.unix_ms >= by_queue_id->record.unix_ms))
			by_queue_id = n;
	}
	return by_id != NULL ? by_id : by_queue_id;
}

static enum store_status memory_find(void *self, struct str wanted, struct arena *a, struct str *json)
{
	struct memory *m = self;
	pthread_mutex_lock(&m->lock);
	const struct node *found = choose(&m->records, wanted);
	if (found != NULL)
		*json = str_dup(a, found->record.json);
	pthread_mutex_unlock(&m->lock);
	return found != NULL ? STORE_OK : STORE_NOT_FOUND;
}

static enum store_status memory_expire(void *self, int64_t before_unix_ms)
{
	struct memory *m = self;
	struct node_list all;
	struct node *n;
	node_list_init(&all);
	pthread_mutex_lock(&m->lock);
	node_list_move(&all, &m->records);
	while ((n = node_list_take(&all)) != NULL) {
		if (n->record.unix_ms < before_unix_ms)
			free(n);
		else
			node_list_add(&m->records, n);
	}
	pthread_mutex_unlock(&m->lock);
	return STORE_OK;
}

static enum store_status memory_flush(void *self)
{
	(void)self;
	return STORE_OK;
}

static uint64_t memory_lost(void *self)
{
	(void)self;
	return 0;
}

const struct store_backend store_mem = {
	memory_open, memory_open_reader, memory_close, memory_put,
	memory_find, memory_expire,      memory_flush, memory_lost,
};

/* One Redis for several gateways: what one of them counts, suppresses and refuses, all know.
 *
 * Records and refusals are queued as with SQLite; everything else is asked on the way of mail, and answered with
 * STORE_UNAVAILABLE after a quarter of a second at most, or at once while Redis is known to be away. */
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/fail.h"
#include "store/queue.h"
#include "store/redis_talk.h"

enum { LINKS = 8 };

/* ---- what is queued ---------------------------------------------------------------------------------------- */

static struct redis_command command_of(struct redis_store *s, struct arena *a, const struct node *n)
{
	const struct stored_record *record = &n->record;
	const struct refusal *refusal = &n->refusal;
	switch (n->kind) {
	case NODE_RECORD: {
		const struct str keys[] = { redis_key(s, a, "record", record->id), s->records, s->arrivals };
		const struct str args[] = { redis_key(s, a, "queue", STR_EMPTY), record->id, redis_number(a, record->unix_ms),
					    record->queue_id, record->json };
		return EVAL(a, PUT_RECORD, keys, args);
	}
	case NODE_REFUSAL: {
		const struct str keys[] = { redis_key(s, a, "refusal", refusal->key) };
		const struct str args[] = { refusal->id, redis_number(a, refusal->code), refusal->enhanced, refusal->text,
					    refusal->source, redis_number(a, refusal->unix_s),
					    redis_number(a, refusal->expires_unix_s) };
		return EVAL(a, PUT_REFUSAL, keys, args);
	}
	case NODE_REPEAT: {
		const struct str keys[] = { redis_key(s, a, "refusal", n->key) };
		return redis_eval(a, SCRIPT_COUNT_REPEAT, keys, 1, NULL, 0);
	}
	case NODE_BUCKETS:
		break;
	}
	return COMMAND(a, STR("PING"));
}

/* In pieces. After a failure the pieces before come again: nothing but a repeat is then counted twice. */
static bool write_batch(void *context, const struct node_list *list, char why[static QUEUE_WHY_MAX])
{
	struct redis_store *s = context;
	struct arena *a = arena_new();
	struct redis_command commands[REDIS_AT_ONCE];
	bool ok = true;
	for (const struct node *n = list->first; ok && n != NULL; arena_reset(a)) {
		size_t count = 0;
		for (; n != NULL && count < REDIS_AT_ONCE; n = n->next)
			commands[count++] = command_of(s, a, n);
		ok = redis_store_tell(s, commands, count);
	}
	if (!ok)
		snprintf(why, QUEUE_WHY_MAX, "Redis does not take them");
	arena_free(a);
	return ok;
}

static void redis_put(void *self, struct node *n)
{
	struct redis_store *s = self;
	BUG_IF(s->queue == NULL);
	queue_put(s->queue, n, 0);
}

static enum store_status redis_flush(void *self)
{
	struct redis_store *s = self;
	return s->queue == NULL ? STORE_OK : queue_flush(s->queue);
}

static uint64_t redis_lost(void *self)
{
	struct redis_store *s = self;
	return s->queue == NULL ? 0 : queue_lost(s->queue);
}

static bool redis_is_failing(void *self)
{
	struct redis_store *s = self;
	return s->queue != NULL && queue_is_failing(s->queue);
}

/* ---- opening ----------------------------------------------------------------------------------------------- */

static struct redis_store *store_new(struct str place, size_t links, bool must_be_there, struct log *log,
				     struct diags *diags)
{
	struct arena *a = arena_new();
	struct redis_url url;
	struct redis_pool *pool = NULL;
	if (redis_url_parse(a, place, &url, diags))
		pool = redis_pool_new(&url, links, must_be_there, log, diags);
	if (pool == NULL) {
		arena_free(a);
		return NULL;
	}
	struct redis_store *s = fail_if_null(calloc(1, sizeof(*s)));
	s->pool = pool;
	s->arena = a;
	s->prefix = url.prefix;
	s->records = str_printf(a, "%.*srecords", STR_ARG(url.prefix));
	s->arrivals = str_printf(a, "%.*sarrivals", STR_ARG(url.prefix));
	s->suppressions = str_printf(a, "%.*ssuppressions", STR_ARG(url.prefix));
	return s;
}

static void *redis_open(struct str place, struct buckets *buckets, struct log *log, struct diags *diags)
{
	(void)buckets;
	struct redis_store *s = store_new(place, LINKS, false, log, diags);
	if (s != NULL)
		s->queue = queue_new(log, write_batch, s);
	return s;
}

static void *redis_open_beside(struct str place, bool may_write, struct diags *diags)
{
	(void)may_write;
	return store_new(place, 1, true, NULL, diags);
}

static void redis_check(struct str place, struct diags *diags)
{
	struct arena *a = arena_new();
	struct redis_url url;
	redis_url_parse(a, place, &url, diags);
	arena_free(a);
}

static bool redis_back_up(struct str place, const char *path, struct diags *diags)
{
	(void)place;
	diag_error(diags, (struct place){ .setting = "store" },
		   "is in Redis, which makes its own copy. Type: redis-cli --rdb %s", path);
	return false;
}

static void redis_close(void *self)
{
	struct redis_store *s = self;
	queue_free(s->queue);
	redis_pool_free(s->pool);
	arena_free(s->arena);
	free(s);
}

/* ---- what is over ------------------------------------------------------------------------------------------ */

static bool expire_records(struct redis_store *s, struct arena *a, int64_t before_unix_ms)
{
	const struct str keys[] = { s->records, s->arrivals };
	const struct str args[] = { redis_key(s, a, "record", STR_EMPTY), redis_key(s, a, "queue", STR_EMPTY),
				    redis_number(a, before_unix_ms), redis_number(a, REDIS_AT_ONCE) };
	int64_t gone;
	do {
		redisReply *reply = redis_store_ask(s, EVAL(a, EXPIRE_RECORDS, keys, args), REDIS_WORK_MS);
		gone = reply == NULL ? -1 : reply->integer;
		freeReplyObject(reply);
	} while (gone == REDIS_AT_ONCE);
	return gone >= 0;
}

/* Entries, refusals and buckets end by themselves; names of entries are left in the index. */
static bool expire_names(struct redis_store *s, struct arena *a)
{
	const struct str keys[] = { s->suppressions };
	struct str from = STR("-");
	bool ok = true, is_more = true;
	while (ok && is_more) {
		const struct str args[] = { redis_key(s, a, "suppressed", STR_EMPTY), from, redis_number(a, REDIS_AT_ONCE) };
		redisReply *reply = redis_store_ask(s, EVAL(a, EXPIRE_SUPPRESSIONS, keys, args), REDIS_WORK_MS);
		ok = reply != NULL;
		is_more = ok && reply->type == REDIS_REPLY_STRING;
		if (is_more)
			from = redis_joined(a, LIST(STR("("), redis_text(reply)));
		freeReplyObject(reply);
	}
	return ok;
}

static enum store_status redis_expire(void *self, int64_t records_before_unix_ms)
{
	struct redis_store *s = self;
	struct arena *a = arena_new();
	bool ok = expire_records(s, a, records_before_unix_ms) && expire_names(s, a);
	arena_free(a);
	return ok ? STORE_OK : STORE_UNAVAILABLE;
}

const struct store_backend store_redis = {
	.open = redis_open,
	.open_beside = redis_open_beside,
	.check = redis_check,
	.back_up = redis_back_up,
	.close = redis_close,
	.expire = redis_expire,
	.flush = redis_flush,
	.lost = redis_lost,
	.is_failing = redis_is_failing,
	.put = redis_put,
	.find_record = redis_find_record,
	.next_records = redis_next_records,
	.next_arrivals = redis_next_arrivals,
	.last_arrival = redis_last_arrival,
	.take = redis_take,
	.give_back = redis_give_back,
	.suppress = redis_suppress,
	.unsuppress = redis_unsuppress,
	.find_suppression = redis_find_suppression,
	.each_suppression = redis_each_suppression,
	.find_refusal = redis_find_refusal,
	.each_refusal = redis_each_refusal,
	.forget_refusal = redis_forget_refusal,
};

/* Records: each a hash that has its name in two indexes, by time and by arrival, and a queue id that leads to it. */
#include "store/redis_talk.h"

#include <inttypes.h>

#include "base/arena.h"

/* A text as the first thing in the reply. Frees it. */
static enum store_status take_text(redisReply *reply, struct arena *a, struct str *text)
{
	enum store_status status = reply == NULL ? STORE_UNAVAILABLE : STORE_NOT_FOUND;
	if (reply != NULL && reply->type == REDIS_REPLY_STRING) {
		*text = str_dup(a, redis_text(reply));
		status = STORE_OK;
	}
	freeReplyObject(reply);
	return status;
}

static enum store_status get_json(struct redis_store *s, struct str id, struct arena *a, struct str *json)
{
	struct redis_command c = COMMAND(a, STR("HGET"), redis_key(s, a, "record", id), STR("json"));
	return take_text(redis_store_ask(s, c, REDIS_WORK_MS), a, json);
}

enum store_status redis_find_record(void *self, struct str wanted, struct arena *a, struct str *json)
{
	struct redis_store *s = self;
	struct str id;
	enum store_status status = get_json(s, wanted, a, json);
	if (status != STORE_NOT_FOUND)
		return status;
	struct redis_command c = COMMAND(a, STR("HGET"), redis_key(s, a, "queue", wanted), STR("id"));
	status = take_text(redis_store_ask(s, c, REDIS_WORK_MS), a, &id);
	return status == STORE_OK ? get_json(s, id, a, json) : status;
}

/* Fills the list with those of the index's [name, time, name, time ...] that are behind the id and still there. */
static enum store_status get_records(struct redis_store *s, const redisReply *index, int64_t from_unix_ms,
				     struct str behind_id, struct arena *a, struct stored_record *list, size_t *count)
{
	for (size_t i = 0; i + 1 < index->elements; i += 2) {
		struct stored_record *r = &list[*count];
		r->id = str_dup(a, redis_field(index, i));
		r->unix_ms = redis_number_in(redis_field(index, i + 1));
		if (r->unix_ms == from_unix_ms && str_cmp(r->id, behind_id) <= 0)
			continue;
		enum store_status status = get_json(s, r->id, a, &r->json);
		if (status == STORE_UNAVAILABLE)
			return status;
		*count += status == STORE_OK;
	}
	return STORE_OK;
}

/* The index is in order of time and then of id, as is asked for. What was seen already of the first millisecond is
 * stepped over. */
enum store_status redis_next_records(void *self, int64_t from_unix_ms, struct str behind_id, struct arena *a,
				     struct stored_record *list, size_t max, size_t *count)
{
	struct redis_store *s = self;
	size_t seen = 0, told;
	enum store_status status;
	do {
		struct redis_command c = COMMAND(a, STR("ZRANGEBYSCORE"), s->records, redis_number(a, from_unix_ms), STR("+inf"),
						 STR("WITHSCORES"), STR("LIMIT"), redis_number(a, (int64_t)seen),
						 redis_number(a, (int64_t)(max - *count)));
		redisReply *index = redis_store_ask(s, c, REDIS_WORK_MS);
		if (index == NULL)
			return STORE_UNAVAILABLE;
		told = index->type == REDIS_REPLY_ARRAY ? index->elements / 2 : 0;
		status = get_records(s, index, from_unix_ms, behind_id, a, list, count);
		freeReplyObject(index);
		seen += told;
	} while (status == STORE_OK && told > 0 && *count < max);
	return status;
}

enum store_status redis_next_arrivals(void *self, int64_t *place, struct arena *a, struct stored_record *list, size_t max,
				      size_t *count)
{
	struct redis_store *s = self;
	enum store_status status = STORE_OK;
	size_t told = 1;
	while (status == STORE_OK && told > 0 && *count < max) {
		struct str from = str_printf(a, "(%" PRId64, *place);
		struct redis_command c = COMMAND(a, STR("ZRANGEBYSCORE"), s->arrivals, from, STR("+inf"), STR("WITHSCORES"),
						 STR("LIMIT"), STR("0"), redis_number(a, (int64_t)(max - *count)));
		redisReply *index = redis_store_ask(s, c, REDIS_WORK_MS);
		if (index == NULL)
			return STORE_UNAVAILABLE;
		told = index->type == REDIS_REPLY_ARRAY ? index->elements / 2 : 0;
		status = get_records(s, index, INT64_MIN, STR_EMPTY, a, list, count);
		if (told > 0)
			*place = redis_number_in(redis_field(index, index->elements - 1));
		freeReplyObject(index);
	}
	return status;
}

enum store_status redis_last_arrival(void *self, int64_t *place)
{
	struct redis_store *s = self;
	struct arena *a = arena_new();
	redisReply *last = redis_store_ask(s, COMMAND(a, STR("ZRANGE"), s->arrivals, STR("-1"), STR("-1"), STR("WITHSCORES")),
					   REDIS_WORK_MS);
	bool is_answer = last != NULL;
	if (is_answer)
		*place = redis_number_in(redis_field(last, 1));
	freeReplyObject(last);
	arena_free(a);
	return is_answer ? STORE_OK : STORE_UNAVAILABLE;
}

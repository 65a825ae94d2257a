/* Refusals given for good: each a hash that ends by itself. */
#include "store/redis_talk.h"

#include "base/arena.h"

static struct redis_command get_refusal(struct arena *a, struct str key)
{
	return COMMAND(a, STR("HMGET"), key, STR("id"), STR("code"), STR("enhanced"), STR("text"), STR("source"),
		       STR("at"), STR("expires"), STR("repeats"));
}

/* The texts are the reply's. */
static struct refusal refusal_of(struct str key, const redisReply *fields)
{
	return (struct refusal){
		.key = key,
		.id = redis_field(fields, 0),
		.code = (int)redis_number_in(redis_field(fields, 1)),
		.enhanced = redis_field(fields, 2),
		.text = redis_field(fields, 3),
		.source = redis_field(fields, 4),
		.unix_s = redis_number_in(redis_field(fields, 5)),
		.expires_unix_s = redis_number_in(redis_field(fields, 6)),
		.repeats = redis_number_in(redis_field(fields, 7)),
	};
}

enum store_status redis_find_refusal(void *self, struct str key, struct arena *a, struct refusal *found)
{
	struct redis_store *s = self;
	redisReply *reply = redis_store_ask(s, get_refusal(a, redis_key(s, a, "refusal", key)), REDIS_MAIL_MS);
	enum store_status status = reply == NULL ? STORE_UNAVAILABLE : redis_is_there(reply) ? STORE_OK : STORE_NOT_FOUND;
	if (status == STORE_OK) {
		const struct refusal r = refusal_of(key, reply);
		*found = refusal_dup(a, &r);
	}
	freeReplyObject(reply);
	return status;
}

/* False when no more are wanted, or Redis does not answer. */
static bool use_refusal(struct redis_store *s, struct arena *a, struct str name, store_use_refusal *use,
			void *context, bool *is_available)
{
	redisReply *reply = redis_store_ask(s, get_refusal(a, name), REDIS_WORK_MS);
	*is_available = reply != NULL;
	bool wants_more = reply != NULL;
	if (reply != NULL && redis_is_there(reply)) { /* else its time is over */
		const struct refusal r = refusal_of(str_skip(name, redis_key(s, a, "refusal", STR_EMPTY).n), reply);
		wants_more = use(context, &r);
	}
	freeReplyObject(reply);
	return wants_more;
}

/* Of all names in Redis those of refusals, which no index has: nothing on the way of mail asks for all of them. */
enum store_status redis_each_refusal(void *self, store_use_refusal *use, void *context)
{
	struct redis_store *s = self;
	struct arena *a = arena_new();
	struct str cursor = STR("0"), at_once = redis_number(a, REDIS_AT_ONCE), begin = redis_key(s, a, "refusal", STR_EMPTY);
	bool is_available = true, wants_more = true;
	while (wants_more && is_available) {
		redisReply *page = redis_store_ask(s, COMMAND(a, STR("SCAN"), cursor, STR("COUNT"), at_once), REDIS_WORK_MS);
		is_available = page != NULL && page->type == REDIS_REPLY_ARRAY && page->elements == 2 &&
			       page->element[1]->type == REDIS_REPLY_ARRAY;
		for (size_t i = 0; is_available && wants_more && i < page->element[1]->elements; i++) {
			struct str name = redis_text(page->element[1]->element[i]);
			if (str_starts(name, begin))
				wants_more = use_refusal(s, a, name, use, context, &is_available);
		}
		if (is_available)
			cursor = str_dup(a, redis_text(page->element[0]));
		wants_more = wants_more && !str_eq(cursor, STR("0"));
		freeReplyObject(page);
	}
	arena_free(a);
	return is_available ? STORE_OK : STORE_UNAVAILABLE;
}

enum store_status redis_forget_refusal(void *self, struct str key)
{
	struct redis_store *s = self;
	struct arena *a = arena_new();
	struct redis_command c = COMMAND(a, STR("DEL"), redis_key(s, a, "refusal", key));
	enum store_status status = redis_deleted(redis_store_ask(s, c, REDIS_WORK_MS));
	arena_free(a);
	return status;
}

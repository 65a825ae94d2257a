/* Buckets: each a number, which Redis forgets when the bucket is full. */
#include "store/redis_talk.h"

#include "base/arena.h"
#include "base/fail.h"

enum store_status redis_take(void *self, const struct store_bucket *b, size_t count, const int64_t *amounts,
			     int64_t *wait_ms, size_t *which)
{
	struct redis_store *s = self;
	struct arena *a = arena_new();
	struct str keys[STORE_BUCKETS_MAX], args[2 * STORE_BUCKETS_MAX];
	for (size_t i = 0; i < count; i++) {
		keys[i] = redis_key(s, a, "bucket", b[i].key);
		args[2 * i] = redis_number(a, b[i].per_ms * 1000);
		args[2 * i + 1] = redis_number(a, bucket_cost_us(&b[i], amounts[i]));
	}
	redisReply *reply = redis_store_ask(s, redis_eval(a, SCRIPT_TAKE, keys, count, args, 2 * count), REDIS_MAIL_MS);
	bool is_answer = reply != NULL && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
			 reply->element[1]->integer >= 0 && (size_t)reply->element[1]->integer < count;
	if (is_answer) {
		*wait_ms = reply->element[0]->integer;
		*which = (size_t)reply->element[1]->integer;
	}
	freeReplyObject(reply);
	arena_free(a);
	return is_answer ? STORE_OK : STORE_UNAVAILABLE;
}

void redis_give_back(void *self, const struct store_bucket *b, size_t count, const int64_t *amounts)
{
	struct redis_store *s = self;
	struct arena *a = arena_new();
	struct str keys[STORE_BUCKETS_MAX], args[STORE_BUCKETS_MAX];
	BUG_IF(count > STORE_BUCKETS_MAX);
	for (size_t i = 0; i < count; i++) {
		keys[i] = redis_key(s, a, "bucket", b[i].key);
		args[i] = redis_number(a, bucket_cost_us(&b[i], amounts[i]));
	}
	freeReplyObject(redis_store_ask(s, redis_eval(a, SCRIPT_GIVE_BACK, keys, count, args, count), REDIS_MAIL_MS));
	arena_free(a);
}

/* store/redis_talk.h - what the parts of the Redis store share: names of keys, commands, replies.
 *
 * store_redis.c opens it, writes what is queued and forgets what is over; buckets, records, suppressions and refusals
 * have a file each.
 * Owns: texts in the arena given. Threads: any. */
#pragma once

#include "store/backend.h"
#include "store/redis_pool.h"

enum {
	REDIS_AT_ONCE = 200,  /* commands, or members of an index: a few milliseconds of Redis's time */
};

struct redis_store {
	struct redis_pool *pool;
	struct queue *queue;  /* NULL: beside a daemon */
	struct arena *arena;  /* of the texts below */
	struct str prefix;
	struct str records, arrivals, suppressions; /* the indexes: records by time and by arrival, entries by name */
};

/* ---- commands ---------------------------------------------------------------------------------------------- */

enum redis_script {
#define SCRIPT(id, lua) SCRIPT_##id,
#include "store/redis_script.def"
#undef SCRIPT
	SCRIPT_COUNT
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define LIST(...) (const struct str[]){ __VA_ARGS__ }, COUNT_OF(((const struct str[]){ __VA_ARGS__ }))

struct str redis_number(struct arena *, int64_t);
/* Any bytes: str_printf would end at a NUL. */
struct str redis_joined(struct arena *, const struct str *parts, size_t count);
/* "gatepost:record:ID" */
struct str redis_key(const struct redis_store *, struct arena *, const char *kind, struct str name);

struct redis_command redis_command_of(struct arena *, const struct str *args, size_t count);
struct redis_command redis_eval(struct arena *, enum redis_script, const struct str *keys, size_t key_count,
				const struct str *args, size_t arg_count);

#define COMMAND(arena, ...) redis_command_of(arena, LIST(__VA_ARGS__))
#define EVAL(arena, script, keys, args) \
	redis_eval(arena, SCRIPT_##script, keys, COUNT_OF(keys), args, COUNT_OF(args))

/* NULL without a reply; freeReplyObject frees. */
redisReply *redis_store_ask(struct redis_store *, struct redis_command, int64_t wait_ms);
/* Up to REDIS_AT_ONCE and two more, whose replies say nothing. */
bool redis_store_tell(struct redis_store *, const struct redis_command *, size_t count);

/* ---- replies ----------------------------------------------------------------------------------------------- */

struct str redis_text(const redisReply *);
/* Of an array of texts and nothings, as HMGET gives them; an empty text for what is not there. */
struct str redis_field(const redisReply *, size_t i);
int64_t redis_number_in(struct str);
/* Has the first field. */
bool redis_is_there(const redisReply *fields);
/* Of a reply that says how many went. Frees it. */
enum store_status redis_deleted(redisReply *);

/* ---- the parts of store_backend ---------------------------------------------------------------------------- */

enum store_status redis_find_record(void *self, struct str id_or_queue_id, struct arena *, struct str *json);
enum store_status redis_next_records(void *self, int64_t from_unix_ms, struct str behind_id, struct arena *,
				     struct stored_record *list, size_t max, size_t *count);
enum store_status redis_next_arrivals(void *self, int64_t *place, struct arena *, struct stored_record *list, size_t max,
				      size_t *count);
enum store_status redis_last_arrival(void *self, int64_t *place);
enum store_status redis_take(void *self, const struct store_bucket *, size_t count, const int64_t *amounts,
			     int64_t *wait_ms, size_t *which);
void redis_give_back(void *self, const struct store_bucket *, size_t count, const int64_t *amounts);
enum store_status redis_suppress(void *self, const struct suppression *, size_t count);
enum store_status redis_unsuppress(void *self, struct str scope, struct str address);
enum store_status redis_find_suppression(void *self, struct str scope, struct str address, struct arena *,
					 struct suppression *);
enum store_status redis_each_suppression(void *self, const struct str *scope, store_use_suppression *, void *);
enum store_status redis_find_refusal(void *self, struct str key, struct arena *, struct refusal *);
enum store_status redis_each_refusal(void *self, store_use_refusal *, void *);
enum store_status redis_forget_refusal(void *self, struct str key);

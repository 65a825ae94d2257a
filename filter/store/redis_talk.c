#include "store/redis_talk.h"

#include <inttypes.h>
#include <string.h>

#include "base/arena.h"
#include "base/fail.h"

static const char *const scripts[SCRIPT_COUNT] = {
#define SCRIPT(id, lua) lua,
#include "store/redis_script.def"
#undef SCRIPT
};

struct str redis_number(struct arena *a, int64_t n)
{
	return str_printf(a, "%" PRId64, n);
}

struct str redis_joined(struct arena *a, const struct str *parts, size_t count)
{
	size_t n = 0;
	for (size_t i = 0; i < count; i++)
		n += parts[i].n;
	char *p = arena_alloc(a, n + 1);
	struct str all = { p, n };
	for (size_t i = 0; i < count; p += parts[i].n, i++)
		if (parts[i].n > 0)
			memcpy(p, parts[i].p, parts[i].n);
	return all;
}

struct str redis_key(const struct redis_store *s, struct arena *a, const char *kind, struct str name)
{
	return redis_joined(a, LIST(s->prefix, str_of(kind), STR(":"), name));
}

/* EVAL: the text goes along each time, so that no script has to be there already. */
struct redis_command redis_eval(struct arena *a, enum redis_script script, const struct str *keys, size_t key_count,
				const struct str *args, size_t arg_count)
{
	struct str *all = arena_array(a, 3 + key_count + arg_count, sizeof(*all));
	size_t n = 0;
	all[n++] = STR("EVAL");
	all[n++] = str_of(scripts[script]);
	all[n++] = redis_number(a, (int64_t)key_count);
	for (size_t i = 0; i < key_count; i++)
		all[n++] = keys[i];
	for (size_t i = 0; i < arg_count; i++)
		all[n++] = args[i];
	return (struct redis_command){ all, n };
}

struct redis_command redis_command_of(struct arena *a, const struct str *args, size_t count)
{
	struct str *all = arena_array(a, count, sizeof(*all));
	for (size_t i = 0; i < count; i++)
		all[i] = args[i];
	return (struct redis_command){ all, count };
}

redisReply *redis_store_ask(struct redis_store *s, struct redis_command c, int64_t wait_ms)
{
	return redis_ask_one(s->pool, c.args, c.count, wait_ms);
}

struct str redis_text(const redisReply *reply)
{
	return reply->str == NULL ? STR_EMPTY : (struct str){ reply->str, reply->len };
}

struct str redis_field(const redisReply *reply, size_t i)
{
	return reply->type == REDIS_REPLY_ARRAY && i < reply->elements ? redis_text(reply->element[i]) : STR_EMPTY;
}

int64_t redis_number_in(struct str text)
{
	int64_t n = 0;
	str_to_i64(text, &n);
	return n;
}

bool redis_is_there(const redisReply *fields)
{
	return fields->type == REDIS_REPLY_ARRAY && fields->elements > 0 &&
	       fields->element[0]->type == REDIS_REPLY_STRING;
}

bool redis_store_tell(struct redis_store *s, const struct redis_command *commands, size_t count)
{
	redisReply *replies[REDIS_AT_ONCE + 2];
	BUG_IF(count > COUNT_OF(replies));
	if (!redis_ask(s->pool, commands, count, replies, REDIS_WORK_MS))
		return false;
	redis_free(replies, count);
	return true;
}

enum store_status redis_deleted(redisReply *reply)
{
	enum store_status status = reply == NULL ? STORE_UNAVAILABLE
						 : reply->integer > 0 ? STORE_OK : STORE_NOT_FOUND;
	freeReplyObject(reply);
	return status;
}

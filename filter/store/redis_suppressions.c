/* Suppressed recipients: each a hash, and its name in an index by name. */
#include "store/redis_talk.h"

#include "base/arena.h"

/* In the index of suppressions and in the key of the entry. No scope holds a NUL. */
static struct str entry_name(struct arena *a, struct str scope, struct str address)
{
	return redis_joined(a, LIST(scope, STR("\0"), address));
}

static struct redis_command suppress_one(struct redis_store *s, struct arena *a, const struct suppression *e)
{
	struct str name = entry_name(a, e->scope, e->address);
	const struct str keys[] = { redis_key(s, a, "suppressed", name), s->suppressions };
	const struct str args[] = { name, e->reason, e->source, redis_number(a, e->created_unix_s),
				    redis_number(a, e->expires_unix_s) };
	return EVAL(a, SUPPRESS, keys, args);
}

/* In pieces, each as a whole: a long list may not keep Redis from answering others. */
enum store_status redis_suppress(void *self, const struct suppression *list, size_t count)
{
	struct redis_store *s = self;
	struct arena *a = arena_new();
	struct redis_command commands[REDIS_AT_ONCE + 2];
	bool ok = true;
	for (size_t i = 0; ok && i < count; arena_reset(a)) {
		size_t n = 0;
		commands[n++] = COMMAND(a, STR("MULTI"));
		while (i < count && n <= REDIS_AT_ONCE)
			commands[n++] = suppress_one(s, a, &list[i++]);
		commands[n++] = COMMAND(a, STR("EXEC"));
		ok = redis_store_tell(s, commands, n);
	}
	arena_free(a);
	return ok ? STORE_OK : STORE_UNAVAILABLE;
}

enum store_status redis_unsuppress(void *self, struct str scope, struct str address)
{
	struct redis_store *s = self;
	struct arena *a = arena_new();
	struct str name = entry_name(a, scope, address);
	const struct str keys[] = { redis_key(s, a, "suppressed", name), s->suppressions }, args[] = { name };
	enum store_status status = redis_deleted(redis_store_ask(s, EVAL(a, UNSUPPRESS, keys, args), REDIS_WORK_MS));
	arena_free(a);
	return status;
}

static struct redis_command get_entry(struct redis_store *s, struct arena *a, struct str name)
{
	return COMMAND(a, STR("HMGET"), redis_key(s, a, "suppressed", name), STR("reason"), STR("source"), STR("created"),
		       STR("expires"));
}

/* The texts are the reply's. */
static struct suppression entry_of(struct str scope, struct str address, const redisReply *fields)
{
	return (struct suppression){
		.scope = scope,
		.address = address,
		.reason = redis_field(fields, 0),
		.source = redis_field(fields, 1),
		.created_unix_s = redis_number_in(redis_field(fields, 2)),
		.expires_unix_s = redis_number_in(redis_field(fields, 3)),
	};
}

enum store_status redis_find_suppression(void *self, struct str scope, struct str address, struct arena *a,
					 struct suppression *found)
{
	struct redis_store *s = self;
	const struct str scopes[] = { scope, STR_EMPTY };
	redisReply *replies[2];
	size_t count = scope.n == 0 ? 1 : 2;
	const struct redis_command commands[] = { get_entry(s, a, entry_name(a, scope, address)),
						  get_entry(s, a, entry_name(a, STR_EMPTY, address)) };
	if (!redis_ask(s->pool, commands, count, replies, REDIS_MAIL_MS))
		return STORE_UNAVAILABLE;
	size_t i = 0;
	while (i < count && !redis_is_there(replies[i]))
		i++;
	if (i < count) {
		const struct suppression e = entry_of(scopes[i], address, replies[i]);
		*found = suppression_dup(a, &e);
	}
	redis_free(replies, count);
	return i < count ? STORE_OK : STORE_NOT_FOUND;
}

/* Uses the entries with these names. False when no more are wanted, or Redis does not answer. */
static bool use_entries(struct redis_store *s, struct arena *a, const redisReply *names, store_use_suppression *use,
			void *context, bool *is_available)
{
	size_t count = names->elements;
	struct redis_command *commands = arena_array(a, count, sizeof(*commands));
	redisReply **replies = arena_array(a, count, sizeof(redisReply *));
	bool wants_more = true;
	for (size_t i = 0; i < count; i++)
		commands[i] = get_entry(s, a, redis_text(names->element[i]));
	*is_available = redis_ask(s->pool, commands, count, replies, REDIS_WORK_MS);
	if (!*is_available)
		return false;
	for (size_t i = 0; wants_more && i < count; i++) {
		struct str scope, address;
		if (!redis_is_there(replies[i]) || !str_cut(redis_text(names->element[i]), '\0', &scope, &address))
			continue; /* its time is over */
		const struct suppression e = entry_of(scope, address, replies[i]);
		wants_more = use(context, &e);
	}
	redis_free(replies, count);
	return wants_more;
}

enum store_status redis_each_suppression(void *self, const struct str *scope, store_use_suppression *use,
					 void *context)
{
	struct redis_store *s = self;
	struct arena *a = arena_new();
	struct str from = STR("-"), to = STR("+"), at_once = redis_number(a, REDIS_AT_ONCE);
	bool is_available = true, wants_more = true;
	if (scope != NULL) {
		from = redis_joined(a, LIST(STR("["), *scope, STR("\0")));
		to = redis_joined(a, LIST(STR("("), *scope, STR("\1")));
	}
	while (wants_more && is_available) {
		struct redis_command c = COMMAND(a, STR("ZRANGEBYLEX"), s->suppressions, from, to, STR("LIMIT"), STR("0"),
						 at_once);
		redisReply *names = redis_store_ask(s, c, REDIS_WORK_MS);
		is_available = names != NULL && names->type == REDIS_REPLY_ARRAY;
		wants_more = is_available && names->elements > 0 &&
			     use_entries(s, a, names, use, context, &is_available);
		if (wants_more)
			from = redis_joined(a, LIST(STR("("), redis_text(names->element[names->elements - 1])));
		freeReplyObject(names);
	}
	arena_free(a);
	return is_available ? STORE_OK : STORE_UNAVAILABLE;
}

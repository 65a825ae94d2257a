/* One Redis for several gateways: what one of them counts, suppresses and refuses, all know.
 *
 * Records and refusals are queued as with SQLite; everything else is asked on the way of mail, and answered with
 * STORE_UNAVAILABLE after a quarter of a second at most, or at once while Redis is known to be away. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/fail.h"
#include "store/backend.h"
#include "store/buckets.h"
#include "store/queue.h"
#include "store/redis_pool.h"

enum {
	LINKS = 8,
	AT_ONCE = 200,   /* commands, or members of an index: a few milliseconds of Redis's time */
};

struct redis_store {
	struct redis_pool *pool;
	struct queue *queue;  /* NULL: beside a daemon */
	struct arena *arena;  /* of the texts below */
	struct str prefix;
	struct str records, suppressions; /* the indexes: records by time, entries by name */
};

enum script {
#define SCRIPT(id, lua) SCRIPT_##id,
#include "store/redis_script.def"
#undef SCRIPT
	SCRIPT_COUNT
};

static const char *const scripts[SCRIPT_COUNT] = {
#define SCRIPT(id, lua) lua,
#include "store/redis_script.def"
#undef SCRIPT
};

static struct str number(struct arena *a, int64_t n)
{
	return str_printf(a, "%" PRId64, n);
}

/* Any bytes: str_printf would end at a NUL. */
static struct str joined(struct arena *a, const struct str *parts, size_t count)
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

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define LIST(...) (const struct str[]){ __VA_ARGS__ }, COUNT_OF(((const struct str[]){ __VA_ARGS__ }))

/* Names of keys: "gatepost:record:ID". */
static struct str key_of(const struct redis_store *s, struct arena *a, const char *kind, struct str name)
{
	return joined(a, LIST(s->prefix, str_of(kind), STR(":"), name));
}

/* In the index of suppressions and in the key of the entry. No scope holds a NUL. */
static struct str entry_name(struct arena *a, struct str scope, struct str address)
{
	return joined(a, LIST(scope, STR("\0"), address));
}

/* EVAL: the text goes along each time, so that no script has to be there already. */
static struct redis_command eval(struct arena *a, enum script script, const struct str *keys, size_t key_count,
				 const struct str *args, size_t arg_count)
{
	struct str *all = arena_array(a, 3 + key_count + arg_count, sizeof(*all));
	size_t n = 0;
	all[n++] = STR("EVAL");
	all[n++] = str_of(scripts[script]);
	all[n++] = number(a, (int64_t)key_count);
	for (size_t i = 0; i < key_count; i++)
		all[n++] = keys[i];
	for (size_t i = 0; i < arg_count; i++)
		all[n++] = args[i];
	return (struct redis_command){ all, n };
}

#define EVAL(arena, script, keys, args) eval(arena, SCRIPT_##script, keys, COUNT_OF(keys), args, COUNT_OF(args))

static struct redis_command command(struct arena *a, const struct str *args, size_t count)
{
	struct str *all = arena_array(a, count, sizeof(*all));
	for (size_t i = 0; i < count; i++)
		all[i] = args[i];
	return (struct redis_command){ all, count };
}

#define COMMAND(arena, ...) command(arena, LIST(__VA_ARGS__))

static redisReply *ask(struct redis_store *s, struct redis_command c, int64_t wait_ms)
{
	return redis_ask_one(s->pool, c.args, c.count, wait_ms);
}

static struct str text_of(const redisReply *reply)
{
	return reply->str == NULL ? STR_EMPTY : (struct str){ reply->str, reply->len };
}

/* Of an array of texts and nothings, as HMGET gives them; an empty text for what is not there. */
static struct str field(const redisReply *reply, size_t i)
{
	return reply->type == REDIS_REPLY_ARRAY && i < reply->elements ? text_of(reply->element[i]) : STR_EMPTY;
}

static int64_t number_in(struct str text)
{
	int64_t n = 0;
	str_to_i64(text, &n);
	return n;
}

static bool is_there(const redisReply *fields)
{
	return fields->type == REDIS_REPLY_ARRAY && fields->elements > 0 &&
	       fields->element[0]->type == REDIS_REPLY_STRING;
}

/* ---- what is queued ---------------------------------------------------------------------------------------- */

static struct redis_command command_of(struct redis_store *s, struct arena *a, const struct node *n)
{
	const struct stored_record *record = &n->record;
	const struct refusal *refusal = &n->refusal;
	switch (n->kind) {
	case NODE_RECORD: {
		const struct str keys[] = { key_of(s, a, "record", record->id), s->records };
		const struct str args[] = { key_of(s, a, "queue", STR_EMPTY), record->id, number(a, record->unix_ms),
					    record->queue_id, record->json };
		return EVAL(a, PUT_RECORD, keys, args);
	}
	case NODE_REFUSAL: {
		const struct str keys[] = { key_of(s, a, "refusal", refusal->key) };
		const struct str args[] = { refusal->id, number(a, refusal->code), refusal->enhanced, refusal->text,
					    refusal->source, number(a, refusal->unix_s),
					    number(a, refusal->expires_unix_s) };
		return EVAL(a, PUT_REFUSAL, keys, args);
	}
	case NODE_REPEAT: {
		const struct str keys[] = { key_of(s, a, "refusal", n->key) };
		return eval(a, SCRIPT_COUNT_REPEAT, keys, 1, NULL, 0);
	}
	case NODE_BUCKETS:
		break;
	}
	return COMMAND(a, STR("PING"));
}

static bool ask_all(struct redis_store *s, const struct redis_command *commands, size_t count)
{
	redisReply *replies[AT_ONCE + 2];
	BUG_IF(count > COUNT_OF(replies));
	if (!redis_ask(s->pool, commands, count, replies, REDIS_WORK_MS))
		return false;
	redis_free(replies, count);
	return true;
}

/* In pieces. After a failure the pieces before come again: nothing but a repeat is then counted twice. */
static bool write_batch(void *context, const struct node_list *list, char why[static QUEUE_WHY_MAX])
{
	struct redis_store *s = context;
	struct arena *a = arena_new();
	struct redis_command commands[AT_ONCE];
	bool ok = true;
	for (const struct node *n = list->first; ok && n != NULL; arena_reset(a)) {
		size_t count = 0;
		for (; n != NULL && count < AT_ONCE; n = n->next)
			commands[count++] = command_of(s, a, n);
		ok = ask_all(s, commands, count);
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
	const struct str keys[] = { s->records };
	const struct str args[] = { key_of(s, a, "record", STR_EMPTY), key_of(s, a, "queue", STR_EMPTY),
				    number(a, before_unix_ms), number(a, AT_ONCE) };
	int64_t gone;
	do {
		redisReply *reply = ask(s, EVAL(a, EXPIRE_RECORDS, keys, args), REDIS_WORK_MS);
		gone = reply == NULL ? -1 : reply->integer;
		freeReplyObject(reply);
	} while (gone == AT_ONCE);
	return gone >= 0;
}

/* Entries, refusals and buckets end by themselves; names of entries are left in the index. */
static bool expire_names(struct redis_store *s, struct arena *a)
{
	const struct str keys[] = { s->suppressions };
	struct str from = STR("-");
	bool ok = true, is_more = true;
	while (ok && is_more) {
		const struct str args[] = { key_of(s, a, "suppressed", STR_EMPTY), from, number(a, AT_ONCE) };
		redisReply *reply = ask(s, EVAL(a, EXPIRE_SUPPRESSIONS, keys, args), REDIS_WORK_MS);
		ok = reply != NULL;
		is_more = ok && reply->type == REDIS_REPLY_STRING;
		if (is_more)
			from = joined(a, LIST(STR("("), text_of(reply)));
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

/* ---- records ----------------------------------------------------------------------------------------------- */

/* A text as the first thing in the reply. Frees it. */
static enum store_status take_text(redisReply *reply, struct arena *a, struct str *text)
{
	enum store_status status = reply == NULL ? STORE_UNAVAILABLE : STORE_NOT_FOUND;
	if (reply != NULL && reply->type == REDIS_REPLY_STRING) {
		*text = str_dup(a, text_of(reply));
		status = STORE_OK;
	}
	freeReplyObject(reply);
	return status;
}

static enum store_status get_json(struct redis_store *s, struct str id, struct arena *a, struct str *json)
{
	struct redis_command c = COMMAND(a, STR("HGET"), key_of(s, a, "record", id), STR("json"));
	return take_text(ask(s, c, REDIS_WORK_MS), a, json);
}

static enum store_status redis_find_record(void *self, struct str wanted, struct arena *a, struct str *json)
{
	struct redis_store *s = self;
	struct str id;
	enum store_status status = get_json(s, wanted, a, json);
	if (status != STORE_NOT_FOUND)
		return status;
	struct redis_command c = COMMAND(a, STR("HGET"), key_of(s, a, "queue", wanted), STR("id"));
	status = take_text(ask(s, c, REDIS_WORK_MS), a, &id);
	return status == STORE_OK ? get_json(s, id, a, json) : status;
}

/* Fills the list with those of the index's [name, time, name, time ...] that are behind the id and still there. */
static enum store_status get_records(struct redis_store *s, const redisReply *index, int64_t from_unix_ms,
				     struct str behind_id, struct arena *a, struct stored_record *list, size_t *count)
{
	for (size_t i = 0; i + 1 < index->elements; i += 2) {
		struct stored_record *r = &list[*count];
		r->id = str_dup(a, field(index, i));
		r->unix_ms = number_in(field(index, i + 1));
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
static enum store_status redis_next_records(void *self, int64_t from_unix_ms, struct str behind_id, struct arena *a,
					    struct stored_record *list, size_t max, size_t *count)
{
	struct redis_store *s = self;
	size_t seen = 0, told;
	enum store_status status;
	do {
		struct redis_command c = COMMAND(a, STR("ZRANGEBYSCORE"), s->records, number(a, from_unix_ms), STR("+inf"),
						 STR("WITHSCORES"), STR("LIMIT"), number(a, (int64_t)seen),
						 number(a, (int64_t)(max - *count)));
		redisReply *index = ask(s, c, REDIS_WORK_MS);
		if (index == NULL)
			return STORE_UNAVAILABLE;
		told = index->type == REDIS_REPLY_ARRAY ? index->elements / 2 : 0;
		status = get_records(s, index, from_unix_ms, behind_id, a, list, count);
		freeReplyObject(index);
		seen += told;
	} while (status == STORE_OK && told > 0 && *count < max);
	return status;
}

/* ---- buckets ----------------------------------------------------------------------------------------------- */

static enum store_status redis_take(void *self, const struct store_bucket *b, size_t count, const int64_t *amounts,
				    int64_t *wait_ms, size_t *which)
{
	struct redis_store *s = self;
	struct arena *a = arena_new();
	struct str keys[STORE_BUCKETS_MAX], args[2 * STORE_BUCKETS_MAX];
	for (size_t i = 0; i < count; i++) {
		keys[i] = key_of(s, a, "bucket", b[i].key);
		args[2 * i] = number(a, b[i].per_ms * 1000);
		args[2 * i + 1] = number(a, bucket_cost_us(&b[i], amounts[i]));
	}
	redisReply *reply = ask(s, eval(a, SCRIPT_TAKE, keys, count, args, 2 * count), REDIS_MAIL_MS);
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

static void redis_give_back(void *self, const struct store_bucket *b, size_t count, const int64_t *amounts)
{
	struct redis_store *s = self;
	struct arena *a = arena_new();
	struct str keys[STORE_BUCKETS_MAX], args[STORE_BUCKETS_MAX];
	BUG_IF(count > STORE_BUCKETS_MAX);
	for (size_t i = 0; i < count; i++) {
		keys[i] = key_of(s, a, "bucket", b[i].key);
		args[i] = number(a, bucket_cost_us(&b[i], amounts[i]));
	}
	freeReplyObject(ask(s, eval(a, SCRIPT_GIVE_BACK, keys, count, args, count), REDIS_MAIL_MS));
	arena_free(a);
}

/* ---- suppressions ------------------------------------------------------------------------------------------ */

static struct redis_command suppress_one(struct redis_store *s, struct arena *a, const struct suppression *e)
{
	struct str name = entry_name(a, e->scope, e->address);
	const struct str keys[] = { key_of(s, a, "suppressed", name), s->suppressions };
	const struct str args[] = { name, e->reason, e->source, number(a, e->created_unix_s),
				    number(a, e->expires_unix_s) };
	return EVAL(a, SUPPRESS, keys, args);
}

/* In pieces, each as a whole: a long list may not keep Redis from answering others. */
static enum store_status redis_suppress(void *self, const struct suppression *list, size_t count)
{
	struct redis_store *s = self;
	struct arena *a = arena_new();
	struct redis_command commands[AT_ONCE + 2];
	bool ok = true;
	for (size_t i = 0; ok && i < count; arena_reset(a)) {
		size_t n = 0;
		commands[n++] = COMMAND(a, STR("MULTI"));
		while (i < count && n <= AT_ONCE)
			commands[n++] = suppress_one(s, a, &list[i++]);
		commands[n++] = COMMAND(a, STR("EXEC"));
		ok = ask_all(s, commands, n);
	}
	arena_free(a);
	return ok ? STORE_OK : STORE_UNAVAILABLE;
}

/* The reply says how many went. Frees it. */
static enum store_status deleted(redisReply *reply)
{
	enum store_status status = reply == NULL ? STORE_UNAVAILABLE
						 : reply->integer > 0 ? STORE_OK : STORE_NOT_FOUND;
	freeReplyObject(reply);
	return status;
}

static enum store_status redis_unsuppress(void *self, struct str scope, struct str address)
{
	struct redis_store *s = self;
	struct arena *a = arena_new();
	struct str name = entry_name(a, scope, address);
	const struct str keys[] = { key_of(s, a, "suppressed", name), s->suppressions }, args[] = { name };
	enum store_status status = deleted(ask(s, EVAL(a, UNSUPPRESS, keys, args), REDIS_WORK_MS));
	arena_free(a);
	return status;
}

static struct redis_command get_entry(struct redis_store *s, struct arena *a, struct str name)
{
	return COMMAND(a, STR("HMGET"), key_of(s, a, "suppressed", name), STR("reason"), STR("source"), STR("created"),
		       STR("expires"));
}

/* The texts are the reply's. */
static struct suppression entry_of(struct str scope, struct str address, const redisReply *fields)
{
	return (struct suppression){
		.scope = scope,
		.address = address,
		.reason = field(fields, 0),
		.source = field(fields, 1),
		.created_unix_s = number_in(field(fields, 2)),
		.expires_unix_s = number_in(field(fields, 3)),
	};
}

static enum store_status redis_find_suppression(void *self, struct str scope, struct str address, struct arena *a,
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
	while (i < count && !is_there(replies[i]))
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
		commands[i] = get_entry(s, a, text_of(names->element[i]));
	*is_available = redis_ask(s->pool, commands, count, replies, REDIS_WORK_MS);
	if (!*is_available)
		return false;
	for (size_t i = 0; wants_more && i < count; i++) {
		struct str scope, address;
		if (!is_there(replies[i]) || !str_cut(text_of(names->element[i]), '\0', &scope, &address))
			continue; /* its time is over */
		const struct suppression e = entry_of(scope, address, replies[i]);
		wants_more = use(context, &e);
	}
	redis_free(replies, count);
	return wants_more;
}

static enum store_status redis_each_suppression(void *self, const struct str *scope, store_use_suppression *use,
						void *context)
{
	struct redis_store *s = self;
	struct arena *a = arena_new();
	struct str from = STR("-"), to = STR("+"), at_once = number(a, AT_ONCE);
	bool is_available = true, wants_more = true;
	if (scope != NULL) {
		from = joined(a, LIST(STR("["), *scope, STR("\0")));
		to = joined(a, LIST(STR("("), *scope, STR("\1")));
	}
	while (wants_more && is_available) {
		struct redis_command c = COMMAND(a, STR("ZRANGEBYLEX"), s->suppressions, from, to, STR("LIMIT"), STR("0"),
						 at_once);
		redisReply *names = ask(s, c, REDIS_WORK_MS);
		is_available = names != NULL && names->type == REDIS_REPLY_ARRAY;
		wants_more = is_available && names->elements > 0 &&
			     use_entries(s, a, names, use, context, &is_available);
		if (wants_more)
			from = joined(a, LIST(STR("("), text_of(names->element[names->elements - 1])));
		freeReplyObject(names);
	}
	arena_free(a);
	return is_available ? STORE_OK : STORE_UNAVAILABLE;
}

/* ---- refusals ---------------------------------------------------------------------------------------------- */

static struct redis_command get_refusal(struct arena *a, struct str redis_key)
{
	return COMMAND(a, STR("HMGET"), redis_key, STR("id"), STR("code"), STR("enhanced"), STR("text"), STR("source"),
		       STR("at"), STR("expires"), STR("repeats"));
}

/* The texts are the reply's. */
static struct refusal refusal_of(struct str key, const redisReply *fields)
{
	return (struct refusal){
		.key = key,
		.id = field(fields, 0),
		.code = (int)number_in(field(fields, 1)),
		.enhanced = field(fields, 2),
		.text = field(fields, 3),
		.source = field(fields, 4),
		.unix_s = number_in(field(fields, 5)),
		.expires_unix_s = number_in(field(fields, 6)),
		.repeats = number_in(field(fields, 7)),
	};
}

static enum store_status redis_find_refusal(void *self, struct str key, struct arena *a, struct refusal *found)
{
	struct redis_store *s = self;
	redisReply *reply = ask(s, get_refusal(a, key_of(s, a, "refusal", key)), REDIS_MAIL_MS);
	enum store_status status = reply == NULL ? STORE_UNAVAILABLE : is_there(reply) ? STORE_OK : STORE_NOT_FOUND;
	if (status == STORE_OK) {
		const struct refusal r = refusal_of(key, reply);
		*found = refusal_dup(a, &r);
	}
	freeReplyObject(reply);
	return status;
}

/* False when no more are wanted, or Redis does not answer. */
static bool use_refusal(struct redis_store *s, struct arena *a, struct str redis_key, store_use_refusal *use,
			void *context, bool *is_available)
{
	redisReply *reply = ask(s, get_refusal(a, redis_key), REDIS_WORK_MS);
	*is_available = reply != NULL;
	bool wants_more = reply != NULL;
	if (reply != NULL && is_there(reply)) { /* else its time is over */
		const struct refusal r = refusal_of(str_skip(redis_key, key_of(s, a, "refusal", STR_EMPTY).n), reply);
		wants_more = use(context, &r);
	}
	freeReplyObject(reply);
	return wants_more;
}

/* Of all names in Redis those of refusals, which no index has: nothing on the way of mail asks for all of them. */
static enum store_status redis_each_refusal(void *self, store_use_refusal *use, void *context)
{
	struct redis_store *s = self;
	struct arena *a = arena_new();
	struct str cursor = STR("0"), at_once = number(a, AT_ONCE), begin = key_of(s, a, "refusal", STR_EMPTY);
	bool is_available = true, wants_more = true;
	while (wants_more && is_available) {
		redisReply *page = ask(s, COMMAND(a, STR("SCAN"), cursor, STR("COUNT"), at_once), REDIS_WORK_MS);
		is_available = page != NULL && page->type == REDIS_REPLY_ARRAY && page->elements == 2 &&
			       page->element[1]->type == REDIS_REPLY_ARRAY;
		for (size_t i = 0; is_available && wants_more && i < page->element[1]->elements; i++) {
			struct str name = text_of(page->element[1]->element[i]);
			if (str_starts(name, begin))
				wants_more = use_refusal(s, a, name, use, context, &is_available);
		}
		if (is_available)
			cursor = str_dup(a, text_of(page->element[0]));
		wants_more = wants_more && !str_eq(cursor, STR("0"));
		freeReplyObject(page);
	}
	arena_free(a);
	return is_available ? STORE_OK : STORE_UNAVAILABLE;
}

static enum store_status redis_forget_refusal(void *self, struct str key)
{
	struct redis_store *s = self;
	struct arena *a = arena_new();
	enum store_status status = deleted(ask(s, COMMAND(a, STR("DEL"), key_of(s, a, "refusal", key)), REDIS_WORK_MS));
	arena_free(a);
	return status;
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

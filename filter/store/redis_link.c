#include "store/redis_link.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/fail.h"

enum {
	CONNECT_MS = 2000,  /* only the keeper of a pool waits for that */
	FORMAT = 1,         /* of names and values, as redis_script.def makes them */
};

struct attempt {
	const struct redis_url *url;
	struct arena *arena;
	redisContext *redis;
	enum link_outcome outcome;
	char *why;
};

const char *link_outcome_word(enum link_outcome outcome)
{
	switch (outcome) {
	case LINK_OPEN:
		return "answers";
	case LINK_NOT_THERE:
		return "does not answer";
	case LINK_NOT_LET_IN:
		return "does not let us in";
	case LINK_NOT_UNDERSTOOD:
		return "holds what this version does not understand";
	}
	return "";
}

static bool fail(struct attempt *t, enum link_outcome outcome, struct str why)
{
	t->outcome = outcome;
	snprintf(t->why, REDIS_WHY_MAX, "%.*s", STR_ARG(why));
	return false;
}

/* True if the reply is good. */
static bool is_good(struct attempt *t, const redisReply *reply)
{
	static const char *const passing[] = { "LOADING", "BUSY", "MASTERDOWN", "TRYAGAIN" };
	if (reply == NULL)
		return fail(t, LINK_NOT_THERE, str_of(t->redis->errstr));
	if (reply->type != REDIS_REPLY_ERROR)
		return true;
	enum link_outcome outcome = LINK_NOT_LET_IN;
	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++)
		if (str_starts(str_of(reply->str), str_of(passing[i])))
			outcome = LINK_NOT_THERE;
	return fail(t, outcome, str_of(reply->str));
}

static redisReply *tell(struct attempt *t, const struct str *args, size_t count)
{
	const char *argv[4];
	size_t lengths[4];
	BUG_IF(count > sizeof(argv) / sizeof(argv[0]));
	for (size_t i = 0; i < count; i++) {
		argv[i] = args[i].p;
		lengths[i] = args[i].n;
	}
	return redisCommandArgv(t->redis, (int)count, argv, lengths);
}

#define TELL(t, ...) \
	tell(t, (const struct str[]){ __VA_ARGS__ }, sizeof((const struct str[]){ __VA_ARGS__ }) / sizeof(struct str))

static bool is_taken(struct attempt *t, redisReply *reply)
{
	bool ok = is_good(t, reply);
	freeReplyObject(reply);
	return ok;
}

static bool log_in(struct attempt *t)
{
	const struct redis_url *u = t->url;
	struct str password, why;
	if (!redis_password_read(t->arena, u, &password, &why))
		return fail(t, LINK_NOT_LET_IN, why);
	if (password.n > 0 && !is_taken(t, u->user.n > 0 ? TELL(t, STR("AUTH"), u->user, password)
							  : TELL(t, STR("AUTH"), password)))
		return false;
	return u->database == 0 || is_taken(t, TELL(t, STR("SELECT"), str_printf(t->arena, "%d", u->database)));
}

/* ---- the format -------------------------------------------------------------------------------------------- */

static bool check_format(struct attempt *t, struct str key, struct str found)
{
	int64_t format;
	struct str why;
	if (!str_to_i64(found, &format) || format < 1)
		why = str_printf(t->arena, "%.*s is no number of a format: name another prefix", STR_ARG(key));
	else if (format > FORMAT)
		why = str_printf(t->arena, "it was written by a newer Gatepost (format %d, this one knows %d): install that one again, or "
				 "name another prefix", (int)format, FORMAT);
	else
		return true;
	return fail(t, LINK_NOT_UNDERSTOOD, why);
}

/* Where none stands it is the first one, whether there is anything yet or not. A Redis that takes nothing at present
 * need not take this. */
static bool settle_format(struct attempt *t)
{
	struct str key = str_printf(t->arena, "%.*sformat", STR_ARG(t->url->prefix));
	redisReply *reply = TELL(t, STR("GET"), key);
	bool ok = is_good(t, reply);
	bool is_there = ok && reply->type == REDIS_REPLY_STRING;
	if (is_there)
		ok = check_format(t, key, (struct str){ reply->str, reply->len });
	freeReplyObject(reply);
	if (ok && !is_there)
		freeReplyObject(TELL(t, STR("SETNX"), key, str_printf(t->arena, "%d", FORMAT)));
	return ok;
}

redisContext *redis_link_open(const struct redis_url *u, enum link_outcome *outcome, char why[static REDIS_WHY_MAX])
{
	const struct timeval wait = { .tv_sec = CONNECT_MS / 1000, .tv_usec = CONNECT_MS % 1000 * 1000 };
	redisContext *redis = fail_if_null(u->path.n > 0 ? redisConnectUnixWithTimeout(u->path.p, wait)
							 : redisConnectWithTimeout(u->host.p, u->port, wait));
	struct attempt t = { u, arena_new(), redis, LINK_OPEN, why };
	if (redis->err != 0) {
		fail(&t, LINK_NOT_THERE, str_of(redis->errstr));
	} else {
		redisSetTimeout(redis, wait);
		if (u->path.n == 0)
			redisEnableKeepAlive(redis);
		if (log_in(&t))
			settle_format(&t);
	}
	arena_free(t.arena);
	*outcome = t.outcome;
	if (t.outcome == LINK_OPEN)
		return redis;
	redisFree(redis);
	return NULL;
}

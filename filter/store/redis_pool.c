#include "store/redis_pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/thread.h"
#include "log/log.h"
#include "store/redis_link.h"

enum {
	RETRY_MS = 1000,
	LOOK_EVERY_MS = 1000,
	COMPLAIN_EVERY_MS = 60000,
};

struct link {
	struct link *next;
	unsigned generation;
	redisContext *redis;
};

struct redis_pool {
	struct arena *arena;
	struct redis_url url;
	struct log *log;
	size_t link_count;
	pthread_t keeper;
	pthread_mutex_t lock;
	pthread_cond_t freed, wake;   /* for who waits for a link; for the keeper */
	struct link *first, **end;    /* free ones: used in turn, so that none is idle for long */
	unsigned generation;          /* links of an older one are closed when they come back */
	bool is_up, is_closing;
	int64_t complain_at_mono_ms;
	char why[REDIS_WHY_MAX];                /* of the last failure */
};

static struct timeval timeval_of(int64_t ms)
{
	return (struct timeval){ .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
}

static void link_free(struct link *l)
{
	if (l == NULL)
		return;
	redisFree(l->redis);
	free(l);
}

/* ---- the list of free links: called with the lock held ------------------------------------------------------ */

static struct link *take_free(struct redis_pool *p)
{
	struct link *l = p->first;
	if (l == NULL)
		return NULL;
	p->first = l->next;
	if (p->first == NULL)
		p->end = &p->first;
	return l;
}

static void add_free(struct redis_pool *p, struct link *l)
{
	l->next = NULL;
	*p->end = l;
	p->end = &l->next;
	pthread_cond_signal(&p->freed);
}

static void close_free(struct redis_pool *p)
{
	for (struct link *l; (l = take_free(p)) != NULL;)
		link_free(l);
}

/* True the first time: to be told once the lock is free. */
static bool note_down(struct redis_pool *p, unsigned generation, const char *why)
{
	if (generation != p->generation || !p->is_up)
		return false;
	snprintf(p->why, sizeof(p->why), "%s", why);
	p->is_up = false;
	p->generation++;
	pthread_cond_signal(&p->wake);
	pthread_cond_broadcast(&p->freed);
	return true;
}

static void tell_down(struct redis_pool *p, enum link_outcome outcome, const char *why)
{
	log_error(p->log, "store: %s %s: %s", p->url.shown.p, link_outcome_word(outcome), why);
}

/* ---- the keeper -------------------------------------------------------------------------------------------- */

/* Opens as many links as there should be, or none. */
static enum link_outcome open_links(struct redis_pool *p, struct link **list, char why[static REDIS_WHY_MAX])
{
	*list = NULL;
	for (size_t i = 0; i < p->link_count; i++) {
		enum link_outcome outcome;
		struct link *l = fail_if_null(calloc(1, sizeof(*l)));
		l->redis = redis_link_open(&p->url, &outcome, why);
		l->next = *list;
		*list = l;
		if (outcome == LINK_OPEN)
			continue;
		while ((l = *list) != NULL) {
			*list = l->next;
			link_free(l);
		}
		return outcome;
	}
	return LINK_OPEN;
}

/* With the lock held. */
static void put_up(struct redis_pool *p, struct link *list)
{
	close_free(p);
	p->is_up = true;
	for (struct link *next; list != NULL; list = next) {
		next = list->next;
		list->generation = p->generation;
		add_free(p, list);
	}
}

/* Called and left with the lock held. */
static void reconnect(struct redis_pool *p)
{
	struct link *list;
	char why[REDIS_WHY_MAX] = "";
	pthread_mutex_unlock(&p->lock);
	enum link_outcome outcome = open_links(p, &list, why);
	if (outcome == LINK_OPEN)
		log_info(p->log, "store: %s answers again", p->url.shown.p);
	pthread_mutex_lock(&p->lock);
	bool is_news = outcome != LINK_OPEN && strcmp(p->why, why) != 0;
	if (outcome == LINK_OPEN)
		put_up(p, list);
	else
		snprintf(p->why, sizeof(p->why), "%s", why);
	if (is_news) {
		pthread_mutex_unlock(&p->lock);
		tell_down(p, outcome, why);
		pthread_mutex_lock(&p->lock);
	}
}

static void *keep(void *context)
{
	static const struct str ping[] = { { "PING", 4 } };
	struct redis_pool *p = context;
	pthread_mutex_lock(&p->lock);
	while (!p->is_closing) {
		if (!p->is_up)
			reconnect(p);
		int64_t until_ms = clock_mono_ms() + (p->is_up ? LOOK_EVERY_MS : RETRY_MS);
		bool was_up = p->is_up;
		while (!p->is_closing && p->is_up == was_up && condition_wait_until(&p->wake, &p->lock, until_ms))
			;
		if (p->is_closing || !p->is_up)
			continue;
		pthread_mutex_unlock(&p->lock);
		freeReplyObject(redis_ask_one(p, ping, 1, REDIS_WORK_MS));
		pthread_mutex_lock(&p->lock);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* ---- the pool ---------------------------------------------------------------------------------------------- */

static struct redis_pool *pool_new(const struct redis_url *u, size_t links, struct log *log)
{
	struct redis_pool *p = fail_if_null(calloc(1, sizeof(*p)));
	p->arena = arena_new();
	p->url = *u;
	p->url.path = str_of(str_to_c(p->arena, u->path));
	p->url.host = str_of(str_to_c(p->arena, u->host));
	p->url.user = str_dup(p->arena, u->user);
	p->url.password_file = str_of(str_to_c(p->arena, u->password_file));
	p->url.prefix = str_dup(p->arena, u->prefix);
	p->url.shown = str_of(str_to_c(p->arena, u->shown));
	p->log = log;
	p->link_count = links;
	p->end = &p->first;
	pthread_mutex_init(&p->lock, NULL);
	condition_init(&p->freed);
	condition_init(&p->wake);
	return p;
}

static void pool_free(struct redis_pool *p)
{
	close_free(p);
	pthread_cond_destroy(&p->freed);
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->lock);
	arena_free(p->arena);
	free(p);
}

struct redis_pool *redis_pool_new(const struct redis_url *u, size_t links, bool must_be_there, struct log *log,
				  struct diags *diags)
{
	static const struct place at = { .setting = "store" };
	struct redis_pool *p = pool_new(u, links, log);
	struct link *list;
	/* hiredis writes to connections that Redis may have closed. */
	signal(SIGPIPE, SIG_IGN);
	enum link_outcome outcome = open_links(p, &list, p->why);
	if (outcome == LINK_OPEN)
		put_up(p, list);
	const char *word = link_outcome_word(outcome);
	bool is_passing = outcome == LINK_OPEN || (outcome == LINK_NOT_THERE && !must_be_there);
	if (!is_passing)
		diag_error(diags, at, "%s %s: %s", u->shown.p, word, p->why);
	else if (outcome == LINK_NOT_THERE)
		diag_warn(diags, at, "%s %s: %s. It will be tried every second", u->shown.p, word, p->why);
	if (!is_passing) {
		pool_free(p);
		return NULL;
	}
	p->keeper = thread_start(keep, p);
	return p;
}

void redis_pool_free(struct redis_pool *p)
{
	pthread_mutex_lock(&p->lock);
	p->is_closing = true;
	pthread_cond_signal(&p->wake);
	pthread_mutex_unlock(&p->lock);
	pthread_join(p->keeper, NULL);
	pool_free(p);
}

/* ---- asking ------------------------------------------------------------------------------------------------ */

/* NULL: Redis is away, or all links are in use for all that time. */
static struct link *borrow(struct redis_pool *p, int64_t wait_ms)
{
	int64_t until_ms = clock_mono_ms() + wait_ms;
	struct link *l = NULL;
	bool is_early = true;
	pthread_mutex_lock(&p->lock);
	while (p->is_up && (l = take_free(p)) == NULL && is_early)
		is_early = condition_wait_until(&p->freed, &p->lock, until_ms);
	pthread_mutex_unlock(&p->lock);
	return l;
}

static void give_back(struct redis_pool *p, struct link *l)
{
	pthread_mutex_lock(&p->lock);
	bool is_down = l->redis->err != 0 && note_down(p, l->generation, l->redis->errstr);
	bool is_kept = l->redis->err == 0 && l->generation == p->generation;
	if (is_kept)
		add_free(p, l);
	pthread_mutex_unlock(&p->lock);
	if (is_down)
		tell_down(p, LINK_NOT_THERE, l->redis->errstr);
	if (!is_kept)
		link_free(l);
}

/* Redis answers, but not to this: out of memory, a replica, a script that is not allowed. */
static void complain(struct redis_pool *p, const char *error)
{
	int64_t now_ms = clock_mono_ms();
	pthread_mutex_lock(&p->lock);
	bool is_due = now_ms >= p->complain_at_mono_ms;
	if (is_due)
		p->complain_at_mono_ms = now_ms + COMPLAIN_EVERY_MS;
	pthread_mutex_unlock(&p->lock);
	if (is_due)
		log_error(p->log, "store: %s refuses: %s", p->url.shown.p, error);
}

/* Of a reply, or of what EXEC holds. */
static const char *error_in(const redisReply *reply)
{
	if (reply->type == REDIS_REPLY_ERROR)
		return reply->str;
	for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++)
		if (reply->element[i]->type == REDIS_REPLY_ERROR)
			return reply->element[i]->str;
	return NULL;
}

static bool send_all(redisContext *redis, const struct redis_command *commands, size_t count)
{
	bool ok = true;
	for (size_t i = 0; ok && i < count; i++) {
		const char *argv[REDIS_ARGS_MAX];
		size_t lengths[REDIS_ARGS_MAX];
		BUG_IF(commands[i].count > REDIS_ARGS_MAX);
		for (size_t k = 0; k < commands[i].count; k++) {
			argv[k] = commands[i].args[k].n == 0 ? "" : commands[i].args[k].p;
			lengths[k] = commands[i].args[k].n;
		}
		ok = redisAppendCommandArgv(redis, (int)commands[i].count, argv, lengths) == REDIS_OK;
	}
	return ok;
}

bool redis_ask(struct redis_pool *p, const struct redis_command *commands, size_t count, redisReply **replies,
	       int64_t wait_ms)
{
	size_t got = 0;
	bool is_refused = false;
	struct link *l = borrow(p, wait_ms);
	if (l == NULL)
		return false;
	redisSetTimeout(l->redis, timeval_of(wait_ms));
	if (send_all(l->redis, commands, count))
		while (got < count && redisGetReply(l->redis, (void **)&replies[got]) == REDIS_OK) {
			const char *error = error_in(replies[got++]);
			if (error != NULL)
				complain(p, error);
			is_refused = is_refused || error != NULL;
		}
	give_back(p, l);
	if (got == count && !is_refused)
		return true;
	redis_free(replies, got);
	return false;
}

void redis_free(redisReply **replies, size_t count)
{
	for (size_t i = 0; i < count; i++)
		freeReplyObject(replies[i]);
}

redisReply *redis_ask_one(struct redis_pool *p, const struct str *args, size_t count, int64_t wait_ms)
{
	const struct redis_command command = { args, count };
	redisReply *reply;
	return redis_ask(p, &command, 1, &reply, wait_ms) ? reply : NULL;
}

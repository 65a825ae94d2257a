/* tests/unit/feedback/bench.h - a store in memory, the facts of a message and of a recipient. */
#pragma once

#include "../test.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/diag.h"
#include "policy/policy.h"
#include "store/store.h"

enum { HOUR_MS = 3600000, NOW_S = 1800000000 };

struct bench {
	struct arena *arena;
	struct diags *diags;
	struct store *store;
	struct store *away; /* a Redis that is not there: everything is STORE_UNAVAILABLE */
	struct facts *connection, *message, *recipient;
};

static inline int set_up(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	b->arena = arena_new();
	b->diags = diags_new();
	b->store = store_open(STR("memory:"), NULL, b->diags);
	b->away = store_open(STR("redis:/nonexistent/redis.sock"), NULL, b->diags);
	b->connection = facts_new(b->arena, SCOPE_CONN, NULL);
	b->message = facts_new(b->arena, SCOPE_MSG, b->connection);
	b->recipient = facts_new(b->arena, SCOPE_RCPT, b->message);
	clock_set_unix_s(NOW_S);
	*state = b;
	return b->store == NULL || b->away == NULL;
}

static inline int tear_down(void **state)
{
	struct bench *b = *state;
	store_close(b->store);
	store_close(b->away);
	diags_free(b->diags);
	arena_free(b->arena);
	clock_set_unix_s(0);
	free(b);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static inline void assert_goes_on(struct decision d)
{
	if (d.action != ACTION_CONTINUE)
		fail_msg("refused: %d %.*s", d.reply.code, STR_ARG(d.reply.text));
}

/* The reply as one text. */
static inline void assert_reply(struct bench *b, struct decision d, enum action action, const char *expected)
{
	assert_int_equal(d.action, action);
	assert_str(str_printf(b->arena, "%d %.*s %.*s", d.reply.code, STR_ARG(d.reply.enhanced), STR_ARG(d.reply.text)),
		   expected);
}

static inline void assert_absent(const struct facts *f, enum fact_id id)
{
	assert_int_equal(facts_get(f, id)->state, FACT_ABSENT);
}

static inline void assert_unknown(const struct facts *f, enum fact_id id)
{
	assert_int_equal(facts_get(f, id)->state, FACT_UNKNOWN);
}

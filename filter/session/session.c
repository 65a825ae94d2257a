#include "session/session.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/fail.h"
#include "config/snapshot.h"
#include "session/state.h"

struct session_needs session_needs_of(const struct snapshot *snapshot)
{
	/* HELO is SPF's, the body DKIM's. MAIL is always answered: Postfix holds events back until one needs an
	 * answer, and the look-ups should start early. */
	struct session_needs needs = {
		.helo = true,
		.body = true,
		.data = policy_has_rules_at(snapshot->policy, STAGE_DATA),
		.unknown = bits_has(policy_facts(snapshot->policy), FACT_CLIENT_UNKNOWN_COMMANDS),
	};
	for (enum stage stage = 0; stage < STAGE_COUNT; stage++)
		needs.reply[stage] = policy_decides_at(snapshot->policy, stage);
	needs.reply[STAGE_HELO] |= needs.reply[STAGE_CONNECT]; /* where its refusal is given */
	needs.reply[STAGE_CONNECT] = false;
	needs.reply[STAGE_MAIL] = true;
	needs.reply[STAGE_RCPT] = true; /* the limit on recipients */
	needs.reply[STAGE_END] = true;
	return needs;
}

struct session *session_new(struct gate *gate, const struct mta_ops *ops, void *mta)
{
	struct session *s = fail_if_null(calloc(1, sizeof(*s)));
	s->gate = gate;
	s->ops = ops;
	s->mta = mta;
	s->snapshot = gate->snapshot();
	s->arena = arena_new();
	s->facts = facts_new(s->arena, SCOPE_CONN, NULL);
	s->agreed = session_needs_of(s->snapshot);
	atomic_fetch_add(&gate->connections, 1);
	return s;
}

void session_free(struct session *s)
{
	if (s == NULL)
		return;
	stage_abort(s);
	arena_free(s->message_arena);
	arena_free(s->arena);
	snapshot_put(s->snapshot);
	atomic_fetch_sub(&s->gate->connections, 1);
	free(s);
}

void session_rest(struct session *s)
{
	if (s->message == NULL && s->message_arena != NULL)
		arena_reset(s->message_arena);
}

void session_set_agreed(struct session *s, const struct session_needs *agreed)
{
	s->agreed = *agreed;
}

const struct session_needs *session_agreed(const struct session *s)
{
	return &s->agreed;
}

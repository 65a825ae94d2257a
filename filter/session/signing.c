#include "auth/dkim_sign.h"
#include "auth/keyring.h"
#include "base/arena.h"
#include "base/fail.h"
#include "config/snapshot.h"
#include "policy/workflow.h"
#include "session/state.h"

static struct decision go_on(void)
{
	return (struct decision){ .action = ACTION_CONTINUE };
}

static struct decision leave_unsigned(struct session *s, struct str why)
{
	struct facts *facts = s->message->facts;
	facts_set_text(facts, FACT_SIGN_STATUS, STR("none"));
	facts_set_text(facts, FACT_SIGN_REASON, why);
	facts_set_absent(facts, FACT_SIGN_DOMAINS);
	return go_on();
}

/* RFC 3463 X.7.5: cryptographic failure. */
static struct decision fail_to_sign(struct session *s, struct str why)
{
	struct facts *facts = s->message->facts;
	struct rule_place place = s->message->workflow->place;
	place.rule = str_printf(s->message_arena, "workflow:%s", place.rule).p;
	facts_set_text(facts, FACT_SIGN_STATUS, STR("failed"));
	facts_set_text(facts, FACT_SIGN_REASON, why);
	facts_set_absent(facts, FACT_SIGN_DOMAINS);
	return (struct decision){
		.action = ACTION_DEFER,
		.reply = { 451, STR("4.7.5"), str_printf(s->message_arena, "The message cannot be signed: %.*s",
							  STR_ARG(why)) },
		.reason = why,
		.from = place,
	};
}

static struct decision tell_signed(struct session *s)
{
	const struct workflow *w = s->message->workflow;
	struct facts *facts = s->message->facts;
	struct str domains[WORKFLOW_SIGN_MAX];
	for (size_t i = 0; i < w->sign_count; i++)
		domains[i] = w->sign[i].domain;
	facts_set_text(facts, FACT_SIGN_STATUS, STR("signed"));
	facts_set_absent(facts, FACT_SIGN_REASON);
	facts_set_list(facts, FACT_SIGN_DOMAINS, domains, w->sign_count);
	return go_on();
}

struct decision signing_begin(struct session *s)
{
	struct message *m = s->message;
	const struct workflow *w = m->workflow;
	const struct signing_key *keys[WORKFLOW_SIGN_MAX];
	struct str why = STR_EMPTY;
	if (w == NULL)
		return leave_unsigned(s, STR("the message belongs to no workflow"));
	if (w->sign_count == 0)
		return leave_unsigned(s, STR("the workflow signs nothing"));
	if (s->snapshot->keys == NULL)
		return fail_to_sign(s, STR("this listener has no keys"));
	BUG_IF(w->sign_count > WORKFLOW_SIGN_MAX);
	for (size_t i = 0; i < w->sign_count; i++) {
		const struct sign_use use = { w->sign[i].domain, w->sign[i].selector, w->sign[i].key, w->sign[i].at };
		keys[i] = keyring_choose(s->snapshot->keys, &use, s->message_arena, &why);
		if (keys[i] == NULL)
			return fail_to_sign(s, why);
	}
	m->sign = auth_dkim_sign_begin(s->snapshot->signer, keys, w->sign_count, m->headers, s->message_arena, &why);
	if (m->sign == NULL)
		return fail_to_sign(s, why);
	m->wants_body = true;
	return tell_signed(s);
}

struct decision signing_end(struct session *s, const struct str **values, size_t *count)
{
	struct str why = STR_EMPTY;
	*count = 0;
	if (s->message->sign == NULL || auth_dkim_sign_end(s->message->sign, values, count, &why))
		return go_on();
	*count = 0;
	return fail_to_sign(s, why);
}

#include "config/snapshot.h"
#include "policy/workflow.h"
#include "session/state.h"

/* The facts of MAIL are there. */
void sending_begin(struct session *s)
{
	struct message *m = s->message;
	const struct policy *policy = s->snapshot->policy;
	m->workflow = workflow_match(policy, m->facts, s->message_arena);
	if (s->gate->on_rule != NULL)
		workflow_trace(policy, m->workflow, m->facts, s->message_arena, s->gate->on_rule, s->gate->context);
	m->is_submission = m->workflow != NULL || facts_text(m->facts, FACT_AUTH_LOGIN).n > 0 ||
			   facts_is_true(s->facts, FACT_CLIENT_LOCAL);
}

struct decision sending_judge(struct session *s, enum stage stage)
{
	struct message *m = s->message;
	struct decision d = workflow_judge(s->snapshot->policy, m->workflow, stage, m->facts, m->headers,
					   s->message_arena);
	return stage == STAGE_HEADERS && d.action == ACTION_CONTINUE ? signing_begin(s) : d;
}

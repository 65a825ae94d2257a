#include "policy/workflow.h"

#include <inttypes.h>

#include "policy/match.h"
#include "policy/ports.h"
#include "policy/requirement.h"
#include "policy/workflow_index.h"
#include "policy/workflow_terms.h"

size_t policy_workflow_count(const struct policy *p)
{
	return p->workflows.count;
}

const struct workflow *policy_workflow_at(const struct policy *p, size_t index)
{
	return p->workflows.items[index];
}

const struct workflow_domains *workflow_sender_domains(const struct workflow *w, struct arena *a)
{
	struct workflow_domains *domains = ARENA_NEW(a, struct workflow_domains);
	identity_add_domains(&w->terms->identity, PART_MAIL_FROM, a, domains);
	identity_add_domains(&w->terms->identity, PART_RETURN_PATH_DOMAIN, a, domains);
	return domains;
}

const struct workflow_domains *workflow_author_domains(const struct workflow *w, struct arena *a)
{
	struct workflow_domains *domains = ARENA_NEW(a, struct workflow_domains);
	identity_add_domains(&w->terms->identity, PART_FROM, a, domains);
	return domains;
}

static bool is_inbound(const struct facts *facts)
{
	return str_eq(facts_text(facts, FACT_LISTENER_ROLE), STR("inbound"));
}

struct matching {
	struct matcher matcher;
	const struct condition *decided;
};

static bool matches(void *context, const struct workflow *w)
{
	struct matching *m = context;
	return conditions_match(&m->matcher, &w->terms->match, &m->decided) == TRUTH_YES;
}

const struct workflow *workflow_match(const struct policy *p, const struct facts *facts, struct arena *a)
{
	struct matching m = { .matcher = { .arena = a, .facts = facts } };
	return is_inbound(facts) ? NULL : workflow_index_match(p->workflow_index, facts_text(facts, FACT_AUTH_LOGIN), a,
							       matches, &m);
}

void workflow_trace(const struct policy *p, const struct workflow *chosen, const struct facts *facts, struct arena *a,
		    policy_trace_fn *trace, void *context)
{
	struct matcher m = { .arena = a, .facts = facts };
	bool is_reached = true;
	for (size_t i = 0; i < p->workflows.count; i++) {
		const struct workflow *w = p->workflows.items[i];
		const struct condition *decided;
		struct rule_trace t = { .rule = term_place(w->terms->label, w->terms->at), .stage = STAGE_MAIL };
		t.outcome = w == chosen ? RULE_HELD : is_reached ? RULE_NOT : RULE_NOT_REACHED;
		if (!is_reached)
			t.why = str_printf(a, "%s is chosen", chosen->terms->label);
		else if (is_inbound(facts))
			t.why = STR("the listener is inbound");
		else if (conditions_match(&m, &w->terms->match, &decided) == TRUTH_YES)
			t.why = conditions_print(a, &w->terms->match, facts);
		else
			t.why = condition_explain(a, decided, facts);
		trace(context, &t);
		is_reached = is_reached && w != chosen;
	}
}

/* ---- refusals ------------------------------------------------------------------------------------------- */

enum { SHOWN_MAX = 200 }; /* bytes of what the client said: it may not push out what it is to do */

/* One message while it is judged. */
struct judging {
	const struct policy *policy;
	const struct workflow *workflow;
	struct facts *facts;
	const struct header_list *headers;
	struct arena *arena;
};

static struct decision refuse(struct rule_place from, struct reply reply)
{
	return (struct decision){
		.action = reply.code >= 500 ? ACTION_REJECT : ACTION_DEFER, .reply = reply, .from = from,
	};
}

/* A setting of the workflow is not met. at: a part of its identity, which may be left out. */
static struct decision refuse_identity(const struct judging *j, const struct condition *at, struct str text)
{
	const struct workflow_terms *terms = j->workflow->terms;
	return refuse(term_place(terms->label, at != NULL ? at->at : terms->at), reply_of(j->arena, 550, "5.7.1", text));
}

static const struct decision nothing_wrong = { .action = ACTION_CONTINUE };

static bool is_fine(const struct decision *d)
{
	return d->action == ACTION_CONTINUE;
}

/* ---- MAIL ----------------------------------------------------------------------------------------------- */

/* Mail from sendmail(1) comes in at no port. */
static struct decision judge_port(const struct judging *j)
{
	const struct policy *p = j->policy;
	const struct fact_value *port = facts_get(j->facts, FACT_LISTENER_PORT);
	if (p->port_groups.count == 0 || facts_is_true(j->facts, FACT_CLIENT_LOCAL))
		return nothing_wrong;
	if (port->state != FACT_VALUE) {
		const struct port_group *g = p->port_groups.items[0];
		return refuse(term_place(g->label, g->at), reply_of(j->arena, 451, "4.3.5",
			      STR("Cannot tell on which port this mail came in, try again later")));
	}
	const struct port_group *g = ports_find(p, port->number);
	const struct condition *unmet = g == NULL ? NULL : requirement_unmet(&g->require, j->facts, j->arena);
	return unmet == NULL ? nothing_wrong
			     : refuse(term_place(g->label, unmet->at),
				      requirement_reply(p, unmet, j->facts, j->arena));
}

/* Where there are workflows, a login is for one of them. */
static bool is_stray_login(const struct judging *j)
{
	return j->workflow == NULL && j->policy->workflows.count > 0 && facts_text(j->facts, FACT_AUTH_LOGIN).n > 0;
}

static struct decision refuse_login(const struct judging *j)
{
	const struct fact_value *port = facts_get(j->facts, FACT_LISTENER_PORT);
	struct str login = str_sub(facts_text(j->facts, FACT_AUTH_LOGIN), 0, SHOWN_MAX);
	struct str where = port->state != FACT_VALUE ? STR_EMPTY : str_printf(j->arena, " on port %" PRId64, port->number);
	struct str text = str_printf(j->arena, "The login %.*s may not send mail here%.*s: no workflow is for it, ask the postmaster",
				     STR_ARG(login), STR_ARG(where));
	return refuse(term_place("workflows", j->policy->workflows.items[0]->terms->at),
		      reply_of(j->arena, 550, "5.7.1", text));
}

static struct decision judge_requirements(const struct judging *j)
{
	const struct workflow_terms *terms = j->workflow->terms;
	const struct condition *unmet = requirement_unmet(&terms->require, j->facts, j->arena);
	return unmet == NULL ? nothing_wrong
			     : refuse(term_place(terms->label, unmet->at),
				      requirement_reply(j->policy, unmet, j->facts, j->arena));
}

/* ", allowed is a@example.org or *@example.net" */
static struct str allowed(const struct judging *j, enum identity_part part)
{
	struct str what = j->workflow->terms->identity.allowed[part];
	return what.n == 0 ? what : str_printf(j->arena, ", allowed is %.*s", STR_ARG(what));
}

/* A bounce that is not signed where everything else is would be the one way around the signature. */
static bool may_send_bounces(const struct workflow *w)
{
	return w->signs_bounces || w->sign_count == 0;
}

static struct decision judge_envelope(const struct judging *j)
{
	const struct identity *identity = &j->workflow->terms->identity;
	const struct condition *at = identity->parts[PART_MAIL_FROM];
	enum identity_part part = PART_MAIL_FROM;
	struct str address = facts_text(j->facts, FACT_MAIL_FROM);
	bool is_null = facts_is_true(j->facts, FACT_MAIL_NULL);
	bool is_good = is_null ? may_send_bounces(j->workflow) : identity_has_sender(identity, j->facts, j->arena);
	facts_set_bool(j->facts, FACT_IDENTITY_MAIL_FROM, is_good);
	if (is_good)
		return nothing_wrong;
	if (at == NULL) {
		part = PART_RETURN_PATH_DOMAIN;
		at = identity->parts[part];
	}
	if (is_null)
		return refuse_identity(j, NULL, str_printf(j->arena, "An empty envelope sender may not be used here%.*s",
							   STR_ARG(allowed(j, part))));
	return refuse_identity(j, at, str_printf(j->arena, "The envelope sender <%.*s> may not be used here%.*s",
						 STR_ARG(str_sub(address, 0, SHOWN_MAX)), STR_ARG(allowed(j, part))));
}

static struct decision judge_mail(const struct judging *j)
{
	const struct workflow *w = j->workflow;
	struct decision d = judge_port(j), envelope = nothing_wrong;
	if (w != NULL) {
		facts_set_text(j->facts, FACT_WORKFLOW_NAME, str_of(w->place.rule));
		facts_set_text(j->facts, FACT_WORKFLOW_KIND, str_of(workflow_kind_words[w->kind]));
		envelope = judge_envelope(j); /* its fact is for the record, whatever is told first */
	}
	if (is_fine(&d) && is_stray_login(j))
		d = refuse_login(j);
	if (is_fine(&d) && w != NULL)
		d = judge_requirements(j);
	if (is_fine(&d))
		d = envelope;
	facts_set_text(j->facts, FACT_WORKFLOW_STATUS, is_stray_login(j) ? STR("no_workflow")
						       : !is_fine(&d)    ? STR("refused")
						       : w != NULL       ? STR("ok")
									 : STR("none"));
	return d;
}

/* ---- HEADERS -------------------------------------------------------------------------------------------- */

static void set_owner(const struct judging *j)
{
	struct str author = facts_text(j->facts, FACT_FROM_ADDRESS);
	const struct workflow *owner = workflow_index_owner(j->policy->workflow_index, author, j->arena);
	if (owner == NULL || (j->workflow != NULL && facts_is_true(j->facts, FACT_IDENTITY_FROM)))
		facts_set_absent(j->facts, FACT_WORKFLOW_OWNER);
	else
		facts_set_text(j->facts, FACT_WORKFLOW_OWNER, str_of(owner->place.rule));
}

static struct decision judge_author(const struct judging *j)
{
	const struct identity *identity = &j->workflow->terms->identity;
	struct str author = facts_text(j->facts, FACT_FROM_ADDRESS);
	bool is_good = identity_has_author(identity, author, j->arena);
	facts_set_bool(j->facts, FACT_IDENTITY_FROM, is_good);
	if (is_good)
		return nothing_wrong;
	struct str text = author.n == 0
		? str_printf(j->arena, "The From field must name exactly one author%.*s", STR_ARG(allowed(j, PART_FROM)))
		: str_printf(j->arena, "The From address %.*s may not be used here%.*s", STR_ARG(str_sub(author, 0, SHOWN_MAX)),
			     STR_ARG(allowed(j, PART_FROM)));
	return refuse_identity(j, identity->parts[PART_FROM], text);
}

static struct decision judge_field(const struct judging *j, enum identity_part part, const char *name, enum fact_id id)
{
	const struct identity *identity = &j->workflow->terms->identity;
	struct str wrong;
	bool is_good = identity_has_field(identity, part, j->headers, j->arena, &wrong);
	facts_set_bool(j->facts, id, is_good);
	if (is_good)
		return nothing_wrong;
	struct str text = wrong.n == 0
		? str_printf(j->arena, "The %s field is malformed: it must name addresses%.*s", name,
			     STR_ARG(allowed(j, part)))
		: str_printf(j->arena, "The %s address %.*s may not be used here%.*s", name,
			     STR_ARG(str_sub(wrong, 0, SHOWN_MAX)), STR_ARG(allowed(j, part)));
	return refuse_identity(j, identity->parts[part], text);
}

/* All of it, so that the record tells all; the first that is wrong is told. */
static struct decision judge_headers(const struct judging *j)
{
	struct decision author = nothing_wrong, sender = nothing_wrong, reply_to = nothing_wrong;
	if (j->workflow != NULL) {
		author = judge_author(j);
		sender = judge_field(j, PART_SENDER, "Sender", FACT_IDENTITY_SENDER);
		reply_to = judge_field(j, PART_REPLY_TO, "Reply-To", FACT_IDENTITY_REPLY_TO);
	}
	set_owner(j);
	struct decision d = !is_fine(&author) ? author : !is_fine(&sender) ? sender : reply_to;
	if (!is_fine(&d))
		facts_set_text(j->facts, FACT_WORKFLOW_STATUS, STR("refused"));
	return d;
}

/* What a workflow sets, if there is one. */
static void set_absent(struct facts *facts, enum stage stage)
{
	static const enum fact_id ids[] = { FACT_WORKFLOW_NAME, FACT_WORKFLOW_KIND, FACT_IDENTITY_MAIL_FROM,
					    FACT_IDENTITY_FROM, FACT_IDENTITY_SENDER, FACT_IDENTITY_REPLY_TO };
	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++)
		if (fact_descs[ids[i]].stage == stage)
			facts_set_absent(facts, ids[i]);
}

struct decision workflow_judge(const struct policy *p, const struct workflow *w, enum stage stage, struct facts *facts,
			       const struct header_list *headers, struct arena *a)
{
	const struct judging j = { p, w, facts, headers, a };
	if (w == NULL && p->workflows.count > 0)
		set_absent(facts, stage);
	if (stage == STAGE_MAIL)
		return judge_mail(&j);
	if (stage == STAGE_HEADERS && p->workflows.count > 0)
		return judge_headers(&j);
	return nothing_wrong;
}

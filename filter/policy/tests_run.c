/* Runs the tests of policy files. */
#include "policy/tests.h"

#include <inttypes.h>

#include "base/buf.h"
#include "policy/workflow.h"
#include "policy/workflow_parse.h"

/* A rule or workflow that the test counts on. */
struct hope {
	struct rule_place at;
	bool is_named;     /* in `rule`: told whatever became of it */
	bool has_held;
	struct str became; /* empty: it was not asked */
};

/* One run of a test. */
struct run {
	struct arena *arena;
	const struct policy *policy;
	const struct policy_test *test;
	struct decision decision; /* the last that was not continue */
	enum stage stage;         /* of it */
	struct texts trails[TRAIL_COUNT];
	struct texts effect_rules;
	VEC(struct hope) hopes;
	struct str workflow;      /* that the message belongs to; empty: none */
};

static const char *const outcome_words[] = {
	[RULE_HELD] = "held", [RULE_NOT] = "did not hold", [RULE_CANNOT_TELL] = "could not be told",
	[RULE_NOT_REACHED] = "was not reached",
};

static bool gives(const struct rule *rule, enum trail trail, struct str item)
{
	if (trail == TRAIL_OBSERVED)
		return str_eq(item, str_of(rule->place.rule));
	for (size_t i = 0; i < rule->then.count; i++) {
		const struct consequence *c = &rule->then.items[i];
		if ((trail == TRAIL_TAGS && c->action == ACTION_TAG && str_eq(c->text, item)) ||
		    (trail == TRAIL_LOGS && c->action == ACTION_LOG) ||
		    (trail == TRAIL_HEADERS && c->action == ACTION_ADD_HEADER &&
		     str_starts_nocase(item, c->name) && str_starts(str_skip(item, c->name.n), STR(":"))))
			return true;
	}
	return false;
}

/* Does it leave behind what the test wants. */
static bool counts_on(const struct expectation *e, const struct rule *rule)
{
	bool is_hope = false;
	for (enum trail t = 0; t < TRAIL_COUNT; t++)
		for (size_t i = 0; i < e->trails[t].count; i++)
			is_hope |= gives(rule, t, e->trails[t].items[i]);
	return is_hope;
}

static void hopes_find(struct run *r)
{
	const struct expectation *e = &r->test->expect;
	struct rule_place workflow;
	struct str label = str_printf(r->arena, "workflow:%.*s", STR_ARG(e->workflow));
	if (e->rule.rule != NULL)
		VEC_PUSH(r->arena, &r->hopes, ((struct hope){ .at = e->rule, .is_named = true }));
	if (workflow_place_find(r->policy, label, &workflow) && !str_eq(label, str_of(e->rule.rule)))
		VEC_PUSH(r->arena, &r->hopes, ((struct hope){ .at = workflow }));
	for (size_t i = 0; i < r->policy->rules.count; i++) {
		const struct rule *rule = r->policy->rules.items[i];
		if (counts_on(e, rule) && !str_eq(str_of(rule->place.rule), str_of(e->rule.rule)))
			VEC_PUSH(r->arena, &r->hopes, ((struct hope){ .at = rule->place }));
	}
}

static void note_hope(void *context, const struct rule_trace *t)
{
	struct run *r = context;
	for (size_t i = 0; i < r->hopes.count; i++) {
		struct hope *hope = &r->hopes.items[i];
		if (!str_eq(str_of(t->rule.rule), str_of(hope->at.rule)))
			continue;
		hope->has_held |= t->outcome == RULE_HELD;
		hope->became = str_printf(r->arena, "%s at %s: %.*s", outcome_words[t->outcome],
					  stage_words[t->stage], STR_ARG(t->why));
	}
}

/* Of the rule that the test names, and of others that could have left what is missing. */
static void explain_hopes(const struct run *r, FILE *out)
{
	for (size_t i = 0; i < r->hopes.count; i++) {
		const struct hope *hope = &r->hopes.items[i];
		if (hope->is_named || !hope->has_held)
			fprintf(out, "    %s (%s:%d): %.*s\n", hope->at.rule, hope->at.file, hope->at.line,
				STR_ARG(hope->became.n > 0 ? hope->became : STR("it was not asked")));
	}
}

static void note_effect(struct run *r, const struct policy_effect *effect)
{
	struct str text = effect->value;
	enum trail trail = effect->action == ACTION_TAG ? TRAIL_TAGS : TRAIL_LOGS;
	if (effect->action == ACTION_ADD_HEADER) {
		trail = TRAIL_HEADERS;
		text = str_printf(r->arena, "%.*s: %.*s", STR_ARG(effect->name), STR_ARG(effect->value));
	}
	VEC_PUSH(r->arena, &r->trails[trail], text);
	VEC_PUSH(r->arena, &r->effect_rules, str_of(effect->from.rule));
}

static struct decision judge(struct run *r, enum stage stage, const struct facts *facts,
			     const struct given_facts *recipients)
{
	struct decision d = policy_eval(r->policy, stage, facts,
					recipients == NULL ? NULL : (const struct facts *const *)recipients->recipients,
					recipients == NULL ? 0 : recipients->recipient_count, r->arena,
					note_hope, r);
	for (size_t i = 0; i < d.effect_count; i++)
		note_effect(r, &d.effects[i]);
	for (size_t i = 0; i < d.observed_count; i++)
		VEC_PUSH(r->arena, &r->trails[TRAIL_OBSERVED], str_of(d.observed[i].from.rule));
	return d;
}

static bool decide(struct run *r, enum stage stage, struct decision d)
{
	if (d.action == ACTION_CONTINUE)
		return false;
	r->decision = d;
	r->stage = stage;
	return true;
}

/* Leaves the recipients that were taken. All refused decide the message; one accepted is what stays of it if
 * nothing is decided later. */
static bool decide_recipients(struct run *r, struct given_facts *facts)
{
	struct decision refused = { .action = ACTION_CONTINUE }, accepted = { .action = ACTION_CONTINUE };
	size_t taken = 0;
	for (size_t i = 0; i < facts->recipient_count; i++) {
		if (r->test->given.values[FACT_RCPT_COUNT].state == FACT_UNSET)
			facts_set_int(facts->message, FACT_RCPT_COUNT, (int64_t)taken + 1);
		struct decision d = judge(r, STAGE_RCPT, facts->recipients[i], NULL);
		if (d.action != ACTION_CONTINUE && d.action != ACTION_ACCEPT) {
			refused = d;
			continue;
		}
		if (d.action == ACTION_ACCEPT)
			accepted = d;
		facts->recipients[taken++] = facts->recipients[i];
	}
	facts->recipient_count = taken;
	decide(r, STAGE_RCPT, taken > 0 ? accepted : refused);
	return taken == 0;
}

/* Postfix takes a refused recipient of mail from sendmail(1) as an error of its own configuration, so the session
 * asks the rules of RCPT at the end, and one refusal refuses the message. */
static bool decide_recipients_late(struct run *r, const struct given_facts *facts)
{
	for (size_t i = 0; i < facts->recipient_count; i++) {
		struct decision d = judge(r, STAGE_RCPT, facts->recipients[i], NULL);
		if (d.action != ACTION_ACCEPT && decide(r, STAGE_END, d))
			return true;
	}
	return false;
}

/* What workflows and ports say, unless the test itself says what came of them. */
static bool decide_workflow(struct run *r, enum stage stage, struct given_facts *facts, const struct workflow **workflow)
{
	if (r->test->given.names_workflow)
		return false;
	if (stage == STAGE_MAIL) {
		*workflow = workflow_match(r->policy, facts->message, r->arena);
		workflow_trace(r->policy, *workflow, facts->message, r->arena, note_hope, r);
	}
	return decide(r, stage,
		      workflow_judge(r->policy, *workflow, stage, facts->message, facts->headers, r->arena));
}

/* As a session goes: the first decision ends it. */
static void run_stages(struct run *r)
{
	struct given_facts facts = given_facts_new(r->arena, &r->test->given);
	const struct workflow *workflow = NULL;
	bool is_local = facts_is_true(facts.connection, FACT_CLIENT_LOCAL), is_over = false;
	for (enum stage stage = STAGE_CONNECT; stage < STAGE_COUNT && !is_over; stage++) {
		if (stage == STAGE_RCPT && is_local)
			continue;
		if (stage == STAGE_RCPT)
			is_over = decide_recipients(r, &facts);
		else if (stage == STAGE_END)
			is_over = (is_local && decide_recipients_late(r, &facts)) ||
				  decide(r, stage, judge(r, stage, facts.message, &facts));
		else
			is_over = decide_workflow(r, stage, &facts, &workflow) ||
				  decide(r, stage, judge(r, stage, facts.message, NULL));
	}
	r->workflow = facts_text(facts.message, FACT_WORKFLOW_NAME);
}

static bool has_text(const struct texts *texts, struct str text)
{
	for (size_t i = 0; i < texts->count; i++)
		if (str_eq(texts->items[i], text))
			return true;
	return false;
}

static bool contains(struct str text, struct str part)
{
	for (size_t i = 0; i + part.n <= text.n; i++)
		if (str_eq(str_sub(text, i, part.n), part))
			return true;
	return false;
}

static void mismatch(struct buf *out, const char *what, struct str wanted, struct str came)
{
	buf_printf(out, "    %s: expected %.*s, came %.*s\n", what, STR_ARG(wanted), STR_ARG(came));
}

static struct str joined(struct arena *a, const struct texts *texts)
{
	struct str all = STR_EMPTY;
	for (size_t i = 0; i < texts->count; i++)
		all = str_printf(a, "%.*s%s\"%.*s\"", STR_ARG(all), i == 0 ? "" : ", ", STR_ARG(texts->items[i]));
	return all.n == 0 ? STR("none") : all;
}

static void compare_trails(struct run *r, struct buf *out)
{
	const struct expectation *e = &r->test->expect;
	for (enum trail t = 0; t < TRAIL_COUNT; t++) {
		bool is_good = e->trails[t].count > 0 || r->trails[t].count == 0;
		for (size_t i = 0; i < e->trails[t].count; i++)
			is_good &= has_text(&r->trails[t], e->trails[t].items[i]);
		if (e->has_trail[t] && !is_good)
			mismatch(out, trail_names[t], joined(r->arena, &e->trails[t]), joined(r->arena, &r->trails[t]));
	}
}

static struct str decision_print(const struct run *r)
{
	const struct decision *d = &r->decision;
	if (d->action == ACTION_CONTINUE)
		return STR("continue: no rule decided");
	struct str reply = STR_EMPTY;
	if (d->reply.code != 0)
		reply = str_printf(r->arena, " %d %.*s %.*s", d->reply.code, STR_ARG(d->reply.enhanced),
				   STR_ARG(d->reply.text));
	return str_printf(r->arena, "%s%.*s by %s (%s:%d) at %s%s", action_descs[d->action].name, STR_ARG(reply),
			  d->from.rule, d->from.file, d->from.line, stage_words[r->stage],
			  d->is_unknown ? ", which could not be told" : "");
}

static void compare(struct run *r, struct buf *out)
{
	const struct expectation *e = &r->test->expect;
	const struct decision *d = &r->decision;
	struct str rule = str_of(d->action == ACTION_CONTINUE ? "none" : d->from.rule);
	if (e->has_action && e->action != d->action)
		mismatch(out, "action", str_of(action_descs[e->action].name), str_of(action_descs[d->action].name));
	if (e->code != 0 && e->code != d->reply.code)
		buf_printf(out, "    code: expected %" PRId64 ", came %d\n", e->code, d->reply.code);
	if (e->enhanced.n > 0 && !str_eq(e->enhanced, d->reply.enhanced))
		mismatch(out, "enhanced", e->enhanced, d->reply.enhanced);
	if (e->text.n > 0 && !contains(d->reply.text, e->text))
		mismatch(out, "text", e->text, d->reply.text);
	if (e->has_stage && (d->action == ACTION_CONTINUE || e->stage != r->stage))
		mismatch(out, "stage", str_of(stage_words[e->stage]),
			 str_of(d->action == ACTION_CONTINUE ? "none" : stage_words[r->stage]));
	if (e->rule.rule != NULL && !str_eq(str_of(e->rule.rule), rule) &&
	    !has_text(&r->effect_rules, str_of(e->rule.rule)))
		mismatch(out, "rule", str_of(e->rule.rule), rule);
	struct str workflow = r->workflow.n > 0 ? r->workflow : STR("none");
	if (e->workflow.n > 0 && !str_eq(e->workflow, workflow))
		mismatch(out, "workflow", e->workflow, workflow);
	compare_trails(r, out);
}

static bool run_test(const struct policy *p, const struct policy_test *t, bool is_verbose, FILE *out)
{
	struct arena *a = arena_new();
	struct run r = { .arena = a, .policy = p, .test = t };
	struct buf complaints;
	buf_init(&complaints, 0);
	hopes_find(&r);
	run_stages(&r);
	compare(&r, &complaints);
	bool is_good = complaints.n == 0;
	if (!is_good) {
		fprintf(out, "%s:%d: FAIL: %s\n%.*s", t->place.file, t->place.line, t->place.rule,
			STR_ARG(buf_str(&complaints)));
		explain_hopes(&r, out);
		fprintf(out, "    came: %.*s\n", STR_ARG(decision_print(&r)));
	} else if (is_verbose) {
		fprintf(out, "%s:%d: ok: %s: %.*s\n", t->place.file, t->place.line, t->place.rule,
			STR_ARG(decision_print(&r)));
	}
	buf_fini(&complaints);
	arena_free(a);
	return is_good;
}

static bool is_rule_tested(const struct policy *p, struct str name)
{
	for (size_t i = 0; i < p->tests.count; i++) {
		const struct expectation *e = &p->tests.items[i]->expect;
		if (str_eq(str_of(e->rule.rule), name) || has_text(&e->trails[TRAIL_OBSERVED], name))
			return true;
	}
	return false;
}

static bool is_workflow_tested(const struct policy *p, struct str name)
{
	for (size_t i = 0; i < p->tests.count; i++)
		if (str_eq(p->tests.items[i]->expect.workflow, name))
			return true;
	return false;
}

static void note_untested(const struct policy *p, FILE *out)
{
	for (size_t i = 0; i < p->rules.count; i++) {
		const struct rule_place *r = &p->rules.items[i]->place;
		if (!is_rule_tested(p, str_of(r->rule)))
			fprintf(out, "%s:%d: note: no test names the rule \"%s\"\n", r->file, r->line, r->rule);
	}
	for (size_t i = 0; i < p->workflows.count; i++) {
		const struct rule_place *w = &p->workflows.items[i]->place;
		if (!is_workflow_tested(p, str_of(w->rule)))
			fprintf(out, "%s:%d: note: no test names the workflow \"%s\"\n", w->file, w->line, w->rule);
	}
}

struct policy_test_counts policy_run_tests(const struct policy *p, bool is_verbose, FILE *out)
{
	struct policy_test_counts counts = { 0, 0 };
	if (is_verbose) {
		fprintf(out, "Facts that a test does not give, and that do not follow from those it gives:\n");
		given_print_stranger(out);
	}
	for (size_t i = 0; i < p->tests.count; i++) {
		if (run_test(p, p->tests.items[i], is_verbose, out))
			counts.passed++;
		else
			counts.failed++;
	}
	if (is_verbose)
		note_untested(p, out);
	return counts;
}

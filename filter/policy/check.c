#include "policy/check.h"

#include "policy/consequence.h"
#include "policy/match.h"
#include "policy/rule_index.h"

/* What the facts of a rule mean for its stage. */
struct asked {
	enum fact_id of_recipient; /* one of them; FACT_COUNT: none */
	enum stage ready;          /* when all of them are there without waiting for DNS in between */
};

static struct asked asked_by(const struct rule *r)
{
	struct asked asked = { FACT_COUNT, STAGE_CONNECT };
	for (enum fact_id id = 0; id < FACT_COUNT; id++) {
		if (!bits_has(&r->facts, id))
			continue;
		if (fact_descs[id].scope == SCOPE_RCPT && asked.of_recipient == FACT_COUNT)
			asked.of_recipient = id;
		if (fact_ready_stage(id) > asked.ready)
			asked.ready = fact_ready_stage(id);
	}
	return asked;
}

struct early {
	struct loader *loader;
	const struct rule *rule;
	struct place at;
};

static void refuse_if_early(void *context, enum fact_id id)
{
	const struct early *e = context;
	if (fact_descs[id].stage > e->rule->stage)
		diag_error(e->loader->diags, e->at, "%s is known from stage %s on, the rule \"%s\" runs at %s",
			   fact_descs[id].name, stage_words[fact_descs[id].stage], e->rule->place.rule,
			   stage_words[e->rule->stage]);
}

static void check_facts_are_known(struct loader *l, const struct rule *r)
{
	for (size_t i = 0; i < r->when.count; i++)
		refuse_if_early(&(struct early){ l, r, r->when.items[i].at }, r->when.items[i].fact);
	for (size_t i = 0; i < r->unless.count; i++)
		refuse_if_early(&(struct early){ l, r, r->unless.items[i].at }, r->unless.items[i].fact);
	for (size_t i = 0; i < r->then.count; i++)
		consequence_facts(&r->then.items[i], refuse_if_early, &(struct early){ l, r, r->then.items[i].at });
}

static void check_actions_may_act(struct loader *l, const struct rule *r)
{
	for (size_t i = 0; i < r->then.count; i++) {
		const struct action_desc *action = &action_descs[r->then.items[i].action];
		if (r->stage < action->first || r->stage > action->last)
			diag_error(l->diags, r->then.items[i].at, "%s acts %s %s, the rule \"%s\" runs at %s", action->name,
				   r->stage < action->first ? "not before" : "not after",
				   stage_words[r->stage < action->first ? action->first : action->last], r->place.rule,
				   stage_words[r->stage]);
	}
}

static void check_recipients(struct loader *l, const struct rule *r, const struct asked *asked)
{
	if (asked->of_recipient == FACT_COUNT) {
		if (r->recipients != RECIPIENTS_NONE)
			diag_error(l->diags, r->at, "`recipients` is for rules that ask about rcpt.to or rcpt.domain");
	} else if (r->recipients == RECIPIENTS_NONE && r->stage > STAGE_RCPT) {
		diag_error(l->diags, r->at, "%s is about one recipient and the rule runs at %s, for all of them: say "
			   "recipients = \"any\" or \"all\"", fact_descs[asked->of_recipient].name, stage_words[r->stage]);
	} else if (r->recipients != RECIPIENTS_NONE && r->stage != STAGE_END) {
		diag_error(l->diags, r->at, "`recipients` is for rules that run at end, this one runs at %s",
			   stage_words[r->stage]);
	}
}

static void find_stage(struct loader *l, struct rule *r)
{
	struct asked asked = asked_by(r);
	if (!r->has_stage) {
		r->stage = asked.ready;
		for (size_t i = 0; i < r->then.count; i++)
			if (action_descs[r->then.items[i].action].first > r->stage)
				r->stage = action_descs[r->then.items[i].action].first;
		if (r->recipients != RECIPIENTS_NONE && asked.of_recipient < FACT_COUNT)
			r->stage = STAGE_END;
	}
	size_t errors = diags_errors(l->diags);
	check_facts_are_known(l, r);
	check_actions_may_act(l, r);
	check_recipients(l, r, &asked);
	r->is_good = r->is_good && diags_errors(l->diags) == errors;
}

bool conditions_check(struct loader *l, const struct conditions *group, const char *name)
{
	for (size_t i = 0; i < group->count; i++) {
		for (size_t j = 0; j < group->count; j++) {
			const struct condition *a = &group->items[i], *b = &group->items[j];
			if (a->fact != b->fact || a->test != TEST_LACKS || b->test == TEST_LACKS)
				continue;
			diag_error(l->diags, b->at, "`%s` can never hold: %s is asked for and has to be absent", name,
				   fact_descs[a->fact].name);
			return false;
		}
	}
	return true;
}

static void check_can_hold(struct loader *l, struct rule *r)
{
	if (!r->is_good)
		return;
	r->is_good = conditions_check(l, &r->when, "when") && conditions_check(l, &r->unless, "unless");
	if (r->is_good && r->unless.count > 0 && conditions_imply(&r->when, &r->unless)) {
		diag_error(l->diags, r->unless.items[0].at, "the rule \"%s\" can never hold: `unless` takes back all that "
			   "`when` lets through", r->place.rule);
		r->is_good = false;
	}
}

/* True if a decides whatever would reach b, which comes behind it at the same stage. */
static bool decides_before(const struct rule *a, const struct rule *b)
{
	if (a->recipients != RECIPIENTS_NONE && a->recipients != b->recipients)
		return false;
	if (a->skips_unknown && !b->skips_unknown && a->when.count + a->unless.count > 0)
		return false; /* where neither can tell, b still defers */
	if (a->unless.count > 0 && (b->unless.count == 0 || !conditions_imply(&a->unless, &b->unless)))
		return false;
	return conditions_imply(&b->when, &a->when);
}

static bool is_decisive(const struct rule *r)
{
	return r->is_good && !r->is_observed && rule_final_action(r) != ACTION_CONTINUE;
}

/* A final rule for everything, at an earlier stage. Accepting a recipient does not end the message. */
static bool ends_before(const struct rule *a, const struct rule *b)
{
	return a->stage < b->stage && a->when.count + a->unless.count == 0 && a->recipients == RECIPIENTS_NONE &&
	       !(a->stage == STAGE_RCPT && rule_final_action(a) == ACTION_ACCEPT);
}

static void check_is_reached(struct loader *l, size_t index)
{
	struct rule *const *rules = l->policy->rules.items;
	const struct rule *b = rules[index];
	for (size_t i = 0; i < l->policy->rules.count && b->is_good; i++) {
		const struct rule *a = rules[i];
		if (!is_decisive(a))
			continue;
		if (ends_before(a, b) || (i < index && a->stage == b->stage && decides_before(a, b))) {
			diag_error(l->diags, b->at, "the rule \"%s\" is never reached: \"%s\" (%s:%d) decides before it",
				   b->place.rule, a->place.rule, a->place.file, a->place.line);
			return;
		}
	}
}

void rules_check(struct loader *l)
{
	struct policy *p = l->policy;
	for (size_t i = 0; i < p->rules.count; i++) {
		find_stage(l, p->rules.items[i]);
		check_can_hold(l, p->rules.items[i]);
	}
	for (size_t i = 0; i < p->rules.count; i++) {
		const struct rule *r = p->rules.items[i];
		check_is_reached(l, i);
		VEC_PUSH(p->arena, &p->at[r->stage].rules, r);
		bits_add_all(&p->at[r->stage].facts, &r->facts);
		bits_add_all(&p->facts, &r->facts);
	}
	for (enum stage stage = 0; stage < STAGE_COUNT; stage++)
		p->at[stage].index = rule_index_new(p->arena, p->at[stage].rules.items, p->at[stage].rules.count);
}

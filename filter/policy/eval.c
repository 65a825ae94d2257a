#include "base/fail.h"
#include "policy/match.h"
#include "policy/rule_index.h"

struct evaluation {
	struct matcher matcher;
	const struct facts *facts;
	const struct facts *const *recipients;
	size_t recipient_count;
	struct arena *arena;
	policy_trace_fn *trace;
	void *trace_context;
	struct decision decision;
	VEC(struct policy_effect) effects;
	VEC(struct policy_observed) observed;
};

/* What a rule came to, and by whose facts. */
struct verdict {
	enum truth truth;
	const struct facts *facts;
	const struct condition *decided; /* NULL: all of `when` held */
	bool is_taken_back;
};

static struct verdict match_with(struct evaluation *e, const struct rule *r, const struct facts *facts)
{
	struct verdict v = { .facts = facts };
	e->matcher.facts = facts;
	v.truth = rule_match(&e->matcher, r, &v.decided, &v.is_taken_back);
	return v;
}

/* any: one yes decides, else one cannot tell. all: one no decides, else one cannot tell. */
static struct verdict match(struct evaluation *e, const struct rule *r)
{
	if (r->recipients == RECIPIENTS_NONE)
		return match_with(e, r, e->facts);
	struct verdict so_far = { TRUTH_NO, e->facts, NULL, false };
	for (size_t i = 0; i < e->recipient_count; i++) {
		struct verdict v = match_with(e, r, e->recipients[i]);
		bool is_stronger = r->recipients == RECIPIENTS_ANY ? v.truth > so_far.truth : v.truth < so_far.truth;
		if (i == 0 || is_stronger)
			so_far = v;
	}
	return so_far;
}

static struct str explain(struct arena *a, const struct rule *r, const struct verdict *v)
{
	struct str why;
	if (v->decided != NULL)
		why = condition_explain(a, v->decided, v->facts);
	else if (v->is_taken_back)
		why = str_printf(a, "unless: %.*s", STR_ARG(conditions_print(a, &r->unless, v->facts)));
	else if (v->truth == TRUTH_YES)
		why = conditions_print(a, &r->when, v->facts);
	else
		why = STR("there is no recipient");
	struct str recipient = r->recipients == RECIPIENTS_NONE ? STR_EMPTY : facts_text(v->facts, FACT_RCPT_TO);
	return recipient.n == 0 ? why : str_printf(a, "for %.*s: %.*s", STR_ARG(recipient), STR_ARG(why));
}

static void trace(struct evaluation *e, const struct rule *r, const struct verdict *v)
{
	struct rule_trace t = { .rule = r->place, .stage = r->stage, .is_observed = r->is_observed };
	if (v == NULL) {
		t.outcome = RULE_NOT_REACHED;
		t.why = str_printf(e->arena, "%s decided before it", e->decision.from.rule);
	} else {
		t.outcome = v->truth == TRUTH_YES ? RULE_HELD : v->truth == TRUTH_NO ? RULE_NOT : RULE_CANNOT_TELL;
		t.why = explain(e->arena, r, v);
	}
	e->trace(e->trace_context, &t);
}

static void observe(struct evaluation *e, const struct rule *r, const struct consequence *c, const struct facts *facts)
{
	struct policy_observed seen = { .action = c->action, .from = r->place };
	if (c->reply.code != 0)
		seen.reply = reply_expand(e->arena, &c->reply, facts);
	VEC_PUSH(e->arena, &e->observed, seen);
}

static void act(struct evaluation *e, const struct rule *r, const struct consequence *c, const struct facts *facts)
{
	struct decision *d = &e->decision;
	switch (c->action) {
	case ACTION_REJECT:
	case ACTION_DEFER:
		d->reply = reply_expand(e->arena, &c->reply, facts);
		break;
	case ACTION_QUARANTINE:
		d->reason = text_template_expand(e->arena, c->text, facts);
		break;
	case ACTION_ACCEPT:
	case ACTION_DISCARD:
		break;
	case ACTION_ADD_HEADER:
	case ACTION_LOG:
		VEC_PUSH(e->arena, &e->effects, (struct policy_effect){
			c->action, c->name, text_template_expand(e->arena, c->text, facts), r->place });
		return;
	case ACTION_TAG:
		VEC_PUSH(e->arena, &e->effects, (struct policy_effect){ c->action, STR_EMPTY, c->text, r->place });
		return;
	case ACTION_CONTINUE:
	case ACTION_COUNT:
		BUG_IF(true);
	}
	d->action = c->action;
	d->from = r->place;
}

static void hold(struct evaluation *e, const struct rule *r, const struct facts *facts)
{
	for (size_t i = 0; i < r->then.count; i++) {
		if (r->is_observed)
			observe(e, r, &r->then.items[i], facts);
		else
			act(e, r, &r->then.items[i], facts);
	}
}

/* The client learns which fact is missing, never which rule asked. */
static void defer_unknown(struct evaluation *e, const struct rule *r, const struct verdict *v)
{
	const char *name = fact_descs[v->decided->fact].name;
	struct decision *d = &e->decision;
	d->action = ACTION_DEFER;
	d->reply = (struct reply){ 451, STR("4.7.1"),
				   str_printf(e->arena, "Cannot tell %s at present, try again later", name) };
	d->reason = str_printf(e->arena, "%s: %.*s", name, STR_ARG(facts_get(v->facts, v->decided->fact)->reason));
	d->from = r->place;
	d->is_unknown = true;
}

static bool is_known(enum stage stage, const struct condition *c, struct matcher *m, enum truth truth)
{
	return fact_is_settled(m->facts, c->fact, stage) && condition_match(m, c) == truth;
}

static bool may_hold_after(enum stage stage, const struct rule *r, struct matcher *m)
{
	size_t taking_back = 0;
	for (size_t i = 0; i < r->when.count; i++)
		if (is_known(stage, &r->when.items[i], m, TRUTH_NO))
			return false;
	for (size_t i = 0; i < r->unless.count; i++)
		taking_back += is_known(stage, &r->unless.items[i], m, TRUTH_YES);
	return r->unless.count == 0 || taking_back < r->unless.count;
}

struct bits policy_facts_asked_after(const struct policy *p, enum stage stage, const struct facts *facts,
				     struct arena *a)
{
	struct matcher m = { .arena = a, .facts = facts };
	struct bits asked = { 0 };
	for (enum stage later = stage + 1; later < STAGE_COUNT; later++) {
		const struct rule *const *rules = p->at[later].rules.items;
		struct rule_picks picks = rule_index_pick(p->at[later].index, stage, &m);
		for (size_t i = 0; (i = rule_picks_next(&picks, i)) < picks.count; i++)
			if (may_hold_after(stage, rules[i], &m))
				bits_add_all(&asked, &rules[i]->facts);
	}
	return asked;
}

struct decision policy_eval(const struct policy *p, enum stage stage, const struct facts *facts,
			    const struct facts *const *recipients, size_t recipient_count, struct arena *a,
			    policy_trace_fn *trace_fn, void *trace_context)
{
	struct evaluation e = {
		.matcher = { .arena = a }, .facts = facts, .recipients = recipients, .recipient_count = recipient_count,
		.arena = a, .trace = trace_fn, .trace_context = trace_context,
	};
	e.matcher.facts = facts;
	struct rule_picks picks = rule_index_pick(p->at[stage].index, stage, &e.matcher);
	for (size_t i = 0; i < picks.count; i++) {
		if (trace_fn == NULL && (i = rule_picks_next(&picks, i)) == picks.count)
			break; /* a trace tells of all of them */
		const struct rule *r = p->at[stage].rules.items[i];
		if (e.decision.action != ACTION_CONTINUE) {
			if (trace_fn == NULL)
				break;
			trace(&e, r, NULL);
			continue;
		}
		struct verdict v = match(&e, r);
		if (trace_fn != NULL)
			trace(&e, r, &v);
		if (v.truth == TRUTH_YES)
			hold(&e, r, v.facts);
		else if (v.truth == TRUTH_CANNOT_TELL && !r->skips_unknown && !r->is_observed)
			defer_unknown(&e, r, &v);
	}
	e.decision.effects = e.effects.items;
	e.decision.effect_count = e.effects.count;
	e.decision.observed = e.observed.items;
	e.decision.observed_count = e.observed.count;
	return e.decision;
}

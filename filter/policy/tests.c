#include "policy/tests.h"

#include "base/nametab.h"
#include "policy/parse.h"
#include "policy/workflow.h"
#include "policy/workflow_parse.h"

const char *const trail_names[TRAIL_COUNT] = { "tags", "headers", "logs", "observed" };

static void unknown_name(struct loader *l, const config_setting_t *s, const char *what, struct str name,
			 const char *const *names, size_t count)
{
	const char *closest = nametab_closest(names, count, name);
	diag_error(l->diags, lc_place(l->arena, s), "there is no %s \"%.*s\"%s%s%s", what, STR_ARG(name),
		   closest == NULL ? "" : "; did you mean \"", closest == NULL ? "" : closest,
		   closest == NULL ? "" : "\"?");
}

static void unknown_rule(struct loader *l, const config_setting_t *s, struct str name)
{
	const struct policy *p = l->policy;
	const char **names = arena_array(l->arena, p->rules.count, sizeof(*names));
	for (size_t i = 0; i < p->rules.count; i++)
		names[i] = p->rules.items[i]->place.rule;
	unknown_name(l, s, "rule", name, names, p->rules.count);
}

/* A rule, or what else decides: "workflow:billing", "ports:relay", "workflows". */
static void take_rule(struct loader *l, const config_setting_t *s, struct expectation *e)
{
	struct str name;
	if (s == NULL || !lc_text(s, l->diags, &name))
		return;
	const struct rule *r = map_get(l->rule_names, name);
	if (r != NULL)
		e->rule = r->place;
	else if (!workflow_place_find(l->policy, name, &e->rule))
		unknown_rule(l, s, name);
}

static void take_workflow(struct loader *l, const config_setting_t *s, struct expectation *e)
{
	const struct policy *p = l->policy;
	if (s == NULL || !lc_text(s, l->diags, &e->workflow))
		return;
	e->workflow = str_dup(l->arena, e->workflow);
	if (str_eq(e->workflow, STR("none")) || map_has(l->workflow_names, e->workflow))
		return;
	const char **names = arena_array(l->arena, p->workflows.count, sizeof(*names));
	for (size_t i = 0; i < p->workflows.count; i++)
		names[i] = p->workflows.items[i]->place.rule;
	unknown_name(l, s, "workflow", e->workflow, names, p->workflows.count);
}

static void take_text(struct loader *l, const config_setting_t *group, const char *member, struct str *out)
{
	const config_setting_t *s = config_setting_get_member(group, member);
	struct str text;
	if (s != NULL && lc_text(s, l->diags, &text))
		*out = str_dup(l->arena, text);
}

static void take_trail(struct loader *l, const config_setting_t *group, enum trail trail, struct expectation *e)
{
	const config_setting_t *s = config_setting_get_member(group, trail_names[trail]);
	const struct str *items;
	size_t count;
	if (s == NULL || !lc_texts(l->arena, s, l->diags, &items, &count))
		return;
	e->has_trail[trail] = true;
	for (size_t i = 0; i < count; i++) {
		VEC_PUSH(l->arena, &e->trails[trail], str_dup(l->arena, items[i]));
		if (trail == TRAIL_OBSERVED && !map_has(l->rule_names, items[i]))
			unknown_rule(l, s, items[i]);
	}
}

/* A decision is final, or that there was none. */
static void take_action(struct loader *l, const config_setting_t *s, struct expectation *e)
{
	const char *words[ACTION_COUNT];
	enum action actions[ACTION_COUNT];
	size_t count = 0;
	unsigned index;
	for (enum action a = 0; a < ACTION_COUNT; a++) {
		if (a != ACTION_CONTINUE && !action_descs[a].is_final)
			continue;
		actions[count] = a;
		words[count++] = action_descs[a].name;
	}
	e->has_action = word_parse(l, s, words, count, &index);
	if (e->has_action)
		e->action = actions[index];
}

static void expectation_parse(struct loader *l, const config_setting_t *group, struct expectation *e)
{
	static const char *const names[] = {
		"action", "code", "enhanced", "rule", "stage", "text", "workflow", "tags", "headers", "logs", "observed",
	};
	const config_setting_t *code = config_setting_get_member(group, "code");
	unsigned stage;
	lc_check_names(group, names, sizeof(names) / sizeof(*names), l->diags);
	if (config_setting_length(group) == 0)
		diag_error(l->diags, lc_place(l->arena, group), "expects nothing, so it cannot fail");
	take_action(l, config_setting_get_member(group, "action"), e);
	e->has_stage = word_parse(l, config_setting_get_member(group, "stage"), stage_words, STAGE_COUNT, &stage);
	if (e->has_stage)
		e->stage = (enum stage)stage;
	if (code != NULL)
		lc_int(code, l->diags, &e->code);
	take_rule(l, config_setting_get_member(group, "rule"), e);
	take_workflow(l, config_setting_get_member(group, "workflow"), e);
	take_text(l, group, "enhanced", &e->enhanced);
	take_text(l, group, "text", &e->text);
	for (enum trail t = 0; t < TRAIL_COUNT; t++)
		take_trail(l, group, t, e);
}

static void test_parse(struct loader *l, const config_setting_t *group)
{
	static const char *const names[] = { "name", "given", "expect" };
	struct policy_test *t = ARENA_NEW(l->arena, struct policy_test);
	const config_setting_t *given = config_setting_get_member(group, "given");
	const config_setting_t *expect = config_setting_get_member(group, "expect");
	struct str name;
	lc_check_names(group, names, sizeof(names) / sizeof(*names), l->diags);
	if (name_parse(l, group, "test", &name, &t->place) && !map_add(l->test_names, name, t)) {
		const struct policy_test *other = map_get(l->test_names, name);
		diag_error(l->diags, lc_place(l->arena, group), "the test \"%s\" is already at %s:%d", t->place.rule,
			   other->place.file, other->place.line);
	}
	if (given != NULL)
		given_parse(l, given, &t->given);
	if (expect == NULL)
		diag_error(l->diags, lc_place(l->arena, group), "a test needs `expect`");
	else if (lc_is_group(expect, l->diags))
		expectation_parse(l, expect, &t->expect);
	VEC_PUSH(l->arena, &l->policy->tests, t);
}

void tests_parse(struct loader *l, const config_setting_t *s)
{
	if (!lc_is_group_list(s, l->diags))
		return;
	for (int i = 0; i < config_setting_length(s); i++)
		test_parse(l, config_setting_get_elem(s, (unsigned)i));
}

#include "policy/parse.h"

#include "base/nametab.h"
#include "policy/condition.h"
#include "policy/consequence.h"

bool name_parse(struct loader *l, const config_setting_t *group, const char *what, struct str *name,
		struct rule_place *place)
{
	const config_setting_t *s = config_setting_get_member(group, "name");
	struct place at = lc_place(l->arena, group);
	*place = (struct rule_place){ "(unnamed)", str_to_c(l->arena, str_of(at.file)), at.line };
	if (s == NULL) {
		diag_error(l->diags, at, "a %s needs a `name`", what);
		return false;
	}
	if (!lc_text(s, l->diags, name))
		return false;
	*name = str_dup(l->arena, *name);
	place->rule = name->p;
	return true;
}

bool word_parse(struct loader *l, const config_setting_t *s, const char *const *words, size_t count, unsigned *value)
{
	struct str word;
	if (s == NULL || !lc_text(s, l->diags, &word))
		return false;
	if (nametab_find(words, count, word, value))
		return true;
	const char *closest = nametab_closest(words, count, word);
	if (closest != NULL)
		diag_error(l->diags, lc_place(l->arena, s), "\"%.*s\" is unknown; did you mean \"%s\"?", STR_ARG(word),
			   closest);
	else
		diag_error(l->diags, lc_place(l->arena, s), "\"%.*s\" is unknown; wanted is %.*s", STR_ARG(word),
			   STR_ARG(nametab_join(l->arena, words, count)));
	return false;
}

static void take_name(struct loader *l, const config_setting_t *group, struct rule *r)
{
	struct str name;
	if (!name_parse(l, group, "rule", &name, &r->place))
		return;
	const config_setting_t *s = config_setting_get_member(group, "name");
	if (!word_is_valid(name)) {
		diag_error(l->diags, lc_place(l->arena, s),
			   "\"%.*s\" is no name of a rule: up to 64 letters, digits, '-', '_' and '.'", STR_ARG(name));
	} else if (!map_add(l->rule_names, name, r)) {
		const struct rule *other = map_get(l->rule_names, name);
		diag_error(l->diags, lc_place(l->arena, s), "the rule \"%s\" is already at %s:%d", r->place.rule,
			   other->place.file, other->place.line);
	}
}

static void take_modes(struct loader *l, const config_setting_t *group, struct rule *r)
{
	static const char *const unknown_words[] = { "defer", "skip" };
	static const char *const recipients_words[] = { "any", "all" };
	const config_setting_t *observe = config_setting_get_member(group, "observe");
	unsigned value;
	if (word_parse(l, config_setting_get_member(group, "unknown"), unknown_words, 2, &value))
		r->skips_unknown = value == 1;
	if (word_parse(l, config_setting_get_member(group, "recipients"), recipients_words, 2, &value))
		r->recipients = value == 0 ? RECIPIENTS_ANY : RECIPIENTS_ALL;
	r->has_stage = word_parse(l, config_setting_get_member(group, "at"), stage_words, STAGE_COUNT, &value);
	r->stage = r->has_stage ? (enum stage)value : STAGE_CONNECT;
	if (observe != NULL)
		lc_bool(observe, l->diags, &r->is_observed);
}

static void use_fact(void *context, enum fact_id id)
{
	bits_add(context, id);
}

static void collect_facts(struct rule *r)
{
	for (size_t i = 0; i < r->when.count; i++)
		bits_add(&r->facts, r->when.items[i].fact);
	for (size_t i = 0; i < r->unless.count; i++)
		bits_add(&r->facts, r->unless.items[i].fact);
	for (size_t i = 0; i < r->then.count; i++)
		consequence_facts(&r->then.items[i], use_fact, &r->facts);
}

static void rule_parse(struct loader *l, const config_setting_t *group)
{
	static const char *const names[] = {
		"name", "when", "unless", "then", "observe", "unknown", "at", "recipients",
	};
	struct rule *r = ARENA_NEW(l->arena, struct rule);
	const config_setting_t *when = config_setting_get_member(group, "when");
	const config_setting_t *unless = config_setting_get_member(group, "unless");
	const config_setting_t *then = config_setting_get_member(group, "then");
	size_t errors = diags_errors(l->diags);

	r->at = lc_place(l->arena, group);
	lc_check_names(group, names, sizeof(names) / sizeof(*names), l->diags);
	take_name(l, group, r);
	take_modes(l, group, r);
	if (when != NULL)
		conditions_parse(l, when, &r->when);
	if (unless != NULL)
		conditions_parse(l, unless, &r->unless);
	if (then == NULL)
		diag_error(l->diags, r->at, "a rule needs `then`");
	else
		consequences_parse(l, then, r);
	r->is_good = diags_errors(l->diags) == errors;
	collect_facts(r);
	VEC_PUSH(l->arena, &l->policy->rules, r);
}

void rules_parse(struct loader *l, const config_setting_t *s)
{
	if (!lc_is_group_list(s, l->diags))
		return;
	for (int i = 0; i < config_setting_length(s); i++)
		rule_parse(l, config_setting_get_elem(s, (unsigned)i));
}

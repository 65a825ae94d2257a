#include "policy/fact_name.h"

#include "base/glob.h"
#include "base/nametab.h"

static bool is_group_of_facts(struct str name)
{
	for (enum fact_id id = 0; id < FACT_COUNT; id++) {
		struct str fact = str_of(fact_descs[id].name);
		if (fact.n > name.n && fact.p[name.n] == '.' && str_starts(fact, name))
			return true;
	}
	return false;
}

/* The closest name of a fact, or, without a dot, of a group of facts. */
static const char *closest_fact(struct arena *a, struct str name)
{
	const char *names[FACT_COUNT];
	struct str group, member;
	for (enum fact_id id = 0; id < FACT_COUNT; id++) {
		str_cut(str_of(fact_descs[id].name), '.', &group, &member);
		names[id] = str_find(name, '.') >= 0 ? fact_descs[id].name : str_to_c(a, group);
	}
	return nametab_closest(names, FACT_COUNT, name);
}

static void unknown_fact(struct loader *l, const config_setting_t *s, struct str name)
{
	const char *closest = closest_fact(l->arena, name);
	if (is_group_of_facts(name))
		diag_error(l->diags, lc_place(l->arena, s), "%.*s is a group of facts: name one of them", STR_ARG(name));
	else if (closest != NULL)
		diag_error(l->diags, lc_place(l->arena, s), "there is no fact %.*s; did you mean %s?", STR_ARG(name), closest);
	else
		diag_error(l->diags, lc_place(l->arena, s), "there is no fact %.*s; gatepost docs facts lists all",
			   STR_ARG(name));
}

enum fact_id fact_name_parse(struct loader *l, const config_setting_t *s, struct str name)
{
	enum fact_id id = fact_find(name);
	if (id == FACT_COUNT)
		unknown_fact(l, s, name);
	return id;
}

struct walk {
	struct loader *loader;
	fact_taker *take;
	void *context;
};

static void walk_group(const struct walk *, const config_setting_t *group, struct str prefix);

static void walk_member(const struct walk *w, const config_setting_t *s, struct str prefix)
{
	struct loader *l = w->loader;
	struct str name = str_printf(l->arena, "%.*s%s%s", STR_ARG(prefix), prefix.n == 0 ? "" : ".", s->name);
	enum fact_id id = fact_find(name);
	if (id < FACT_COUNT)
		w->take(l, s, id, w->context);
	else if (!is_group_of_facts(name))
		unknown_fact(l, s, name);
	else if (lc_is_group(s, l->diags))
		walk_group(w, s, name);
}

static void walk_group(const struct walk *w, const config_setting_t *group, struct str prefix)
{
	for (int i = 0; i < config_setting_length(group); i++)
		walk_member(w, config_setting_get_elem(group, (unsigned)i), prefix);
}

void facts_walk(struct loader *l, const config_setting_t *group, const char *const *others, size_t other_count,
		fact_taker *take, void *context)
{
	struct walk w = { l, take, context };
	unsigned index;
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *s = config_setting_get_elem(group, (unsigned)i);
		if (!nametab_find(others, other_count, str_of(s->name), &index))
			walk_member(&w, s, STR_EMPTY);
	}
}

const char *fact_word_check(struct arena *a, enum fact_id id, struct str word, bool may_be_pattern)
{
	size_t count;
	const char *const *words = fact_words(id, &count);
	if (words == NULL && fact_descs[id].type != TYPE_RESULT)
		return NULL;
	if (words == NULL) {
		words = result_words;
		count = RESULT_COUNT;
	}
	for (size_t i = 0; i < count; i++)
		if (str_eq(word, str_of(words[i])) || (may_be_pattern && glob_match(word, str_of(words[i]))))
			return NULL;
	const char *closest = nametab_closest(words, count, word);
	if (closest != NULL)
		return str_printf(a, "is nothing that %s can be; did you mean \"%s\"?", fact_descs[id].name, closest).p;
	return str_printf(a, "is nothing that %s can be: %.*s", fact_descs[id].name,
			  STR_ARG(nametab_join(a, words, count))).p;
}

#include "policy/rule_index.h"

#include "base/glob.h"

/* Places of rules. */
struct link {
	struct link *next;
	size_t at;
};

/* The rules that are found by one fact. */
struct guard {
	enum fact_id fact;
	struct map *by_text; /* to struct link */
	uint64_t *all;
};

struct rule_index {
	size_t count, word_count;
	uint64_t *always;
	VEC(struct guard) guards;
};

static void set_bit(uint64_t *words, size_t at)
{
	words[at / 64] |= (uint64_t)1 << (at % 64);
}

/* ---- building ------------------------------------------------------------------------------------------- */

static bool is_written_out(struct str literal)
{
	return !glob_is_pattern(literal) && !str_starts(literal, STR("."));
}

/* A condition on texts that are all written out. Of several recipients each has facts of its own. */
static bool can_guard(const struct rule *r, const struct condition *c)
{
	const struct fact_desc *fact = &fact_descs[c->fact];
	bool is_text = fact->type == TYPE_STRING || fact->type == TYPE_ADDRESS || fact->type == TYPE_DOMAIN;
	if (!is_text || c->test != TEST_VALUE || c->lists.count > 0 ||
	    (fact->scope == SCOPE_RCPT && r->recipients != RECIPIENTS_NONE))
		return false;
	for (size_t i = 0; i < c->literals.count; i++)
		if (!is_written_out(c->literals.items[i]))
			return false;
	return true;
}

static struct guard *guard_of(struct rule_index *x, struct arena *a, enum fact_id fact)
{
	for (size_t i = 0; i < x->guards.count; i++)
		if (x->guards.items[i].fact == fact)
			return &x->guards.items[i];
	struct guard g = { fact, map_new(a), arena_array(a, x->word_count, sizeof(*g.all)) };
	VEC_PUSH(a, &x->guards, g);
	return &x->guards.items[x->guards.count - 1];
}

static void guard_add(struct guard *g, struct arena *a, const struct condition *c, size_t at)
{
	set_bit(g->all, at);
	for (size_t i = 0; i < c->literals.count; i++) {
		struct str text = c->literals.items[i];
		struct link *first = map_get(g->by_text, text), *link = ARENA_NEW(a, struct link);
		link->at = at;
		if (first == NULL) {
			map_add(g->by_text, text, link);
			continue;
		}
		link->next = first->next;
		first->next = link;
	}
}

static void add(struct rule_index *x, struct arena *a, const struct rule *r, size_t at)
{
	for (size_t i = 0; i < r->when.count; i++) {
		const struct condition *c = &r->when.items[i];
		if (!can_guard(r, c))
			continue;
		guard_add(guard_of(x, a, c->fact), a, c, at);
		return;
	}
	set_bit(x->always, at);
}

const struct rule_index *rule_index_new(struct arena *a, const struct rule *const *rules, size_t count)
{
	struct rule_index *x = ARENA_NEW(a, struct rule_index);
	x->count = count;
	x->word_count = (count + 63) / 64;
	x->always = arena_array(a, x->word_count, sizeof(*x->always));
	for (size_t i = 0; i < count; i++)
		add(x, a, rules[i], i);
	return x;
}

/* ---- asking --------------------------------------------------------------------------------------------- */

static void pick_all(uint64_t *words, const uint64_t *more, size_t word_count)
{
	for (size_t i = 0; i < word_count; i++)
		words[i] |= more[i];
}

static void pick_by_text(uint64_t *words, const struct guard *g, struct str text, struct matcher *m)
{
	if (fact_descs[g->fact].type == TYPE_ADDRESS)
		text = address_with_a_labels(m, text);
	for (const struct link *l = map_get(g->by_text, str_lower(m->arena, text)); l != NULL; l = l->next)
		set_bit(words, l->at);
}

struct rule_picks rule_index_pick(const struct rule_index *x, enum stage stage, struct matcher *m)
{
	uint64_t *words = arena_array(m->arena, x->word_count, sizeof(*words));
	pick_all(words, x->always, x->word_count);
	for (size_t i = 0; i < x->guards.count; i++) {
		const struct guard *g = &x->guards.items[i];
		const struct fact_value *v = facts_get(m->facts, g->fact);
		if (v->state == FACT_UNKNOWN || !fact_is_settled(m->facts, g->fact, stage))
			pick_all(words, g->all, x->word_count);
		else if (v->state == FACT_VALUE)
			pick_by_text(words, g, v->text, m);
	}
	return (struct rule_picks){ words, x->count };
}

size_t rule_picks_next(const struct rule_picks *picks, size_t at)
{
	while (at < picks->count) {
		uint64_t rest = picks->words[at / 64] >> (at % 64);
		if (rest != 0)
			return at + (size_t)__builtin_ctzll(rest);
		at = (at / 64 + 1) * 64;
	}
	return picks->count;
}

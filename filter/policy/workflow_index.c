#include "policy/workflow_index.h"

#include <stdlib.h>

#include "base/fail.h"
#include "base/glob.h"
#include "mail/domain.h"
#include "policy/lists.h"
#include "policy/match.h"
#include "policy/text_set.h"
#include "policy/workflow_terms.h"

/* Places of workflows, in order. */
struct slot {
	const struct slot *next;
	uint32_t at;
	struct str pattern; /* in by_domain: of the author */
};

struct chain {
	const struct slot *first;
};

struct workflow_index {
	struct arena *arena;
	struct workflow *const *workflows;
	uint32_t count;
	struct map *by_login;      /* to chains: `match` asks for one of these logins, written out */
	struct chain any_login;    /* all others */
	struct map *by_author;     /* to chains, by address */
	struct map *by_domain;     /* to chains of patterns, by author_sure_domain */
};

/* ---- building ------------------------------------------------------------------------------------------- */

static struct chain *chain_at(struct workflow_index *x, struct map *map, struct str key)
{
	struct chain *c = map_get(map, key);
	if (c == NULL) {
		c = ARENA_NEW(x->arena, struct chain);
		map_add(map, key, c);
	}
	return c;
}

/* From the last workflow to the first. */
static void chain_add(struct workflow_index *x, struct chain *c, uint32_t at, struct str pattern)
{
	struct slot *s = ARENA_NEW(x->arena, struct slot);
	*s = (struct slot){ c->first, at, pattern };
	c->first = s;
}

/* The condition on logins that are all written out; NULL: others may match, too. */
static const struct condition *logins_of(const struct conditions *match)
{
	for (size_t i = 0; i < match->count; i++) {
		const struct condition *c = &match->items[i];
		if (c->fact != FACT_AUTH_LOGIN || c->test != TEST_VALUE || c->lists.count > 0)
			continue;
		for (size_t k = 0; k < c->literals.count; k++)
			if (glob_is_pattern(c->literals.items[k]))
				return NULL;
		return c;
	}
	return NULL;
}

static void add_logins(struct workflow_index *x, uint32_t at)
{
	const struct condition *logins = logins_of(&x->workflows[at]->terms->match);
	if (logins == NULL)
		chain_add(x, &x->any_login, at, STR_EMPTY);
	for (size_t i = 0; logins != NULL && i < logins->literals.count; i++)
		chain_add(x, chain_at(x, x->by_login, logins->literals.items[i]), at, STR_EMPTY);
}

struct str workflow_login(const struct workflow *w)
{
	const struct condition *logins = logins_of(&w->terms->match);
	return logins == NULL || logins->literals.count == 0 ? STR_EMPTY : logins->literals.items[0];
}

struct str author_sure_domain(struct str author)
{
	struct str domain = str_skip(author, (size_t)(str_find_last(author, '@') + 1)), first;
	ptrdiff_t star = str_find_last(domain, '*');
	if (star >= 0) {
		domain = str_skip(domain, (size_t)star + 1);
		str_cut(domain, '.', &first, &domain);
	}
	return domain;
}

static void add_author(void *context, uint32_t at, struct str author)
{
	struct workflow_index *x = context;
	if (glob_is_pattern(author))
		chain_add(x, chain_at(x, x->by_domain, author_sure_domain(author)), at, author);
	else
		chain_add(x, chain_at(x, x->by_author, author), at, author);
}

typedef void author_fn(void *context, uint32_t at, struct str author);

static void each_in_set(const struct text_set *set, uint32_t at, struct arena *a, author_fn *use, void *context)
{
	for (size_t i = 0; set != NULL && i < text_set_count(set); i++)
		use(context, at, text_set_at(set, i, a));
}

/* All that may stand in From. */
static void each_author(const struct workflow_index *x, uint32_t at, struct arena *a, author_fn *use, void *context)
{
	const struct condition *from = x->workflows[at]->terms->identity.parts[PART_FROM];
	if (from == NULL)
		return;
	each_in_set(from->text_set, at, a, use, context);
	for (size_t i = 0; i < from->lists.count; i++)
		each_in_set(from->lists.items[i]->texts, at, a, use, context);
}

const struct workflow_index *workflow_index_new(struct arena *a, struct workflow *const *workflows, size_t count)
{
	struct workflow_index *x = ARENA_NEW(a, struct workflow_index);
	BUG_IF(count > UINT32_MAX);
	x->arena = a;
	x->workflows = workflows;
	x->count = (uint32_t)count;
	x->by_login = map_new(a);
	x->by_author = map_new(a);
	x->by_domain = map_new(a);
	for (uint32_t at = x->count; at-- > 0;) {
		add_logins(x, at);
		each_author(x, at, a, add_author, x);
	}
	return x;
}

/* ---- asking --------------------------------------------------------------------------------------------- */

/* The place of the first of the chain that is accepted; `before` if none before that is. */
static uint32_t first_in(const struct workflow_index *x, const struct chain *c, uint32_t before,
			 workflow_accepts_fn *accepts, void *context)
{
	for (const struct slot *s = c == NULL ? NULL : c->first; s != NULL && s->at < before; s = s->next)
		if (accepts(context, x->workflows[s->at]))
			return s->at;
	return before;
}

static const struct workflow *workflow_of(const struct workflow_index *x, uint32_t at)
{
	return at == x->count ? NULL : x->workflows[at];
}

const struct workflow *workflow_index_match(const struct workflow_index *x, struct str login, struct arena *a,
					    workflow_accepts_fn *accepts, void *context)
{
	uint32_t found = x->count;
	if (login.n > 0)
		found = first_in(x, map_get(x->by_login, str_lower(a, login)), found, accepts, context);
	return workflow_of(x, first_in(x, &x->any_login, found, accepts, context));
}

/* To what is above it, the root at last. False: it was that. */
static bool climb(struct str *domain)
{
	bool is_below = domain->n > 0;
	*domain = domain_parent(*domain);
	return is_below;
}

struct author {
	struct str address;
	struct arena *arena;
};

static bool may_write_as(void *context, const struct workflow *w)
{
	const struct author *author = context;
	return identity_has_author(&w->terms->identity, author->address, author->arena);
}

const struct workflow *workflow_index_owner(const struct workflow_index *x, struct str address, struct arena *a)
{
	struct matcher m = { .arena = a };
	struct author author = { address, a };
	struct str key = str_lower(a, address_with_a_labels(&m, address));
	uint32_t found = first_in(x, map_get(x->by_author, key), x->count, may_write_as, &author);
	struct str domain = author_sure_domain(key);
	do
		found = first_in(x, map_get(x->by_domain, domain), found, may_write_as, &author);
	while (climb(&domain));
	return workflow_of(x, found);
}

/* ---- overlaps ------------------------------------------------------------------------------------------- */

struct search {
	const struct workflow_index *index;
	struct arena *arena;
	VEC(struct workflow_pair) pairs;
	size_t compared;
};

static void compare(struct search *s, uint32_t at, struct str author, const struct slot *other, struct str text)
{
	const struct workflow *a = s->index->workflows[at], *b = s->index->workflows[other->at];
	if (other->at == at || (a->is_shared && b->is_shared) || !a->terms->is_good || !b->terms->is_good)
		return;
	s->compared++;
	if (!glob_meets(author, text))
		return;
	bool is_first = at < other->at;
	VEC_PUSH(s->arena, &s->pairs, (struct workflow_pair){ is_first ? at : other->at, is_first ? other->at : at });
}

/* With the same address, and with patterns at its domain or above; what is below finds this one. Of two in the same
 * chain the later one finds the other. */
static void search_author(void *context, uint32_t at, struct str author)
{
	struct search *s = context;
	const struct workflow_index *x = s->index;
	bool is_pattern = glob_is_pattern(author);
	struct str domain = author_sure_domain(author);
	const struct chain *same = is_pattern ? map_get(x->by_domain, domain) : map_get(x->by_author, author);
	for (const struct slot *o = same->first; o != NULL && o->at < at; o = o->next)
		compare(s, at, author, o, is_pattern ? o->pattern : author);
	for (bool is_more = !is_pattern || climb(&domain); is_more; is_more = climb(&domain)) {
		const struct chain *c = map_get(x->by_domain, domain);
		for (const struct slot *o = c == NULL ? NULL : c->first; o != NULL; o = o->next)
			compare(s, at, author, o, o->pattern);
	}
}

static int by_place(const void *a, const void *b)
{
	const struct workflow_pair *x = a, *y = b;
	if (x->second != y->second)
		return x->second < y->second ? -1 : 1;
	return x->first < y->first ? -1 : x->first > y->first;
}

struct workflow_overlaps workflow_index_overlaps(const struct workflow_index *x, struct arena *a)
{
	struct search s = { .index = x, .arena = a };
	for (uint32_t at = 0; at < x->count; at++)
		each_author(x, at, a, search_author, &s);
	struct workflow_pair *pairs = s.pairs.items;
	size_t count = 0;
	if (s.pairs.count > 0)
		qsort(pairs, s.pairs.count, sizeof(*pairs), by_place);
	for (size_t i = 0; i < s.pairs.count; i++)
		if (i == 0 || by_place(&pairs[i - 1], &pairs[i]) != 0)
			pairs[count++] = pairs[i];
	return (struct workflow_overlaps){ pairs, count, s.compared };
}

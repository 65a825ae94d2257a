/* How workflows fit each other. */
#include "policy/workflow_parse.h"

#include "mail/domain.h"
#include "policy/match.h"
#include "policy/ports.h"
#include "policy/workflow_index.h"
#include "policy/workflow_terms.h"

/* Whose `match` lets through all that this one's does. */
struct shadow {
	struct policy *policy;
	const struct workflow *of;
};

static bool is_in_front(void *context, const struct workflow *w)
{
	struct shadow *s = context;
	s->policy->workflows_compared++;
	return w->terms->is_good && conditions_imply(&s->of->terms->match, &w->terms->match);
}

/* The first of these is the workflow itself, if it is ever chosen. */
static void check_is_reached(struct loader *l, const struct workflow *w)
{
	struct shadow s = { l->policy, w };
	struct str login = workflow_login(w);
	const struct workflow *first = workflow_index_match(l->policy->workflow_index, login, l->arena, is_in_front, &s);
	if (first != NULL && first != w)
		diag_error(l->diags, w->terms->at, "the workflow \"%s\" is never chosen: \"%s\" (%s:%d) matches all that "
			   "it does", w->place.rule, first->place.rule, first->terms->at.file, first->terms->at.line);
}

static void check_identities(struct loader *l)
{
	struct policy *p = l->policy;
	struct arena *scratch = arena_new();
	struct workflow_overlaps overlaps = workflow_index_overlaps(p->workflow_index, scratch);
	p->workflows_compared += overlaps.compared;
	for (size_t i = 0; i < overlaps.count; i++) {
		const struct workflow *a = p->workflows.items[overlaps.pairs[i].first];
		const struct identity *of_a = &a->terms->identity;
		const struct identity *of_b = &p->workflows.items[overlaps.pairs[i].second]->terms->identity;
		struct str common = identity_common_author(scratch, of_b, of_a);
		struct place at = of_a->parts[PART_FROM]->at;
		diag_error(l->diags, of_b->parts[PART_FROM]->at, "\"%.*s\" is also an author of the workflow \"%s\" (%s:%d): "
			   "part them, or say shared = true in both", STR_ARG(common), a->place.rule, at.file, at.line);
	}
	arena_free(scratch);
}

/* One selector is one record in DNS, so one key. */
static void check_selectors(struct loader *l, struct map *keys, const struct workflow *w)
{
	for (size_t i = 0; i < w->sign_count; i++) {
		const struct workflow_sign *s = &w->sign[i];
		if (s->selector.n == 0)
			continue;
		struct str name = str_printf(l->arena, "%.*s._domainkey.%.*s", STR_ARG(s->selector), STR_ARG(s->domain));
		struct workflow_sign *kept = ARENA_NEW(l->arena, struct workflow_sign);
		*kept = *s;
		if (map_add(keys, name, kept))
			continue;
		const struct workflow_sign *other = map_get(keys, name);
		if (!str_eq(other->key, s->key))
			diag_error(l->diags, s->at, "%.*s is the key \"%.*s\" already (%s:%d), and can be one only",
				   STR_ARG(name), STR_ARG(other->key), other->at.file, other->at.line);
	}
}

/* ---- alignment ------------------------------------------------------------------------------------------ */

/* RFC 9989 4.4: relaxed alignment is to have the same organizational domain, which DNS tells. Two names that do not
 * have two labels in common never do. */
static bool may_align(struct str author, struct str signer)
{
	struct str domain = author_sure_domain(author);
	return domain_labels(domain) < 2 || str_eq(domain_last_labels(domain, 2), domain_last_labels(signer, 2));
}

static bool may_be_signed(const struct workflow *w, struct str author)
{
	for (size_t i = 0; i < w->sign_count; i++)
		if (may_align(author, w->sign[i].domain))
			return true;
	return false;
}

static void check_alignment(struct loader *l, const struct workflow *w)
{
	const struct condition *from = w->terms->identity.parts[PART_FROM];
	struct str alone = STR_EMPTY;
	size_t aligned = from->lists.count;
	for (size_t i = 0; i < from->literals.count; i++) {
		if (may_be_signed(w, from->literals.items[i]))
			aligned++;
		else if (alone.n == 0)
			alone = from->literals.items[i];
	}
	if (w->sign_count == 0 || alone.n == 0)
		return;
	if (aligned == 0)
		diag_error(l->diags, w->sign[0].at, "no signature is of a domain of the authors (\"%.*s\"): their mail cannot "
			   "pass DMARC by DKIM", STR_ARG(alone));
	else
		diag_warn(l->diags, from->at, "no signature is of the domain of \"%.*s\": its mail cannot pass DMARC by DKIM",
			  STR_ARG(alone));
}

/* ---- the whole ------------------------------------------------------------------------------------------ */

static void need(struct policy *p, const struct conditions *asked)
{
	for (size_t i = 0; i < asked->count; i++) {
		bits_add(&p->facts, asked->items[i].fact);
		bits_add(&p->at[STAGE_MAIL].facts, asked->items[i].fact);
	}
}

void workflows_check(struct loader *l)
{
	struct policy *p = l->policy;
	struct map *keys = map_new(l->arena);
	p->workflow_index = workflow_index_new(l->arena, p->workflows.items, p->workflows.count);
	for (size_t i = 0; i < p->workflows.count; i++) {
		const struct workflow *w = p->workflows.items[i];
		need(p, &w->terms->match);
		need(p, &w->terms->require);
		if (!w->terms->is_good)
			continue;
		check_is_reached(l, w);
		check_selectors(l, keys, w);
		check_alignment(l, w);
	}
	check_identities(l);
	for (size_t i = 0; i < p->port_groups.count; i++)
		need(p, &p->port_groups.items[i]->require);
	need(p, &p->limits_unless);
}

bool workflow_place_find(const struct policy *p, struct str label, struct rule_place *place)
{
	for (size_t i = 0; i < p->workflows.count; i++) {
		const struct workflow_terms *terms = p->workflows.items[i]->terms;
		bool is_any = str_eq(label, STR("workflows"));
		if (is_any || str_eq(label, str_of(terms->label))) {
			*place = term_place(is_any ? "workflows" : terms->label, terms->at);
			return true;
		}
	}
	for (size_t i = 0; i < p->port_groups.count; i++) {
		const struct port_group *g = p->port_groups.items[i];
		if (str_eq(label, str_of(g->label))) {
			*place = term_place(g->label, g->at);
			return true;
		}
	}
	return false;
}

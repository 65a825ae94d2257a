#include "policy/ports.h"

#include "base/nametab.h"
#include "policy/condition.h"
#include "policy/consequence.h"

enum { PORT_MAX = 65535 };

/* Only the first can be forbidden: nobody is to be kept from TLS. */
enum word { WORD_AUTH, WORD_TLS, WORD_COUNT };
static const char *const words[WORD_COUNT] = { "auth", "tls" };

static bool has_port(const struct port_group *g, int64_t port)
{
	for (size_t i = 0; i < g->ports.ranges.count; i++)
		if (port >= g->ports.ranges.items[i].min && port <= g->ports.ranges.items[i].max)
			return true;
	return false;
}

const struct port_group *ports_find(const struct policy *p, int64_t port)
{
	for (size_t i = 0; i < p->port_groups.count; i++)
		if (has_port(p->port_groups.items[i], port))
			return p->port_groups.items[i];
	return NULL;
}

struct str ports_for_login(const struct policy *p, struct arena *a)
{
	struct str all = STR_EMPTY;
	for (size_t i = 0; i < p->port_groups.count; i++) {
		const struct port_group *g = p->port_groups.items[i];
		if (g->takes_login)
			all = str_printf(a, "%.*s%s%.*s", STR_ARG(all), all.n == 0 ? "" : " or ", STR_ARG(g->ports.wanted));
	}
	return all;
}

/* ---- reading -------------------------------------------------------------------------------------------- */

static void check_free(struct loader *l, const struct port_group *g, struct int_range r)
{
	if (r.min < 1 || r.max > PORT_MAX)
		diag_error(l->diags, g->ports.at, "a port is a number from 1 to %d", PORT_MAX);
	for (size_t i = 0; i < l->policy->port_groups.count; i++) {
		const struct port_group *other = l->policy->port_groups.items[i];
		for (size_t k = 0; k < other->ports.ranges.count; k++)
			if (other->ports.ranges.items[k].min <= r.max && other->ports.ranges.items[k].max >= r.min)
				diag_error(l->diags, g->ports.at, "some of it is already in the group \"%s\" (%s:%d)",
					   other->name, other->at.file, other->at.line);
	}
}

static void take_ports(struct loader *l, const config_setting_t *group, struct port_group *g)
{
	const config_setting_t *s = config_setting_get_member(group, "port");
	if (s == NULL) {
		diag_error(l->diags, g->at, "a group of ports needs `port`");
		return;
	}
	g->ports = condition_parse(l, s, FACT_LISTENER_PORT);
	for (size_t i = 0; i < g->ports.ranges.count; i++)
		check_free(l, g, g->ports.ranges.items[i]);
}

static void ask(struct loader *l, struct port_group *g, enum fact_id id, enum test_kind test, struct place at)
{
	struct condition c = { .fact = id, .test = test, .at = at, .is_good = true };
	VEC_PUSH(l->arena, &g->require, c);
}

/* The words of `require` or `forbid` as bits; those that are not among the first `count` are errors. */
static unsigned take_words(struct loader *l, const config_setting_t *s, size_t count)
{
	const struct str *texts;
	size_t n;
	unsigned found = 0, index;
	if (s == NULL || !lc_texts(l->arena, s, l->diags, &texts, &n))
		return 0;
	for (size_t i = 0; i < n; i++) {
		if (nametab_find(words, count, texts[i], &index))
			found |= 1u << index;
		else
			diag_error(l->diags, lc_place(l->arena, s), "\"%.*s\" is unknown; wanted is %.*s",
				   STR_ARG(texts[i]), STR_ARG(nametab_join(l->arena, words, count)));
	}
	return found;
}

static void take_min_bits(struct loader *l, const config_setting_t *s, struct port_group *g)
{
	struct condition c = { .fact = FACT_TLS_BITS, .at = lc_place(l->arena, s), .is_good = true };
	struct int_range range = { 0, INT64_MAX };
	if (!lc_int(s, l->diags, &range.min))
		return;
	VEC_PUSH(l->arena, &c.ranges, range);
	c.wanted = str_printf(l->arena, "at least %lld", (long long)range.min);
	VEC_PUSH(l->arena, &g->require, c);
}

static void take_tls(struct loader *l, const config_setting_t *s, struct port_group *g)
{
	static const char *const names[] = { "version", "min_bits" };
	if (!lc_is_group(s, l->diags))
		return;
	lc_check_names(s, names, 2, l->diags);
	const config_setting_t *version = config_setting_get_member(s, names[0]);
	const config_setting_t *bits = config_setting_get_member(s, names[1]);
	if (version != NULL)
		VEC_PUSH(l->arena, &g->require, condition_parse(l, version, FACT_TLS_VERSION));
	if (bits != NULL)
		take_min_bits(l, bits, g);
}

static void take_requirements(struct loader *l, const config_setting_t *group, struct port_group *g)
{
	const config_setting_t *require = config_setting_get_member(group, "require");
	const config_setting_t *forbid = config_setting_get_member(group, "forbid");
	const config_setting_t *tls = config_setting_get_member(group, "tls");
	unsigned wanted = take_words(l, require, WORD_COUNT);
	bool forbids_auth = take_words(l, forbid, WORD_AUTH + 1) != 0;
	g->takes_login = (wanted & 1u << WORD_AUTH) != 0;
	if (forbids_auth && g->takes_login)
		diag_error(l->diags, lc_place(l->arena, forbid), "goes against `require`");
	if (forbids_auth)
		ask(l, g, FACT_AUTH_LOGIN, TEST_LACKS, lc_place(l->arena, forbid));
	if (wanted & 1u << WORD_TLS)
		ask(l, g, FACT_TLS_VERSION, TEST_HAS, lc_place(l->arena, require));
	else if (tls != NULL)
		diag_error(l->diags, lc_place(l->arena, tls), "needs require = [ \"tls\" ] beside it: who leaves TLS out "
			   "would pass");
	if (tls != NULL)
		take_tls(l, tls, g);
	if (g->takes_login)
		ask(l, g, FACT_AUTH_LOGIN, TEST_HAS, lc_place(l->arena, require));
	if (g->require.count == 0)
		diag_error(l->diags, g->at, "a group of ports needs `require`, `forbid` or `tls`");
}

static void group_parse(struct loader *l, const config_setting_t *group)
{
	static const char *const names[] = { "port", "require", "forbid", "tls" };
	struct port_group *g = ARENA_NEW(l->arena, struct port_group);
	if (!lc_is_group(group, l->diags))
		return;
	g->name = str_to_c(l->arena, str_of(group->name));
	g->label = str_printf(l->arena, "ports:%s", g->name).p;
	g->at = lc_place(l->arena, group);
	lc_check_names(group, names, 4, l->diags);
	for (size_t i = 0; i < l->policy->port_groups.count; i++) {
		const struct port_group *other = l->policy->port_groups.items[i];
		if (str_eq(str_of(other->name), str_of(g->name)))
			diag_error(l->diags, g->at, "the group of ports \"%s\" is already at %s:%d", g->name,
				   other->at.file, other->at.line);
	}
	take_ports(l, group, g);
	take_requirements(l, group, g);
	VEC_PUSH(l->arena, &l->policy->port_groups, g);
}

void ports_parse(struct loader *l, const config_setting_t *s)
{
	if (!lc_is_group(s, l->diags))
		return;
	for (int i = 0; i < config_setting_length(s); i++)
		group_parse(l, config_setting_get_elem(s, (unsigned)i));
}

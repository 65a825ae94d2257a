#include "policy/workflow_parse.h"

#include "base/nametab.h"
#include "mail/domain.h"
#include "policy/check.h"
#include "policy/condition.h"
#include "policy/consequence.h"
#include "policy/limits_parse.h"
#include "policy/parse.h"
#include "policy/workflow_terms.h"

const char *const workflow_kind_words[WORKFLOW_KIND_COUNT] = { "transactional", "bulk" };

/* A workflow while it is read. */
struct draft {
	struct loader *loader;
	const config_setting_t *group;
	struct workflow *workflow;
	struct workflow_terms *terms;
	VEC(struct workflow_sign) sign;
};

static const config_setting_t *member(const struct draft *d, const char *name)
{
	return config_setting_get_member(d->group, name);
}

static void take_name(struct draft *d)
{
	struct loader *l = d->loader;
	struct str name;
	if (!name_parse(l, d->group, "workflow", &name, &d->workflow->place))
		return;
	struct place at = lc_place(l->arena, member(d, "name"));
	d->terms->label = str_printf(l->arena, "workflow:%.*s", STR_ARG(name)).p;
	if (!word_is_valid(name) || str_eq(name, STR("none"))) {
		diag_error(l->diags, at, "\"%.*s\" is no name of a workflow: up to 64 letters, digits, '-', '_' and '.', "
			   "and not \"none\"", STR_ARG(name));
	} else if (!map_add(l->workflow_names, name, d->workflow)) {
		const struct workflow *other = map_get(l->workflow_names, name);
		diag_error(l->diags, at, "the workflow \"%s\" is already at %s:%d", other->place.rule, other->place.file,
			   other->place.line);
	}
}

/* ---- match and require ---------------------------------------------------------------------------------- */

static void check_fact(struct loader *l, const struct condition *c)
{
	static const char *const groups[] = { "client", "listener", "helo", "tls", "auth", "mail" };
	struct str group, rest;
	unsigned index;
	const struct fact_desc *desc = &fact_descs[c->fact];
	str_cut(str_of(desc->name), '.', &group, &rest);
	if (!nametab_find(groups, sizeof(groups) / sizeof(*groups), group, &index))
		diag_error(l->diags, c->at, "%s says nothing about who sends: ask about client, listener, helo, tls, auth "
			   "and mail", desc->name);
	else if (desc->stage > STAGE_MAIL || probe_asks_dns(desc->probe))
		diag_error(l->diags, c->at, "%s is not known at mail, when this is asked", desc->name);
}

bool sender_conditions_parse(struct loader *l, const config_setting_t *s, struct conditions *conditions)
{
	size_t errors = diags_errors(l->diags);
	conditions_parse(l, s, conditions);
	for (size_t i = 0; i < conditions->count; i++)
		check_fact(l, &conditions->items[i]);
	return diags_errors(l->diags) == errors && conditions_check(l, conditions, config_setting_name(s));
}

static const struct condition *asked(const struct conditions *conditions, enum fact_id id)
{
	for (size_t i = 0; i < conditions->count; i++)
		if (conditions->items[i].fact == id && conditions->items[i].test != TEST_LACKS)
			return &conditions->items[i];
	return NULL;
}

/* A fact that only the right sender can bring about. */
static bool has_credential(const struct conditions *match)
{
	static const enum fact_id credentials[] = { FACT_AUTH_LOGIN, FACT_TLS_CERT_SUBJECT, FACT_TLS_CERT_ISSUER,
						    FACT_CLIENT_IP, FACT_CLIENT_TRUSTED, FACT_CLIENT_LOCAL };
	for (size_t i = 0; i < sizeof(credentials) / sizeof(*credentials); i++) {
		const struct condition *c = asked(match, credentials[i]);
		if (c != NULL && (fact_descs[c->fact].type != TYPE_BOOL || c->truth)) /* client.local = false is none */
			return true;
	}
	return false;
}

static void check_match(struct draft *d)
{
	struct loader *l = d->loader;
	const struct conditions *match = &d->terms->match;
	const struct condition *subject = asked(match, FACT_TLS_CERT_SUBJECT);
	if (subject != NULL && asked(match, FACT_TLS_CERT_ISSUER) == NULL)
		diag_error(l->diags, subject->at, "tls.cert_subject needs tls.cert_issuer beside it: each authority that "
			   "the MTA trusts could have issued such a subject");
	if (!has_credential(match))
		diag_warn(l->diags, lc_place(l->arena, member(d, "match")), "asks for no login, certificate or client "
			  "address: whoever reaches that port may write as \"%s\"", d->workflow->place.rule);
}

/* ---- signatures ----------------------------------------------------------------------------------------- */

static bool take_text(struct draft *d, const config_setting_t *group, const char *name, struct str *out)
{
	struct loader *l = d->loader;
	const config_setting_t *s = config_setting_get_member(group, name);
	if (s == NULL)
		diag_error(l->diags, lc_place(l->arena, group), "a signature needs `%s`", name);
	return s != NULL && lc_text(s, l->diags, out);
}

static void take_domain(struct draft *d, const config_setting_t *group, const char *name, size_t least_labels,
			struct str *out)
{
	struct loader *l = d->loader;
	struct str text;
	if (!take_text(d, group, name, &text))
		return;
	if (!domain_normalize(l->arena, text, out) || domain_labels(*out) < least_labels)
		diag_error(l->diags, lc_place(l->arena, config_setting_get_member(group, name)), "\"%.*s\" is no %s",
			   STR_ARG(text), least_labels > 1 ? "domain to sign for" : "selector (RFC 6376 3.1)");
}

/* It becomes the name of a file in the folder of keys. */
static void take_key(struct draft *d, const config_setting_t *group, struct str *out)
{
	struct loader *l = d->loader;
	if (!take_text(d, group, "key", out))
		return;
	*out = str_dup(l->arena, *out);
	if (!word_is_valid(*out) || str_starts(*out, STR(".")))
		diag_error(l->diags, lc_place(l->arena, config_setting_get_member(group, "key")),
			   "\"%.*s\" is no name of a key: up to 64 letters, digits, '-', '_' and '.', without folder and "
			   ".pem", STR_ARG(*out));
}

/* Without a selector the key says which. */
static bool signs_the_same(const struct workflow_sign *a, const struct workflow_sign *b)
{
	return str_eq(a->domain, b->domain) && str_eq(a->selector, b->selector) &&
	       (a->selector.n > 0 || str_eq(a->key, b->key));
}

static void take_signature(struct draft *d, const config_setting_t *group)
{
	static const char *const names[] = { "domain", "selector", "key" };
	struct loader *l = d->loader;
	struct workflow_sign sign = { STR_EMPTY, STR_EMPTY, STR_EMPTY, lc_place(l->arena, group) };
	lc_check_names(group, names, 3, l->diags);
	take_domain(d, group, "domain", 2, &sign.domain);
	if (config_setting_get_member(group, "selector") != NULL)
		take_domain(d, group, "selector", 1, &sign.selector);
	take_key(d, group, &sign.key);
	for (size_t i = 0; i < d->sign.count && sign.domain.n > 0; i++)
		if (signs_the_same(&d->sign.items[i], &sign))
			diag_error(l->diags, sign.at, "signs twice with the %s %.*s of %.*s",
				   sign.selector.n > 0 ? "selector" : "key",
				   STR_ARG(sign.selector.n > 0 ? sign.selector : sign.key), STR_ARG(sign.domain));
	VEC_PUSH(l->arena, &d->sign, sign);
}

static void take_sign(struct draft *d)
{
	struct loader *l = d->loader;
	const config_setting_t *s = member(d, "sign"), *unsigned_setting = member(d, "unsigned");
	bool is_unsigned = false;
	if (unsigned_setting != NULL && !lc_bool(unsigned_setting, l->diags, &is_unsigned))
		is_unsigned = d->sign.count == 0;
	bool is_list = s != NULL && lc_is_group_list(s, l->diags);
	for (int i = 0; is_list && i < config_setting_length(s); i++)
		take_signature(d, config_setting_get_elem(s, (unsigned)i));
	if (d->sign.count > WORKFLOW_SIGN_MAX)
		diag_error(l->diags, lc_place(l->arena, s), "more than %d signatures: receivers do not verify that many",
			   WORKFLOW_SIGN_MAX);
	if (d->sign.count > 0 && is_unsigned)
		diag_error(l->diags, lc_place(l->arena, unsigned_setting), "goes against `sign`");
	else if (s == NULL && !is_unsigned)
		diag_warn(l->diags, d->terms->at, "signs nothing, so nobody can tell its mail from forged mail; say "
			  "unsigned = true if that is meant");
	d->workflow->sign = d->sign.items;
	d->workflow->sign_count = d->sign.count;
}

/* ---- the whole ------------------------------------------------------------------------------------------ */

static void take_modes(struct draft *d)
{
	struct loader *l = d->loader;
	struct workflow *w = d->workflow;
	const config_setting_t *suppression = member(d, "suppression"), *shared = member(d, "shared"),
			       *bounces = member(d, "signs_bounces");
	unsigned kind;
	if (word_parse(l, member(d, "kind"), workflow_kind_words, WORKFLOW_KIND_COUNT, &kind))
		w->kind = (enum workflow_kind)kind;
	if (suppression != NULL && lc_text(suppression, l->diags, &w->suppression)) {
		w->suppression = str_dup(l->arena, w->suppression);
		if (!word_is_valid(w->suppression))
			diag_error(l->diags, lc_place(l->arena, suppression), "\"%.*s\" is no scope: up to 64 letters, "
				   "digits, '-', '_' and '.'", STR_ARG(w->suppression));
	}
	if (shared != NULL)
		lc_bool(shared, l->diags, &w->is_shared);
	if (bounces != NULL && lc_bool(bounces, l->diags, &w->signs_bounces) && w->signs_bounces && w->sign_count == 0)
		diag_error(l->diags, lc_place(l->arena, bounces), "has no effect: the workflow signs nothing");
}

static void check_needed(struct draft *d, const char *name, const char *what)
{
	if (member(d, name) == NULL)
		diag_error(d->loader->diags, d->terms->at, "a workflow needs `%s`: %s", name, what);
}

static void workflow_parse(struct loader *l, const config_setting_t *group)
{
	static const char *const names[] = { "name", "kind", "match", "require", "identity", "sign", "unsigned",
					     "limits", "suppression", "shared", "signs_bounces" };
	struct workflow *w = ARENA_NEW(l->arena, struct workflow);
	struct workflow_terms *terms = ARENA_NEW(l->arena, struct workflow_terms);
	const config_setting_t *match = config_setting_get_member(group, "match");
	const config_setting_t *require = config_setting_get_member(group, "require");
	const config_setting_t *limits = config_setting_get_member(group, "limits");
	struct draft d = { .loader = l, .group = group, .workflow = w, .terms = terms };
	size_t errors = diags_errors(l->diags);
	w->terms = terms;
	w->suppression = STR_EMPTY;
	terms->label = "workflow:(unnamed)";
	terms->at = lc_place(l->arena, group);
	lc_check_names(group, names, sizeof(names) / sizeof(*names), l->diags);
	take_name(&d);
	check_needed(&d, "match", "by what its mail is known");
	check_needed(&d, "identity", "what may stand in From");
	if (match != NULL && sender_conditions_parse(l, match, &terms->match))
		check_match(&d);
	if (require != NULL)
		sender_conditions_parse(l, require, &terms->require);
	if (member(&d, "identity") != NULL)
		identity_parse(l, member(&d, "identity"), &terms->identity);
	take_sign(&d);
	w->limits.place.rule = terms->label;
	if (limits != NULL)
		workflow_limits_parse(l, limits, &w->limits);
	take_modes(&d);
	terms->is_good = diags_errors(l->diags) == errors;
	VEC_PUSH(l->arena, &l->policy->workflows, w);
}

void workflows_parse(struct loader *l, const config_setting_t *s)
{
	if (!lc_is_group_list(s, l->diags))
		return;
	for (int i = 0; i < config_setting_length(s); i++)
		workflow_parse(l, config_setting_get_elem(s, (unsigned)i));
}

#include "policy/limits.h"

#include "policy/limits_parse.h"
#include "policy/match.h"
#include "policy/workflow.h"
#include "policy/workflow_parse.h"

const struct limits *limits_for(const struct policy *p, const struct workflow *w, const struct facts *facts,
				struct arena *a)
{
	struct matcher m = { .arena = a, .facts = facts };
	const struct condition *decided;
	if (w != NULL)
		return &w->limits;
	if (p->limits_unless.count > 0 && conditions_match(&m, &p->limits_unless, &decided) == TRUTH_YES)
		return NULL;
	return p->limits;
}

/* ---- reading -------------------------------------------------------------------------------------------- */

enum { RATE_AMOUNT_MAX = 1000000000 };

static const char *rate_parse(struct str text, struct rate *out)
{
	struct str amount, per;
	uint64_t number;
	const char *form = "is no rate: a number, a slash and a duration, such as \"500/1h\"";
	if (!str_cut(text, '/', &amount, &per) || !str_to_u64(amount, &number))
		return form;
	if (number == 0 || number > RATE_AMOUNT_MAX)
		return "has no amount between 1 and 1000000000";
	if (lc_parse_duration_ms(per, &out->per_ms) != NULL)
		return form;
	if (out->per_ms < 1000 || out->per_ms > (int64_t)31 * 24 * 3600 * 1000)
		return "has no duration between 1s and 31d";
	out->amount = (int64_t)number;
	return NULL;
}

static const char *size_parse(struct str text, int64_t *out)
{
	const char *wrong = lc_parse_size_bytes(text, out);
	return wrong == NULL && *out == 0 ? "is nothing" : wrong;
}

static void say_if_wrong(struct loader *l, const config_setting_t *s, struct str text, const char *wrong)
{
	if (wrong != NULL)
		diag_error(l->diags, lc_place(l->arena, s), "\"%.*s\" %s", STR_ARG(text), wrong);
}

static void take_rate(struct loader *l, const config_setting_t *s, struct rate *rate)
{
	struct str text;
	if (s != NULL && lc_text(s, l->diags, &text))
		say_if_wrong(l, s, text, rate_parse(text, rate));
}

/* messages and recipients of the group. */
static void take_rates(struct loader *l, const config_setting_t *group, struct limits *limits, enum limit_who who)
{
	take_rate(l, config_setting_get_member(group, "messages"), &limits->per[who].messages);
	take_rate(l, config_setting_get_member(group, "recipients"), &limits->per[who].recipients);
}

static void take_each(struct loader *l, const config_setting_t *group, const char *name, struct limits *limits,
		      enum limit_who who)
{
	static const char *const names[] = { "messages", "recipients" };
	const config_setting_t *s = config_setting_get_member(group, name);
	if (s == NULL || !lc_is_group(s, l->diags))
		return;
	lc_check_names(s, names, 2, l->diags);
	take_rates(l, s, limits, who);
}

static void take_logins_and_clients(struct loader *l, const config_setting_t *s, struct limits *limits)
{
	struct place at = lc_place(l->arena, s);
	limits->place.file = at.file;
	limits->place.line = at.line;
	take_each(l, s, "per_login", limits, LIMIT_LOGIN);
	take_each(l, s, "per_client", limits, LIMIT_CLIENT);
}

void workflow_limits_parse(struct loader *l, const config_setting_t *s, struct limits *limits)
{
	static const char *const names[] = { "messages",      "recipients", "recipients_per_message",
					     "message_bytes", "per_login",  "per_client" };
	struct str text;
	if (!lc_is_group(s, l->diags))
		return;
	lc_check_names(s, names, sizeof(names) / sizeof(*names), l->diags);
	take_rates(l, s, limits, LIMIT_WORKFLOW);
	const config_setting_t *count = config_setting_get_member(s, "recipients_per_message");
	const config_setting_t *bytes = config_setting_get_member(s, "message_bytes");
	if (count != NULL && lc_int(count, l->diags, &limits->recipients_per_message) &&
	    limits->recipients_per_message < 1)
		diag_error(l->diags, lc_place(l->arena, count), "is not 1 or more");
	if (bytes != NULL && lc_text(bytes, l->diags, &text))
		say_if_wrong(l, bytes, text, size_parse(text, &limits->message_bytes));
	take_logins_and_clients(l, s, limits);
}

void limits_parse(struct loader *l, const config_setting_t *s)
{
	static const char *const names[] = { "per_login", "per_client", "unless" };
	struct policy *p = l->policy;
	if (!lc_is_group(s, l->diags))
		return;
	if (p->limits != NULL) {
		diag_error(l->diags, lc_place(l->arena, s), "there are limits for mail of no workflow already (%s:%d)",
			   p->limits->place.file, p->limits->place.line);
		return;
	}
	p->limits = ARENA_NEW(l->arena, struct limits);
	p->limits->place.rule = "limits";
	lc_check_names(s, names, 3, l->diags);
	take_logins_and_clients(l, s, p->limits);
	const config_setting_t *per_login = config_setting_get_member(s, "per_login");
	if (per_login == NULL && config_setting_get_member(s, "per_client") == NULL)
		diag_error(l->diags, lc_place(l->arena, s), "is empty: give `per_login` or `per_client`");
	if (per_login != NULL && p->workflows.count > 0)
		diag_warn(l->diags, lc_place(l->arena, per_login), "counts nothing: where there are workflows, a login for which "
			  "there is none can send nothing");
	const config_setting_t *unless = config_setting_get_member(s, "unless");
	if (unless != NULL)
		sender_conditions_parse(l, unless, &p->limits_unless);
}

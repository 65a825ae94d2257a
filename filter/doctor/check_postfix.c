/* What only Postfix has. */
#include "doctor/patient.h"

#include "base/arena.h"
#include "config/snapshot.h"
#include "policy/workflow.h"

void check_mta(struct patient *p)
{
	if (p->mta_problem.n > 0)
		complain(p, "%.*s", STR_ARG(p->mta_problem))->advice =
			p->mta == MTA_NONE ? STR("with Sendmail: gatepost doctor --sendmail FILE; with Postfix run it where postconf is") :
			p->mta == MTA_SENDMAIL ? STR("gatepost doctor --sendmail FILE names another file") :
						 STR("postfix check");
	for (size_t i = 0; i < p->mta_warnings.count; i++)
		complain_as(p, DOCTOR_WARN, "%.*s", STR_ARG(p->mta_warnings.items[i]))->advice =
			STR("postconf -n; a misspelt name is an unused parameter to Postfix");
}

void check_protocol(struct patient *p)
{
	const char *harm = "Gatepost needs version 6, and ends connections that offer less";
	struct str general = postfix_parameter(p, NULL, "milter_protocol");
	if (!str_eq(general, STR("6")))
		complain(p, "milter_protocol is %.*s: %s", STR_ARG(general), harm)->advice =
			STR("postconf -e 'milter_protocol = 6' && postfix reload");
	for (size_t i = 0; i < p->services.count; i++) {
		const struct service *s = &p->services.items[i];
		struct str version = postfix_parameter(p, s, "milter_protocol");
		if (!str_eq(version, general) && !str_eq(version, STR("6")))
			complain(p, "%.*s: milter_protocol is %.*s: %s", STR_ARG(s->name), STR_ARG(version), harm)->advice =
				str_printf(p->arena, "postconf -PX '%.*s/milter_protocol' && postfix reload", STR_ARG(s->name));
	}
}

void check_double_filter(struct patient *p)
{
	for (size_t i = 0; i < p->hooks.count; i++) {
		const struct hook *h = &p->hooks.items[i];
		for (size_t k = 0; k < h->milters.count && h->is_loopback && !h->is_switched_off; k++)
			if (h->milters.items[k].relation == MILTER_OURS && !h->is_submission)
				complain(p, "%.*s: what a content filter gives back there was judged when it came in", STR_ARG(h->name))->advice =
					str_printf(p->arena, "postconf -P '%.*s/receive_override_options=no_milters' && postfix reload",
						   STR_ARG(h->name));
	}
}

/* ---- logins --------------------------------------------------------------------------------------------- */

static bool has_level(const struct patient *p, const struct service *s, const char *level)
{
	return str_eq(postfix_parameter(p, s, "smtpd_tls_security_level"), str_of(level));
}

void check_tls_auth_only(struct patient *p)
{
	for (size_t i = 0; i < p->services.count; i++) {
		const struct service *s = &p->services.items[i];
		if (postfix_is_yes(p, s, "smtpd_sasl_auth_enable") && !postfix_is_yes(p, s, "smtpd_tls_auth_only") &&
		    !postfix_is_yes(p, s, "smtpd_tls_wrappermode") && !has_level(p, s, "encrypt"))
			complain(p, "%.*s: takes passwords without TLS", STR_ARG(s->name))->advice =
				STR("postconf -e 'smtpd_tls_auth_only = yes' && postfix reload");
	}
}

void check_auth_on_relay(struct patient *p)
{
	for (size_t i = 0; i < p->services.count; i++) {
		const struct service *s = &p->services.items[i];
		bool is_relay = str_starts(s->name, STR("smtp/")) || str_starts(s->name, STR("25/")) ||
				str_starts(s->name, STR("smtpd/"));
		if (is_relay && postfix_is_yes(p, s, "smtpd_sasl_auth_enable"))
			complain(p, "%.*s: takes logins, so passwords are guessed at where all the world may connect", STR_ARG(s->name))->advice =
				str_printf(p->arena, "postconf -P '%.*s/smtpd_sasl_auth_enable=no' && postfix reload; users submit on "
					   "587 or 465", STR_ARG(s->name));
	}
}

/* ---- mail that no smtpd took ---------------------------------------------------------------------------- */

void check_bounces(struct patient *p)
{
	struct str classes = postfix_parameter(p, NULL, "internal_mail_filter_classes"), item, rest = classes;
	bool filters_bounces = false, signs_bounces = false;
	while (list_next(&rest, &item))
		filters_bounces = filters_bounces || str_eq(item, STR("bounce"));
	for (size_t i = 0; p->snapshot != NULL && i < policy_workflow_count(p->snapshot->policy); i++)
		signs_bounces = signs_bounces || policy_workflow_at(p->snapshot->policy, i)->signs_bounces;
	if (signs_bounces && !filters_bounces)
		complain(p, "internal_mail_filter_classes has no \"bounce\": bounces that Postfix makes are not signed, though a workflow "
			 "has signs_bounces")->advice =
			STR("postconf -e 'internal_mail_filter_classes = bounce' && postfix reload");
}

/* ---- bytes ---------------------------------------------------------------------------------------------- */

/* "\0" or "\000", not "\012" */
static bool has_nul(struct str characters)
{
	struct str rest = characters, escape;
	str_cut(rest, '\\', &escape, &rest);
	while (str_next(&rest, '\\', &escape)) {
		size_t zeros = 0;
		while (zeros < escape.n && escape.p[zeros] == '0')
			zeros++;
		if (zeros > 0 && (zeros == 3 || zeros == escape.n || !char_is_digit(escape.p[zeros])))
			return true;
	}
	return false;
}

void check_nul_bytes(struct patient *p)
{
	if (!has_nul(postfix_parameter(p, NULL, "message_reject_characters")) &&
	    !has_nul(postfix_parameter(p, NULL, "message_strip_characters")))
		complain(p, "message_reject_characters does not have \\0: what stands behind a NUL in a header field is shown to no "
			 "milter, and to some readers")->advice =
			STR("postconf -e 'message_reject_characters = \\0' && postfix reload");
}

void check_strip_characters(struct patient *p)
{
	struct str strip = postfix_parameter(p, NULL, "message_strip_characters");
	if (strip.n > 0)
		complain(p, "message_strip_characters = %.*s: Postfix takes them out before the message is verified, which breaks "
			 "signatures over them", STR_ARG(strip))->advice =
			STR("postconf -X message_strip_characters && postfix reload");
}

void check_outbound_tls(struct patient *p)
{
	struct str level = postfix_parameter(p, NULL, "smtp_tls_security_level");
	if ((level.n == 0 || str_eq(level, STR("none"))) && !postfix_is_yes(p, NULL, "smtp_use_tls"))
		complain(p, "smtp_tls_security_level is %s: mail leaves in clear, which large receivers refuse of bulk senders",
			 level.n == 0 ? "not set" : "none")->advice =
			STR("postconf -e 'smtp_tls_security_level = may' && postfix reload");
}

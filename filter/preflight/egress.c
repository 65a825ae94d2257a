/* What belongs to the addresses that we send from: their reverse names, and SPF of envelope domains. */
#include "preflight/report.h"

#include "auth/iprev.h"
#include "auth/spf.h"
#include "auth/spf_dns.h"
#include "base/arena.h"
#include "base/buf.h"
#include "option/options.h"

enum { LOOKUPS_NEAR_LIMIT = LIMIT_TERMS - 1 };

static struct str ip_text(const struct run *run, struct ip ip)
{
	char text[IP_TEXT_MAX];
	return str_dup(run->arena, str_of(ip_print(ip, text)));
}

/* "ip4:192.0.2.10" */
static struct str ip_term(const struct run *run, struct ip ip)
{
	return str_printf(run->arena, "%s:%.*s", ip.family == IP_V4 ? "ip4" : "ip6", STR_ARG(ip_text(run, ip)));
}

void check_egress(const struct run *run, struct preflight_lines *lines)
{
	if (run->egress_count == 0)
		report_add(run, lines, "iprev", PREFLIGHT_WARN, STR("egress"),
			   "is not set: neither SPF nor reverse names can be checked")->advice =
			STR("name the addresses that receivers see, in gatepost.conf: egress = [ \"192.0.2.10\" ];");
	for (size_t i = 0; i < run->egress_count; i++) {
		struct str subject = ip_text(run, run->egress[i]);
		const struct iprev_verdict *v =
			iprev_check(run->dns, run->egress[i], run->deadline_mono_ms, run->arena);
		if (v->result == RESULT_PASS)
			report_add(run, lines, "iprev", PREFLIGHT_OK, subject, "%.*s, and back", STR_ARG(v->name));
		else if (v->result == RESULT_TEMPERROR)
			report_add(run, lines, "iprev", PREFLIGHT_TEMPERROR, subject, "%.*s", STR_ARG(v->reason));
		else
			report_add(run, lines, "iprev", PREFLIGHT_FAIL, subject, "%.*s", STR_ARG(v->reason))->advice =
				str_printf(run->arena, "ask who provides the address for a PTR record with the mail "
					   "server's name, and publish %s of that name", 
					   run->egress[i].family == IP_V4 ? "A" : "AAAA");
	}
}

/* ---- SPF ------------------------------------------------------------------------------------------------ */

static const struct spf_verdict *ask_spf(const struct flight *f, const struct workflow_domain *d, struct ip client)
{
	const struct spf_check check = {
		.client = client,
		.helo = f->run->options->authserv_id,
		.mail_from = d->address,
		.our_name = f->run->options->authserv_id,
	};
	return spf_check_mailfrom(f->run->dns, &check, f->run->deadline_mono_ms, f->run->arena);
}

static struct preflight_line *add(struct flight *f, enum preflight_grade grade, struct str subject, struct str found)
{
	return report_add(f->run, &f->report->lines, "spf", grade, subject, "%.*s", STR_ARG(found));
}

/* A record that permits our addresses and no others. */
static struct str own_record(const struct flight *f, struct str domain)
{
	struct buf b;
	buf_init(&b, 0);
	buf_printf(&b, "%.*s. IN TXT \"v=spf1", STR_ARG(domain));
	for (size_t i = 0; i < f->run->egress_count; i++)
		buf_printf(&b, " %.*s", STR_ARG(ip_term(f->run, f->run->egress[i])));
	buf_add(&b, STR(" -all\""));
	struct str text = str_dup(f->run->arena, buf_str(&b));
	buf_fini(&b);
	return text;
}

static void tell_ours(struct flight *f, const struct spf_verdict *v, struct ip client)
{
	const struct run *run = f->run;
	struct str ip = ip_text(run, client);
	struct str subject = str_printf(run->arena, "%.*s from %.*s", STR_ARG(v->domain), STR_ARG(ip));
	struct str found = str_printf(run->arena, "%s: %.*s", result_words[v->result], STR_ARG(v->reason));
	switch (v->result) {
	case RESULT_PASS:
		add(f, PREFLIGHT_OK, subject, str_printf(run->arena, "pass by %.*s", STR_ARG(v->mechanism)));
		return;
	case RESULT_TEMPERROR:
		add(f, PREFLIGHT_TEMPERROR, subject, found);
		return;
	case RESULT_FAIL:
	case RESULT_SOFTFAIL:
	case RESULT_NEUTRAL:
		add(f, PREFLIGHT_FAIL, subject, found)->advice =
			str_printf(run->arena, "add %.*s to the record of %.*s, before its \"all\"",
				   STR_ARG(ip_term(run, client)), STR_ARG(v->domain));
		return;
	case RESULT_NONE:
	case RESULT_POLICY:
	case RESULT_PERMERROR:
	case RESULT_COUNT:
		break;
	}
	add(f, PREFLIGHT_FAIL, subject, found)->advice =
		STR("correct the record: receivers take mail as if it had none");
}

/* No client has the address 0.0.0.0, so what the record says of it, it says of everyone that it does not name; and on the way
 * there every term has been tried. */
static void tell_others(struct flight *f, const struct workflow_domain *d)
{
	const struct run *run = f->run;
	const struct spf_verdict *v = ask_spf(f, d, (struct ip){ .family = IP_V4 });
	struct str subject = str_printf(run->arena, "%.*s from elsewhere", STR_ARG(d->name));
	struct str found = str_printf(run->arena, "%s, after %u of %d look-ups", result_words[v->result], v->lookups,
				      LIMIT_TERMS);
	if (v->voids > 0)
		found = str_printf(run->arena, "%.*s, %u of %d that may find nothing", STR_ARG(found), v->voids,
				   LIMIT_VOIDS);
	switch (v->result) {
	case RESULT_PASS:
		add(f, PREFLIGHT_FAIL, subject, found)->advice =
			STR("the record permits every address to send in this name: end it with -all");
		return;
	case RESULT_NONE:
	case RESULT_NEUTRAL:
		add(f, PREFLIGHT_WARN, subject, found)->advice =
			STR("the record denies nothing: end it with -all, or ~all while you try it");
		return;
	case RESULT_PERMERROR:
		add(f, PREFLIGHT_WARN, subject, str_printf(run->arena, "permerror: %.*s", STR_ARG(v->reason)))->advice =
			STR("the record is in error behind the term that permits us: correct it");
		return;
	case RESULT_TEMPERROR:
		add(f, PREFLIGHT_TEMPERROR, subject, str_printf(run->arena, "temperror: %.*s", STR_ARG(v->reason)));
		return;
	case RESULT_FAIL:
	case RESULT_SOFTFAIL:
	case RESULT_POLICY:
	case RESULT_COUNT:
		break;
	}
	if (v->lookups >= LOOKUPS_NEAR_LIMIT || v->voids == LIMIT_VOIDS)
		add(f, PREFLIGHT_WARN, subject, found)->advice =
			STR("one more makes it a permanent error: name networks with ip4 and ip6 in place of names");
	else
		add(f, PREFLIGHT_OK, subject, found);
}

static void check_domain(struct flight *f, const struct workflow_domain *d)
{
	bool all_pass = true;
	for (size_t i = 0; i < f->run->egress_count; i++) {
		const struct spf_verdict *v = ask_spf(f, d, f->run->egress[i]);
		f->spf[f->spf_count++] = v;
		all_pass = all_pass && v->result == RESULT_PASS;
		if (v->result != RESULT_NONE) {
			tell_ours(f, v, f->run->egress[i]);
		} else if (i == 0) { /* the same for every address */
			struct preflight_line *line = add(f, PREFLIGHT_FAIL, d->name, STR("no SPF record"));
			line->advice = STR("publish one:");
			line->record = own_record(f, d->name);
		}
	}
	if (all_pass)
		tell_others(f, d);
}

void check_spf(struct flight *f)
{
	const struct run *run = f->run;
	if (run->egress_count == 0)
		return;
	f->spf = arena_array(run->arena, f->senders->count * run->egress_count, sizeof(*f->spf));
	for (size_t i = 0; i < f->senders->count; i++) {
		const struct workflow_domain *d = &f->senders->items[i];
		if (d->is_pattern)
			add(f, PREFLIGHT_WARN, d->name, STR("stands for more than one domain: not checked"));
		else
			check_domain(f, d);
	}
	if (f->senders->is_cut)
		add(f, PREFLIGHT_WARN, STR("envelope sender"),
		    str_printf(run->arena, "may be of more than %d domains: the rest is not checked",
			       WORKFLOW_DOMAINS_MAX));
}

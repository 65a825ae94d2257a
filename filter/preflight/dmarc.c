/* The authors' domains: their DMARC records, what is aligned with them, and what a receiver makes of it all. */
#include "preflight/report.h"

#include "auth/dmarc.h"
#include "auth/dmarc_record.h"
#include "base/arena.h"
#include "dns/dns.h"

static struct preflight_line *add(struct flight *f, const char *check, enum preflight_grade grade, struct str subject,
				  struct str found)
{
	return report_add(f->run, &f->report->lines, check, grade, subject, "%.*s", STR_ARG(found));
}

static const struct dmarc_verdict *evaluate(const struct flight *f, struct str author, const struct spf_verdict *spf,
					    const struct dkim_verdict *dkim, size_t dkim_count)
{
	const struct dmarc_check check = {
		.author_domain = author, .spf = spf, .dkim = dkim, .dkim_count = dkim_count,
	};
	return dmarc_evaluate(f->run->dns, &check, f->run->deadline_mono_ms, f->run->arena);
}

/* ---- the record ----------------------------------------------------------------------------------------- */

/* Several count as none, and nobody would guess it from "no record". */
static size_t count_records(const struct flight *f, struct str domain)
{
	size_t count = 0;
	const struct dns_answer *answer = dns_ask(f->run->dns, str_printf(f->run->arena, "_dmarc.%.*s", STR_ARG(domain)),
						  DNS_TXT, f->run->deadline_mono_ms, f->run->arena);
	for (size_t i = 0; i < answer->count; i++)
		count += dmarc_record_claims(answer->records[i].text);
	return count;
}

static void tell_no_record(struct flight *f, struct str author, const struct dmarc_verdict *v)
{
	struct arena *a = f->run->arena;
	size_t records = count_records(f, author);
	struct str name = v->record_domain.n > 0 ? v->record_domain : author;
	struct preflight_line *line = add(f, "dmarc", PREFLIGHT_FAIL, author,
					  records > 1 ? str_printf(a, "_dmarc.%.*s has %zu records: they count as none",
								   STR_ARG(author), records) : v->reason);
	line->advice = records > 1 ? STR("leave one of them") : STR("publish one, at least to learn of forgeries:");
	if (records <= 1)
		line->record = str_printf(a, "_dmarc.%.*s. IN TXT \"v=DMARC1; p=none; rua=mailto:dmarc@%.*s\"",
					  STR_ARG(name), STR_ARG(name));
}

static void tell_record(struct flight *f, struct str author, const struct dmarc_verdict *v)
{
	struct arena *a = f->run->arena;
	struct str found = str_printf(a, "record at %.*s, policy %.*s%s%s", STR_ARG(v->record_domain),
				      STR_ARG(v->policy.n > 0 ? v->policy : STR("cannot be told")),
				      v->is_testing ? ", t=y" : "", v->rua_count == 0 ? ", no reports (rua)" : "");
	bool is_mild = str_eq(v->policy, STR("none"));
	struct preflight_line *line = add(f, "dmarc", is_mild || v->rua_count == 0 ? PREFLIGHT_WARN : PREFLIGHT_OK,
					  author, found);
	if (is_mild)
		line->advice = STR("anyone can write in this name: once all own mail passes, publish p=quarantine or p=reject");
	else if (v->rua_count == 0)
		line->advice = str_printf(a, "add rua=mailto:ADDRESS, else failures of own mail are never heard of");
}

/* ---- alignment ------------------------------------------------------------------------------------------ */

static const char *mode(struct str word)
{
	return str_eq(word, STR("s")) ? "strict" : "relaxed";
}

static void tell_alignment(struct flight *f, struct str author, struct str what, bool is_aligned, struct str word)
{
	struct arena *a = f->run->arena;
	struct preflight_line *line = add(f, "align", is_aligned ? PREFLIGHT_OK : PREFLIGHT_WARN, what,
		str_printf(a, "%s with From %.*s (%s)", is_aligned ? "aligned" : "not aligned", STR_ARG(author), mode(word)));
	if (!is_aligned)
		line->advice = str_printf(a, "passes by this identity do not count for DMARC: use %.*s%s", STR_ARG(author),
					  str_eq(word, STR("s")) ? "" : " or a name that shares its organizational domain");
}

/* As if it passed: only whether that would count is asked. */
static void check_alignment(struct flight *f, struct str author)
{
	struct arena *a = f->run->arena;
	for (size_t i = 0; i < f->senders->count; i++) {
		struct str domain = f->senders->items[i].name;
		const struct spf_verdict pass = { .result = RESULT_PASS, .domain = domain };
		if (f->senders->items[i].is_pattern)
			continue;
		const struct dmarc_verdict *v = evaluate(f, author, &pass, NULL, 0);
		if (v->result != RESULT_TEMPERROR)
			tell_alignment(f, author, str_printf(a, "envelope %.*s", STR_ARG(domain)), v->spf_aligned, v->aspf);
	}
	for (size_t i = 0; i < f->dkim_count; i++) {
		const struct dkim_verdict pass = { .result = RESULT_PASS, .domain = f->dkim[i].domain, .covers_body = true };
		const struct dmarc_verdict *v = evaluate(f, author, NULL, &pass, 1);
		if (v->result != RESULT_TEMPERROR)
			tell_alignment(f, author, str_printf(a, "d=%.*s", STR_ARG(pass.domain)), v->dkim_aligned, v->adkim);
	}
}

/* ---- the verdict ---------------------------------------------------------------------------------------- */

/* The worst of what the messages of one author can become: one for each envelope domain and egress address. */
struct outcome {
	enum result result;
	bool by_spf, by_dkim;
	struct str reason;
};

static int badness(enum result result)
{
	return result == RESULT_PASS ? 0 : result == RESULT_TEMPERROR ? 1 : 2;
}

static void join(struct outcome *o, enum result result, bool by_spf, bool by_dkim, struct str reason)
{
	if (badness(result) > badness(o->result)) {
		o->result = result;
		o->reason = reason;
	}
	o->by_spf = o->by_spf && by_spf;
	o->by_dkim = o->by_dkim && by_dkim;
}

static struct outcome judge_author(struct flight *f, struct str author)
{
	struct outcome o = { RESULT_PASS, true, true, STR_EMPTY };
	for (size_t i = 0; i < f->spf_count || i == 0; i++) {
		const struct dmarc_verdict *v = evaluate(f, author, f->spf_count == 0 ? NULL : f->spf[i], f->dkim,
							 f->dkim_count);
		join(&o, v->result, v->spf_aligned, v->dkim_aligned, v->reason);
	}
	return o;
}

static struct outcome check_author(struct flight *f, struct str author)
{
	const struct dmarc_verdict *v = evaluate(f, author, NULL, NULL, 0);
	if (v->result == RESULT_TEMPERROR) {
		add(f, "dmarc", PREFLIGHT_TEMPERROR, author, v->reason);
	} else if (v->result == RESULT_NONE) {
		tell_no_record(f, author, v);
	} else {
		check_alignment(f, author);
		tell_record(f, author, v);
	}
	return judge_author(f, author);
}

static struct str print_verdict(struct arena *a, const struct outcome *o, struct str author)
{
	if (o->result == RESULT_PASS)
		return str_printf(a, "yes, by %s", !o->by_dkim ? "SPF alone" : !o->by_spf ? "DKIM alone" : "SPF and DKIM");
	return str_printf(a, "%s: %.*s: %.*s", o->result == RESULT_TEMPERROR ? "cannot be told now" : "no",
			  STR_ARG(author), STR_ARG(o->reason));
}

void check_dmarc(struct flight *f)
{
	struct outcome all = { RESULT_PASS, true, true, STR_EMPTY };
	struct str worst = STR_EMPTY;
	size_t checked = 0;
	for (size_t i = 0; i < f->authors->count; i++) {
		const struct workflow_domain *d = &f->authors->items[i];
		if (d->is_pattern) {
			add(f, "dmarc", PREFLIGHT_WARN, d->name, STR("stands for more than one domain: not checked"));
			continue;
		}
		struct outcome one = check_author(f, d->name);
		worst = badness(one.result) > badness(all.result) ? d->name : worst;
		join(&all, one.result, one.by_spf, one.by_dkim, one.reason);
		checked++;
	}
	if (f->authors->is_cut)
		add(f, "dmarc", PREFLIGHT_WARN, STR("From"),
		    str_printf(f->run->arena, "may be of more than %d domains: the rest is not checked", WORKFLOW_DOMAINS_MAX));
	struct preflight_workflow *w = f->report;
	bool is_open = checked == 0 || (all.result == RESULT_FAIL && f->spf_count == 0);
	w->dmarc = is_open ? RESULT_NONE : all.result;
	w->by_spf = w->dmarc == RESULT_PASS && all.by_spf;
	w->by_dkim = w->dmarc == RESULT_PASS && all.by_dkim;
	w->verdict = checked == 0 ? STR("cannot be told: From names no certain domain") :
		     is_open	  ? STR("cannot be told: DKIM does not pass, and SPF is not checked") :
				    print_verdict(f->run->arena, &all, worst);
}

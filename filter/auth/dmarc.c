#include "auth/dmarc.h"

#include "auth/dmarc_confirm.h"
#include "auth/dmarc_walk.h"
#include "base/arena.h"
#include "base/fail.h"
#include "log/log.h"
#include "mail/domain.h"

enum alignment { NOT_ALIGNED, ALIGNED, UNCERTAIN };

struct evaluation {
	struct arena *arena;
	const struct dmarc_check *check;
	struct dmarc_finder *finder;
	struct dmarc_walk walk;            /* from the author domain */
	const struct dmarc_record *record; /* that applies */
	enum alignment spf, dkim;          /* of a pass; or, if there is none, of what could have been one */
	struct str doubt;                  /* what made the last UNCERTAIN */
	enum dmarc_request policy;         /* UNSET: cannot be told */
	struct dmarc_verdict *verdict;
};

static const struct dmarc_verdict *conclude(struct evaluation *e, enum result result, struct str reason)
{
	e->verdict->result = result;
	e->verdict->reason = reason;
	return e->verdict;
}

static struct str explain_failed(struct evaluation *e, const struct dmarc_find *failed)
{
	return str_printf(e->arena, "no answer for _dmarc.%.*s (%s)", STR_ARG(failed->domain),
			  dns_status_words[failed->status]);
}

static void publish(struct dmarc_verdict *v, struct str domain, const struct dmarc_record *r)
{
	v->record_domain = domain;
	v->p = str_of(dmarc_request_words[r->p]);
	v->sp = str_of(dmarc_request_words[r->sp]);
	v->np = str_of(dmarc_request_words[r->np]);
	v->adkim = r->adkim;
	v->aspf = r->aspf;
	v->fo = r->fo;
	v->psd = r->psd_word;
	v->is_testing = r->is_testing;
	v->rua = r->rua;
	v->rua_count = r->rua_count;
}

/* RFC 9989 4.10.1: the author domain's own record, else the organizational domain's, else the suffix's.
 * False: the verdict is complete. A walk that failed above an own record may still not matter. */
static bool find_record(struct evaluation *e)
{
	struct str author = e->check->author_domain, domain = author;
	e->walk = dmarc_walk(e->finder, author);
	const struct dmarc_find *own = dmarc_find(e->finder, author);
	e->record = own->record;
	if (e->walk.failed != NULL && e->record == NULL) {
		conclude(e, RESULT_TEMPERROR, explain_failed(e, e->walk.failed));
		return false;
	}
	if (e->walk.failed == NULL)
		e->verdict->org_domain = e->walk.org_domain;
	if (e->record == NULL && e->walk.org_record != NULL) {
		e->record = e->walk.org_record;
		domain = e->walk.org_domain;
	} else if (e->record == NULL) {
		e->record = e->walk.psd_record;
		domain = e->walk.psd_domain;
	}
	if (e->record == NULL) {
		conclude(e, RESULT_NONE, STR("no DMARC record"));
		return false;
	}
	publish(e->verdict, domain, e->record);
	if (!e->record->has_policy) {
		conclude(e, RESULT_NONE, STR("the record has no valid policy and no usable rua"));
		return false;
	}
	return true;
}

static enum alignment doubt(struct evaluation *e, struct str why)
{
	e->doubt = why;
	return UNCERTAIN;
}

/* RFC 9989 4.10.2. An organizational domain is the name itself or above it, so a domain beside the author's
 * cannot share it and needs no walk. */
static enum alignment align(struct evaluation *e, struct str domain, bool is_strict)
{
	struct str author = e->check->author_domain;
	if (domain.n == 0)
		return NOT_ALIGNED;
	if (str_eq(domain, author))
		return ALIGNED;
	if (is_strict || !str_eq(domain_last_labels(domain, 1), domain_last_labels(author, 1)))
		return NOT_ALIGNED;
	if (e->walk.failed == NULL && !domain_is_at_or_below(domain, e->walk.org_domain))
		return NOT_ALIGNED;
	struct dmarc_walk walk = dmarc_walk(e->finder, domain);
	if (e->walk.failed == NULL && walk.failed == NULL)
		return str_eq(walk.org_domain, e->walk.org_domain) ? ALIGNED : NOT_ALIGNED;
	if (dmarc_walks_end_alike(&e->walk, author, &walk, domain))
		return ALIGNED;
	return doubt(e, explain_failed(e, e->walk.failed != NULL ? e->walk.failed : walk.failed));
}

/* A temporary failure counts like a pass that nobody has seen yet. */
static enum alignment weigh(struct evaluation *e, const char *method, enum result result, struct str domain,
			    bool is_strict)
{
	if (result != RESULT_PASS && result != RESULT_TEMPERROR)
		return NOT_ALIGNED;
	enum alignment alignment = align(e, domain, is_strict);
	if (result == RESULT_TEMPERROR && alignment == ALIGNED)
		return doubt(e, str_printf(e->arena, "%s for %.*s ended in temperror", method, STR_ARG(domain)));
	return alignment;
}

static void weigh_all(struct evaluation *e)
{
	const struct dmarc_check *c = e->check;
	if (c->spf != NULL)
		e->spf = weigh(e, "SPF", c->spf->result, c->spf->domain, e->record->is_spf_strict);
	for (size_t i = 0; i < c->dkim_count && e->dkim != ALIGNED; i++) {
		const struct dkim_verdict *d = &c->dkim[i];
		/* What l= leaves unsigned anyone may have written. */
		if (d->result == RESULT_PASS && !d->covers_body)
			continue;
		enum alignment alignment = weigh(e, "DKIM", d->result, d->domain, e->record->is_dkim_strict);
		if (alignment != NOT_ALIGNED)
			e->dkim = alignment;
	}
	e->verdict->spf_aligned = e->spf == ALIGNED;
	e->verdict->dkim_aligned = e->dkim == ALIGNED;
}

/* t=y asks for one step less (RFC 9989 4.7). */
static enum dmarc_request one_step_milder(enum dmarc_request request)
{
	switch (request) {
	case REQUEST_REJECT:
		return REQUEST_QUARANTINE;
	case REQUEST_QUARANTINE:
	case REQUEST_NONE:
		return REQUEST_NONE;
	case REQUEST_UNSET:
	case REQUEST_COUNT:
		break;
	}
	BUG_IF(true);
}

/* RFC 9989 4.10.1: p= for the record's own domain; below it np= for a name that does not exist, else sp=,
 * else p=. Whether the name exists is asked only where that makes a difference. */
static void choose_policy(struct evaluation *e)
{
	const struct dmarc_record *r = e->record;
	struct str author = e->check->author_domain;
	e->policy = r->p;
	if (!str_eq(e->verdict->record_domain, author)) {
		if (r->sp != REQUEST_UNSET)
			e->policy = r->sp;
		if (r->np != REQUEST_UNSET && r->np != e->policy) {
			enum dmarc_existence existence = dmarc_existence(e->finder, author);
			e->verdict->is_nonexistent = existence == DOMAIN_DOES_NOT_EXIST;
			if (existence == DOMAIN_DOES_NOT_EXIST)
				e->policy = r->np;
			else if (existence == DOMAIN_UNCERTAIN)
				e->policy = REQUEST_UNSET;
		}
	}
	if (r->is_testing && e->policy != REQUEST_UNSET)
		e->policy = one_step_milder(e->policy);
	e->verdict->policy = str_of(dmarc_request_words[e->policy]);
}

static struct str explain_spf(struct evaluation *e)
{
	const struct spf_verdict *spf = e->check->spf;
	if (spf == NULL || spf->domain.n == 0)
		return STR("no SPF");
	return str_printf(e->arena, "SPF %s for %.*s%s", result_words[spf->result], STR_ARG(spf->domain),
			  spf->result == RESULT_PASS ? " is not aligned" : "");
}

/* Tells of the signature that came closest: a pass before anything else. */
static struct str explain_dkim(struct evaluation *e)
{
	const struct dkim_verdict *best = e->check->dkim;
	if (e->check->dkim_count == 0)
		return STR("no DKIM signature");
	for (size_t i = 0; i < e->check->dkim_count && best->result != RESULT_PASS; i++)
		if (e->check->dkim[i].result == RESULT_PASS)
			best = &e->check->dkim[i];
	if (best->result != RESULT_PASS)
		return str_printf(e->arena, "DKIM %s for %.*s", result_words[best->result], STR_ARG(best->domain));
	return str_printf(e->arena, "DKIM pass for %.*s %s", STR_ARG(best->domain),
			  best->covers_body ? "is not aligned" : "leaves a part of the body unsigned");
}

static const struct dmarc_verdict *conclude_pass(struct evaluation *e)
{
	const char *what = e->spf != ALIGNED ? "DKIM" : e->dkim != ALIGNED ? "SPF" : "SPF and DKIM";
	return conclude(e, RESULT_PASS, str_printf(e->arena, "aligned: %s", what));
}

static const struct dmarc_verdict *conclude_unaligned(struct evaluation *e)
{
	if (e->spf == UNCERTAIN || e->dkim == UNCERTAIN)
		return conclude(e, RESULT_TEMPERROR, e->doubt);
	if (e->policy == REQUEST_UNSET)
		return conclude(e, RESULT_TEMPERROR, STR("no answer on whether the author domain exists (np=)"));
	struct str spf = explain_spf(e), dkim = explain_dkim(e);
	return conclude(e, RESULT_FAIL, str_printf(e->arena, "%.*s; %.*s", STR_ARG(spf), STR_ARG(dkim)));
}

const struct dmarc_verdict *dmarc_evaluate(struct dns *dns, const struct dmarc_check *check, int64_t deadline_mono_ms,
					   struct arena *a)
{
	struct evaluation e = {
		.arena = a,
		.check = check,
		.finder = dmarc_finder_new(dns, deadline_mono_ms, a),
		.verdict = ARENA_NEW(a, struct dmarc_verdict),
	};
	BUG_IF(check->author_domain.n == 0);
	if (!find_record(&e))
		return e.verdict;
	weigh_all(&e);
	choose_policy(&e);
	bool is_aligned = e.verdict->spf_aligned || e.verdict->dkim_aligned;
	const struct dmarc_verdict *v = is_aligned ? conclude_pass(&e) : conclude_unaligned(&e);
	if (v->result != RESULT_TEMPERROR && e.policy != REQUEST_UNSET &&
	    !dmarc_confirm(check->author_domain, e.policy, v->spf_aligned, v->dkim_aligned)) {
		log_error(check->log, "bug: libopendmarc does not confirm dmarc=%s policy=%s for %.*s",
			  result_words[v->result], dmarc_request_words[e.policy], STR_ARG(check->author_domain));
		return conclude(&e, RESULT_TEMPERROR, STR("the DMARC result could not be confirmed"));
	}
	return v;
}

void dmarc_prefetch(struct dns *dns, struct str domain)
{
	if (domain.n > 0)
		dmarc_walk_prefetch(dns, domain);
}

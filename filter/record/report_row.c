#include "record/report_row.h"

#include "base/map.h"
#include "mail/domain.h"

/* The mailbox side files by the header that goes with such a tag. */
static bool is_tagged_quarantine(const struct decision *d)
{
	for (size_t i = 0; i < d->effect_count; i++) {
		struct str tag = d->effects[i].value;
		if (d->effects[i].action == ACTION_TAG &&
		    (str_eq(tag, STR("quarantine")) || str_ends_nocase(tag, STR("-quarantine"))))
			return true;
	}
	return false;
}

/* The words of RFC 9990: what was done to the message in view of DMARC. */
static const char *report_disposition(const struct record *r)
{
	switch (r->decision.action) {
	case ACTION_REJECT:
	case ACTION_DISCARD:
		return "reject";
	case ACTION_QUARANTINE:
		return "quarantine";
	case ACTION_CONTINUE:
	case ACTION_ACCEPT:
	case ACTION_DEFER:
	case ACTION_ADD_HEADER:
	case ACTION_TAG:
	case ACTION_LOG:
	case ACTION_COUNT:
		break;
	}
	return is_tagged_quarantine(&r->decision) ? "quarantine" : "none";
}

static void put_reason(struct writer *w, const char *type, const char *comment)
{
	writer_object(w, NULL);
	writer_word(w, "type", type);
	writer_word(w, "comment", comment);
	writer_object_end(w);
}

static void put_evaluated(struct writer *w, const struct record *r)
{
	const struct dmarc_verdict *v = r->auth->dmarc;
	const char *done = report_disposition(r);
	bool is_pass = v->result == RESULT_PASS;
	bool is_as_asked = str_eq(is_pass ? STR("none") : v->policy, str_of(done));
	writer_object(w, "evaluated");
	writer_word(w, "disposition", is_pass && is_as_asked ? "pass" : done);
	writer_word(w, "dkim", v->dkim_aligned ? "pass" : "fail");
	writer_word(w, "spf", v->spf_aligned ? "pass" : "fail");
	writer_list(w, "reasons");
	if (!is_pass && v->is_testing && !str_eq(v->p, STR("none")))
		put_reason(w, "policy_test_mode", NULL);
	if (!is_as_asked)
		put_reason(w, "local_policy", r->decision.from.rule);
	writer_list_end(w);
	writer_object_end(w);
}

static void put_published(struct writer *w, const struct dmarc_verdict *v)
{
	writer_object(w, "published");
	writer_text(w, "domain", v->record_domain);
	writer_word(w, "discovery_method", "treewalk");
	writer_text_or_null(w, "p", v->p);
	writer_text_or_null(w, "sp", v->sp);
	writer_text_or_null(w, "np", v->np);
	writer_text_or_null(w, "fo", v->fo);
	writer_text_or_null(w, "adkim", v->adkim);
	writer_text_or_null(w, "aspf", v->aspf);
	writer_bool(w, "testing", v->is_testing);
	writer_object_end(w);
}

/* Domains of the recipients that were accepted, each once. */
static void put_envelope_to(struct writer *w, const struct record *r)
{
	struct map *seen = map_new(w->arena);
	writer_list(w, "envelope_to");
	for (size_t i = 0; i < r->recipient_count && map_count(seen) < w->limits.list; i++) {
		const struct record_recipient *one = &r->recipients[i];
		ptrdiff_t at = str_find_last(one->address, '@');
		struct str domain;
		if (one->reply.code != 0 || at < 0 ||
		    !domain_normalize(w->arena, str_skip(one->address, (size_t)at + 1), &domain))
			continue;
		if (map_add(seen, domain, seen))
			writer_text(w, NULL, domain);
	}
	writer_list_end(w);
}

void report_row(struct writer *w, const char *name, const struct record *r)
{
	char client[IP_TEXT_MAX];
	const struct dmarc_verdict *v = r->auth == NULL ? NULL : r->auth->dmarc;
	if (v == NULL || (v->result != RESULT_PASS && v->result != RESULT_FAIL))
		return;
	const struct fact_value *ip = facts_get(r->facts, FACT_CLIENT_IP);
	writer_object(w, name);
	writer_word(w, "source_ip", ip->state == FACT_VALUE ? ip_print(ip->ip, client) : NULL);
	writer_text_or_null(w, "header_from", facts_text(r->facts, FACT_FROM_DOMAIN));
	writer_text_or_null(w, "envelope_from", facts_text(r->facts, FACT_MAIL_DOMAIN));
	put_envelope_to(w, r);
	put_published(w, v);
	put_evaluated(w, r);
	writer_object_end(w);
}

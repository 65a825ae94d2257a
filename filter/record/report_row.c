#include "record/report_row.h"

#include <string.h>

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

static void append_reason(json_t *reasons, const char *type, json_t *comment)
{
	json_t *reason = json_object();
	writer_put(reason, "type", writer_word(type));
	writer_put(reason, "comment", comment);
	writer_append(reasons, reason);
}

static json_t *evaluated(struct writer *w, const struct record *r)
{
	const struct dmarc_verdict *v = r->auth->dmarc;
	const struct rule_place *from = &r->decision.from;
	const char *done = report_disposition(r);
	json_t *object = json_object(), *reasons = json_array();
	bool is_pass = v->result == RESULT_PASS;
	bool is_as_asked = str_eq(is_pass ? STR("none") : v->policy, str_of(done));
	if (is_pass && is_as_asked)
		done = "pass";
	writer_put(object, "disposition", writer_word(done));
	writer_put(object, "dkim", writer_word(v->dkim_aligned ? "pass" : "fail"));
	writer_put(object, "spf", writer_word(v->spf_aligned ? "pass" : "fail"));
	if (!is_pass && v->is_testing && !str_eq(v->p, STR("none")))
		append_reason(reasons, "policy_test_mode", json_null());
	if (!is_as_asked)
		append_reason(reasons, "local_policy", writer_text_or_null(w, str_of(from->rule)));
	writer_put(object, "reasons", reasons);
	return object;
}

static json_t *published(struct writer *w, const struct dmarc_verdict *v)
{
	json_t *object = json_object();
	writer_put(object, "domain", writer_text(w, v->record_domain));
	writer_put(object, "discovery_method", writer_word("treewalk"));
	writer_put(object, "p", writer_text_or_null(w, v->p));
	writer_put(object, "sp", writer_text_or_null(w, v->sp));
	writer_put(object, "np", writer_text_or_null(w, v->np));
	writer_put(object, "fo", writer_text_or_null(w, v->fo));
	writer_put(object, "adkim", writer_text_or_null(w, v->adkim));
	writer_put(object, "aspf", writer_text_or_null(w, v->aspf));
	writer_put(object, "testing", json_boolean(v->is_testing));
	return object;
}

/* Domains of the recipients that were accepted, each once. */
static json_t *envelope_to(struct writer *w, const struct record *r)
{
	json_t *array = json_array(), *seen = json_object();
	for (size_t i = 0; i < r->recipient_count && json_array_size(array) < w->limits.list; i++) {
		const struct record_recipient *one = &r->recipients[i];
		ptrdiff_t at = str_find_last(one->address, '@');
		struct str domain;
		if (one->reply.code != 0 || at < 0 ||
		    !domain_normalize(w->arena, str_skip(one->address, (size_t)at + 1), &domain))
			continue;
		const char *key = str_to_c(w->arena, domain);
		if (json_object_get(seen, key) == NULL) {
			writer_put(seen, key, json_null());
			writer_append(array, writer_text(w, domain));
		}
	}
	json_decref(seen);
	return array;
}

json_t *report_row(struct writer *w, const struct record *r)
{
	char client[IP_TEXT_MAX];
	const struct dmarc_verdict *v = r->auth == NULL ? NULL : r->auth->dmarc;
	if (v == NULL || (v->result != RESULT_PASS && v->result != RESULT_FAIL))
		return NULL;
	json_t *row = json_object();
	const struct fact_value *ip = facts_get(r->facts, FACT_CLIENT_IP);
	writer_put(row, "source_ip", ip->state == FACT_VALUE ? writer_word(ip_print(ip->ip, client)) : json_null());
	writer_put(row, "header_from", writer_text_or_null(w, facts_text(r->facts, FACT_FROM_DOMAIN)));
	writer_put(row, "envelope_from", writer_text_or_null(w, facts_text(r->facts, FACT_MAIL_DOMAIN)));
	writer_put(row, "envelope_to", envelope_to(w, r));
	writer_put(row, "published", published(w, v));
	writer_put(row, "evaluated", evaluated(w, r));
	return row;
}

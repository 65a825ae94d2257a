#include "record/report_row.h"

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

void report_row(struct writer *w, const struct record *r)
{
	const struct dmarc_verdict *v = r->auth->dmarc;
	bool is_pass = v->result == RESULT_PASS;
	if (!is_pass && v->result != RESULT_FAIL)
		return;
	const char *done = report_disposition(r);
	bool is_as_asked = str_eq(is_pass ? STR("none") : v->policy, str_of(done));
	writer_word(w, "disposition", is_pass && is_as_asked ? "pass" : done);
	writer_list(w, "overrides");
	if (!is_pass && v->is_testing && !str_eq(v->p, STR("none")))
		writer_word(w, NULL, "policy_test_mode");
	if (!is_as_asked)
		writer_word(w, NULL, "local_policy");
	writer_end(w);
}

#include "feedback/suppress.h"

#include "mail/address.h"
#include "mail/domain.h"
#include "policy/consequence.h"
#include "store/store.h"

/* RFC 5321 4.1.2: outside Dot-string. */
static bool needs_quotes(struct str local)
{
	for (size_t i = 0; i < local.n; i++)
		if (!char_is_alnum(local.p[i]) && (signed char)local.p[i] >= 0 &&
		    str_find(STR("!#$%&'*+-/=?^_`{|}~."), local.p[i]) < 0)
			return true;
	return false;
}

const char *suppress_address(struct arena *a, struct str path, struct str *out)
{
	struct address address;
	struct str domain;
	if (!address_parse_path(a, path, &address) || address.local.n == 0)
		return "is no mail address";
	if (address.domain.n == 0)
		return "has no domain";
	if (!domain_normalize(a, address.domain, &domain))
		return "has no valid domain";
	struct str local = address.local;
	if (needs_quotes(local))
		local = str_sub(address.whole, 0, (size_t)str_find_last(address.whole, '@'));
	*out = str_printf(a, "%.*s@%.*s", STR_ARG(str_lower(a, local)), STR_ARG(domain));
	return NULL;
}

bool suppress_scope_is_valid(struct str scope)
{
	return scope.n == 0 || word_is_valid(scope);
}

static bool is_text(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return false;
	return str_is_utf8(s);
}

const char *suppress_check(struct arena *a, struct suppression *e)
{
	const char *wrong = suppress_address(a, e->address, &e->address);
	if (wrong != NULL)
		return wrong;
	if (!suppress_scope_is_valid(e->scope))
		return "has a scope that is no name: up to 64 letters, digits, '-', '_' and '.'";
	if (!is_text(e->reason) || !is_text(e->source))
		return "has control characters in its texts, or they are no UTF-8";
	if (e->reason.n > SUPPRESS_REASON_MAX || e->source.n > SUPPRESS_SOURCE_MAX)
		return "has a reason of more than 300 bytes or a source of more than 64";
	if (e->expires_unix_s != 0 && e->expires_unix_s <= e->created_unix_s)
		return "expires before it was made";
	return NULL;
}

/* ---- at RCPT ----------------------------------------------------------------------------------------------- */

static const struct rule_place place = { .rule = "suppression" };

static struct decision refuse(struct facts *recipient, struct arena *a, const struct suppression *e)
{
	facts_set_bool(recipient, FACT_RCPT_SUPPRESSED, true);
	facts_set_text(recipient, FACT_RCPT_SUPPRESSION_REASON, e->reason.n == 0 ? STR("no reason was noted") : e->reason);
	struct str text = str_printf(a, "No mail goes to %.*s from here: %.*s", STR_ARG(str_sub(e->address, 0, 120)),
				     STR_ARG(facts_text(recipient, FACT_RCPT_SUPPRESSION_REASON)));
	return (struct decision){ .action = ACTION_REJECT, .reply = reply_of(a, 550, "5.1.1", text), .from = place };
}

static struct decision cannot_tell(bool defers, struct facts *recipient, struct arena *a)
{
	static const struct str why = { "the store does not answer", 25 };
	facts_set_unknown(recipient, FACT_RCPT_SUPPRESSED, why);
	facts_set_unknown(recipient, FACT_RCPT_SUPPRESSION_REASON, why);
	if (!defers)
		return (struct decision){ .action = ACTION_CONTINUE };
	struct str text = STR("The suppression list cannot be looked up at present");
	return (struct decision){ .action = ACTION_DEFER, .reply = reply_of(a, 451, "4.3.0", text), .from = place,
				  .is_unknown = true, .reason = why };
}

struct decision suppress_judge(struct store *store, struct str scope, bool defers_without_store,
			       struct facts *recipient, struct arena *a)
{
	struct str address;
	struct suppression found;
	facts_set_bool(recipient, FACT_RCPT_SUPPRESSED, false);
	facts_set_absent(recipient, FACT_RCPT_SUPPRESSION_REASON);
	if (suppress_address(a, facts_text(recipient, FACT_RCPT_TO), &address) != NULL)
		return (struct decision){ .action = ACTION_CONTINUE }; /* nothing on the list is spelled like that */
	switch (store_find_suppression(store, scope, address, a, &found)) {
	case STORE_OK:
		return refuse(recipient, a, &found);
	case STORE_NOT_FOUND:
		return (struct decision){ .action = ACTION_CONTINUE };
	case STORE_UNAVAILABLE:
		break;
	}
	return cannot_tell(defers_without_store, recipient, a);
}

#include "session/macros.h"

#include <string.h>

#include "base/fail.h"
#include "fact/facts.h"

struct macro_row {
	const char *macro;
	enum stage stage;
	enum fact_id fact;
	bool is_secret;
};

static const struct macro_row rows[] = {
#define MACRO(macro, stage, fact, secret, doc) { macro, STAGE_##stage, FACT_##fact, secret },
#include "session/macro_table.def"
#undef MACRO
};

enum { ROW_COUNT = sizeof(rows) / sizeof(rows[0]) };

/* The stages' lists, put together by the preprocessor: rows of other stages vanish. {verify} is Sendmail's word
 * on the client certificate; it makes no fact of its own. */
#define WANTED_CONNECT_CONNECT(macro) macro " "
#define WANTED_CONNECT_MAIL(macro)
#define WANTED_CONNECT_END(macro)
#define WANTED_MAIL_CONNECT(macro)
#define WANTED_MAIL_MAIL(macro)       macro " "
#define WANTED_MAIL_END(macro)        macro " "

static const char wanted_at_connect[] =
#define MACRO(macro, stage, fact, secret, doc) WANTED_CONNECT_##stage(macro)
#include "session/macro_table.def"
#undef MACRO
	"";

static const char wanted_at_mail[] =
#define MACRO(macro, stage, fact, secret, doc) WANTED_MAIL_##stage(macro)
#include "session/macro_table.def"
#undef MACRO
	"{verify}";

const char *macros_wanted_at(enum stage stage)
{
	switch (stage) {
	case STAGE_CONNECT:
		return wanted_at_connect;
	case STAGE_MAIL:
		return wanted_at_mail;
	case STAGE_HELO:
		return "";
	case STAGE_RCPT:
	case STAGE_DATA:
	case STAGE_HEADERS:
	case STAGE_END:
		return "i";
	case STAGE_COUNT:
		break;
	}
	BUG_IF(true);
}

static struct str macro_text(const struct mta_ops *ops, void *mta, const char *name)
{
	return str_trim(str_of(ops->macro == NULL ? NULL : ops->macro(mta, name)));
}

static bool is_certificate(enum fact_id id)
{
	return id == FACT_TLS_CERT_SUBJECT || id == FACT_TLS_CERT_ISSUER;
}

static void set_from_macro(struct facts *facts, enum fact_id id, struct str text)
{
	uint64_t number;
	if (fact_descs[id].type != TYPE_INT)
		facts_set_text_or_absent(facts, id, text);
	else if (str_to_u64(text, &number) && number <= INT32_MAX)
		facts_set_int(facts, id, (int64_t)number);
	else
		facts_set_absent(facts, id);
}

void macros_take(const struct mta_ops *ops, void *mta, enum listen_role role, enum stage stage, struct facts *facts)
{
	struct str verify = stage == STAGE_MAIL ? macro_text(ops, mta, "{verify}") : STR_EMPTY;
	bool is_unverified = verify.n > 0 && !str_eq(verify, STR("OK"));
	for (size_t i = 0; i < ROW_COUNT; i++) {
		const struct macro_row *row = &rows[i];
		if (row->stage != stage || facts_get(facts, row->fact)->state == FACT_VALUE)
			continue;
		bool is_hidden = (row->is_secret && role == ROLE_INBOUND) ||
				 (is_unverified && is_certificate(row->fact));
		struct str text = is_hidden ? STR_EMPTY : macro_text(ops, mta, row->macro);
		if (row->fact == FACT_CLIENT_PTR && str_eq(text, STR("unknown")))
			text = STR_EMPTY; /* Postfix's word for "there is none" */
		set_from_macro(facts, row->fact, text);
	}
}

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "log/log.h"
#include "milter/mta.h"

/* libmilter copies what it is given, but its prototypes say char *. */
static char *unconst(const char *text)
{
	union {
		const char *in;
		char *out;
	} u = { .in = text };
	return u.out;
}

static const char *get_macro(void *p, const char *name)
{
	struct mta *mta = p;
	return smfi_getsymval(mta->context, unconst(name));
}

static bool done(struct mta *mta, const char *what, int status)
{
	if (status != MI_SUCCESS)
		log_error(mta->gate->log, "the MTA refused to %s", what);
	return status == MI_SUCCESS;
}

/* With SMFIP_HDR_LEADSPC the blank behind the colon is ours to give. */
static char *with_blank(struct mta *mta, const char *value)
{
	char *text = NULL;
	if (asprintf(&text, "%s%s", mta->steps & SMFIP_HDR_LEADSPC ? " " : "", value) < 0)
		fail_out_of_memory();
	return text;
}

static bool insert_header(void *p, int index, const char *name, const char *value)
{
	struct mta *mta = p;
	char *text = with_blank(mta, value);
	bool ok = done(mta, "insert a header field", smfi_insheader(mta->context, index, unconst(name), text));
	free(text);
	return ok;
}

static bool add_header(void *p, const char *name, const char *value)
{
	struct mta *mta = p;
	char *text = with_blank(mta, value);
	bool ok = done(mta, "add a header field", smfi_addheader(mta->context, unconst(name), text));
	free(text);
	return ok;
}

static bool delete_header(void *p, const char *name, int nth)
{
	struct mta *mta = p;
	return done(mta, "remove a header field", smfi_chgheader(mta->context, unconst(name), nth, NULL));
}

static bool quarantine(void *p, const char *reason)
{
	struct mta *mta = p;
	return done(mta, "hold the message", smfi_quarantine(mta->context, unconst(reason)));
}

const struct mta_ops milter_ops = {
	.macro = get_macro,
	.insert_header = insert_header,
	.add_header = add_header,
	.delete_header = delete_header,
	.quarantine = quarantine,
};

/* libmilter reads '%' as the start of a format, and keeps an earlier reply if it refuses this one: then a plain
 * 451 that it cannot refuse takes its place. */
static sfsistat reply_status(struct mta *mta, const struct reply *reply)
{
	char code[4], enhanced[16], text[REPLY_TEXT_MAX * 2 + 1];
	size_t n = 0;
	for (size_t i = 0; i < reply->text.n && n + 2 < sizeof(text); i++) {
		if (reply->text.p[i] == '%')
			text[n++] = '%';
		text[n++] = reply->text.p[i];
	}
	text[n] = 0;
	snprintf(code, sizeof(code), "%03u", (unsigned)reply->code % 1000);
	snprintf(enhanced, sizeof(enhanced), "%.*s", STR_ARG(reply->enhanced));
	if (smfi_setreply(mta->context, code, enhanced, text) == MI_SUCCESS)
		return code[0] == '5' ? SMFIS_REJECT : SMFIS_TEMPFAIL;
	log_error(mta->gate->log, "libmilter did not take the reply %s %s of %zu bytes", code, enhanced, n);
	smfi_setreply(mta->context, unconst("451"), unconst("4.3.0"), unconst("Temporary failure in the mail filter"));
	return SMFIS_TEMPFAIL;
}

sfsistat milter_status(struct mta *mta, const struct answer *answer, unsigned long no_reply)
{
	if (mta->steps & no_reply)
		return SMFIS_NOREPLY;
	switch (answer->kind) {
	case ANSWER_CONTINUE:
		return SMFIS_CONTINUE;
	case ANSWER_ACCEPT:
		return SMFIS_ACCEPT;
	case ANSWER_DISCARD:
		return SMFIS_DISCARD;
	case ANSWER_SKIP:
		return mta->steps & SMFIP_SKIP ? SMFIS_SKIP : SMFIS_CONTINUE;
	case ANSWER_REPLY:
		return reply_status(mta, &answer->reply);
	}
	BUG_IF(true);
}

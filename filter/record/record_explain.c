/* A stored record in words: what was decided, why, and what would have to change. */
#include "record/record.h"

#include <stdarg.h>
#include <string.h>

#include "base/buf.h"
#include "record/member.h"

struct teller {
	const json_t *record;
	FILE *out;
};

/* One line. Bytes that a terminal might obey are shown as \xNN. */
static void tell(struct teller *t, const char *label, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void tell(struct teller *t, const char *label, const char *format, ...)
{
	char line[4096];
	va_list args;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	fprintf(t->out, "%-11s", label);
	for (const char *p = line; *p != '\0'; p++) {
		if (char_is_printable(*p))
			fputc(*p, t->out);
		else
			fprintf(t->out, "\\x%02x", (unsigned char)*p);
	}
	fputc('\n', t->out);
}

static const char *or_else(const char *text, const char *otherwise)
{
	return text[0] != '\0' ? text : otherwise;
}

/* "550 5.7.1 Text", or what stands for no reply of ours. */
static void print_reply(char out[static 700], const json_t *reply, const char *none)
{
	if (!json_is_object(reply))
		snprintf(out, 700, "%s", none);
	else
		snprintf(out, 700, "%" JSON_INTEGER_FORMAT " %.40s %.600s",
			 json_integer_value(member_at(reply, "code")), member_text(reply, "enhanced"),
			 member_text(reply, "text"));
}

static void print_place(char out[static 700], const json_t *from, const char *none)
{
	if (member_text(from, "rule")[0] == '\0')
		snprintf(out, 700, "%s", none);
	else
		snprintf(out, 700, "rule %.200s (%.400s:%" JSON_INTEGER_FORMAT ")", member_text(from, "rule"),
			 member_text(from, "file"), json_integer_value(member_at(from, "line")));
}

static void tell_decision(struct teller *t)
{
	static const char *const words[][2] = {
		{ "accept", "accepted" }, { "reject", "rejected" },   { "defer", "deferred" },
		{ "quarantine", "held" }, { "discard", "discarded" }, { "aborted", "aborted by the client or the MTA" },
	};
	const json_t *decision = member_at(t->record, "decision");
	const char *what = member_text(t->record, "disposition");
	char place[700], reply[700];
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(what, words[i][0]) == 0)
			what = words[i][1];
	print_place(place, decision, "no rule decided");
	print_reply(reply, member_at(t->record, "reply"), "nothing by us; the MTA answered by itself");
	tell(t, "Record", "%s of %s, Gatepost %s, configuration %" JSON_INTEGER_FORMAT, member_text(t->record, "id"),
	     member_text(t->record, "time"), member_text(t->record, "version"),
	     json_integer_value(member_at(t->record, "generation")));
	tell(t, "Decision", "%s at stage %s: %s", what, member_text(t->record, "stage"), place);
	if (member_text(decision, "reason")[0] != '\0')
		tell(t, "Because", "%s", member_text(decision, "reason"));
	tell(t, "Told", "%s", reply);
}

static void tell_peers(struct teller *t)
{
	const json_t *r = t->record, *list = member_at(r, "recipients.list"), *one;
	size_t i;
	tell(t, "Client", "%s [%s], HELO %s, %s, %s%s", or_else(member_text(r, "client.name"), "no verified name"),
	     or_else(member_text(r, "client.ip"), "unknown"), or_else(member_text(r, "helo.name"), "not said"),
	     or_else(member_text(r, "tls.version"), "no TLS"),
	     member_text(r, "auth.login")[0] != '\0' ? "login " : "no login", member_text(r, "auth.login"));
	if (member_at(r, "mail.from") != NULL)
		tell(t, "Envelope", "from <%s>, %" JSON_INTEGER_FORMAT " recipient(s)", member_text(r, "mail.from"),
		     json_integer_value(member_at(r, "recipients.count")));
	json_array_foreach(list, i, one)
	{
		char reply[700], place[700];
		print_reply(reply, member_at(one, "reply"), "accepted");
		print_place(place, one, "");
		tell(t, "Recipient", "<%s>: %s%s%s", member_text(one, "address"), reply,
		     place[0] != '\0' ? ", by " : "", place);
	}
	if (member_at(r, "from.status") != NULL)
		tell(t, "Message", "queue id %s, author %s (From is %s), Message-ID %s",
		     or_else(member_text(r, "message.queue_id"), "none"),
		     or_else(member_text(r, "from.address"), "not clear"), member_text(r, "from.status"),
		     or_else(member_text(r, "header.message_id"), "none"));
}

static void tell_workflow(struct teller *t)
{
	const json_t *workflow = member_at(t->record, "workflow");
	if (member_text(workflow, "name")[0] != '\0')
		tell(t, "Workflow", "%s (%s): %s", member_text(workflow, "name"), member_text(workflow, "kind"),
		     member_is(workflow, "status", "ok") ? "all that it asks for is met"
							 : "not all that it asks for is met");
	else if (member_is(workflow, "status", "no_workflow"))
		tell(t, "Workflow", "none is for the login %s", member_text(t->record, "auth.login"));
	if (member_text(workflow, "owner")[0] != '\0')
		tell(t, "Workflow", "%s is the one that writes as %s, and not the one of this message",
		     member_text(workflow, "owner"), member_text(t->record, "from.address"));
}

/* of: the object that has the check's domain and reason. */
static void tell_spf(struct teller *t, const char *identity, const char *result, const json_t *of)
{
	tell(t, "SPF", "%s for %s (%s): %s", result, or_else(member_text(of, "domain"), "no domain"),
	     strcmp(identity, "helo") == 0 ? "HELO" : "envelope sender", or_else(member_text(of, "reason"), "no record"));
}

static void tell_spf_and_dkim(struct teller *t)
{
	const json_t *spf = member_at(t->record, "spf"), *helo = member_at(spf, "helo");
	const json_t *one;
	size_t i;
	if (member_at(t->record, "iprev.result") != NULL)
		tell(t, "iprev", "%s: %s", member_text(t->record, "iprev.result"),
		     or_else(member_text(t->record, "iprev.name"), member_text(t->record, "iprev.reason")));
	if (member_at(spf, "result") != NULL)
		tell_spf(t, member_text(spf, "identity"), member_text(spf, "result"), spf);
	if (helo != NULL)
		tell_spf(t, "helo", member_text(spf, "helo_result"), helo);
	json_array_foreach(member_at(t->record, "dkim.signatures"), i, one)
		tell(t, "DKIM", "%s for d=%s s=%s a=%s%s%s%s", member_text(one, "result"), member_text(one, "domain"),
		     member_text(one, "selector"), member_text(one, "algorithm"),
		     member_text(one, "reason")[0] != '\0' ? ": " : "", member_text(one, "reason"),
		     member_is(one, "result", "pass") && json_is_false(member_at(one, "covers_body"))
			     ? " (a part of the body is not signed)"
			     : "");
	if (member_at(t->record, "dkim.result") != NULL && i == 0)
		tell(t, "DKIM", "no signature");
}

static void tell_dmarc(struct teller *t)
{
	const json_t *dmarc = member_at(t->record, "dmarc");
	if (member_at(dmarc, "result") == NULL)
		return;
	tell(t, "DMARC", "%s: %s", member_text(dmarc, "result"),
	     or_else(member_text(dmarc, "reason"), "no reason recorded"));
	if (member_text(dmarc, "record_domain")[0] != '\0')
		tell(t, "", "record at _dmarc.%s: p=%s sp=%s np=%s adkim=%s aspf=%s%s",
		     member_text(dmarc, "record_domain"), or_else(member_text(dmarc, "p"), "-"),
		     or_else(member_text(dmarc, "sp"), "-"), or_else(member_text(dmarc, "np"), "-"),
		     or_else(member_text(dmarc, "adkim"), "r"), or_else(member_text(dmarc, "aspf"), "r"),
		     json_is_true(member_at(dmarc, "testing")) ? " t=y" : "");
	if (member_is(dmarc, "result", "fail"))
		tell(t, "", "%s asks for: %s", or_else(member_text(t->record, "from.domain"), "the author domain"),
		     member_text(dmarc, "policy"));
}

static void tell_rest(struct teller *t)
{
	const json_t *one, *decision = member_at(t->record, "decision");
	size_t i;
	json_array_foreach(member_at(decision, "tags"), i, one) tell(t, "Tag", "%s", json_string_value(one));
	json_array_foreach(member_at(decision, "logs"), i, one) tell(t, "Log", "%s", json_string_value(one));
	json_array_foreach(member_at(decision, "headers"), i, one)
		tell(t, "Header", "%s: %s", member_text(one, "name"), member_text(one, "value"));
	json_array_foreach(member_at(decision, "observed"), i, one)
	{
		char place[700], reply[700];
		print_place(place, one, "a rule");
		print_reply(reply, member_at(one, "reply"), "no reply");
		tell(t, "Observed", "%s would have said %s (%s); it only watches", place, member_text(one, "action"),
		     reply);
	}
}

static void advise_on_dmarc(struct teller *t)
{
	const json_t *r = t->record;
	const char *domain = or_else(member_text(r, "from.domain"), "the author domain");
	bool is_strict_dkim = member_is(r, "dmarc.adkim", "s"), is_strict_spf = member_is(r, "dmarc.aspf", "s");
	if (member_is(r, "dmarc.result", "fail")) {
		tell(t, "To pass", "sign with DKIM by d=%s%s,", domain,
		     is_strict_dkim ? " exactly" : " or a domain that shares its organizational domain");
		tell(t, "", "or send from a client that SPF allows, with an envelope sender in %s%s", domain,
		     is_strict_spf ? " exactly" : " or such a domain");
	} else if (member_is(r, "dmarc.result", "permerror")) {
		tell(t, "To pass", "one From field with one author address is needed");
	} else if (member_is(r, "dmarc.result", "temperror")) {
		tell(t, "To pass", "DNS must answer; the client should try again later");
	}
}

static void advise(struct teller *t)
{
	const json_t *decision = member_at(t->record, "decision");
	char place[700];
	if (member_is(t->record, "disposition", "accept") || member_is(t->record, "disposition", "aborted"))
		return;
	advise_on_dmarc(t);
	if (json_is_true(member_at(decision, "unknown")))
		tell(t, "To change",
		     "what could not be told is named above; `unknown = \"skip\"` in the rule goes on"
		     " without it");
	print_place(place, decision, "");
	const char *rule = member_text(decision, "rule");
	if (strchr(rule, ':') != NULL || strcmp(rule, "workflows") == 0) /* no rule has such a name */
		tell(t, "To change",
		     "the client does as it was told, or the policy asks for something else at "
		     "%s:%" JSON_INTEGER_FORMAT,
		     member_text(decision, "file"), json_integer_value(member_at(decision, "line")));
	else if (place[0] != '\0')
		tell(t, "To change", "%s; `observe = true` there only watches, `unless` makes exceptions", place);
}

bool record_explain(struct str json, FILE *out)
{
	json_t *record = member_read_record(json);
	struct teller t = { record, out };
	if (record == NULL)
		return false;
	tell_decision(&t);
	tell_peers(&t);
	tell_workflow(&t);
	tell_spf_and_dkim(&t);
	tell_dmarc(&t);
	tell_rest(&t);
	advise(&t);
	json_decref(record);
	return true;
}

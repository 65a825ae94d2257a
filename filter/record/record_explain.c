/* A stored record in words: what was decided, why, and what would have to change. */
#include "record/record.h"

#include <jansson.h>
#include <stdarg.h>
#include <string.h>

#include "base/buf.h"

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

/* The value behind a path like "spf.result"; NULL if any part is missing. */
static const json_t *at(const json_t *from, const char *path)
{
	char name[32];
	struct str rest = str_of(path), part;
	while (from != NULL && str_next(&rest, '.', &part)) {
		snprintf(name, sizeof(name), "%.*s", STR_ARG(part));
		from = json_object_get(from, name);
	}
	return from;
}

/* The text there, "" if it is none. */
static const char *text(const json_t *from, const char *path)
{
	const char *s = json_string_value(at(from, path));
	return s == NULL ? "" : s;
}

static bool is(const json_t *from, const char *path, const char *word)
{
	return strcmp(text(from, path), word) == 0;
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
		snprintf(out, 700, "%" JSON_INTEGER_FORMAT " %.40s %.600s", json_integer_value(at(reply, "code")),
			 text(reply, "enhanced"), text(reply, "text"));
}

static void print_place(char out[static 700], const json_t *from, const char *none)
{
	if (text(from, "rule")[0] == '\0')
		snprintf(out, 700, "%s", none);
	else
		snprintf(out, 700, "rule %.200s (%.400s:%" JSON_INTEGER_FORMAT ")", text(from, "rule"),
			 text(from, "file"), json_integer_value(at(from, "line")));
}

static void tell_decision(struct teller *t)
{
	static const char *const words[][2] = {
		{ "accept", "accepted" }, { "reject", "rejected" },   { "defer", "deferred" },
		{ "quarantine", "held" }, { "discard", "discarded" }, { "aborted", "aborted by the client or the MTA" },
	};
	const json_t *decision = at(t->record, "decision");
	const char *what = text(t->record, "disposition");
	char place[700], reply[700];
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(what, words[i][0]) == 0)
			what = words[i][1];
	print_place(place, decision, "no rule decided");
	print_reply(reply, at(t->record, "reply"), "nothing by us; the MTA answered by itself");
	tell(t, "Record", "%s of %s, Gatepost %s, configuration %" JSON_INTEGER_FORMAT, text(t->record, "id"),
	     text(t->record, "time"), text(t->record, "version"),
	     json_integer_value(at(t->record, "generation")));
	tell(t, "Decision", "%s at stage %s: %s", what, text(t->record, "stage"), place);
	if (text(decision, "reason")[0] != '\0')
		tell(t, "Because", "%s", text(decision, "reason"));
	tell(t, "Told", "%s", reply);
}

static void tell_peers(struct teller *t)
{
	const json_t *r = t->record, *list = at(r, "recipients.list"), *one;
	size_t i;
	tell(t, "Client", "%s [%s], HELO %s, %s, %s%s", or_else(text(r, "client.name"), "no verified name"),
	     or_else(text(r, "client.ip"), "unknown"), or_else(text(r, "helo.name"), "not said"),
	     or_else(text(r, "tls.version"), "no TLS"), text(r, "auth.login")[0] != '\0' ? "login " : "no login",
	     text(r, "auth.login"));
	if (at(r, "mail.from") != NULL)
		tell(t, "Envelope", "from <%s>, %" JSON_INTEGER_FORMAT " recipient(s)", text(r, "mail.from"),
		     json_integer_value(at(r, "recipients.count")));
	json_array_foreach(list, i, one)
	{
		char reply[700], place[700];
		print_reply(reply, at(one, "reply"), "accepted");
		print_place(place, one, "");
		tell(t, "Recipient", "<%s>: %s%s%s", text(one, "address"), reply, place[0] != '\0' ? ", by " : "",
		     place);
	}
	if (at(r, "from.status") != NULL)
		tell(t, "Message", "queue id %s, author %s (From is %s), Message-ID %s",
		     or_else(text(r, "message.queue_id"), "none"), or_else(text(r, "from.address"), "not clear"),
		     text(r, "from.status"), or_else(text(r, "header.message_id"), "none"));
}

static void tell_workflow(struct teller *t)
{
	const json_t *workflow = at(t->record, "workflow");
	if (text(workflow, "name")[0] != '\0')
		tell(t, "Workflow", "%s (%s): %s", text(workflow, "name"), text(workflow, "kind"),
		     is(workflow, "status", "ok") ? "all that it asks for is met" : "not all that it asks for is met");
	else if (is(workflow, "status", "no_workflow"))
		tell(t, "Workflow", "none is for the login %s", text(t->record, "auth.login"));
	if (text(workflow, "owner")[0] != '\0')
		tell(t, "Workflow", "%s is the one that writes as %s, and not the one of this message",
		     text(workflow, "owner"), text(t->record, "from.address"));
}

static void tell_spf_and_dkim(struct teller *t)
{
	const json_t *one;
	size_t i;
	if (at(t->record, "iprev.result") != NULL)
		tell(t, "iprev", "%s: %s", text(t->record, "iprev.result"),
		     or_else(text(t->record, "iprev.name"), text(t->record, "iprev.reason")));
	json_array_foreach(at(t->record, "spf.checks"), i, one)
		tell(t, "SPF", "%s for %s (%s): %s", text(one, "result"), or_else(text(one, "domain"), "no domain"),
		     is(one, "identity", "helo") ? "HELO" : "envelope sender",
		     or_else(text(one, "reason"), or_else(text(one, "mechanism"), "no record")));
	json_array_foreach(at(t->record, "dkim.signatures"), i, one)
		tell(t, "DKIM", "%s for d=%s s=%s a=%s%s%s%s", text(one, "result"), text(one, "domain"),
		     text(one, "selector"), text(one, "algorithm"), text(one, "reason")[0] != '\0' ? ": " : "",
		     text(one, "reason"),
		     is(one, "result", "pass") && json_is_false(at(one, "covers_body"))
			     ? " (a part of the body is not signed)"
			     : "");
	if (at(t->record, "dkim.result") != NULL && i == 0)
		tell(t, "DKIM", "no signature");
}

static void tell_dmarc(struct teller *t)
{
	const json_t *dmarc = at(t->record, "dmarc");
	if (at(dmarc, "result") == NULL)
		return;
	tell(t, "DMARC", "%s: %s", text(dmarc, "result"), or_else(text(dmarc, "reason"), "no reason recorded"));
	if (text(dmarc, "record_domain")[0] != '\0')
		tell(t, "", "record at _dmarc.%s: p=%s sp=%s np=%s adkim=%s aspf=%s%s", text(dmarc, "record_domain"),
		     or_else(text(dmarc, "p"), "-"), or_else(text(dmarc, "sp"), "-"),
		     or_else(text(dmarc, "np"), "-"), or_else(text(dmarc, "adkim"), "r"),
		     or_else(text(dmarc, "aspf"), "r"), json_is_true(at(dmarc, "testing")) ? " t=y" : "");
	if (is(dmarc, "result", "fail"))
		tell(t, "", "%s asks for: %s", or_else(text(t->record, "from.domain"), "the author domain"),
		     text(dmarc, "policy"));
}

static void tell_rest(struct teller *t)
{
	const json_t *one, *decision = at(t->record, "decision");
	size_t i;
	json_array_foreach(at(decision, "tags"), i, one)
		tell(t, "Tag", "%s", json_string_value(one));
	json_array_foreach(at(decision, "logs"), i, one)
		tell(t, "Log", "%s", json_string_value(one));
	json_array_foreach(at(decision, "headers"), i, one)
		tell(t, "Header", "%s: %s", text(one, "name"), text(one, "value"));
	json_array_foreach(at(decision, "observed"), i, one)
	{
		char place[700], reply[700];
		print_place(place, one, "a rule");
		print_reply(reply, at(one, "reply"), "no reply");
		tell(t, "Observed", "%s would have said %s (%s); it only watches", place, text(one, "action"), reply);
	}
}

static void advise_on_dmarc(struct teller *t)
{
	const json_t *r = t->record;
	const char *domain = or_else(text(r, "from.domain"), "the author domain");
	bool is_strict_dkim = is(r, "dmarc.adkim", "s"), is_strict_spf = is(r, "dmarc.aspf", "s");
	if (is(r, "dmarc.result", "fail")) {
		tell(t, "To pass", "sign with DKIM by d=%s%s,", domain,
		     is_strict_dkim ? " exactly" : " or a domain that shares its organizational domain");
		tell(t, "", "or send from a client that SPF allows, with an envelope sender in %s%s", domain,
		     is_strict_spf ? " exactly" : " or such a domain");
	} else if (is(r, "dmarc.result", "permerror")) {
		tell(t, "To pass", "one From field with one author address is needed");
	} else if (is(r, "dmarc.result", "temperror")) {
		tell(t, "To pass", "DNS must answer; the client should try again later");
	}
}

static void advise(struct teller *t)
{
	const json_t *decision = at(t->record, "decision");
	char place[700];
	if (is(t->record, "disposition", "accept") || is(t->record, "disposition", "aborted"))
		return;
	advise_on_dmarc(t);
	if (json_is_true(at(decision, "unknown")))
		tell(t, "To change", "what could not be told is named above; `unknown = \"skip\"` in the rule goes on"
				     " without it");
	print_place(place, decision, "");
	const char *rule = text(decision, "rule");
	if (strchr(rule, ':') != NULL || strcmp(rule, "workflows") == 0) /* no rule has such a name */
		tell(t, "To change", "the client does as it was told, or the policy asks for something else at %s:%"
		     JSON_INTEGER_FORMAT, text(decision, "file"), json_integer_value(at(decision, "line")));
	else if (place[0] != '\0')
		tell(t, "To change", "%s; `observe = true` there only watches, `unless` makes exceptions", place);
}

bool record_explain(struct str json, FILE *out)
{
	json_t *record = json_loadb(json.p, json.n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	struct teller t = { record, out };
	bool is_record = json_integer_value(at(record, "v")) == 1 && text(record, "id")[0] != '\0';
	if (is_record) {
		tell_decision(&t);
		tell_peers(&t);
		tell_workflow(&t);
		tell_spf_and_dkim(&t);
		tell_dmarc(&t);
		tell_rest(&t);
		advise(&t);
	}
	json_decref(record);
	return is_record;
}

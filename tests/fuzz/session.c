/* A whole connection behind the shipped policies: SMTP events in any order with any content.
 *
 * One event a line; its first byte says which: H helo, M mail, R rcpt, D data, f field ("Name:value"), n end of header,
 * B body, E end, A abort, U unknown command. 0x01 in a line stands for LF. Whatever comes: replies are printable, an
 * accepted message carries our results on top, DMARC passes for one author only, each record is one line of JSON. */
#include "fuzz/fuzz.h"

#include <jansson.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "fuzz/gate.h"
#include "record/people.h"
#include "record/record.h"

static struct gate gate;
static bool has_results;

static const char *macro(void *mta, const char *name)
{
	(void)mta;
	return strcmp(name, "i") == 0 ? "QUEUEID" : strcmp(name, "{daemon_port}") == 0 ? "25" : NULL;
}

static bool insert_header(void *mta, int index, const char *name, const char *value)
{
	(void)mta;
	(void)value;
	has_results = index == 0 && strcmp(name, "Authentication-Results") == 0;
	return true;
}

static bool add_header(void *mta, const char *name, const char *value)
{
	(void)mta;
	for (const char *p = value; *p != 0; p++)
		BUG_IF(!char_is_printable(*p) && *p != '\n' && *p != '\t');
	return name[0] != 0;
}

static bool delete_header(void *mta, const char *name, int nth)
{
	(void)mta;
	(void)name;
	BUG_IF(nth < 1);
	return true;
}

static bool quarantine(void *mta, const char *reason)
{
	(void)mta;
	(void)reason;
	return true;
}

static const struct mta_ops ops = { macro, insert_header, add_header, delete_header, quarantine };

static void check_texts(struct arena *a, const struct record *r)
{
	struct str json = record_json(a, r), text = record_text(a, r);
	BUG_IF(str_find(json, '\n') >= 0 || str_find(text, '\n') >= 0);
	json_t *root = json_loadb(json.p, json.n, JSON_REJECT_DUPLICATES, NULL);
	BUG_IF(root == NULL);
	json_decref(root);
}

static void check_record(void *context, const struct record *r)
{
	(void)context;
	struct arena *a = arena_new();
	for (enum addresses how = ADDRESSES_FULL; how <= ADDRESSES_NONE; how++)
		check_texts(a, record_for_keeping(a, how, r));
	if (r->auth != NULL && r->auth->dmarc != NULL && r->auth->dmarc->result == RESULT_PASS)
		BUG_IF(!str_eq(facts_text(r->facts, FACT_FROM_STATUS), STR("ok")));
	arena_free(a);
}

static void open_once(void)
{
	if (gate.dns != NULL)
		return;
	gate_open(&gate);
	gate.on_record = check_record;
}

static void check_answer(struct answer a, bool is_end)
{
	if (a.kind == ANSWER_REPLY) {
		BUG_IF(a.reply.code < 400 || a.reply.code > 599 || a.reply.text.n == 0 || a.reply.enhanced.n < 5);
		for (size_t i = 0; i < a.reply.text.n; i++)
			BUG_IF(!char_is_printable(a.reply.text.p[i]));
	}
	BUG_IF((a.kind == ANSWER_ACCEPT || a.kind == ANSWER_DISCARD) && !is_end);
	BUG_IF(a.kind == ANSWER_ACCEPT && !has_results);
}

static struct answer event(struct session *s, char kind, char *text, size_t size)
{
	char *argv[] = { text, NULL };
	char *value = strchr(text, ':');
	switch (kind) {
	case 'H':
		return stage_helo(s, text);
	case 'M':
		return stage_mail(s, argv);
	case 'R':
		return stage_rcpt(s, argv);
	case 'D':
		return stage_data(s);
	case 'f':
		if (value != NULL)
			*value++ = 0;
		return stage_header(s, text, value == NULL ? "" : value);
	case 'n':
		return stage_headers_end(s);
	case 'B':
		return stage_body(s, (const unsigned char *)text, size);
	case 'E':
		return stage_end(s);
	case 'U':
		return stage_unknown(s, text);
	default:
		stage_abort(s);
		return (struct answer){ .kind = ANSWER_CONTINUE };
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	open_once();
	struct arena *a = arena_new();
	struct str rest = { (const char *)data, size }, line;
	struct session *s = session_new(&gate, &ops, NULL);
	struct ip client;
	BUG_IF(!ip_parse(STR("192.0.2.1"), &client));
	check_answer(stage_connect(s, "mx.example.org", client, 25000), false);
	while (size > 0 && str_next(&rest, '\n', &line)) {
		if (line.n == 0)
			continue;
		char *text = str_to_c(a, str_skip(line, 1));
		for (size_t i = 0; i + 1 < line.n; i++)
			if (text[i] == 1)
				text[i] = '\n';
		has_results = false;
		check_answer(event(s, line.p[0], text, line.n - 1), line.p[0] == 'E');
	}
	session_free(s);
	BUG_IF(atomic_load(&gate.messages) != 0 || atomic_load(&gate.connections) != 0);
	arena_free(a);
	return 0;
}

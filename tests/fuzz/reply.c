/* A reply template; its first line is also the value of the facts that it names. */
#include "fuzz/fuzz.h"

#include "base/arena.h"
#include "base/fail.h"
#include "mail/reply.h"

/* What names no fact is compared with all that there are, for a hint: more lines take time and show nothing new. */
enum { LINES_MAX = 4 };

static struct facts *make_facts(struct arena *a, struct str text)
{
	struct facts *connection = facts_new(a, SCOPE_CONN, NULL);
	struct facts *message = facts_new(a, SCOPE_MSG, connection);
	struct str line, rest;
	str_cut(text, '\n', &line, &rest);
	facts_set_text(connection, FACT_HELO_NAME, line);
	facts_set_text(message, FACT_MAIL_FROM, line);
	facts_set_unknown(message, FACT_DMARC_RESULT, line);
	facts_set_list(message, FACT_HEADER_NAMES, (struct str[]){ line, rest, text }, 3);
	return message;
}

static void check(struct str text, size_t max_bytes)
{
	BUG_IF(text.n > max_bytes);
	for (size_t i = 0; i < text.n; i++)
		BUG_IF(!char_is_printable(text.p[i]));
}

static void count(void *context, enum fact_id id)
{
	BUG_IF(id >= FACT_COUNT);
	++*(size_t *)context;
}

static void try_template(struct arena *a, struct str template, const struct facts *facts)
{
	struct reply_template t;
	size_t named = 0;
	if (text_template_check(a, template) == NULL) {
		check(text_template_expand(a, template, facts), TEXT_EXPANDED_MAX);
		text_template_facts(template, count, &named);
		BUG_IF(named > template.n / 4);
	}
	if (reply_template_parse(a, template, &t) == NULL) {
		struct reply reply = reply_expand(a, &t, facts);
		BUG_IF(reply.code < 400 || reply.code > 599 || reply.enhanced.n < 5 || reply.text.n == 0);
		BUG_IF(reply.enhanced.p[0] - '0' != reply.code / 100);
		check(reply.enhanced, sizeof("5.999.999") - 1);
		check(reply.text, REPLY_TEXT_MAX);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size }, rest = text, line;
	struct arena *a = arena_new();
	const struct facts *facts = make_facts(a, text);
	try_template(a, text, facts);
	for (int lines = 0; lines < LINES_MAX && str_next(&rest, '\n', &line); lines++)
		try_template(a, line, facts);
	arena_free(a);
	return 0;
}

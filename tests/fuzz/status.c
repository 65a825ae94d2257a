/* What the gateway shows of itself, when strangers wrote the texts in it: one line of input each. Nothing of them gets out
 * of its place: the page has the tags that it has with harmless texts, JSON and Prometheus' format can be read, and
 * who may not see people does not. */
#include "fuzz/fuzz.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/fail.h"
#include "record/board.h"
#include "record/history.h"
#include "record/metrics.h"
#include "record/record.h"
#include "service/page.h"
#include "service/status.h"

enum { NOW_UNIX_S = 1800000000 };

/* Takes the next line. NUL ends a C string: a blank stands for it. In harmless ones only letters, digits and what the
 * code itself looks for are left. */
struct lines {
	struct arena *arena;
	struct str rest;
	bool is_harmless;
};

static struct str next(struct lines *l)
{
	struct str line, rest = STR_EMPTY;
	if (!str_cut(l->rest, '\n', &line, &rest))
		line = l->rest;
	l->rest = rest;
	char *text = arena_alloc(l->arena, line.n + 1);
	for (size_t i = 0; i < line.n; i++) {
		char c = line.p[i];
		if (l->is_harmless && !char_is_alnum(c) && c != ':' && c != ' ' && c != 0)
			c = 'x';
		text[i] = c == 0 ? ' ' : c;
	}
	text[line.n] = 0;
	return (struct str){ text, line.n };
}

#define NEXT(l, array) snprintf(array, sizeof(array), "%s", next(l).p)

static void refuse(struct board *b, struct lines *l)
{
	struct facts *conn = facts_new(l->arena, SCOPE_CONN, NULL), *f = facts_new(l->arena, SCOPE_MSG, conn);
	struct record r = { .id = next(l), .unix_ms = clock_unix_ms(), .stage = STAGE_MAIL, .disposition = "reject", .facts = f };
	r.decision.from.rule = next(l).p;
	r.reply = (struct reply){ 550, next(l), next(l) };
	facts_set_text(f, FACT_MESSAGE_QUEUE_ID, next(l));
	facts_set_text(f, FACT_WORKFLOW_NAME, next(l));
	facts_set_text(f, FACT_MAIL_FROM, next(l));
	facts_set_text(f, FACT_MAIL_DOMAIN, next(l));
	const struct record_recipient to = { .address = next(l) };
	r.recipients = &to;
	r.recipient_count = 1;
	metrics_take_record(b, &r);
	history_take_record(b, &r);
}

static struct board *board_of(struct arena *a, struct str input, bool is_harmless)
{
	struct lines l = { a, input, is_harmless };
	struct board *b = board_new();
	char listener[32], socket[128];
	struct board_config config = { .generation = 1, .is_last_good = true };
	struct board_key key = { .phase = "active", .is_known = true };
	refuse(b, &l);
	NEXT(&l, config.authserv_id);
	board_set_config(b, &config);
	NEXT(&l, key.key);
	NEXT(&l, key.selector);
	NEXT(&l, key.domain);
	NEXT(&l, key.why);
	board_set_keys(b, &key, 1);
	NEXT(&l, listener);
	NEXT(&l, socket);
	board_add_process(b, listener, str_of(socket));
	return b;
}

/* ---- the page -------------------------------------------------------------------------------------------- */

/* Everything between '<' and '>', them included. */
static void tags_of(struct str page, struct buf *tags)
{
	bool is_inside = false;
	for (size_t i = 0; i < page.n; i++) {
		BUG_IF(page.p[i] != '\n' && !char_is_printable(page.p[i]));
		BUG_IF(page.p[i] == '<' && is_inside);
		is_inside = is_inside || page.p[i] == '<';
		if (is_inside)
			buf_add_char(tags, page.p[i]);
		is_inside = is_inside && page.p[i] != '>';
	}
	BUG_IF(is_inside);
}

static void write_tags(const struct status *s, bool people, struct buf *tags)
{
	struct buf page;
	buf_init(&page, 0);
	page_write(s, people, &page);
	tags_of(buf_str(&page), tags);
	buf_fini(&page);
}

static void check_page(const struct status *hostile, const struct status *harmless, bool people)
{
	struct buf tags, expected;
	buf_init(&tags, 0);
	buf_init(&expected, 0);
	write_tags(hostile, people, &tags);
	write_tags(harmless, people, &expected);
	BUG_IF(!str_eq(buf_str(&tags), buf_str(&expected)));
	buf_fini(&tags);
	buf_fini(&expected);
}

/* ---- JSON ------------------------------------------------------------------------------------------------ */

static void check_json(const struct status *s)
{
	struct buf b;
	buf_init(&b, 0);
	status_json(s, &b);
	BUG_IF(str_find(buf_str(&b), '\n') != (ptrdiff_t)b.n - 1);
	json_t *root = json_loadb(b.p, b.n, JSON_REJECT_DUPLICATES, NULL);
	BUG_IF(json_array_size(json_object_get(root, "refusals")) != 1);
	json_decref(root);
	buf_fini(&b);
}

/* ---- Prometheus ------------------------------------------------------------------------------------------ */

static const char *skip_name(const char *p)
{
	const char *begin = p;
	while (char_is_alnum(*p) || *p == '_')
		p++;
	BUG_IF(p == begin);
	return p;
}

/* name="value" */
static const char *skip_label(const char *p)
{
	p = skip_name(p);
	BUG_IF(p[0] != '=' || p[1] != '"');
	for (p += 2; *p != '"'; p++) {
		BUG_IF(!char_is_printable(*p));
		if (*p == '\\')
			BUG_IF(*++p != '\\' && *p != '"' && *p != 'n');
	}
	return p + 1;
}

static const char *skip_sample(const char *p)
{
	char *end;
	p = skip_name(p);
	for (char open = '{'; *p == open; open = ',')
		p = skip_label(p + 1);
	p += *p == '}';
	BUG_IF(*p != ' ');
	strtod(p + 1, &end);
	BUG_IF(end == p + 1);
	return end;
}

static size_t check_metrics(struct board *b)
{
	struct buf out;
	size_t lines = 0;
	buf_init(&out, 0);
	metrics_print(b, &out);
	buf_add_char(&out, 0);
	for (const char *p = out.p; *p != 0; p++, lines++) {
		p = *p == '#' ? strchr(p, '\n') : skip_sample(p);
		BUG_IF(p == NULL || *p != '\n');
	}
	buf_fini(&out);
	return lines;
}

/* ---- people ---------------------------------------------------------------------------------------------- */

/* Before each @ stands a star, or nothing that can be a local part. */
static void check_hidden(const struct status *s)
{
	const struct refusal_told *r = &s->refusals[0];
	BUG_IF(r->from[0] != 0 || r->to[0] != 0 || r->client[0] != 0);
	for (const char *at = strchr(r->text, '@'); at != NULL; at = strchr(at + 1, '@'))
		BUG_IF(at > r->text && strchr("* \t<>()[],;:@", at[-1]) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	clock_set_unix_s(NOW_UNIX_S);
	struct arena *a = arena_new();
	const struct str input = { (const char *)data, size };
	struct board *hostile = board_of(a, input, false), *harmless = board_of(a, input, true);
	struct status *s = status_new(hostile), *expected = status_new(harmless);
	check_page(s, expected, true);
	check_json(s);
	status_hide_people(s);
	status_hide_people(expected);
	check_hidden(s);
	check_page(s, expected, false);
	check_json(s);
	BUG_IF(check_metrics(hostile) != check_metrics(harmless));
	status_free(expected);
	status_free(s);
	board_free(harmless);
	board_free(hostile);
	arena_free(a);
	return 0;
}

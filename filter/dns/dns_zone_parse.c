#include "dns/dns_zone.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/fail.h"
#include "base/map.h"
#include "dns/dns_name.h"
#include "dns/dns_zone_node.h"

enum {
	FILE_BYTES_MAX = 64 * 1024 * 1024,
	TEXT_BYTES_MAX = 65535,
	DELAY_MS_MAX = 60000,
	TTL_S_MAX = 0x7fffffff, /* RFC 2181 8 */
};

struct parser {
	struct dns_zone *zone;
	struct diags *diags;
	struct place at;
	struct str lines; /* behind this one */
	struct str rest;  /* of the line */
	bool is_open;     /* between parentheses, where a line end is a blank (RFC 1035 5.1) */
	struct buf text;  /* a word without its quotes and escapes; then all strings of a TXT */
	bool is_bad;      /* this record */
};

/* The first mistake of a record is told, what follows from it is not. */
#define WRONG(p, ...)                                                                              \
	do {                                                                                       \
		if (!(p)->is_bad)                                                                  \
			diag_error((p)->diags, (p)->at, __VA_ARGS__);                              \
		(p)->is_bad = true;                                                                \
	} while (0)

/* Words ---------------------------------------------------------------------------------------------------- */

struct word {
	struct str text; /* as written, without quotes */
	bool is_quoted;
};

static bool is_comment(char c)
{
	return c == '#' || c == ';';
}

/* Up to the closing quote; the escapes stay. */
static void quoted_word(struct parser *p, struct word *w)
{
	size_t end = 1;
	while (end < p->rest.n && p->rest.p[end] != '"')
		end += p->rest.p[end] == '\\' ? 2 : 1;
	if (end >= p->rest.n) {
		WRONG(p, "the closing quote is missing");
		end = p->rest.n - 1;
	}
	*w = (struct word){ str_sub(p->rest, 1, end - 1), true };
	p->rest = str_skip(p->rest, end + 1);
	if (p->rest.n > 0 && !char_is_space(p->rest.p[0]) && p->rest.p[0] != ')')
		WRONG(p, "a blank is missing after the closing quote");
}

static bool take_parenthesis(struct parser *p)
{
	char c = p->rest.n > 0 ? p->rest.p[0] : '\0';
	if (c != '(' && c != ')')
		return false;
	if (p->is_open == (c == '('))
		WRONG(p, "'%c' has no partner", c);
	p->is_open = c == '(';
	p->rest = str_skip(p->rest, 1);
	return true;
}

/* False at the end of the record. */
static bool skip_to_word(struct parser *p)
{
	do {
		p->rest = str_trim(p->rest);
		bool is_line_over = p->rest.n == 0 || is_comment(p->rest.p[0]);
		if (is_line_over && (!p->is_open || !str_next(&p->lines, '\n', &p->rest)))
			break;
		if (is_line_over)
			p->at.line++;
		else if (!take_parenthesis(p))
			return !p->is_bad;
	} while (!p->is_bad);
	if (p->is_open)
		WRONG(p, "the closing parenthesis is missing");
	return false;
}

/* False at the end of the record. */
static bool next_word(struct parser *p, struct word *w)
{
	if (p->is_bad || !skip_to_word(p))
		return false;
	if (p->rest.p[0] == '"') {
		quoted_word(p, w);
		return !p->is_bad;
	}
	size_t end = 0;
	while (end < p->rest.n && !char_is_space(p->rest.p[end]) && p->rest.p[end] != ')')
		end++;
	*w = (struct word){ str_sub(p->rest, 0, end), false };
	p->rest = str_skip(p->rest, end);
	for (size_t i = 0; i < w->text.n; i++)
		if (strchr("\";\\", w->text.p[i]) != NULL)
			WRONG(p, "'%c' must stand in quotes", w->text.p[i]);
	return !p->is_bad;
}

static void expect_end(struct parser *p)
{
	struct word w;
	if (next_word(p, &w))
		WRONG(p, "nothing is expected before \"%.*s\"", STR_ARG(w.text));
}

/* RFC 1035 5.1: \DDD is the byte of this decimal number, \X is X. */
static void add_unescaped(struct parser *p, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c == '\\' && i + 1 < s.n && char_is_digit(s.p[i + 1])) {
			uint64_t byte;
			if (i + 3 >= s.n || !str_to_u64(str_sub(s, i + 1, 3), &byte) || byte > 255) {
				WRONG(p, "an escape is \\DDD with three digits up to 255, \\\" or \\\\");
				return;
			}
			c = (char)byte;
			i += 3;
		} else if (c == '\\') {
			c = s.p[++i];
		}
		buf_add_char(&p->text, c);
	}
}

/* Data ------------------------------------------------------------------------------------------------------ */

static bool parse_outcome(struct str word, enum dns_status *status)
{
	static const struct {
		const char *word;
		enum dns_status status;
	} outcomes[] = {
		{ "SERVFAIL", DNS_SERVFAIL }, { "TIMEOUT", DNS_TIMEOUT },   { "BOGUS", DNS_BOGUS },
		{ "NODATA", DNS_NODATA },     { "NXDOMAIN", DNS_NXDOMAIN },
	};
	for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
		if (str_eq(word, str_of(outcomes[i].word))) {
			*status = outcomes[i].status;
			return true;
		}
	}
	return false;
}

/* "200ms", "2s" */
static void parse_delay(struct parser *p, struct zone_line *line)
{
	struct word w = { STR_EMPTY, false };
	uint64_t n;
	uint64_t unit_ms = 1;
	next_word(p, &w);
	struct str number = w.text;
	if (str_ends_nocase(number, STR("ms"))) {
		number.n -= 2;
	} else if (str_ends_nocase(number, STR("s"))) {
		number.n -= 1;
		unit_ms = 1000;
	}
	if (number.n == w.text.n || !str_to_u64(number, &n) || n > DELAY_MS_MAX / unit_ms)
		WRONG(p, "DELAY wants a time of at most 60s, such as 200ms or 2s");
	else
		line->delay_ms = (int)(n * unit_ms);
}

static void parse_address(struct parser *p, struct word w, enum dns_type type, struct zone_line *line)
{
	enum ip_family wanted = type == DNS_A ? IP_V4 : IP_V6;
	if (!ip_parse(w.text, &line->record.ip) || line->record.ip.family != wanted)
		WRONG(p, "\"%.*s\" is no %s address", STR_ARG(w.text), type == DNS_A ? "IPv4" : "IPv6");
}

static void parse_host(struct parser *p, struct word w, struct zone_line *line)
{
	char buffer[DNS_NAME_MAX + 1];
	struct str normal, host = w.text;
	if (!dns_name_normalise(host, buffer, &normal))
		WRONG(p, "\"%.*s\" is no domain name", STR_ARG(host));
	if (host.n > 0 && host.p[host.n - 1] == '.')
		host.n--;
	line->record.text = str_dup(p->zone->arena, host);
}

static void parse_exchange(struct parser *p, struct word w, struct zone_line *line)
{
	uint64_t preference;
	struct word host;
	if (!str_to_u64(w.text, &preference) || preference > UINT16_MAX || !next_word(p, &host)) {
		WRONG(p, "MX wants a preference and a host: 10 mx.example.org");
		return;
	}
	line->record.preference = (uint16_t)preference;
	if (!str_eq(host.text, STR("."))) /* RFC 7505: null MX */
		parse_host(p, host, line);
}

static void parse_text(struct parser *p, struct word w, struct zone_line *line)
{
	struct word next;
	buf_clear(&p->text);
	add_unescaped(p, w.text);
	while (next_word(p, &next)) {
		if (!w.is_quoted || !next.is_quoted)
			WRONG(p, "a TXT with blanks needs quotes");
		add_unescaped(p, next.text);
		w = next;
	}
	if (p->text.n > TEXT_BYTES_MAX)
		WRONG(p, "a text of more than %d bytes does not fit into an answer", TEXT_BYTES_MAX);
	line->record.text = str_dup(p->zone->arena, buf_str(&p->text));
}

static void parse_data(struct parser *p, struct word w, struct zone_line *line)
{
	line->kind = ZONE_RECORD;
	switch ((enum dns_type)line->type) {
	case DNS_A:
	case DNS_AAAA:
		parse_address(p, w, (enum dns_type)line->type, line);
		break;
	case DNS_PTR:
		parse_host(p, w, line);
		break;
	case DNS_MX:
		parse_exchange(p, w, line);
		break;
	case DNS_TXT:
		parse_text(p, w, line);
		break;
	}
}

/* Lines ----------------------------------------------------------------------------------------------------- */

static struct zone_node *node_at(struct dns_zone *zone, struct str name)
{
	struct zone_node *node = map_get(zone->nodes, name);
	if (node == NULL) {
		node = ARENA_NEW(zone->arena, struct zone_node);
		node->last = &node->lines;
		map_add(zone->nodes, name, node);
	}
	return node;
}

/* Names above exist with it (RFC 4592 2.2.2). */
static struct zone_node *node_for_line(struct dns_zone *zone, struct str name)
{
	struct str label, ancestor = name;
	while (str_cut(ancestor, '.', &label, &ancestor))
		node_at(zone, ancestor);
	return node_at(zone, name);
}

static bool contradicts(const struct zone_line *a, const struct zone_line *b)
{
	if (a->kind == ZONE_DELAY || b->kind == ZONE_DELAY)
		return a->kind == b->kind && a->type == b->type;
	if (a->kind == ZONE_CNAME || b->kind == ZONE_CNAME)
		return true; /* RFC 1034 3.6.2 */
	return a->type == b->type && (a->kind == ZONE_OUTCOME || b->kind == ZONE_OUTCOME);
}

static void keep_line(struct parser *p, struct str name, struct zone_line *line)
{
	struct zone_node *node = node_for_line(p->zone, name);
	for (const struct zone_line *other = node->lines; other != NULL; other = other->next) {
		if (contradicts(line, other)) {
			WRONG(p, "contradicts line %d", other->number);
			return;
		}
	}
	*node->last = line;
	node->last = &line->next;
}

/* [TTL] [IN] TYPE; the type word is left in w. */
static bool parse_head(struct parser *p, struct word *w, struct zone_line *line)
{
	uint64_t ttl_s = ZONE_TTL_S;
	bool has_word = next_word(p, w);
	if (has_word && str_to_u64(w->text, &ttl_s))
		has_word = next_word(p, w);
	if (has_word && str_eq_nocase(w->text, STR("IN")))
		has_word = next_word(p, w);
	line->ttl_s = (uint32_t)(ttl_s < TTL_S_MAX ? ttl_s : TTL_S_MAX);
	return has_word;
}

static bool parse_type(struct str word, struct zone_line *line)
{
	enum dns_type type = DNS_A;
	if (str_eq_nocase(word, STR("CNAME"))) {
		line->kind = ZONE_CNAME;
		return true;
	}
	bool is_known = str_eq(word, STR("*")) || dns_type_parse(word, &type);
	line->type = str_eq(word, STR("*")) ? ZONE_TYPE_EVERY : (unsigned)type;
	return is_known;
}

/* What follows the type. */
static void parse_rest(struct parser *p, struct word w, struct zone_line *line)
{
	bool is_outcome = !w.is_quoted && parse_outcome(w.text, &line->outcome);
	bool is_delay = !w.is_quoted && str_eq(w.text, STR("DELAY"));
	if (line->kind == ZONE_CNAME && (is_outcome || is_delay)) {
		WRONG(p, "CNAME wants a name; outcomes for every type are written with the type '*'");
	} else if (line->kind == ZONE_CNAME) {
		parse_host(p, w, line);
	} else if (is_outcome) {
		line->kind = ZONE_OUTCOME;
	} else if (is_delay) {
		line->kind = ZONE_DELAY;
		parse_delay(p, line);
	} else if (line->type == ZONE_TYPE_EVERY) {
		WRONG(p, "the type '*' wants SERVFAIL, TIMEOUT, BOGUS, NODATA, NXDOMAIN or DELAY");
	} else {
		parse_data(p, w, line);
	}
	expect_end(p);
}

static void parse_record(struct parser *p, struct str text)
{
	char buffer[DNS_NAME_MAX + 1];
	struct word owner, w;
	struct str name;
	p->rest = text;
	p->is_open = p->is_bad = false;
	if (!next_word(p, &owner))
		return;
	struct zone_line *line = ARENA_NEW(p->zone->arena, struct zone_line);
	line->number = p->at.line;
	if (!dns_name_normalise(owner.text, buffer, &name))
		WRONG(p, "\"%.*s\" is no domain name", STR_ARG(owner.text));
	else if (!parse_head(p, &w, line) || !parse_type(w.text, line))
		WRONG(p, "after the name comes A, AAAA, MX, PTR, TXT, CNAME or '*'");
	else if (!next_word(p, &w))
		WRONG(p, "data is missing");
	else
		parse_rest(p, w, line);
	if (!p->is_bad)
		keep_line(p, name, line);
	while (p->is_open && memchr(p->rest.p, ')', p->rest.n) == NULL && str_next(&p->lines, '\n', &p->rest))
		p->at.line++;
}

struct dns_zone *dns_zone_parse(struct str text, const char *file, struct diags *diags)
{
	struct arena *arena = arena_new();
	struct dns_zone *zone = ARENA_NEW(arena, struct dns_zone);
	*zone = (struct dns_zone){ .arena = arena, .nodes = map_new(arena) };
	struct parser p = { .zone = zone, .diags = diags, .at = { .file = file }, .lines = text };
	size_t errors_before = diags_errors(diags);
	struct str line;
	buf_init(&p.text, 0);
	while (str_next(&p.lines, '\n', &line)) {
		p.at.line++;
		parse_record(&p, line);
	}
	buf_fini(&p.text);
	if (diags_errors(diags) == errors_before)
		return zone;
	dns_zone_free(zone);
	return NULL;
}

void dns_zone_free(struct dns_zone *zone)
{
	if (zone != NULL)
		arena_free(zone->arena);
}

struct dns_zone *dns_zone_read(const char *path, struct diags *diags)
{
	struct place at = { .file = path };
	struct buf text;
	char chunk[16 * 1024];
	size_t n;
	FILE *f = fopen(path, "re");
	if (f == NULL) {
		diag_error(diags, at, "cannot be opened: %s", strerror(errno));
		return NULL;
	}
	buf_init(&text, FILE_BYTES_MAX);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0 && buf_add(&text, (struct str){ chunk, n }))
		;
	struct dns_zone *zone = NULL;
	if (ferror(f))
		diag_error(diags, at, "cannot be read: %s", strerror(errno));
	else if (text.is_full)
		diag_error(diags, at, "is larger than %d bytes", FILE_BYTES_MAX);
	else
		zone = dns_zone_parse(buf_str(&text), path, diags);
	fclose(f);
	buf_fini(&text);
	return zone;
}

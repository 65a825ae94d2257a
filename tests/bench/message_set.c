#include "bench/message_set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/arena.h"
#include "eval/case.h"

enum { FILE_BYTES_MAX = 64 << 20, FIELDS_MAX = 1000 };

static struct str slurp(struct arena *a, const char *path)
{
	struct str text;
	if (case_slurp(a, path, FILE_BYTES_MAX, &text))
		return text;
	fprintf(stderr, "load: %s cannot be read\n", path);
	exit(EX_NOINPUT);
}

/* The length of the first field, its continuation lines included. */
static size_t field_length(struct str header)
{
	size_t n = 0;
	for (;;) {
		ptrdiff_t end = str_find(str_skip(header, n), '\n');
		n = end < 0 ? header.n : n + (size_t)end + 1;
		if (n >= header.n || (header.p[n] != ' ' && header.p[n] != '\t'))
			return n;
	}
}

/* As an MTA hands it over: folded with LF, no line end behind. */
static struct str without_cr(struct arena *a, struct str value)
{
	char *out = arena_alloc(a, value.n);
	size_t n = 0;
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] != '\r')
			out[n++] = value.p[i];
	while (n > 0 && out[n - 1] == '\n')
		n--;
	return (struct str){ out, n };
}

static void parse_fields(struct arena *a, struct content *c, struct str header)
{
	c->fields = arena_array(a, FIELDS_MAX, sizeof(*c->fields));
	while (header.n > 0 && c->field_count < FIELDS_MAX) {
		struct str field = str_sub(header, 0, field_length(header)), name, value;
		header = str_skip(header, field.n);
		str_cut(field, ':', &name, &value);
		c->fields[c->field_count++] = (struct field){ name, without_cr(a, value) };
	}
}

static const struct content *content_of(struct message_set *set, struct str path)
{
	for (const struct content *c = set->contents; c != NULL; c = c->next)
		if (str_eq(c->path, path))
			return c;
	struct content *c = ARENA_NEW(set->arena, struct content);
	struct str text = slurp(set->arena, str_to_c(set->arena, path));
	const char *end = memmem(text.p, text.n, "\r\n\r\n", 4);
	size_t header_bytes = end == NULL ? text.n : (size_t)(end - text.p) + 2;
	parse_fields(set->arena, c, str_sub(text, 0, header_bytes));
	c->body = str_skip(text, header_bytes + 2);
	c->path = path;
	c->next = set->contents;
	return set->contents = c;
}

static struct str none_if_dash(struct str s)
{
	return str_eq(s, STR("-")) ? STR_EMPTY : s;
}

static void parse_line(struct message_set *set, struct str line, struct mail *m)
{
	struct str f[7];
	for (size_t i = 0; i < 7; i++)
		str_cut(line, '\t', &f[i], &line);
	if (f[6].n == 0 || !ip_parse(f[0], &m->client)) {
		fprintf(stderr, "load: a message needs seven fields, the first an IP address\n");
		exit(EX_DATAERR);
	}
	m->client_text = f[0];
	m->helo = f[1];
	m->sender = f[2];
	m->recipient = f[3];
	m->login = none_if_dash(f[4]);
	m->expected = none_if_dash(f[5]);
	m->content = content_of(set, f[6]);
}

void message_set_read(struct message_set *set, const char *path)
{
	*set = (struct message_set){ .arena = arena_new() };
	struct str text = slurp(set->arena, path), rest = text, line;
	size_t lines = 0;
	while (str_next(&rest, '\n', &line))
		lines += line.n > 0;
	if (lines == 0) {
		fprintf(stderr, "load: %s lists no message\n", path);
		exit(EX_DATAERR);
	}
	set->mails = arena_array(set->arena, lines, sizeof(*set->mails));
	while (str_next(&text, '\n', &line))
		if (line.n > 0)
			parse_line(set, line, &set->mails[set->count++]);
}

void message_set_fini(struct message_set *set)
{
	arena_free(set->arena);
}

const char *mail_missing(const struct mail *m, struct str results, size_t signatures, char room[static 128])
{
	struct str rest = m->expected, word, count;
	uint64_t wanted;
	while (str_next(&rest, ',', &word)) {
		bool is_count = str_starts(word, STR("signatures="));
		str_cut(word, '=', &count, &count);
		bool holds = is_count ? str_to_u64(count, &wanted) && wanted == signatures
				      : memmem(results.p, results.n, word.p, word.n) != NULL;
		if (holds)
			continue;
		snprintf(room, 128, "%.*s", STR_ARG(word));
		return room;
	}
	return NULL;
}

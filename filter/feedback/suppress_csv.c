#include "feedback/suppress_csv.h"

#include <string.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/map.h"
#include "base/nametab.h"
#include "base/vec.h"
#include "feedback/suppress.h"
#include "feedback/when.h"
#include "store/store.h"

enum column { SCOPE, ADDRESS, REASON, SOURCE, CREATED, EXPIRES, COLUMN_COUNT };

static const char *const column_names[COLUMN_COUNT] = { "scope", "address", "reason", "source", "created", "expires" };

struct reader {
	struct arena *arena;
	struct diags *diags;
	struct place at;
	const struct suppression *missing;
	enum column columns[COLUMN_COUNT]; /* of the header line */
	size_t column_count;
	struct map *seen;                  /* scope and address -> the line */
	VEC(struct suppression) entries;
};

/* ---- lines and fields -------------------------------------------------------------------------------------- */

/* Behind the opening quote: up to the closing one, with "" for one. */
static bool take_quoted(struct arena *a, struct str *rest, struct str *field)
{
	char *p = arena_alloc(a, rest->n);
	size_t n = 0;
	for (size_t i = 0; i < rest->n; i++) {
		if (rest->p[i] == '"' && i + 1 < rest->n && rest->p[i + 1] == '"') {
			i++;
		} else if (rest->p[i] == '"') {
			*field = (struct str){ p, n };
			*rest = str_skip(*rest, i + 1);
			return true;
		}
		p[n++] = rest->p[i];
	}
	return false;
}

/* NULL, or what is wrong. Blanks around a field without quotes are none of it. */
static const char *split(struct arena *a, struct str rest, struct str fields[static COLUMN_COUNT], size_t *count)
{
	bool has_more = true;
	for (*count = 0; has_more; ++*count) {
		if (*count == COLUMN_COUNT)
			return "has more than 6 fields";
		struct str *field = &fields[*count];
		if (rest.n > 0 && rest.p[0] == '"') {
			rest = str_skip(rest, 1);
			if (!take_quoted(a, &rest, field))
				return "has a quote that is not closed";
			if (rest.n > 0 && rest.p[0] != ',')
				return "has text behind a closing quote";
			has_more = rest.n > 0;
			rest = str_skip(rest, 1);
		} else {
			has_more = str_cut(rest, ',', field, &rest);
			*field = str_trim(*field);
			if (str_find(*field, '"') >= 0)
				return "has a quote inside a field that does not begin with one";
		}
	}
	return NULL;
}

/* The next one that is not blank. */
static bool next_line(struct reader *r, struct str *rest, struct str *line)
{
	while (str_next(rest, '\n', line)) {
		r->at.line++;
		if (str_trim(*line).n > 0)
			return true;
	}
	return false;
}

/* Fields of a line; false after a word about it. */
static bool read_fields(struct reader *r, struct str line, struct str fields[static COLUMN_COUNT], size_t *count)
{
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	const char *wrong = line.n > SUPPRESS_LINE_MAX ? "is longer than 4096 bytes"
						       : split(r->arena, line, fields, count);
	if (wrong != NULL)
		diag_error(r->diags, r->at, "the line %s", wrong);
	return wrong == NULL;
}

/* ---- entries ----------------------------------------------------------------------------------------------- */

static bool read_header(struct reader *r, struct str line)
{
	struct str fields[COLUMN_COUNT];
	size_t errors = diags_errors(r->diags);
	bool has[COLUMN_COUNT] = { false };
	if (!read_fields(r, line, fields, &r->column_count))
		return false;
	for (size_t i = 0; i < r->column_count; i++) {
		unsigned column;
		if (!nametab_find(column_names, COLUMN_COUNT, str_lower(r->arena, fields[i]), &column)) {
			diag_error(r->diags, r->at, "there is no column \"%.*s\": the first line names %s",
				   STR_ARG(str_sub(fields[i], 0, 40)),
				   nametab_join(r->arena, column_names, COLUMN_COUNT).p);
			continue;
		}
		if (has[column])
			diag_error(r->diags, r->at, "the column %s is there twice", column_names[column]);
		has[column] = true;
		r->columns[i] = (enum column)column;
	}
	if (diags_errors(r->diags) == errors && !has[ADDRESS])
		diag_error(r->diags, r->at, "the column address is missing");
	return diags_errors(r->diags) == errors;
}

/* NULL, or what is wrong. */
static const char *set(struct suppression *e, enum column column, struct str value)
{
	if (value.n == 0)
		return NULL;
	switch (column) {
	case SCOPE:
		e->scope = value;
		break;
	case ADDRESS:
		e->address = value;
		break;
	case REASON:
		e->reason = value;
		break;
	case SOURCE:
		e->source = value;
		break;
	case CREATED:
		return when_parse(value, &e->created_unix_s) ? NULL : "was created at no time such as 2026-11-23T10:12:00Z";
	case EXPIRES:
		return when_parse(value, &e->expires_unix_s) ? NULL : "expires at no time such as 2026-11-23T10:12:00Z";
	case COLUMN_COUNT:
		break;
	}
	return NULL;
}

static void add_entry(struct reader *r, const struct str *fields, size_t count)
{
	struct suppression e = *r->missing;
	const char *wrong = NULL;
	for (size_t i = 0; i < count; i++) {
		const char *why = set(&e, r->columns[i], fields[i]);
		wrong = wrong != NULL ? wrong : why;
	}
	struct str shown = str_sub(e.address, 0, 80);
	if (wrong == NULL)
		wrong = suppress_check(r->arena, &e);
	if (wrong != NULL) {
		diag_error(r->diags, r->at, "\"%.*s\" %s", STR_ARG(shown), wrong);
		return;
	}
	struct str key = str_printf(r->arena, "%.*s %.*s", STR_ARG(e.scope), STR_ARG(e.address));
	int *first_line = map_get(r->seen, key);
	if (first_line != NULL) {
		diag_error(r->diags, r->at, "\"%.*s\" is in line %d already", STR_ARG(shown), *first_line);
		return;
	}
	first_line = ARENA_NEW(r->arena, int);
	*first_line = r->at.line;
	map_add(r->seen, key, first_line);
	VEC_PUSH(r->arena, &r->entries, e);
}

static void read_entries(struct reader *r, struct str rest)
{
	struct str line, fields[COLUMN_COUNT];
	size_t count;
	while (next_line(r, &rest, &line)) {
		if (r->entries.count == SUPPRESS_ENTRIES_MAX) {
			diag_error(r->diags, r->at, "there are more than %d entries", SUPPRESS_ENTRIES_MAX);
			return;
		}
		if (!read_fields(r, line, fields, &count))
			continue;
		if (count != r->column_count)
			diag_error(r->diags, r->at, "the line has %zu fields, the first one %zu", count, r->column_count);
		else
			add_entry(r, fields, count);
	}
}

bool suppress_csv_read(struct arena *a, struct str text, const char *file, const struct suppression *missing,
		       const struct suppression **entries, size_t *count, struct diags *diags)
{
	struct reader r = { .arena = a, .diags = diags, .at = { .file = file }, .missing = missing, .seen = map_new(a) };
	struct str line;
	size_t errors = diags_errors(diags);
	if (str_starts(text, STR("\xef\xbb\xbf"))) /* as spreadsheets begin UTF-8 */
		text = str_skip(text, 3);
	if (!next_line(&r, &text, &line))
		diag_error(diags, r.at, "is empty: the first line names the columns");
	else if (read_header(&r, line))
		read_entries(&r, text);
	*entries = r.entries.items;
	*count = r.entries.count;
	return diags_errors(diags) == errors;
}

/* ---- writing ----------------------------------------------------------------------------------------------- */

void suppress_csv_write_header(FILE *out)
{
	for (size_t i = 0; i < COLUMN_COUNT; i++)
		fprintf(out, "%s%s", column_names[i], i + 1 < COLUMN_COUNT ? "," : "\r\n");
}

static void write_field(FILE *out, struct str s, const char *end)
{
	bool is_quoted = str_trim(s).n < s.n;
	for (size_t i = 0; i < s.n; i++)
		is_quoted = is_quoted || strchr(",\"\r\n", s.p[i]) != NULL;
	if (is_quoted)
		putc('"', out);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"')
			putc('"', out);
		putc(s.p[i], out);
	}
	fprintf(out, "%s%s", is_quoted ? "\"" : "", end);
}

void suppress_csv_write(FILE *out, const struct suppression *e)
{
	struct arena *a = arena_new();
	write_field(out, e->scope, ",");
	write_field(out, e->address, ",");
	write_field(out, e->reason, ",");
	write_field(out, e->source, ",");
	write_field(out, when_print(a, e->created_unix_s), ",");
	write_field(out, e->expires_unix_s == 0 ? STR_EMPTY : when_print(a, e->expires_unix_s), "\r\n");
	arena_free(a);
}

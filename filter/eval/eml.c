#include "eval/eml.h"

#include <string.h>

#include "base/arena.h"

/* The next line without its end; false when nothing is left. */
static bool line_next(struct str *rest, struct str *line)
{
	if (!str_next(rest, '\n', line))
		return false;
	if (line->n > 0 && line->p[line->n - 1] == '\r')
		line->n--;
	return true;
}

/* The length of the name if the line begins a header field, else 0. Blanks before the colon are let through and
 * are not part of the name, as in Postfix. */
static size_t field_name_length(struct str line)
{
	size_t n = 0;
	while (n < line.n && line.p[n] > ' ' && line.p[n] < 0x7f && line.p[n] != ':')
		n++;
	size_t colon = n;
	while (colon < line.n && (line.p[colon] == ' ' || line.p[colon] == '\t'))
		colon++;
	return colon < line.n && line.p[colon] == ':' ? n : 0;
}

static bool is_fold(struct str rest)
{
	return rest.n > 0 && (rest.p[0] == ' ' || rest.p[0] == '\t');
}

static struct str folded_value(struct arena *a, struct str first, struct str *rest)
{
	struct str ahead = *rest, line;
	size_t bytes = first.n;
	while (is_fold(ahead) && line_next(&ahead, &line))
		bytes += line.n + 1;
	char *value = arena_alloc(a, bytes + 1), *p = mempcpy(value, first.p, first.n);
	while (is_fold(*rest) && line_next(rest, &line)) {
		*p++ = '\n';
		p = mempcpy(p, line.p, line.n);
	}
	return (struct str){ value, bytes };
}

static struct str body_with_crlf(struct arena *a, struct str body)
{
	size_t lines = 0;
	for (size_t i = 0; i < body.n; i++)
		lines += body.p[i] == '\n';
	char *out = arena_alloc(a, body.n + lines + 3), *p = out;
	struct str line;
	while (line_next(&body, &line)) {
		p = mempcpy(p, line.p, line.n);
		p = mempcpy(p, "\r\n", 2);
	}
	return (struct str){ out, (size_t)(p - out) };
}

struct eml eml_split(struct arena *a, struct str message)
{
	size_t lines = 1;
	for (size_t i = 0; i < message.n; i++)
		lines += message.p[i] == '\n';
	struct eml_field *fields = arena_array(a, lines, sizeof(*fields));
	struct eml m = { .fields = fields, .body = STR_EMPTY };
	struct str rest = message, after = message, line;
	while (line_next(&after, &line)) {
		size_t name = field_name_length(line);
		if (name == 0) {
			m.body = body_with_crlf(a, line.n == 0 ? after : rest);
			break;
		}
		struct str value;
		str_cut(line, ':', &value, &value);
		fields[m.field_count].name = str_sub(line, 0, name);
		fields[m.field_count].value = folded_value(a, value, &after);
		m.field_count++;
		rest = after;
	}
	return m;
}

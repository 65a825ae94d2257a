#include "record/writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"

void writer_init(struct writer *w, struct arena *a, const struct writer_limits *limits, size_t max_bytes)
{
	*w = (struct writer){ .arena = a, .limits = *limits };
	buf_init(&w->out, max_bytes);
}

void writer_fini(struct writer *w)
{
	buf_fini(&w->out);
}

enum { NAME_MAX_BYTES = 40 };

/* What stands before a value: one addition, for there are hundreds of them. */
static void begin(struct writer *w, const char *name)
{
	char text[NAME_MAX_BYTES + 4];
	size_t n = 0, name_bytes = name == NULL ? 0 : strlen(name);
	BUG_IF(name_bytes > NAME_MAX_BYTES);
	if (w->has_sibling)
		text[n++] = ',';
	w->has_sibling = true;
	if (name != NULL) {
		text[n++] = '"';
		memcpy(text + n, name, name_bytes);
		n += name_bytes;
		text[n++] = '"';
		text[n++] = ':';
	}
	buf_add(&w->out, (struct str){ text, n });
}

static void open_with(struct writer *w, const char *name, char bracket)
{
	begin(w, name);
	buf_add_char(&w->out, bracket);
	w->has_sibling = false;
}

static void close_with(struct writer *w, char bracket)
{
	buf_add_char(&w->out, bracket);
	w->has_sibling = true;
}

void writer_object(struct writer *w, const char *name)
{
	open_with(w, name, '{');
}

void writer_object_end(struct writer *w)
{
	close_with(w, '}');
}

void writer_list(struct writer *w, const char *name)
{
	open_with(w, name, '[');
}

void writer_list_end(struct writer *w)
{
	close_with(w, ']');
}

/* ---- texts ---------------------------------------------------------------------------------------------- */

/* Length of the UTF-8 character there (RFC 3629 4: no overlong forms, no surrogates, up to U+10FFFF), or 0. */
static size_t utf8_length(struct str s, size_t at)
{
	const unsigned char *p = (const unsigned char *)s.p + at;
	size_t n = p[0] < 0x80 ? 1 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
								      : p[0] >= 0xf0 && p[0] < 0xf5 ? 4 : 0;
	if (n == 0 || n > s.n - at)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
	    (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

static uint32_t code_point(const char *text, size_t n)
{
	static const unsigned char masks[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t c = (unsigned char)text[0] & masks[n];
	for (size_t i = 1; i < n; i++)
		c = c << 6 | ((unsigned char)text[i] & 0x3f);
	return c;
}

enum { ESCAPE_MAX = sizeof("\\ud800\\udc00") };

/* What stands for the character there in the line (RFC 8259 7), all of it ASCII; *step: its bytes in the text. */
static size_t escape(struct str s, size_t at, char out[static ESCAPE_MAX], size_t *step)
{
	char c = s.p[at];
	size_t n = c == 0x7f ? 0 : utf8_length(s, at);
	uint32_t point = n == 0 ? 0xfffd : code_point(s.p + at, n);
	*step = n == 0 ? 1 : n;
	if (c == '"' || c == '\\')
		return (size_t)snprintf(out, ESCAPE_MAX, "\\%c", c);
	if (point >= 0x10000)
		return (size_t)snprintf(out, ESCAPE_MAX, "\\u%04" PRIx32 "\\u%04" PRIx32,
					0xd800 + ((point - 0x10000) >> 10), 0xdc00 + ((point - 0x10000) & 0x3ff));
	return (size_t)snprintf(out, ESCAPE_MAX, "\\u%04" PRIx32, point);
}

static bool is_plain(char c)
{
	return char_is_printable(c) && c != '"' && c != '\\';
}

/* A text over the limit ends with "...", at the character that would pass it. */
void writer_text(struct writer *w, const char *name, struct str s)
{
	size_t left = w->limits.text_bytes - STR("...").n, step;
	char escaped[ESCAPE_MAX];
	begin(w, name);
	buf_add_char(&w->out, '"');
	for (size_t i = 0; i < s.n; i += step) {
		size_t plain = 0;
		while (i + plain < s.n && plain < left && is_plain(s.p[i + plain]))
			plain++;
		buf_add(&w->out, str_sub(s, i, plain));
		left -= plain;
		i += plain;
		if (i == s.n)
			break;
		size_t n = escape(s, i, escaped, &step);
		if (left == 0 || n > left) {
			buf_add(&w->out, STR("..."));
			w->is_cut = true;
			break;
		}
		buf_add(&w->out, (struct str){ escaped, n });
		left -= n;
	}
	buf_add_char(&w->out, '"');
}

void writer_text_or_null(struct writer *w, const char *name, struct str s)
{
	if (s.n == 0)
		writer_null(w, name);
	else
		writer_text(w, name, s);
}

void writer_texts(struct writer *w, const char *name, const struct str *items, size_t count)
{
	count = writer_told(w, count, w->limits.list);
	writer_list(w, name);
	for (size_t i = 0; i < count; i++)
		writer_text(w, NULL, items[i]);
	writer_list_end(w);
}

void writer_word(struct writer *w, const char *name, const char *word)
{
	if (word == NULL)
		writer_null(w, name);
	else
		writer_text(w, name, str_of(word));
}

/* ---- numbers and the like ------------------------------------------------------------------------------- */

void writer_int(struct writer *w, const char *name, int64_t number)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%" PRId64, number);
	begin(w, name);
	buf_add(&w->out, (struct str){ text, (size_t)n });
}

void writer_thousandths(struct writer *w, const char *name, int64_t number)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%s%" PRId64 ".%03d", number < 0 ? "-" : "", (number < 0 ? -number : number) / 1000,
			 (int)((number < 0 ? -number : number) % 1000));
	begin(w, name);
	buf_add(&w->out, (struct str){ text, (size_t)n });
}

void writer_bool(struct writer *w, const char *name, bool truth)
{
	begin(w, name);
	buf_add(&w->out, truth ? STR("true") : STR("false"));
}

void writer_null(struct writer *w, const char *name)
{
	begin(w, name);
	buf_add(&w->out, STR("null"));
}

size_t writer_told(struct writer *w, size_t count, size_t limit)
{
	w->is_cut = w->is_cut || count > limit;
	return count < limit ? count : limit;
}

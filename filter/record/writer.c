#include "record/writer.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/fail.h"

enum { LINE_FLAGS = JSON_COMPACT | JSON_ENSURE_ASCII, USUAL_LINE_BYTES = 8 * 1024 };

void writer_init(struct writer *w, struct arena *a, const struct writer_limits *limits)
{
	*w = (struct writer){ .arena = a, .limits = *limits };
}

void writer_fini(struct writer *w)
{
	json_decref(w->whole);
}

struct str writer_line(const struct writer *w, size_t max_bytes)
{
	char usual[USUAL_LINE_BYTES];
	size_t n = json_dumpb(w->whole, usual, sizeof(usual), LINE_FLAGS);
	if (n <= sizeof(usual))
		return n <= max_bytes ? str_dup(w->arena, (struct str){ usual, n }) : STR_EMPTY;
	if (n > max_bytes)
		return STR_EMPTY;
	char *line = arena_alloc(w->arena, n);
	json_dumpb(w->whole, line, n, LINE_FLAGS);
	return (struct str){ line, n };
}

/* ---- values --------------------------------------------------------------------------------------------- */

static void put(struct writer *w, const char *name, json_t *value)
{
	fail_if_null(value);
	if (w->depth == 0) {
		w->whole = value;
		return;
	}
	struct writer_level *parent = &w->open[w->depth - 1];
	if (parent->value == NULL)
		parent->value = fail_if_null(parent->is_list ? json_array() : json_object());
	if (parent->is_list ? json_array_append_new(parent->value, value) != 0
			    : json_object_set_new_nocheck(parent->value, name, value) != 0)
		fail_out_of_memory();
}

static void begin(struct writer *w, const char *name, bool is_list)
{
	BUG_IF(w->depth == WRITER_DEPTH);
	w->open[w->depth++] = (struct writer_level){ .name = name, .is_list = is_list };
}

void writer_object(struct writer *w, const char *name)
{
	begin(w, name, false);
}

void writer_list(struct writer *w, const char *name)
{
	begin(w, name, true);
}

void writer_end(struct writer *w)
{
	const struct writer_level *last = &w->open[--w->depth];
	if (last->value != NULL)
		put(w, last->name, last->value);
}

void writer_int(struct writer *w, const char *name, int64_t number)
{
	put(w, name, json_integer(number));
}

void writer_bool(struct writer *w, const char *name, bool truth)
{
	put(w, name, json_boolean(truth));
}

/* ---- texts ---------------------------------------------------------------------------------------------- */

/* Bytes that jansson needs for it with JSON_ENSURE_ASCII. */
static size_t escaped_bytes(char c, size_t utf8_bytes)
{
	if (utf8_bytes != 1)
		return utf8_bytes == 4 ? 12 : 6;
	return (unsigned char)c < 0x20 ? 6 : c == '"' || c == '\\' ? 2 : 1;
}

/* A text over the limit ends with "...", before the character that would pass it. */
static json_t *bounded(struct writer *w, struct str s)
{
	struct buf b;
	size_t bytes = 0, step;
	buf_init(&b, 0);
	for (size_t i = 0; i < s.n; i += step) {
		size_t n = s.p[i] == 0x7f ? 0 : str_utf8_bytes(str_skip(s, i));
		step = n > 0 ? n : 1;
		bytes += escaped_bytes(s.p[i], n);
		if (bytes + STR("...").n > w->limits.text_bytes) {
			buf_add(&b, STR("..."));
			w->is_cut = true;
			break;
		}
		buf_add(&b, n > 0 ? str_sub(s, i, n) : STR("\xef\xbf\xbd"));
	}
	json_t *value = json_stringn_nocheck(b.n == 0 ? "" : b.p, b.n);
	buf_fini(&b);
	return value;
}

static bool is_plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!char_is_printable(s.p[i]) || s.p[i] == '"' || s.p[i] == '\\')
			return false;
	return true;
}

void writer_text(struct writer *w, const char *name, struct str s)
{
	bool is_short = s.n > 0 && s.n + STR("...").n <= w->limits.text_bytes;
	put(w, name, is_short && is_plain(s) ? json_stringn_nocheck(s.p, s.n) : bounded(w, s));
}

void writer_text_if_any(struct writer *w, const char *name, struct str s)
{
	if (s.n > 0)
		writer_text(w, name, s);
}

void writer_texts(struct writer *w, const char *name, const struct str *items, size_t count)
{
	count = writer_told(w, count, w->limits.list);
	writer_list(w, name);
	for (size_t i = 0; i < count; i++)
		writer_text(w, NULL, items[i]);
	writer_end(w);
}

void writer_word(struct writer *w, const char *name, const char *word)
{
	put(w, name, json_string_nocheck(word));
}

size_t writer_told(struct writer *w, size_t count, size_t limit)
{
	w->is_cut = w->is_cut || count > limit;
	return count < limit ? count : limit;
}

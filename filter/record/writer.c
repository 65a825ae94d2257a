#include "record/writer.h"

#include "base/buf.h"
#include "base/fail.h"

void writer_put(json_t *object, const char *name, json_t *value)
{
	if (json_object_set_new(object, name, value) != 0)
		fail_out_of_memory();
}

void writer_append(json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) != 0)
		fail_out_of_memory();
}

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

/* Bytes that jansson needs for it with JSON_ENSURE_ASCII. */
static size_t escaped_bytes(char c, size_t utf8_bytes)
{
	if (utf8_bytes != 1)
		return utf8_bytes == 4 ? 12 : 6;
	return (unsigned char)c < 0x20 ? 6 : c == '"' || c == '\\' ? 2 : 1;
}

json_t *writer_text(struct writer *w, struct str s)
{
	struct buf b;
	size_t bytes = 0, step;
	buf_init(&b, 0);
	for (size_t i = 0; i < s.n; i += step) {
		size_t n = s.p[i] == 0x7f ? 0 : utf8_length(s, i);
		step = n > 0 ? n : 1;
		bytes += escaped_bytes(s.p[i], n);
		if (bytes + 3 > w->limits.text_bytes) {
			buf_add(&b, STR("..."));
			w->is_cut = true;
			break;
		}
		buf_add(&b, n > 0 ? str_sub(s, i, n) : STR("\xef\xbf\xbd"));
	}
	json_t *value = b.n == 0 ? json_string("") : json_stringn(b.p, b.n);
	buf_fini(&b);
	return fail_if_null(value);
}

json_t *writer_text_or_null(struct writer *w, struct str s)
{
	return s.n == 0 ? json_null() : writer_text(w, s);
}

json_t *writer_word(const char *c_string)
{
	return fail_if_null(json_string(c_string));
}

size_t writer_told(struct writer *w, size_t count, size_t limit)
{
	w->is_cut = w->is_cut || count > limit;
	return count < limit ? count : limit;
}

json_t *writer_texts(struct writer *w, const struct str *items, size_t count)
{
	json_t *array = json_array();
	count = writer_told(w, count, w->limits.list);
	for (size_t i = 0; i < count; i++)
		writer_append(array, writer_text(w, items[i]));
	return array;
}

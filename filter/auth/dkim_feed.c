#include "auth/dkim_feed.h"

#include <string.h>

#include "base/buf.h"

/* In place of a byte that the library would drop or end at: no hash of what was signed has it. */
#define BROKEN "\x01"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct str auth_dkim_field_name(struct str name)
{
	while (name.n > 0 && is_blank(name.p[name.n - 1]))
		name.n--;
	return name;
}

/* Blanks before the colon as spaces: the library refuses a field with a tab there, and then its name would not
 * count where a signature says that there is no further field of that name. */
static void add_name(struct buf *b, struct str name)
{
	struct str bare = auth_dkim_field_name(name);
	buf_add(b, bare);
	for (size_t i = bare.n; i < name.n; i++)
		buf_add_char(b, ' ');
	buf_add_char(b, ':');
}

/* Line ends become CRLF. A NUL would end the field for the library: no signature may hold over what follows it. */
static void add_value(struct buf *b, struct str value)
{
	while (value.n > 0) {
		size_t plain = 0;
		while (plain < value.n && value.p[plain] != '\n' && value.p[plain] != '\0')
			plain++;
		buf_add(b, str_sub(value, 0, plain));
		if (plain == value.n)
			return;
		if (value.p[plain] == '\0')
			buf_add(b, STR(BROKEN));
		else if (plain > 0 && value.p[plain - 1] == '\r')
			buf_add_char(b, '\n');
		else
			buf_add(b, STR("\r\n"));
		value = str_skip(value, plain + 1);
	}
}

bool auth_dkim_feed_field(DKIM *dkim, struct buf *scratch, struct str name, struct str value)
{
	buf_clear(scratch);
	add_name(scratch, name);
	add_value(scratch, value);
	return dkim_header(dkim, (unsigned char *)scratch->p, scratch->n) == DKIM_STAT_OK;
}

bool auth_dkim_feed_header_end(DKIM *dkim)
{
	/* The library's selection of header fields writes one element past its array when h= names every field
	 * that it was given and one more. A name with a blank inside stands in no h=. */
	static unsigned char guard[] = "not a name:";
	return dkim_header(dkim, guard, sizeof(guard) - 1) == DKIM_STAT_OK && dkim_eoh(dkim) == DKIM_STAT_OK;
}

/* Whatever comes behind it, no hash holds any more. */
static bool is_broken(const struct dkim_body *body)
{
	return body->has_stray || body->has_long_line;
}

static bool give(DKIM *dkim, struct dkim_body *body, struct str s)
{
	if (s.n == 0)
		return true;
	ptrdiff_t first_end = str_find(s, '\n');
	body->line_bytes += first_end < 0 ? s.n : (size_t)first_end + 1;
	body->has_long_line |= body->line_bytes > BODY_LINE_BYTES_MAX;
	if (first_end >= 0) /* a line inside one piece is no longer than the piece */
		body->line_bytes = s.n - (size_t)str_find_last(s, '\n') - 1;
	if (body->has_long_line)
		s = STR(BROKEN);
	body->has_bytes = true;
	body->is_line_end = s.p[s.n - 1] == '\n';
	/* The library only reads, but does not say so. */
	return dkim_body(dkim, (unsigned char *)(uintptr_t)s.p, s.n) == DKIM_STAT_OK;
}

static bool give_stray(DKIM *dkim, struct dkim_body *body)
{
	body->has_stray = true;
	return give(dkim, body, STR(BROKEN));
}

/* Ends what the last piece left open. True if the CR has its LF. */
static bool end_cr(DKIM *dkim, struct dkim_body *body, bool is_line_end, bool *is_fed)
{
	body->has_cr = false;
	*is_fed = is_line_end ? give(dkim, body, STR("\r\n")) : give_stray(dkim, body);
	return is_line_end;
}

/* The next CR or LF, or the end. */
static const char *find_line_end(const char *p, const char *end)
{
	const char *cr = memchr(p, '\r', (size_t)(end - p));
	if (cr == NULL)
		cr = end;
	const char *lf = memchr(p, '\n', (size_t)(cr - p));
	return lf == NULL ? cr : lf;
}

bool auth_dkim_feed_body(DKIM *dkim, struct dkim_body *body, const unsigned char *bytes, size_t count)
{
	const char *p = (const char *)bytes, *end = p + count, *start = p;
	bool is_fed = true;
	if (is_broken(body))
		return true;
	if (count > 0 && body->has_cr && end_cr(dkim, body, p[0] == '\n', &is_fed))
		start = ++p;
	while (is_fed && !is_broken(body) && (p = find_line_end(p, end)) < end) {
		if (p[0] == '\r' && p + 1 < end && p[1] == '\n') {
			p += 2;
			continue;
		}
		is_fed = give(dkim, body, (struct str){ start, (size_t)(p - start) });
		body->has_cr = p[0] == '\r' && p + 1 == end;
		if (is_fed && !body->has_cr)
			is_fed = give_stray(dkim, body);
		start = ++p;
	}
	if (is_fed && !is_broken(body))
		is_fed = give(dkim, body, (struct str){ start, (size_t)(end - start) });
	return is_fed;
}

bool auth_dkim_feed_body_end(DKIM *dkim, struct dkim_body *body)
{
	bool is_fed = true;
	if (body->has_cr)
		end_cr(dkim, body, false, &is_fed);
	if (is_fed && body->has_bytes && !body->is_line_end)
		is_fed = give(dkim, body, STR("\r\n"));
	return is_fed;
}

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

static bool give(DKIM *dkim, struct dkim_body *body, const unsigned char *bytes, size_t count)
{
	if (count == 0)
		return true;
	body->has_bytes = true;
	body->is_line_end = bytes[count - 1] == '\n';
	/* The library only reads, but does not say so. */
	return dkim_body(dkim, (unsigned char *)(uintptr_t)bytes, count) == DKIM_STAT_OK;
}

static bool give_str(DKIM *dkim, struct dkim_body *body, struct str s)
{
	return give(dkim, body, (const unsigned char *)s.p, s.n);
}

static bool give_stray(DKIM *dkim, struct dkim_body *body)
{
	body->has_stray = true;
	return give_str(dkim, body, STR(BROKEN));
}

/* Ends what the last piece left open. True if the CR has its LF. */
static bool end_cr(DKIM *dkim, struct dkim_body *body, bool is_line_end, bool *is_fed)
{
	body->has_cr = false;
	*is_fed = is_line_end ? give_str(dkim, body, STR("\r\n")) : give_stray(dkim, body);
	return is_line_end;
}

/* The next CR or LF, or the end. */
static const unsigned char *find_line_end(const unsigned char *p, const unsigned char *end)
{
	const unsigned char *cr = memchr(p, '\r', (size_t)(end - p));
	if (cr == NULL)
		cr = end;
	const unsigned char *lf = memchr(p, '\n', (size_t)(cr - p));
	return lf == NULL ? cr : lf;
}

bool auth_dkim_feed_body(DKIM *dkim, struct dkim_body *body, const unsigned char *bytes, size_t count)
{
	const unsigned char *p = bytes, *end = bytes + count, *start = bytes;
	bool is_fed = true;
	if (count > 0 && body->has_cr && end_cr(dkim, body, bytes[0] == '\n', &is_fed))
		start = ++p;
	while (is_fed && (p = find_line_end(p, end)) < end) {
		if (p[0] == '\r' && p + 1 < end && p[1] == '\n') {
			p += 2;
			continue;
		}
		is_fed = give(dkim, body, start, (size_t)(p - start));
		body->has_cr = p[0] == '\r' && p + 1 == end;
		if (is_fed && !body->has_cr)
			is_fed = give_stray(dkim, body);
		start = ++p;
	}
	return is_fed && give(dkim, body, start, (size_t)(end - start));
}

bool auth_dkim_feed_body_end(DKIM *dkim, struct dkim_body *body)
{
	bool is_fed = true;
	if (body->has_cr)
		end_cr(dkim, body, false, &is_fed);
	if (is_fed && body->has_bytes && !body->is_line_end)
		is_fed = give_str(dkim, body, STR("\r\n"));
	return is_fed;
}

#include "auth/dkim_feed.h"

#include "base/buf.h"

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

/* Line ends become CRLF. A NUL would end the field for the library; no signature may hold over what follows it,
 * so it becomes a byte that breaks the hash. */
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
			buf_add_char(b, '\x01');
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

bool auth_dkim_feed_body(DKIM *dkim, struct dkim_body *body, const unsigned char *bytes, size_t count)
{
	if (count == 0)
		return true;
	body->last[0] = count > 1 ? bytes[count - 2] : body->last[1];
	body->last[1] = bytes[count - 1];
	/* The library only reads, but does not say so. */
	return dkim_body(dkim, (unsigned char *)(uintptr_t)bytes, count) == DKIM_STAT_OK;
}

bool auth_dkim_feed_body_end(DKIM *dkim, struct dkim_body *body)
{
	bool is_complete = body->last[0] == '\r' && body->last[1] == '\n';
	bool is_empty = body->last[0] == 0 && body->last[1] == 0;
	if (is_complete || is_empty)
		return true;
	return auth_dkim_feed_body(dkim, body, (const unsigned char *)"\r\n", 2);
}

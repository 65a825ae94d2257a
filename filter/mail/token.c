#include "mail/token.h"

#include "base/arena.h"

enum { COMMENT_DEPTH_MAX = 32 };

char token_peek(struct str rest)
{
	return rest.n > 0 ? rest.p[0] : '\0';
}

bool token_take(struct str *rest, char c)
{
	if (rest->n == 0 || rest->p[0] != c)
		return false;
	*rest = str_skip(*rest, 1);
	return true;
}

struct str token_take_while(struct str *rest, bool (*belongs)(char))
{
	size_t n = 0;
	while (n < rest->n && belongs(rest->p[n]))
		n++;
	struct str taken = str_sub(*rest, 0, n);
	*rest = str_skip(*rest, n);
	return taken;
}

struct str token_before(struct str text, struct str rest)
{
	return str_sub(text, 0, text.n - rest.n);
}

bool token_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

bool token_is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

/* One comment with those inside it. */
static bool skip_comment(struct str *rest)
{
	size_t depth = 0;
	do {
		if (rest->n == 0)
			return false;
		if (token_take(rest, '\\')) {
			*rest = str_skip(*rest, 1);
		} else if (token_take(rest, '(')) {
			if (++depth > COMMENT_DEPTH_MAX)
				return false;
		} else if (token_take(rest, ')')) {
			depth--;
		} else {
			*rest = str_skip(*rest, 1);
		}
	} while (depth > 0);
	return true;
}

bool token_skip_cfws(struct str *rest)
{
	for (;;) {
		token_take_while(rest, token_is_blank);
		if (token_peek(*rest) != '(')
			return true;
		if (!skip_comment(rest))
			return false;
	}
}

bool token_take_quoted(struct str *rest, struct str *raw)
{
	struct str s = *rest;
	if (!token_take(&s, '"'))
		return false;
	while (s.n > 0 && s.p[0] != '"')
		s = str_skip(s, s.p[0] == '\\' ? 2 : 1);
	*raw = str_skip(token_before(*rest, s), 1);
	if (!token_take(&s, '"'))
		return false;
	*rest = s;
	return true;
}

struct str token_unquote(struct arena *a, struct str raw)
{
	char *p = arena_alloc(a, raw.n + 1);
	size_t n = 0;
	while (raw.n > 0) {
		token_take(&raw, '\\');
		p[n++] = raw.p[0];
		raw = str_skip(raw, 1);
	}
	return (struct str){ p, n };
}

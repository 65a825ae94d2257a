#include "auth/spf_macro.h"

#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fail.h"

/* A run of literal characters, or one macro-expand. */
struct piece {
	struct str literal;      /* if letter is 0 */
	char letter;             /* lower case */
	bool is_macro;           /* %{...}, %%, %_ or %- */
	bool is_url_escaped;     /* letter was written in upper case */
	bool is_reversed;
	size_t keep;             /* right-hand parts */
	struct str delimiters;
};

static bool is_one_of(char c, struct str set)
{
	return str_find(set, c) >= 0;
}

/* What stands between "%{" and "}": macro-letter transformers *delimiter. */
static bool parse_braces(struct str s, struct piece *p)
{
	if (s.n == 0 || !is_one_of(char_lower(s.p[0]), STR("slodiphcrtv")))
		return false;
	p->letter = char_lower(s.p[0]);
	p->is_url_escaped = s.p[0] != p->letter;
	s = str_skip(s, 1);
	p->keep = SIZE_MAX;
	if (s.n > 0 && char_is_digit(s.p[0])) {
		p->keep = 0;
		for (; s.n > 0 && char_is_digit(s.p[0]); s = str_skip(s, 1))
			if (p->keep < 100000) /* more parts than any value has */
				p->keep = p->keep * 10 + (size_t)(s.p[0] - '0');
		if (p->keep == 0) /* 7.3: must be nonzero */
			return false;
	}
	if (s.n > 0 && char_lower(s.p[0]) == 'r') {
		p->is_reversed = true;
		s = str_skip(s, 1);
	}
	for (size_t i = 0; i < s.n; i++)
		if (!is_one_of(s.p[i], STR(".-+,/_=")))
			return false;
	p->delimiters = s.n > 0 ? s : STR(".");
	return true;
}

static bool parse_macro(struct str *rest, struct piece *p)
{
	static const struct {
		char c;
		struct str means;
	} escapes[] = { { '%', { "%", 1 } }, { '_', { " ", 1 } }, { '-', { "%20", 3 } } };

	*p = (struct piece){ .is_macro = true };
	struct str s = str_skip(*rest, 1);
	for (size_t i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++) {
		if (s.n > 0 && s.p[0] == escapes[i].c) {
			p->literal = escapes[i].means;
			*rest = str_skip(s, 1);
			return true;
		}
	}
	ptrdiff_t end = str_find(s, '}');
	if (s.n == 0 || s.p[0] != '{' || end < 0)
		return false;
	*rest = str_skip(s, (size_t)end + 1);
	return parse_braces(str_sub(s, 1, (size_t)end - 1), p);
}

/* Takes the next piece off a text that is not empty. */
static bool next_piece(struct str *rest, bool may_have_blanks, struct piece *p)
{
	if (rest->p[0] == '%')
		return parse_macro(rest, p);
	size_t n = 0;
	for (; n < rest->n && rest->p[n] != '%'; n++)
		if (!char_is_printable(rest->p[n]) || (rest->p[n] == ' ' && !may_have_blanks))
			return false;
	*p = (struct piece){ .literal = str_sub(*rest, 0, n) };
	*rest = str_skip(*rest, n);
	return true;
}

bool spf_macro_is_string(struct str s)
{
	struct piece p;
	while (s.n > 0)
		if (!next_piece(&s, false, &p))
			return false;
	return true;
}

/* toplabel = ( *alphanum ALPHA *alphanum ) / ( 1*alphanum "-" *( alphanum / "-" ) alphanum ) */
static bool is_toplabel(struct str s)
{
	bool has_alpha_or_dash = false;
	for (size_t i = 0; i < s.n; i++) {
		if (!char_is_alnum(s.p[i]) && s.p[i] != '-')
			return false;
		has_alpha_or_dash |= !char_is_digit(s.p[i]);
	}
	return has_alpha_or_dash && s.p[0] != '-' && s.p[s.n - 1] != '-';
}

bool spf_macro_is_domain_spec(struct str s)
{
	struct piece p = { .is_macro = false };
	while (s.n > 0)
		if (!next_piece(&s, false, &p) || (p.letter != 0 && is_one_of(p.letter, STR("crt"))))
			return false;
	if (p.is_macro)
		return true;
	struct str end = p.literal;
	if (end.n > 0 && end.p[end.n - 1] == '.')
		end.n--;
	ptrdiff_t dot = str_find_last(end, '.');
	return dot >= 0 && is_toplabel(str_skip(end, (size_t)dot + 1));
}

bool spf_macro_uses(struct str s, const char *letters)
{
	struct piece p;
	while (s.n > 0 && next_piece(&s, true, &p))
		if (p.letter != 0 && is_one_of(p.letter, str_of(letters)))
			return true;
	return false;
}

/* %{i} of IPv6: 32 nibbles with dots between. */
static struct str nibbles(struct arena *a, struct ip ip)
{
	static const char hex[] = "0123456789ABCDEF";
	char *text = arena_alloc(a, 64);
	for (size_t i = 0; i < 16; i++) {
		text[i * 4] = hex[ip.b[i] >> 4];
		text[i * 4 + 2] = hex[ip.b[i] & 15];
		text[i * 4 + 1] = text[i * 4 + 3] = '.';
	}
	return (struct str){ text, 63 };
}

static struct str or_unknown(struct str s)
{
	return s.n > 0 ? s : STR("unknown");
}

static struct str value_of(struct arena *a, char letter, const struct spf_macro_values *v)
{
	char ip[IP_TEXT_MAX];
	switch (letter) {
	case 's': return v->sender;
	case 'l': return v->local;
	case 'o': return v->domain;
	case 'd': return v->current;
	case 'h': return v->helo;
	case 'p': return or_unknown(v->client_name);
	case 'r': return or_unknown(v->our_name);
	case 'v': return v->client.family == IP_V6 ? STR("ip6") : STR("in-addr");
	case 't': return str_printf(a, "%lld", (long long)clock_unix_s());
	case 'c': return str_dup(a, str_of(ip_print(v->client, ip)));
	case 'i':
		if (v->client.family == IP_V6)
			return nibbles(a, v->client);
		return str_dup(a, str_of(ip_print(v->client, ip)));
	}
	fail_bug(__FILE__, __LINE__, "macro letter");
}

static void add_escaped(struct buf *out, char c)
{
	/* 7.3: everything but the unreserved set of RFC 3986 */
	if (char_is_alnum(c) || is_one_of(c, STR("-._~")))
		buf_add_char(out, c);
	else
		buf_printf(out, "%%%02X", (unsigned char)c);
}

static void add_part(struct buf *out, struct str part, const struct piece *p)
{
	for (size_t i = 0; i < part.n; i++) {
		char c = is_one_of(part.p[i], p->delimiters) ? '.' : part.p[i];
		if (p->is_url_escaped)
			add_escaped(out, c);
		else
			buf_add_char(out, c);
	}
}

/* The kept parts are one stretch of the value: on its right side, or, as parts are counted after the
 * reversal, on its left side. */
static struct str kept_stretch(struct str value, const struct piece *p)
{
	size_t parts = 0;
	for (size_t i = 0; i < value.n; i++) {
		size_t at = p->is_reversed ? i : value.n - 1 - i;
		if (is_one_of(value.p[at], p->delimiters) && ++parts == p->keep)
			return p->is_reversed ? str_sub(value, 0, at) : str_skip(value, at + 1);
	}
	return value;
}

static void add_value(struct buf *out, struct str value, const struct piece *p)
{
	struct str s = kept_stretch(value, p);
	if (p->is_reversed) {
		for (size_t i = s.n; i > 0; i--) {
			if (!is_one_of(s.p[i - 1], p->delimiters))
				continue;
			add_part(out, str_skip(s, i), p);
			buf_add_char(out, '.');
			s = str_sub(s, 0, i - 1);
		}
	}
	add_part(out, s, p);
}

/* Into out, which has a cap. */
static bool expand(struct arena *a, struct str s, bool may_have_blanks, const struct spf_macro_values *v,
		   struct buf *out)
{
	struct piece p;
	while (s.n > 0 && !out->is_full) {
		if (!next_piece(&s, may_have_blanks, &p))
			return false;
		if (p.letter == 0)
			buf_add(out, p.literal);
		else
			add_value(out, value_of(a, p.letter, v), &p);
	}
	return !out->is_full;
}

bool spf_macro_expand_domain(struct arena *a, struct str spec, const struct spf_macro_values *v, struct str *name)
{
	struct buf out;
	buf_init(&out, 4096); /* as long as specs and senders of real mail may get, before labels come off */
	bool fits = expand(a, spec, false, v, &out);
	if (fits) {
		struct str s = buf_str(&out), first;
		if (s.n > 0 && s.p[s.n - 1] == '.')
			s.n--;
		while (s.n > MACRO_DOMAIN_MAX)
			str_cut(s, '.', &first, &s);
		*name = str_dup(a, s);
	}
	buf_fini(&out);
	return fits;
}

bool spf_macro_expand_explanation(struct arena *a, struct str text, const struct spf_macro_values *v, struct str *out)
{
	struct buf b;
	buf_init(&b, MACRO_EXPLANATION_MAX);
	bool is_good = expand(a, text, true, v, &b);
	struct str s = buf_str(&b);
	for (size_t i = 0; i < s.n && is_good; i++)
		is_good = char_is_printable(s.p[i]);
	if (is_good)
		*out = str_dup(a, s);
	buf_fini(&b);
	return is_good;
}

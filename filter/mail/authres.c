#include "mail/authres.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fail.h"
#include "mail/domain.h"
#include "mail/header.h"
#include "mail/token.h"

enum {
	METHODS_MAX = 64,      /* more are left out */
	TEXT_MAX_BYTES = 200,  /* of a comment or a reason; the rest is cut */
	VALUE_MAX_BYTES = 520, /* a longer one is left out: a cut name is another name */
	LINE_MAX_COLUMNS = 78,
	TAB_COLUMNS = 8,
};

static const char *const method_words[AUTHRES_METHOD_COUNT] = {
#define METHOD(id, word) word,
#define PROPERTY(id, method, word)
#include "mail/authres_table.def"
#undef METHOD
#undef PROPERTY
};

static const struct {
	enum authres_method method;
	const char *word;
} properties[AUTHRES_PROPERTY_COUNT] = {
#define METHOD(id, word)
#define PROPERTY(id, method, word) { AUTHRES_##method, word },
#include "mail/authres_table.def"
#undef METHOD
#undef PROPERTY
};

/* The body is a row of words; a line may be folded before each. */
struct word {
	struct str text;
	bool is_method; /* "method=result": begins a line */
};

struct authres {
	struct arena *arena;
	struct word *words;
	size_t count;
	size_t room;
	size_t methods;
	enum authres_method method; /* the last one added */
};

static bool is_8bit(char c)
{
	return (unsigned char)c >= 0x80;
}

/* RFC 2045 5.1, which RFC 8601 2.2 takes its values from. */
static bool is_token_byte(char c)
{
	return char_is_printable(c) && c != ' ' && str_find(STR("()<>@,;:\\\"/[]?="), c) < 0;
}

/* The same with the UTF-8 of RFC 8601 5. */
static bool is_eai_token_byte(char c)
{
	return is_token_byte(c) || is_8bit(c);
}

/* RFC 5322 3.2.3 */
static bool is_atext(char c)
{
	return char_is_alnum(c) || str_find(STR("!#$%&'*+-/=?^_`{|}~"), c) >= 0;
}

static bool is_name_byte(char c)
{
	return char_is_alnum(c) || c == '-' || c == '_';
}

static bool is_wholly(struct str s, bool (*belongs)(char))
{
	token_take_while(&s, belongs);
	return s.n == 0;
}

/* dot-atom, or with other bytes a domain name. */
static bool is_dotted(struct str s, bool (*belongs)(char))
{
	for (bool more = true; more;) {
		struct str part;
		more = str_cut(s, '.', &part, &s);
		if (part.n == 0 || !is_wholly(part, belongs))
			return false;
	}
	return true;
}

/* [ [ local-part ] "@" ] domain-name, where no part needs quotes. */
static bool is_plain_address(struct str s)
{
	struct str local, name;
	return str_cut(s, '@', &local, &name) && (local.n == 0 || is_dotted(local, is_atext)) &&
	       is_dotted(name, is_name_byte);
}

static struct str clean(struct arena *a, struct str s)
{
	char *p = str_to_c(a, s);
	for (size_t i = 0; i < s.n; i++)
		if (!char_is_printable(p[i]))
			p[i] = '?';
	return (struct str){ p, s.n };
}

/* A backslash in front of each of the specials. */
static struct str escape(struct arena *a, struct str s, struct str specials)
{
	char *p = arena_alloc(a, 2 * s.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (str_find(specials, s.p[i]) >= 0)
			p[n++] = '\\';
		p[n++] = s.p[i];
	}
	return (struct str){ p, n };
}

/* A value as the grammar takes it: a token, an address, or quoted. */
static struct str value_print(struct arena *a, struct str raw)
{
	struct str value = clean(a, raw);
	if (value.n > 0 && (is_wholly(value, is_token_byte) || is_plain_address(value)))
		return value;
	return STR_CONCAT(a, STR("\""), escape(a, value, STR("\\\"")), STR("\""));
}

static void add_word(struct authres *r, struct str text, bool is_method)
{
	if (r->count == r->room) {
		r->room = r->room == 0 ? 32 : 2 * r->room;
		struct word *larger = arena_array(r->arena, r->room, sizeof(*larger));
		if (r->count > 0)
			memcpy(larger, r->words, r->count * sizeof(*larger));
		r->words = larger;
	}
	r->words[r->count++] = (struct word){ text, is_method };
}

/* name=value; nothing for an empty value. */
static void add_named(struct authres *r, const char *name, struct str value)
{
	struct str printed = value_print(r->arena, value);
	if (value.n > 0)
		add_word(r, STR_CONCAT(r->arena, str_of(name), STR("="), printed), false);
}

static void add_comment(struct authres *r, struct str raw)
{
	struct str text = clean(r->arena, str_trim(str_sub(raw, 0, TEXT_MAX_BYTES))), word;
	if (text.n == 0)
		return;
	text = STR_CONCAT(r->arena, STR("("), escape(r->arena, text, STR("()\\")), STR(")"));
	while (str_next(&text, ' ', &word))
		if (word.n > 0)
			add_word(r, word, false);
}

/* One spelling for the id where it is a domain name. */
static struct str spelled(struct arena *a, struct str id)
{
	struct str name;
	return domain_normalize(a, id, &name) ? name : id;
}

struct authres *authres_new(struct arena *a, struct str authserv_id, struct str id_comment)
{
	struct authres *r = ARENA_NEW(a, struct authres);
	r->arena = a;
	add_word(r, value_print(a, spelled(a, authserv_id)), false);
	if (id_comment.n > 0)
		add_comment(r, STR_CONCAT(a, STR("id "), id_comment));
	return r;
}

void authres_add(struct authres *r, enum authres_method method, enum result result, struct str comment,
		 struct str reason)
{
	BUG_IF(method >= AUTHRES_METHOD_COUNT || result >= RESULT_COUNT);
	r->method = method;
	if (r->methods++ >= METHODS_MAX)
		return;
	add_word(r, STR_CONCAT(r->arena, str_of(method_words[method]), STR("="), str_of(result_words[result])), true);
	add_comment(r, comment);
	add_named(r, "reason", str_sub(reason, 0, TEXT_MAX_BYTES));
}

void authres_property(struct authres *r, enum authres_property property, struct str value)
{
	BUG_IF(r->methods == 0 || property >= AUTHRES_PROPERTY_COUNT || properties[property].method != r->method);
	if (value.n <= VALUE_MAX_BYTES && r->methods <= METHODS_MAX)
		add_named(r, properties[property].word, value);
}

struct str authres_print(struct authres *r)
{
	struct buf b;
	buf_init(&b, 0);
	size_t column = STR("Authentication-Results: ").n;
	for (size_t i = 0; i < r->count; i++) {
		const struct word *w = &r->words[i];
		if (w->is_method)
			buf_add_char(&b, ';');
		/* room for the blank and the ';' that may follow */
		if (w->is_method || (i > 0 && column + w->text.n + 2 > LINE_MAX_COLUMNS)) {
			buf_add(&b, STR("\n\t"));
			column = TAB_COLUMNS;
		} else if (i > 0) {
			buf_add_char(&b, ' ');
			column++;
		}
		buf_add(&b, w->text);
		column += w->text.n;
	}
	if (r->methods == 0)
		buf_add(&b, STR("; none"));
	struct str body = str_dup(r->arena, buf_str(&b));
	buf_fini(&b);
	return body;
}

/* authserv-id [ CFWS version ] [CFWS] and ";" or the end (RFC 8601 2.2). */
static bool take_authserv_id(struct arena *a, struct str body, struct str *id)
{
	struct str rest = body, raw;
	if (!token_skip_cfws(&rest))
		return false;
	if (token_take_quoted(&rest, &raw))
		*id = token_unquote(a, raw);
	else
		*id = token_take_while(&rest, is_eai_token_byte);
	if (id->n == 0 || !token_skip_cfws(&rest))
		return false;
	token_take_while(&rest, char_is_digit);
	return token_skip_cfws(&rest) && (rest.n == 0 || rest.p[0] == ';');
}

static bool occurs_in(struct str text, struct str part)
{
	for (size_t i = 0; i + part.n <= text.n; i++)
		if (str_eq_nocase(str_sub(text, i, part.n), part))
			return true;
	return false;
}

bool authres_claims(struct arena *a, struct str body, struct str authserv_id)
{
	struct str id;
	body = header_unfold(a, body);
	if (!take_authserv_id(a, body, &id))
		return occurs_in(body, authserv_id);
	return str_eq_nocase(spelled(a, id), spelled(a, authserv_id));
}

#include "mail/address.h"

#include <string.h>

#include "base/arena.h"
#include "base/ip.h"
#include "mail/header.h"
#include "mail/token.h"

/* The address-lists taken here are those of RFC 5322 3.4 that every reader of mail understands the same way.
 * Much of what is legal, and most of what is obsolete, is read differently by filters and by the programs that
 * show the message, and that difference is what a forged author lives on. So these are malformed:
 *   - comments and blanks around the "@" or inside the angle brackets (blanks next to the brackets are fine)
 *   - source routes, quoted words joined by dots, blanks or backslashes in a domain
 *   - encoded-words in an address (RFC 2047 5)
 *   - a display name with an unquoted special other than "."
 *   - text in another encoding than UTF-8: its second bytes may look like quotes or brackets
 *   - control characters, a bare CR or LF, folding that leaves an empty line
 * Taken although no grammar has them, as they have one meaning: dots anywhere in a local part (some mobile
 * carriers gave such addresses out) and, in SMTP paths, a final dot of the domain. */

enum { DOMAIN_MAX_BYTES = 255 };

static bool is_utf8_byte(char c)
{
	return (unsigned char)c >= 0x80;
}

/* atext of RFC 5322 3.2.3 and RFC 6532, and the dot. */
static bool is_dot_atext(char c)
{
	return char_is_alnum(c) || is_utf8_byte(c) || str_find(STR("!#$%&'*+-/=?^_`{|}~."), c) >= 0;
}

static bool is_domain_byte(char c)
{
	return char_is_alnum(c) || is_utf8_byte(c) || c == '-' || c == '_' || c == '.';
}

static bool is_dtext(char c)
{
	return char_is_printable(c) && c != ' ' && c != '[' && c != ']' && c != '\\';
}

static bool is_tag_byte(char c)
{
	return char_is_alnum(c) || c == '-';
}

static bool has_encoded_word(struct str s)
{
	for (; s.n > 1; s = str_skip(s, 1))
		if (str_starts(s, STR("=?")))
			return true;
	return false;
}

static bool take_local(struct arena *a, struct str *rest, struct str *local)
{
	if (token_peek(*rest) == '"') {
		if (!token_take_quoted(rest, local) || str_find(*local, '\t') >= 0)
			return false;
		*local = token_unquote(a, *local);
	} else {
		*local = token_take_while(rest, is_dot_atext);
		if (local->n == 0)
			return false;
	}
	return local->n <= LOCAL_MAX_BYTES;
}

/* An IPv4-mapped address behind the tag becomes IPv4 when read, so it is told by its colons. */
bool address_literal_is_ip(struct str s)
{
	struct ip ip;
	bool is_tagged = str_starts_nocase(s, STR("IPv6:"));
	struct str address = str_skip(s, is_tagged ? 5 : 0);
	return is_tagged == (str_find(address, ':') >= 0) && ip_parse(address, &ip);
}

/* RFC 5321 4.1.3: an address, or a tag and text. */
static bool literal_is_valid(struct str s)
{
	struct ip ip;
	if (str_starts_nocase(s, STR("IPv6:")) || ip_parse(s, &ip))
		return address_literal_is_ip(s);
	return token_take_while(&s, is_tag_byte).n > 0 && token_take(&s, ':') && s.n > 0;
}

static bool take_literal(struct str *rest, struct str *domain)
{
	struct str s = *rest;
	if (!token_take(&s, '[') || !literal_is_valid(token_take_while(&s, is_dtext)) || !token_take(&s, ']'))
		return false;
	*domain = token_before(*rest, s);
	*rest = s;
	return true;
}

/* The shape only: mail/domain.h knows what a usable name is. */
static bool take_domain(struct str *rest, struct str *domain)
{
	if (token_peek(*rest) == '[')
		return take_literal(rest, domain);
	*domain = token_take_while(rest, is_domain_byte);
	struct str labels = *domain, label;
	for (bool more = true; more;) {
		more = str_cut(labels, '.', &label, &labels);
		if (label.n == 0)
			return false;
	}
	return domain->n <= DOMAIN_MAX_BYTES;
}

/* RFC 5321 4.1.1.3: "@a,@b:" in front of the mailbox. */
static bool drop_route(struct str *rest)
{
	struct str hop;
	if (token_peek(*rest) != '@')
		return true;
	do {
		if (!token_take(rest, '@') || !take_domain(rest, &hop))
			return false;
	} while (token_take(rest, ','));
	return token_take(rest, ':');
}

static bool parse_path_inside(struct arena *a, struct str rest, struct address *out)
{
	if (!drop_route(&rest))
		return false;
	out->whole = rest;
	if (!take_local(a, &rest, &out->local))
		return false;
	if (rest.n == 0)
		return true;
	if (!token_take(&rest, '@'))
		return false;
	if (token_peek(rest) != '[' && rest.n > 0 && rest.p[rest.n - 1] == '.')
		rest.n--;
	return take_domain(&rest, &out->domain) && rest.n == 0;
}

bool address_parse_path(struct arena *a, struct str path, struct address *out)
{
	struct address parsed = { STR_EMPTY, STR_EMPTY, STR_EMPTY };
	if (path.n == 0 || path.n > ADDRESS_MAX_BYTES || !str_is_utf8(path))
		return false;
	for (size_t i = 0; i < path.n; i++)
		if (token_is_control(path.p[i]))
			return false;
	if (token_take(&path, '<')) {
		if (path.n == 0 || path.p[--path.n] != '>')
			return false;
	}
	if (path.n > 0 && !parse_path_inside(a, path, &parsed))
		return false;
	*out = parsed;
	return true;
}

struct parser {
	struct arena *arena;
	struct str rest;
	struct mailbox *list;
	size_t count;
	size_t room;
	bool in_group;
	bool has_group;
	bool is_too_many;
	const char *why;
};

static bool wrong(struct parser *p, const char *why)
{
	p->why = why;
	return false;
}

static bool skip_cfws(struct parser *p)
{
	return token_skip_cfws(&p->rest) || wrong(p, "a comment is not closed, or others are nested too deeply in it");
}

/* The "@" and the domain behind a local part that starts at `start`. */
static bool take_rest_of_address(struct parser *p, struct str start, struct address *address)
{
	if (has_encoded_word(address->local))
		return wrong(p, "an address holds an encoded-word");
	if (!token_take(&p->rest, '@'))
		return wrong(p, "an address has no domain");
	if (!take_domain(&p->rest, &address->domain))
		return wrong(p, "the domain of an address is malformed");
	address->whole = token_before(start, p->rest);
	if (address->whole.n > ADDRESS_MAX_BYTES)
		return wrong(p, "an address is too long");
	return true;
}

static bool take_angle_address(struct parser *p, struct address *address)
{
	token_take(&p->rest, '<');
	token_take_while(&p->rest, token_is_blank);
	struct str start = p->rest;
	if (!take_local(p->arena, &p->rest, &address->local))
		return wrong(p, "no local part where one must be");
	if (!take_rest_of_address(p, start, address))
		return false;
	token_take_while(&p->rest, token_is_blank);
	return token_take(&p->rest, '>') || wrong(p, "something else than one address between angle brackets");
}

static bool add_mailbox(struct parser *p, const struct mailbox *box)
{
	p->is_too_many = p->count == MAILBOXES_MAX;
	if (p->is_too_many)
		return false;
	if (p->count == p->room) {
		p->room = p->room == 0 ? 2 : 2 * p->room;
		struct mailbox *larger = arena_array(p->arena, p->room, sizeof(*larger));
		if (p->count > 0)
			memcpy(larger, p->list, p->count * sizeof(*larger));
		p->list = larger;
	}
	p->list[p->count++] = *box;
	return true;
}

/* The words in front of "<" or ":", comments between them included. RFC 5322 4.1 allows dots. */
static bool take_phrase(struct parser *p, struct str *phrase)
{
	struct str start = p->rest, end = start, raw;
	while (token_peek(p->rest) == '"' || is_dot_atext(token_peek(p->rest))) {
		if (token_peek(p->rest) != '"')
			token_take_while(&p->rest, is_dot_atext);
		else if (!token_take_quoted(&p->rest, &raw))
			return wrong(p, "a quoted text is not closed");
		end = p->rest;
		if (!skip_cfws(p))
			return false;
	}
	*phrase = token_before(start, end);
	return true;
}

static bool begin_group(struct parser *p, struct str name)
{
	if (name.n == 0 || p->in_group)
		return wrong(p, "a ':' where no group can begin");
	p->in_group = p->has_group = true;
	return true;
}

/* A mailbox with or without angle brackets, or the beginning of a group. */
static bool take_element(struct parser *p)
{
	struct mailbox box = { .name = STR_EMPTY };
	struct str start = p->rest, rest = start;
	if (take_local(p->arena, &rest, &box.address.local) && token_peek(rest) == '@') {
		p->rest = rest;
		return take_rest_of_address(p, start, &box.address) && add_mailbox(p, &box);
	}
	if (!take_phrase(p, &box.name))
		return false;
	switch (token_peek(p->rest)) {
	case '<':
		return take_angle_address(p, &box.address) && add_mailbox(p, &box);
	case ':':
		token_take(&p->rest, ':');
		return begin_group(p, box.name);
	case '@':
		return wrong(p, "an '@' that is neither quoted nor part of an address");
	case '\0':
	case ',':
	case ';':
		return wrong(p, "a name without an address");
	default:
		return wrong(p, "a special character that is not quoted");
	}
}

static bool take_list(struct parser *p)
{
	bool may_begin = true; /* a new element */
	while (skip_cfws(p) && p->rest.n > 0) {
		size_t count = p->count;
		if (token_take(&p->rest, ',')) {
			may_begin = true;
		} else if (p->in_group && token_take(&p->rest, ';')) {
			p->in_group = may_begin = false;
		} else if (!may_begin) {
			return wrong(p, "text behind an address");
		} else {
			if (!take_element(p))
				return false;
			may_begin = p->count == count; /* at the first member of a group */
		}
	}
	if (p->why == NULL && p->in_group)
		return wrong(p, "a group is not closed");
	return p->why == NULL;
}

/* Each line end is part of a fold (RFC 5322 2.2.3) and no line is blank; otherwise no control characters. */
static bool is_clean(struct str s)
{
	while (s.n > 0) {
		size_t line_end = str_starts(s, STR("\r\n")) ? 2 : str_starts(s, STR("\n")) ? 1 : 0;
		s = str_skip(s, line_end);
		if (line_end > 0 && token_take_while(&s, token_is_blank).n == 0)
			return false;
		if (s.n == 0)
			return line_end == 0;
		if (token_is_control(s.p[0]) && s.p[0] != '\t')
			return false;
		s = str_skip(s, 1);
	}
	return true;
}

struct mailboxes mailboxes_parse(struct arena *a, struct str body)
{
	if (!is_clean(body))
		return (struct mailboxes){ .status = MAILBOXES_MALFORMED,
					   .why = "control characters or broken folding" };
	if (!str_is_utf8(body))
		return (struct mailboxes){ .status = MAILBOXES_MALFORMED, .why = "text that is not UTF-8" };
	struct parser p = { .arena = a, .rest = header_unfold(a, body) };
	if (take_list(&p))
		return (struct mailboxes){ .status = p.count > 0 ? MAILBOXES_OK : MAILBOXES_EMPTY,
					   .list = p.list,
					   .count = p.count,
					   .has_group = p.has_group };
	if (p.is_too_many)
		return (struct mailboxes){ .status = MAILBOXES_TOO_MANY, .count = p.count };
	return (struct mailboxes){ .status = MAILBOXES_MALFORMED, .why = p.why };
}

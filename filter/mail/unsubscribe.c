#include "mail/unsubscribe.h"

#include <string.h>

#include "base/arena.h"
#include "base/ip.h"
#include "mail/domain.h"
#include "mail/header.h"
#include "mail/token.h"

const char *const unsubscribe_status_words[UNSUBSCRIBE_STATUS_COUNT] = {
	"none", "ok", "no_https", "no_post", "malformed",
};

static bool is_in_scheme(char c)
{
	return char_is_alnum(c) || c == '+' || c == '-' || c == '.';
}

/* RFC 3986: the bytes of a URI. */
static bool is_in_uri(char c)
{
	return char_is_alnum(c) || (c != '\0' && strchr("-._~:/?#[]@!$&'()*+,;=%", c) != NULL);
}

static bool is_in_authority(char c)
{
	return c != '/' && c != '?' && c != '#';
}

static bool is_host(struct arena *a, struct str host)
{
	struct ip ip;
	struct str name;
	if (str_starts(host, STR("[")))
		return host.p[host.n - 1] == ']' && ip_parse(str_sub(host, 1, host.n - 2), &ip);
	return domain_normalize(a, host, &name);
}

/* "//" [ userinfo "@" ] host [ ":" port ] and whatever follows (RFC 3986 3.2). */
static bool has_host(struct arena *a, struct str rest)
{
	if (!token_take(&rest, '/') || !token_take(&rest, '/'))
		return false;
	struct str host = token_take_while(&rest, is_in_authority);
	host = str_skip(host, (size_t)(str_find_last(host, '@') + 1));
	ptrdiff_t colon = str_find_last(host, ':');
	uint64_t port;
	if (colon > str_find_last(host, ']')) {
		struct str digits = str_skip(host, (size_t)colon + 1);
		if (digits.n > 0 && (!str_to_u64(digits, &port) || port > 65535))
			return false;
		host = str_sub(host, 0, (size_t)colon);
	}
	return is_host(a, host);
}

static bool has_good_bytes(struct str uri)
{
	for (size_t i = 0; i < uri.n; i++) {
		if (!is_in_uri(uri.p[i]))
			return false;
		if (uri.p[i] == '%' && (uri.n - i < 3 || char_hex(uri.p[i + 1]) < 0 || char_hex(uri.p[i + 2]) < 0))
			return false;
	}
	return true;
}

struct uris {
	size_t https, http;
};

static bool take_uri(struct arena *a, struct str uri, struct uris *found)
{
	struct str rest = uri, scheme = token_take_while(&rest, is_in_scheme);
	if (scheme.n == 0 || !char_is_alpha(scheme.p[0]) || !token_take(&rest, ':') || rest.n == 0 ||
	    !has_good_bytes(rest))
		return false;
	bool is_https = str_eq_nocase(scheme, STR("https")), is_http = str_eq_nocase(scheme, STR("http"));
	found->https += is_https;
	found->http += is_http;
	return (!is_https && !is_http) || has_host(a, rest);
}

/* What stands between the brackets. Blanks in there mean nothing (RFC 2369 2): long addresses are folded. */
static bool take_bracketed(struct arena *a, struct str *rest, struct str *uri)
{
	if (!token_take(rest, '<'))
		return false;
	ptrdiff_t end = str_find(*rest, '>');
	if (end < 0)
		return false;
	char *p = arena_alloc(a, (size_t)end + 1);
	size_t n = 0;
	for (size_t i = 0; i < (size_t)end; i++)
		if (!token_is_blank(rest->p[i]))
			p[n++] = rest->p[i];
	*uri = (struct str){ p, n };
	*rest = str_skip(*rest, (size_t)end + 1);
	return true;
}

/* RFC 2369 2: URIs in angle brackets with commas between them. */
static bool take_list(struct arena *a, struct str rest, struct uris *found)
{
	struct str uri;
	do {
		if (!token_skip_cfws(&rest) || !take_bracketed(a, &rest, &uri) || !take_uri(a, uri, found) ||
		    !token_skip_cfws(&rest))
			return false;
	} while (token_take(&rest, ','));
	return rest.n == 0;
}

enum unsubscribe_status unsubscribe_of(struct arena *a, const struct header_list *headers)
{
	static const struct str list_name = { "List-Unsubscribe", 16 }, post_name = { "List-Unsubscribe-Post", 21 };
	const struct header *list = header_list_find(headers, list_name, 0);
	const struct header *post = header_list_find(headers, post_name, 0);
	struct uris found = { 0 };
	if (list == NULL && post == NULL)
		return UNSUBSCRIBE_NONE;
	if (header_list_find(headers, list_name, 1) != NULL || header_list_find(headers, post_name, 1) != NULL ||
	    (list != NULL && !take_list(a, header_unfold(a, list->value), &found)) ||
	    /* RFC 8058 5 */
	    (post != NULL && !str_eq(header_unfold(a, post->value), STR("List-Unsubscribe=One-Click"))))
		return UNSUBSCRIBE_MALFORMED;
	if (found.https == 0)
		return UNSUBSCRIBE_NO_HTTPS;
	/* RFC 8058 3.1: one https URI, and none other of the web. */
	if (found.https + found.http > 1)
		return UNSUBSCRIBE_MALFORMED;
	return post == NULL ? UNSUBSCRIBE_NO_POST : UNSUBSCRIBE_OK;
}

#include "mail/hide.h"

#include <string.h>

#include "base/arena.h"
#include "base/fail.h"
#include "base/nametab.h"

enum addresses addresses_of(struct str word)
{
	static const char *const words[] = { [ADDRESSES_FULL] = "full", [ADDRESSES_DOMAIN] = "domain", [ADDRESSES_NONE] = "none" };
	unsigned which = 0;
	BUG_IF(!nametab_find(words, sizeof(words) / sizeof(words[0]), word, &which));
	return (enum addresses)which;
}

static char *begin_of_quoted(char *text, char *end)
{
	char *p = end;
	while (p > text && !(*--p == '"' && (p == text || p[-1] != '\\')))
		;
	return p;
}

/* RFC 5321 4.1.2: a dot-string, or a quoted one. */
static char *begin_of_local_part(char *text, char *at)
{
	char *p = at;
	if (p > text && p[-1] == '"')
		return begin_of_quoted(text, p - 1);
	while (p > text && strchr(" \t<>()[],;:\"@", p[-1]) == NULL)
		p--;
	return p;
}

/* A name, or an address in brackets. */
static char *end_of_domain(char *at)
{
	char *p = at + 1;
	if (*p == '[')
		p += strcspn(p, "] ");
	while (char_is_alnum(*p) || *p == '-' || *p == ']' || (unsigned char)*p >= 0x80 || (*p == '.' && char_is_alnum(p[1])))
		p++;
	return p;
}

static void hide(char *text, bool with_domain)
{
	for (char *at = strchr(text, '@'); at != NULL; at = strchr(at, '@')) {
		char *from = begin_of_local_part(text, at), *rest = with_domain ? end_of_domain(at) : at;
		if (from < rest && from < at)
			*from++ = '*';
		memmove(from, rest, strlen(rest) + 1);
		at = with_domain ? from : from + 1;
	}
}

void hide_local_parts(char *text)
{
	hide(text, false);
}

/* A NUL would be the end for who looks. */
struct str hide_addresses(struct arena *a, enum addresses how, struct str text)
{
	char *copy = str_to_c(a, text);
	for (size_t i = 0; i < text.n; i++)
		if (copy[i] == 0)
			copy[i] = ' ';
	if (how != ADDRESSES_FULL)
		hide(copy, how == ADDRESSES_NONE);
	return str_of(copy);
}

#include "mail/hide.h"

#include <string.h>

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

void hide_local_parts(char *text)
{
	for (char *at = strchr(text, '@'); at != NULL; at = strchr(at + 1, '@')) {
		char *from = begin_of_local_part(text, at);
		if (from == at)
			continue;
		*from = '*';
		memmove(from + 1, at, strlen(at) + 1);
		at = from + 1;
	}
}

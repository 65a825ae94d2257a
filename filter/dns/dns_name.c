#include "dns/dns_name.h"

#include <stdio.h>
#include <string.h>

bool dns_name_normalise(struct str name, char out[static DNS_NAME_MAX + 1], struct str *normal)
{
	if (name.n > 0 && name.p[name.n - 1] == '.')
		name.n--;
	if (name.n == 0 || name.n > DNS_NAME_MAX)
		return false;
	size_t label_bytes = 0;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		if (c == 0 || (c == '.' && label_bytes == 0))
			return false;
		label_bytes = c == '.' ? 0 : label_bytes + 1;
		if (label_bytes > DNS_LABEL_MAX)
			return false;
		out[i] = char_lower(c);
	}
	if (label_bytes == 0)
		return false;
	out[name.n] = 0;
	*normal = (struct str){ out, name.n };
	return true;
}

static bool is_plain(char c)
{
	return char_is_printable(c) && c != ' ' && strchr(".\\\"();@$", c) == NULL;
}

/* RFC 1035 5.1 */
static char *add_byte(char *to, char c, bool is_escaped)
{
	if (is_escaped)
		return to + sprintf(to, "\\%03u", (unsigned)(unsigned char)c);
	*to = c;
	return to + 1;
}

const char *dns_name_escape(struct str normal, char out[static DNS_ESCAPED_MAX + 1])
{
	char *to = out;
	for (size_t i = 0; i < normal.n; i++)
		to = add_byte(to, normal.p[i], normal.p[i] != '.' && !is_plain(normal.p[i]));
	*to = 0;
	return out;
}

void dns_wire_of(struct str normal, struct dns_wire *wire)
{
	struct str label;
	wire->n = 0;
	while (str_next(&normal, '.', &label)) {
		wire->b[wire->n++] = (uint8_t)label.n;
		memcpy(wire->b + wire->n, label.p, label.n);
		wire->n += label.n;
	}
	wire->b[wire->n++] = 0;
}

bool dns_wire_eq(const struct dns_wire *a, const struct dns_wire *b)
{
	/* Lengths are below 64 and so no letters. */
	return str_eq_nocase((struct str){ (const char *)a->b, a->n }, (struct str){ (const char *)b->b, b->n });
}

struct str dns_wire_text(struct arena *arena, const struct dns_wire *wire)
{
	char text[DNS_ESCAPED_MAX + 1], *to = text;
	for (size_t at = 0; wire->b[at] != 0; at += 1 + wire->b[at]) {
		if (at > 0)
			*to++ = '.';
		for (size_t i = 1; i <= wire->b[at]; i++)
			to = add_byte(to, (char)wire->b[at + i], !is_plain((char)wire->b[at + i]));
	}
	return str_dup(arena, (struct str){ text, (size_t)(to - text) });
}

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

const char *dns_name_escape(struct str normal, char out[static DNS_ESCAPED_MAX + 1])
{
	char *to = out;
	for (size_t i = 0; i < normal.n; i++) {
		char c = normal.p[i];
		if (char_is_alnum(c) || (c != 0 && strchr(".-_", c) != NULL))
			*to++ = c;
		else
			to += sprintf(to, "\\%03u", (unsigned)(unsigned char)c);
	}
	*to = 0;
	return out;
}

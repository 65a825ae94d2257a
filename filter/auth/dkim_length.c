#include "auth/dkim_length.h"

/* A byte that stays: so does what was held back before it. */
static void keep(struct dkim_length *l)
{
	l->kept += l->line_ends + l->has_blank + l->has_cr + 1;
	l->line_ends = 0;
	l->has_blank = l->has_cr = false;
}

void auth_dkim_length_add(struct dkim_length *l, const unsigned char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		unsigned char c = bytes[i];
		if (c == '\n' && l->has_cr) {
			l->line_ends += 2;
			l->has_blank = l->has_cr = false;
			continue;
		}
		if (l->has_cr) {
			l->has_cr = false; /* a CR of its own is a byte like others */
			keep(l);
		}
		if (c == '\r')
			l->has_cr = true;
		else if (l->is_relaxed && (c == ' ' || c == '\t'))
			l->has_blank = true;
		else
			keep(l);
	}
}

uint64_t auth_dkim_length(const struct dkim_length *l)
{
	struct dkim_length end = *l;
	if (end.has_cr) {
		end.has_cr = false;
		keep(&end);
	}
	return end.kept == 0 && !end.is_relaxed ? 2 : auth_dkim_length_min(&end);
}

uint64_t auth_dkim_length_min(const struct dkim_length *l)
{
	return l->kept == 0 ? 0 : l->kept + 2;
}

#include "mail/line_scan.h"

/* Bytes of one line without LF. A CR counts until an LF behind it makes it a line end. */
static void add_to_line(struct line_scan *s, struct str part)
{
	if (part.n == 0)
		return;
	s->has_bare_cr |= s->is_at_cr || str_find(str_sub(part, 0, part.n - 1), '\r') >= 0;
	s->is_at_cr = part.p[part.n - 1] == '\r';
	s->length += part.n;
}

static void end_line(struct line_scan *s)
{
	if (s->length > s->longest)
		s->longest = s->length;
	s->length = 0;
	s->is_at_cr = false;
}

void line_scan_add(struct line_scan *s, struct str bytes)
{
	ptrdiff_t end;
	while ((end = str_find(bytes, '\n')) >= 0) {
		add_to_line(s, str_sub(bytes, 0, (size_t)end));
		if (s->is_at_cr)
			s->length--;
		else
			s->has_bare_lf = true;
		end_line(s);
		bytes = str_skip(bytes, (size_t)end + 1);
	}
	add_to_line(s, bytes);
}

void line_scan_end(struct line_scan *s)
{
	s->has_bare_cr |= s->is_at_cr;
	end_line(s);
}

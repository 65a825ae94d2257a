#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

void buf_init(struct buf *b, size_t cap_bytes)
{
	*b = (struct buf){ .cap_bytes = cap_bytes };
}

void buf_fini(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ 0 };
}

void buf_clear(struct buf *b)
{
	b->n = 0;
	b->is_full = false;
}

/* Makes room for n more bytes and one for the terminator of vsnprintf. */
static bool reserve(struct buf *b, size_t n)
{
	if (b->cap_bytes != 0 && n > b->cap_bytes - b->n) {
		b->is_full = true;
		return false;
	}
	if (n > SIZE_MAX / 4 - b->n)
		fail_out_of_memory();
	if (b->room - b->n <= n) {
		size_t room = b->room == 0 ? 256 : b->room;
		while (room - b->n <= n)
			room *= 2;
		b->p = fail_if_null(realloc(b->p, room));
		b->room = room;
	}
	return true;
}

bool buf_add(struct buf *b, struct str s)
{
	if (!reserve(b, s.n))
		return false;
	if (s.n > 0)
		memcpy(b->p + b->n, s.p, s.n);
	b->n += s.n;
	return true;
}

bool buf_add_char(struct buf *b, char c)
{
	if (!reserve(b, 1))
		return false;
	b->p[b->n++] = c;
	return true;
}

bool buf_printf(struct buf *b, const char *format, ...)
{
	char most[256]; /* of them are shorter, and printed once */
	va_list args, again;
	va_start(args, format);
	va_copy(again, args);
	int n = vsnprintf(most, sizeof(most), format, args);
	va_end(args);
	BUG_IF(n < 0);
	bool fits;
	if ((size_t)n < sizeof(most)) {
		fits = buf_add(b, (struct str){ most, (size_t)n });
	} else if ((fits = reserve(b, (size_t)n))) {
		vsnprintf(b->p + b->n, (size_t)n + 1, format, again);
		b->n += (size_t)n;
	}
	va_end(again);
	return fits;
}

struct str buf_str(const struct buf *b)
{
	return b->n == 0 ? STR_EMPTY : (struct str){ b->p, b->n };
}

/* mail/hygiene.h - what is wrong with a header section whatever it says: fields too often or not there, bytes and lines
 * that mail does not carry.
 *
 * Owns:    nothing; lists live in the arena, names in the header list. Threads: any. Fails: never. */
#pragma once

#include <stdbool.h>

#include "base/str.h"

struct arena;
struct header_list;

struct hygiene {
	const struct str *duplicates;  /* fields of which RFC 5322 3.6 allows one, and there are several */
	size_t duplicate_count;
	const struct str *missing;     /* From and Date, which RFC 5322 3.6 demands; Message-ID, "To/Cc" (neither), Subject */
	size_t missing_count;
	bool has_eight_bit;            /* bytes beyond ASCII, in names or values */
	struct str eight_bit_field;    /* the first that has some */
	size_t longest_line;           /* bytes without the line end */
	struct str longest_field;      /* that it is in */
	bool has_bare_cr, has_bare_lf; /* an LF is bare if it does not fold */
};

struct hygiene hygiene_of(struct arena *, const struct header_list *);

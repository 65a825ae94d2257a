/* mail/line_scan.h - the lines of a text that comes in pieces: how long, and how they end.
 *
 * A line ends at LF, with or without a CR before it, and its end is not counted. How the text is cut into pieces makes
 * no difference.
 * Owns:    nothing. Threads: one at a time. Fails: never. */
#pragma once

#include <stdbool.h>

#include "base/str.h"

enum { LINE_MAX_BYTES = 998 }; /* RFC 5322 2.1.1 */

/* Zeroed is a text without lines. */
struct line_scan {
	size_t longest;   /* bytes of the longest line so far */
	bool has_bare_cr; /* a CR that no LF follows */
	bool has_bare_lf; /* an LF behind no CR */
	size_t length;    /* private: of the line that has begun, */
	bool is_at_cr;    /* and whether its last byte is a CR */
};

void line_scan_add(struct line_scan *, struct str bytes);
/* The text is over: its last line need not have ended. */
void line_scan_end(struct line_scan *);

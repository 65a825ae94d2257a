/* auth/dkim_feed.h - a message on its way into libopendkim.
 *
 * Header fields get line ends as on the wire, the body its final CRLF, and
 * the library sees no byte that it would stumble over.
 * Owns:    nothing. Threads: one at a time for one handle.
 * Fails:   false: the library did not take it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <opendkim/dkim.h>

#include "base/str.h"

struct buf;

/* A field name without the blanks that RFC 5322 4.5 tolerates before the colon. */
struct str auth_dkim_field_name(struct str name);

/* Name and value as the MTA passed them; the scratch buffer is used anew for each field. */
bool auth_dkim_feed_field(DKIM *, struct buf *scratch, struct str name, struct str value);
/* Last field, then the end of the header section. The library needs at least one field that no signature
 * can name: this adds it. */
bool auth_dkim_feed_header_end(DKIM *);

/* The library keeps a line until it ends. */
enum { BODY_LINE_BYTES_MAX = 1024 * 1024 };

struct dkim_body {
	bool has_bytes;
	bool has_cr;          /* held back: the last byte was a CR, the next may be its LF */
	bool is_line_end;     /* the library got a CRLF last */
	size_t line_bytes;    /* that it got since */
	bool has_stray;       /* there was a CR or LF that is no line end, */
	bool has_long_line;   /* or a line over the limit: the rest is not fed */
};

/* In pieces of any size. CR and LF that are no line end may not travel by SMTP (RFC 5321 2.3.8), and the library
 * may drop them: no signature holds over them. */
bool auth_dkim_feed_body(DKIM *, struct dkim_body *, const unsigned char *bytes, size_t count);
/* RFC 6376 3.4.3 and 3.4.4: a body without a final CRLF gets one. */
bool auth_dkim_feed_body_end(DKIM *, struct dkim_body *);

/* service/html.h - pieces of a page, escaped.
 *
 * Everything that a peer or the configuration chose goes through html_text;
 * markup of ours through buf_printf with numbers and words of tables only.
 * Owns: nothing. Threads: any. Fails: never. */
#pragma once

#include "base/buf.h"

/* As text or as a quoted attribute. Bytes that are no printable ASCII are shown as \xNN, as in the log. */
void html_text(struct buf *, const char *);
/* "1,234,567" */
void html_number(struct buf *, uint64_t);
/* "4.2 %" of the whole; nothing if that is 0. */
void html_share(struct buf *, uint64_t part, uint64_t whole);
/* "42 s", "5 min", "3 h", "12 days" */
void html_age(struct buf *, int64_t seconds);
/* "3 ms", "1.20 s" */
void html_seconds(struct buf *, double seconds);
/* "14:05:09", with date and zone to be seen when pointed at; UTC. */
void html_time(struct buf *, int64_t unix_s);

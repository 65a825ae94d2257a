/* mail/date.h - the Date of a message (RFC 5322 3.3), the obsolete forms of 4.3 included.
 *
 * Strict: the date is on the calendar and on the day of the week that it says, and a zone that RFC 5322 does not know
 * is none.
 * Owns:    nothing. Threads: any. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct arena;
struct header_list;

/* An unfolded date-time. False if it is none; *unix_s is then untouched. */
bool date_parse(struct str, int64_t *unix_s);

enum date_status { DATE_OK, DATE_MISSING, DATE_MALFORMED, DATE_STATUS_COUNT };

extern const char *const date_status_words[DATE_STATUS_COUNT]; /* ok, missing, malformed */

/* The first Date field. *unix_s is set with DATE_OK only. */
enum date_status date_of(struct arena *, const struct header_list *, int64_t *unix_s);

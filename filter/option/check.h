/* option/check.h - what a type cannot say: addresses, files, and options that contradict each other.
 *
 * Owns: nothing. Threads: any. Fails: with diagnostics. */
#pragma once

#include "option/options.h"

/* places: of each row, where it was set; without a line if it was not. */
void options_check(const struct options *, const struct place places[OPTION_COUNT], struct diags *);

/* RFC 8601 2.2 would allow any quoted text; a host name in ASCII is what others can compare. */
bool option_is_authserv_id(struct str);

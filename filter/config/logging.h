/* config/logging.h - the log that the log.* options ask for.
 *
 * Owns:    nothing. Threads: at start. Fails: NULL after a diagnostic. */
#pragma once

#include <stdbool.h>

struct diags;
struct log;
struct options;

/* who and is_threadless as in log/log.h. */
struct log *logging_open(const struct options *, const char *who, bool is_threadless, struct diags *);

/* service/control.h - asks the running daemon, over the UNIX socket of http.listen.
 *
 * Owns: nothing. Threads: any. Fails: false after a word to stderr that says what to do. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "option/options.h"

/* Adds the body to the answer. *is_good: the status was 200. who is the command that speaks. */
bool control_ask(const char *who, const struct options *, const char *method, const char *path, struct buf *answer,
		 bool *is_good);

/* tests/lib/wire.h - a target for cases: a real daemon behind its milter socket.
 *
 * Owns:    the daemon and the connection from open to close.
 * Threads: one at a time. */
#pragma once

#include "eval/target.h"

struct eval_target *wire_new(void);
void wire_free(struct eval_target *); /* NULL is allowed */
/* What went wrong with the daemon itself (it crashed, a sanitizer spoke); empty if nothing. After close. */
const char *wire_trouble(const struct eval_target *);

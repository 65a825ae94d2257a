/* doctor/dial.h - the first words of the milter protocol, as an MTA says them.
 *
 * Owns:    nothing. Threads: any.
 * Fails:   with a reason; every wait is bounded. */
#pragma once

#include "base/str.h"

struct arena;
struct listener;

enum dialled {
	DIALLED_WELL,        /* it agreed on the protocol */
	DIALLED_NOT_THERE,   /* nothing is at the path, or nobody listens */
	DIALLED_NOT_ALLOWED, /* who asks may not connect */
	DIALLED_NO_MILTER,   /* somebody took the connection, and it is no milter or it hangs */
};
enum dialled dial(struct arena *, const struct listener *, int timeout_ms, struct str *why);

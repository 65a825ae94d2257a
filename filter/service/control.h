/* service/control.h - asks the running daemon, over the UNIX socket of http.listen, or else its first address.
 *
 * Owns: nothing. Threads: any. Fails: as an outcome; every wait is bounded. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "option/options.h"

enum control_outcome {
	CONTROL_TOLD,
	CONTROL_NO_SOCKET,   /* http.listen is not set */
	CONTROL_UNREACHABLE, /* nobody is there, or we may not; error tells */
	CONTROL_NO_ANSWER,   /* none in time, or none that is whole */
};

struct control_call {
	const struct options *options;
	const char *method, *path;
	int wait_ms;         /* for all of it */
	/* Filled in: */
	struct str socket;   /* that was asked */
	int error;           /* errno */
	bool is_good;        /* the status was 200 */
};

/* Adds the body to the answer. */
enum control_outcome control_try(struct control_call *, struct buf *answer);
/* The same, with time for a reload. False after a word to stderr that says what to do; who is the command that speaks. */
bool control_ask(const char *who, const struct options *, const char *method, const char *path, struct buf *answer,
		 bool *is_good);
/* "HTTP/1.1 200 OK", fields, an empty line, the body. False if it is not that. */
bool control_take_apart(struct str all, struct str *body, bool *is_good);

/* service/route.h - what is answered to a request, of which libmicrohttpd has made texts.
 *
 * Owns:    nothing. Threads: any.
 * Fails:   with a status and a sentence. */
#pragma once

#include "service/http.h"

/* Where it came in. */
struct entrance {
	bool is_unix;
	struct str address;     /* else: that it listens on */
	struct board *board;
	http_reload_fn *reload;
	void *context;
};

/* What its client wrote. */
struct request {
	const char *method, *path;
	const char *host;       /* NULL: it named none */
	bool is_of_command;     /* it has a field that browsers send only after asking, and are never told that they may */
};

struct answer {
	unsigned status;
	const char *type;
	struct buf body;        /* empty before; the caller's */
};

void route_answer(const struct entrance *, const struct request *, struct answer *);

/* dns/dns_backend.h - the seam between the core (dns.c) and where answers come from.
 *
 * Owns:    the backend its own state; a question belongs to the core, which
 *          keeps it until the backend has given it back.
 * Threads: everything here runs on the resolver's thread, but open, close and
 *          zone_swap, which say so.
 * Fails:   a question always ends in an answer or is let go. */
#pragma once

#include "dns/dns_answer.h"

struct dns_question {
	struct str name; /* normalised, zero-terminated */
	enum dns_type type;
};

struct dns_backend_ops {
	/* Ends, now or later, in one call of dns_question_done. Silence is allowed for as long as it lasts: the
	 * core tells those who wait after dns_settings.timeout_ms, and keeps an answer that comes later still. */
	void (*ask)(void *self, struct dns_question *);
	/* No thread runs any more. Every question not yet given back goes back now. */
	void (*close)(void *self);
};

struct dns_backend {
	const struct dns_backend_ops *ops;
	void *self;
};

/* Takes over the reference to the answer. NULL: there will be none. */
void dns_question_done(struct dns_question *, struct dns_shared *);

/* tests/lib/milter_steps.h - the steps of the milter protocol as an MTA takes them: what was agreed with the filter,
 * the macros sent before each step, the packet of each.
 *
 * Writes into a link and never waits, so that a client that blocks and a load generator in an event loop speak alike.
 * Owns:    its macros and the lists that the filter asked for.
 * Threads: one at a time.
 * Fails:   false; the link keeps the reason. */
#pragma once

#include <libmilter/mfapi.h>

#include "base/ip.h"
#include "lib/milter_link.h"

enum { MILTER_STAGES = SMFIM_LAST + 1, MILTER_MACROS_MAX = 48 };

/* Its command, the bits with which a filter leaves it or its reply out, and the place of its macros or -1. */
struct milter_step {
	char command;
	uint32_t no_step, no_reply;
	int stage;
};

extern const struct milter_step step_connect, step_helo, step_mail, step_rcpt, step_data, step_header, step_headers_end,
	step_body, step_end, step_unknown;

struct milter_macro {
	char *name, *value;
};

struct milter_terms {
	uint32_t actions, steps;       /* offered; after negotiation: agreed */
	char *symlists[MILTER_STAGES]; /* NULL: the MTA's own */
	struct milter_macro macros[MILTER_MACROS_MAX];
	size_t macro_count;
};

/* Offers everything that Postfix 3.7 offers. */
void terms_init(struct milter_terms *);
void terms_fini(struct milter_terms *);
/* Writes the offer; reads what the filter made of it. */
void terms_offer(const struct milter_terms *, struct milter_link *);
bool terms_take(struct milter_terms *, struct milter_link *, struct packet);
/* From the next event on; NULL takes it back. */
void terms_macro(struct milter_terms *, const char *name, const char *value);

/* Writes the step's macros and begins its packet. False: the filter does not want this step, its macros are sent all
 * the same, as Postfix does. */
bool step_begin(const struct milter_terms *, struct milter_link *, const struct milter_step *);
/* The data of CONNECT. */
void step_add_client(struct milter_link *, const char *host, struct ip client, uint16_t port);
/* The value of a header field as it is sent: the agreement says who keeps the blank behind the colon. */
struct str step_header_value(const struct milter_terms *, struct str value);

/* feedback/limit.h - how much may be sent: messages and recipients in a time.
 *
 * What a message needs is taken when the client asks for it, at MAIL and RCPT,
 * so that what is too much costs nothing further, and given back if the message
 * is not taken after all: what was refused or broken off does not count.
 * Owns:    nothing; all lives in the message's arena.
 * Threads: one at a time for a message.
 * Fails:   while the store cannot be asked, as the plan says: counts in this
 *          process alone, or defers. */
#pragma once

#include "policy/limits.h"

struct limit;
struct store;

/* One message's; must live as long as that. */
struct limit_plan {
	struct limits limits;
	struct str workflow;               /* name; empty: mail of no workflow */
	struct str names[LIMIT_WHO_COUNT]; /* of the workflow, login, client; empty: not limited by it */
	bool defers_without_store;
	bool hides_names;                  /* in the store: counts are kept under hashes of them */
};

/* At MAIL, when everything else has agreed: takes one message. The decision is CONTINUE, or DEFER with the time to
 * wait. Sets limit.exceeded, here and below. */
struct limit *limit_begin(struct arena *, struct store *, const struct limit_plan *, struct facts *,
			  struct decision *);
/* At RCPT, when everything else has agreed: takes one recipient. */
struct decision limit_recipient(struct limit *);
/* At MAIL with what SIZE= announced, at END with what there is: REJECT if it is too large. */
struct decision limit_bytes(struct limit *, int64_t bytes);
/* Once, when the message is over: accepted by our answer at END, or given back. NULL is allowed. */
void limit_end(struct limit *, bool is_accepted);

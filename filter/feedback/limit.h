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

#include "policy/policy.h"

struct limit;
struct store;

struct limit_rate {
	int64_t amount; /* 0: no limit */
	int64_t per_ms;
};

/* Who is limited: each has counts of its own, in each workflow. */
enum limit_who { LIMIT_WORKFLOW, LIMIT_LOGIN, LIMIT_CLIENT, LIMIT_WHO_COUNT };

/* One message's; must live as long as that. */
struct limit_plan {
	struct str workflow; /* name; empty: mail of no workflow */
	struct {
		struct str name; /* of the workflow, login, client; empty: not limited by it */
		struct limit_rate messages, recipients;
	} per[LIMIT_WHO_COUNT];
	int64_t recipients_per_message, message_bytes; /* 0: no limit */
	bool defers_without_store;
	struct rule_place place; /* of decisions */
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

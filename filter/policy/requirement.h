/* policy/requirement.h - what a client has to bring, and what it is told if it does not.
 *
 * `require` of a workflow and the group of a port come down to conditions; a
 * reply names one that is not met and says what to do: another port, TLS, a login.
 * Owns:    nothing; texts live in the arena given.
 * Threads: any.
 * Fails:   never. */
#pragma once

#include "policy/rule.h"

/* The condition to tell about first; NULL if all are met. What cannot be told is not met. */
const struct condition *requirement_unmet(const struct conditions *, const struct facts *, struct arena *);
struct reply requirement_reply(const struct policy *, const struct condition *unmet, const struct facts *,
			       struct arena *);

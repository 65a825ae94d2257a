/* policy/match.h - one condition against one fact, and all of them together.
 *
 * Three answers: a fact that cannot be told makes neither a match nor none.
 * A fact that is absent, empty or was never set is no match.
 * Owns:    nothing.
 * Threads: one at a time per matcher.
 * Fails:   never. Allocates only for an address whose domain came as U-labels, once per such address. */
#pragma once

#include "policy/rule.h"

enum truth { TRUTH_NO, TRUTH_CANNOT_TELL, TRUTH_YES };

struct matcher {
	struct arena *arena;
	const struct facts *facts;
	struct str address;            /* the last address whose domain had to be converted, */
	struct str address_normalized; /* and what became of it */
};

/* A fact that is set in its time stays as it is, and one that nobody has set when its time is over stays away, unless it
 * is a probe's, which may wait, or a recipient's. */
bool fact_is_settled(const struct facts *, enum fact_id, enum stage);
enum truth condition_match(struct matcher *, const struct condition *);
/* An envelope address stays as the client wrote it (RFC 6531), what is compared has A-labels. */
struct str address_with_a_labels(struct matcher *, struct str address);
/* Is this address one of those that a condition on addresses names. */
bool condition_has_address(struct matcher *, const struct condition *, struct str address);
/* All of them: one no decides, else one cannot tell. *decided is the condition that did; NULL with yes. */
enum truth conditions_match(struct matcher *, const struct conditions *, const struct condition **decided);
/* when and not unless. With no or cannot tell *decided is the condition that did it, NULL if unless took back. */
enum truth rule_match(struct matcher *, const struct rule *, const struct condition **decided, bool *is_taken_back);

/* "spf.result is pass" */
struct str condition_print(struct arena *, const struct condition *, const struct facts *);
/* All of them, with ", ". */
struct str conditions_print(struct arena *, const struct conditions *, const struct facts *);
/* "spf.result is pass, wanted fail or softfail" */
struct str condition_explain(struct arena *, const struct condition *, const struct facts *);

/* If b holds, so does a. False also where that cannot be seen. */
bool condition_implies(const struct condition *b, const struct condition *a);
/* If all of b hold, so do all of a. */
bool conditions_imply(const struct conditions *b, const struct conditions *a);

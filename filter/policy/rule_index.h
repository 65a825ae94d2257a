/* policy/rule_index.h - which rules of a stage can hold, without asking all of them.
 *
 * A rule that wants some fact to be one of certain texts, written out, cannot
 * hold while it is another one. Such rules are found by hash of what the fact
 * is; all others always come into question.
 * Owns:    everything lives in the arena given.
 * Threads: any once built.
 * Fails:   never. */
#pragma once

#include "policy/match.h"

struct rule_index;

const struct rule_index *rule_index_new(struct arena *, const struct rule *const *, size_t count);

/* A set of places of rules. */
struct rule_picks {
	const uint64_t *words;
	size_t count; /* of rules */
};

/* Rules that are not picked cannot hold, by the facts that are settled at this stage. */
struct rule_picks rule_index_pick(const struct rule_index *, enum stage, struct matcher *);
/* The next one from this place on; count if there is none. */
size_t rule_picks_next(const struct rule_picks *, size_t at);

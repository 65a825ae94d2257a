/* policy/workflow_index.h - which workflows come into question for a login or an address, without asking all of them.
 *
 * Workflows that name logins are found by hash of the login, exact authors by
 * hash of the address, patterns by the domain that all that they cover is at
 * or below. What is found is compared as ever; the order of files and places
 * decides.
 * Owns:    everything lives in the arena given.
 * Threads: any once built.
 * Fails:   never. */
#pragma once

#include "policy/rule.h"

struct workflow_index;

const struct workflow_index *workflow_index_new(struct arena *, struct workflow *const *, size_t count);

/* The first that is accepted, of those whose `match` may let this login through; NULL: none. */
typedef bool workflow_accepts_fn(void *context, const struct workflow *);
const struct workflow *workflow_index_match(const struct workflow_index *, struct str login, struct arena *,
					    workflow_accepts_fn *accepts, void *context);
/* One of the logins that it is for; empty if they are not all written out. */
struct str workflow_login(const struct workflow *);
/* The first that may write as this author. */
const struct workflow *workflow_index_owner(const struct workflow_index *, struct str address, struct arena *);

/* Two workflows that do not both say `shared` and may both write as some author, by their places. */
struct workflow_pair {
	uint32_t first, second;
};
struct workflow_overlaps {
	const struct workflow_pair *pairs; /* each once, by the second, then the first */
	size_t count;
	size_t compared;                   /* authors with authors */
};
struct workflow_overlaps workflow_index_overlaps(const struct workflow_index *, struct arena *);

/* The part of an author's domain that a pattern leaves no doubt about: "*@*.example.org" is at or below example.org,
 * "*@*ple.org" below org, "*" below the root, which is empty. */
struct str author_sure_domain(struct str author);

/* auth/spf_walk.h - libspf2 walks through a record, its includes and its redirect.
 *
 * Nothing that came from the network reaches the library but addresses. Each
 * record is built from terms that we parsed, and in place of every name stands
 * a handle of ours. A handle that comes back through the DNS hooks is a term
 * whose turn has come: only then is it counted, expanded and asked for. So an
 * unreached term costs nothing, and the term that decided is known.
 * The library keeps the order, compares addresses under their prefix, applies
 * qualifiers and maps the results of includes (RFC 7208 4.6.2, 5.2 - 5.4, 6.1).
 * Owns:    nothing; everything lives in the query's arena. Threads: one check, one thread.
 * Fails:   never; see auth/spf_dns.h. */
#pragma once

#include "auth/spf_dns.h"

struct spf_walk_end {
	enum result result;
	struct str mechanism;    /* of the domain's own record (or where redirect= leads); empty if none matched */
	struct spf_term exp;     /* TERM_EXP if that record has one */
	struct str domain;       /* whose record that is */
};

/* The domain's record, from its look-up to the result. */
struct spf_walk_end spf_walk(struct spf_query *, struct str domain);

/* auth/spf_dns.h - the questions of one check_host() (RFC 7208 4), within its limits.
 *
 * What ends the check early - an error, a limit, no record - is kept as its
 * final result and reason; the first one counts, and nothing is asked after it.
 * Owns:    nothing; everything lives in the arena. Threads: one check, one thread.
 * Fails:   by ending the check. */
#pragma once

#include "auth/spf_macro.h"
#include "auth/spf_record.h"
#include "dns/dns.h"
#include "fact/fact.h"

/* RFC 7208 4.6.4, 11.1 */
enum {
	LIMIT_TERMS = 10,
	LIMIT_VOIDS = 2,
	LIMIT_HOSTS = 10, /* of one mx, and of the client's reverse name */
	LIMIT_TIME_MS = 20000,
};

struct spf_query {
	struct dns *dns;
	struct arena *arena;
	int64_t deadline_mono_ms;
	struct spf_macro_values values; /* but `current`, which each look-up is given */
	unsigned lookups;               /* terms that asked DNS */
	unsigned voids;                 /* of these, without an answer */

	bool is_ended;
	enum result result;             /* if ended */
	struct str reason;

	bool knows_client_names;
	bool client_has_ptr;
	size_t client_name_count;
	struct str client_names[LIMIT_HOSTS]; /* validated (5.5) */
};

/* The format makes the reason. */
void spf_end(struct spf_query *, enum result, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Counts a term; false if it is one too many: the check has ended. */
bool spf_begin_term(struct spf_query *, const struct spf_term *);
/* Its domain-spec expanded, or the current domain. False if the term cannot match or names nothing. */
bool spf_target(struct spf_query *, const struct spf_term *, struct str current, struct str *name);
/* What the term itself asks: no answer makes it a void look-up. A temporary failure ends the check. Never NULL. */
const struct dns_answer *spf_ask_target(struct spf_query *, struct str name, enum dns_type);
/* The same for what the answer leads to: not counted. */
const struct dns_answer *spf_ask(struct spf_query *, struct str name, enum dns_type);

enum dns_type spf_address_type(struct ip client);
/* The client's names are asked for at the first call. */
bool spf_client_has_name_below(struct spf_query *, struct str domain);

/* The terms of the domain's record, checked; or the check has ended: with if_missing if there is none. */
bool spf_fetch_record(struct spf_query *, struct str domain, enum result if_missing, struct str *terms);
/* The text that an exp= term leads to; empty on any trouble (6.2). Ends no check. */
struct str spf_explain(struct spf_query *, const struct spf_term *exp, struct str current);

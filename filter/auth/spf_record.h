/* auth/spf_record.h - the SPF record among TXT records, and its grammar (RFC 7208 4.5, 4.6, 12).
 *
 * The whole record is checked before any of it is used; then its terms are
 * read one by one, so a record of 64 KB costs no memory.
 * Owns:    nothing; terms point into the record.
 * Threads: any.
 * Fails:   a value. */
#pragma once

#include "base/ip.h"
#include "base/str.h"

struct arena;
struct dns_answer;

enum spf_term_kind {
	TERM_ALL,
	TERM_INCLUDE,
	TERM_A,
	TERM_MX,
	TERM_PTR,
	TERM_IP4,
	TERM_IP6,
	TERM_EXISTS,
	TERM_REDIRECT,
	TERM_EXP,
	TERM_UNKNOWN_MODIFIER,
};

struct spf_term {
	enum spf_term_kind kind;
	char qualifier;            /* '+', '-', '~' or '?'; mechanisms only */
	struct str text;           /* as published */
	struct str spec;           /* domain-spec, macros not expanded; empty if there is none */
	struct ip_net net;         /* ip4, ip6 */
	unsigned bits4, bits6;     /* a, mx: prefix lengths */
};

/* How many of the answer's texts are SPF records; the terms of the first ("v=spf1" taken off). */
size_t spf_record_select(const struct dns_answer *, struct str *terms);

/* True if all terms fit the grammar and no modifier that may stand once stands twice; else says in the
 * arena what is wrong, in printable ASCII. */
bool spf_record_check(struct arena *, struct str terms, struct str *problem);

/* Takes the next term off; false at the end. Only for terms that passed the check. */
bool spf_record_next(struct str *terms, struct spf_term *);

/* ip4 or ip6 that holds the client, or all. */
bool spf_term_matches_without_dns(const struct spf_term *, struct ip client);
/* RFC 7208 4.6.4: the terms of which a check may use ten. */
bool spf_term_needs_dns(const struct spf_term *);

/* Foreign bytes for people: printable ASCII of bounded length, zero-terminated. */
const char *spf_shown(struct arena *, struct str);

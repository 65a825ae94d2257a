/* mail/author.h - who wrote this message: the From rule in one place.
 *
 * RFC 5322 wants one From field with at least one mailbox; RFC 9989 works on
 * exactly one author domain. Everything else is a status that policies decide
 * on, never a guess.
 * Owns:    nothing; results live in the arena. Threads: any. */
#pragma once

#include "mail/address.h"

struct header_list;

enum author_status { AUTHOR_OK, AUTHOR_MISSING, AUTHOR_SEVERAL, AUTHOR_MALFORMED, AUTHOR_STATUS_COUNT };

extern const char *const author_status_words[AUTHOR_STATUS_COUNT]; /* ok, missing, several, malformed */

struct author {
	enum author_status status;
	size_t count;       /* mailboxes that could be read, all From fields together */
	size_t fields;      /* From fields, disguised ones included */
	struct mailbox box; /* with AUTHOR_OK */
	struct str domain;  /* with AUTHOR_OK: normalized (mail/domain.h) */
	const char *why;    /* not OK: what is wrong, for people */
};

/* OK is: one From field, one mailbox in it, no group, no '@' in the local part, a domain name of at least two
 * labels. MISSING: no field, or an empty one. SEVERAL: two fields or mailboxes, even with the same address.
 * A From in disguise counts as a field and makes the author MALFORMED: a field name that is From once blanks,
 * control and 8-bit bytes are gone, or a line in any field's value that begins with "From:" because it was broken
 * by a bare CR or LF. */
struct author author_of(struct arena *, const struct header_list *);

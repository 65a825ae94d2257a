/* mail/address.h - RFC 5321 paths and RFC 5322 mailbox lists, strictly.
 *
 * Bounded: depth of comments, number of mailboxes and length are limited; no
 * recursion on input.
 * Owns:    nothing; results live in the arena. Threads: any.
 * Fails:   a value; no partial result. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct arena;

struct address {
	struct str local;  /* unquoted: what the quotes and backslashes mean */
	struct str domain; /* as written; empty for a bare local part ("postmaster") */
	struct str whole;  /* as written, without angle brackets and source route */
};

/* The argument of MAIL FROM or RCPT TO with or without angle brackets, an obsolete source route is
 * dropped (RFC 5321 4.1.2). <> gives three empty texts. Domain literals are allowed; UTF-8 as in
 * RFC 6531. False if it is no path. */
bool address_parse_path(struct arena *, struct str, struct address *);

struct mailbox {
	struct str name;   /* display name as written, unfolded; may be empty */
	struct address address;
};

enum mailboxes_status {
	MAILBOXES_OK,
	MAILBOXES_EMPTY,     /* nothing but blanks and comments */
	MAILBOXES_MALFORMED, /* not mailbox-list by RFC 5322 3.4 with the obsolete forms that name one meaning; see .c */
	MAILBOXES_TOO_MANY,
};

enum { MAILBOXES_MAX = 64 };

/* A field body: mailbox-list (From) or address-list with groups (`*has_group`, members are listed). Raw,
 * folded. */
enum mailboxes_status mailboxes_parse(struct arena *, struct str body, const struct mailbox **list,
				      size_t *count, bool *has_group);

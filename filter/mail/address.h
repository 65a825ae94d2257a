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

/* The argument of MAIL FROM or RCPT TO with or without angle brackets; an obsolete source route is
 * dropped (RFC 5321 4.1.2). <> gives three empty texts. Domain literals, a bare local part and UTF-8
 * (RFC 6531) are allowed. Longer than RFC 5321 4.5.3.1 asks for is, but not ADDRESS_MAX_BYTES. False if it is
 * no path. */
bool address_parse_path(struct arena *, struct str, struct address *);

/* What stands between the brackets of an address literal: "192.0.2.1" or "IPv6:2001:db8::1" (RFC 5321 4.1.3). */
bool address_literal_is_ip(struct str);

enum { ADDRESS_MAX_BYTES = 512, LOCAL_MAX_BYTES = 255 };

struct mailbox {
	struct str name;        /* display name as written, unfolded; may be empty */
	struct address address; /* with a domain, always */
};

enum mailboxes_status {
	MAILBOXES_OK,
	MAILBOXES_EMPTY,     /* nothing but blanks, comments and commas, or groups without members */
	MAILBOXES_MALFORMED,
	MAILBOXES_TOO_MANY,  /* more than MAILBOXES_MAX: only these are counted */
};

enum { MAILBOXES_MAX = 64 };

struct mailboxes {
	enum mailboxes_status status;
	const struct mailbox *list; /* with MAILBOXES_OK */
	size_t count;
	bool has_group;             /* members are in the list */
	const char *why;            /* with MAILBOXES_MALFORMED: what is wrong, for people */
};

/* A field body, raw and folded: mailbox-list or address-list (RFC 5322 3.4, RFC 6532), as far as all readers take
 * it the same way. See address.c for what that leaves out. */
struct mailboxes mailboxes_parse(struct arena *, struct str body);

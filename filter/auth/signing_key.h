/* auth/signing_key.h - a private key, where it signs, and the record that receivers find it by.
 *
 * Owns:    lives in the arena given; what OpenSSL holds is let go with it.
 * Threads: any; immutable once made.
 * Fails:   never. */
#pragma once

#include <openssl/types.h>

#include "auth/dkim_key_record.h"

struct lent_key;

struct signing_key {
	struct str domain;       /* d= */
	struct str selector;     /* s= */
	struct str record_name;  /* <selector>._domainkey.<domain> */
	struct str record;       /* what is to be published there */
	enum key_type type;
	unsigned bits;
	EVP_PKEY *key;
	struct lent_key *lent;
};

/* Takes a reference of its own; of a key that private_key_parse accepted. Names as domain_normalize leaves them. */
const struct signing_key *signing_key_new(struct arena *, EVP_PKEY *, struct str domain, struct str selector);

/* What an answer to record_name TXT says about the key. */
enum published {
	PUBLISHED_UNKNOWN,       /* not asked yet, or a temporary failure */
	PUBLISHED_NOT,           /* no record, or one that verifiers would not use with this key */
	PUBLISHED,
	PUBLISHED_COUNT
};
extern const char *const published_words[PUBLISHED_COUNT];
/* The reason is for people and names the record; empty for PUBLISHED, unless there is something to say. */
enum published signing_key_compare(struct arena *, const struct signing_key *, const struct dns_answer *,
				   struct str *why);

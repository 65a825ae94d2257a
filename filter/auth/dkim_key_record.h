/* auth/dkim_key_record.h - the key record of a signature, before libopendkim sees it.
 *
 * From the answer to <selector>._domainkey.<domain> TXT to one verdict: the
 * key may be used (RFC 6376 3.6.1, 8301, 8463), or why not. What the library
 * gets is written anew and holds nothing but type and key.
 * Sizes are bounded before any arithmetic is done with the key.
 * Owns:    nothing; texts live in the arena. Threads: any.
 * Fails:   as the result that the signature then has. */
#pragma once

#include "fact/fact.h"

struct arena;
struct dns_answer;

enum key_type { KEY_RSA, KEY_ED25519, KEY_TYPE_COUNT };
extern const char *const key_type_words[KEY_TYPE_COUNT]; /* of k= (RFC 6376 3.6.1, RFC 8463 4.2) */

enum {
	KEY_TEXT_MAX = 1024, /* what the library's buffer holds */
	KEY_RSA_BITS_MAX = 4096, /* RFC 8301 3.2: at least this must be supported */
	KEY_RSA_EXPONENT_BITS_MAX = 33,
};

struct dkim_key {
	enum result result;    /* RESULT_NONE: usable */
	struct str why;        /* not usable: for people, names the key */
	struct str text;       /* usable: the record for the library */
	unsigned bits;         /* 0 if it could not be read */
	bool is_testing;       /* t=y */
	bool is_exact;         /* t=s: i= must have the very domain of d= */
};

struct dkim_key auth_dkim_key_record(struct arena *, struct str key_name, const struct dns_answer *, enum key_type,
				     unsigned min_rsa_bits);

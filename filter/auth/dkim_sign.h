/* auth/dkim_sign.h - DKIM signatures for a message (RFC 6376, 8301, 8463).
 *
 * libopendkim canonicalises, hashes, lays the field out and calls the crypto.
 * It gets only the fields that are signed, and keys by name (auth/lent_key.h).
 * The header is relaxed always: blanks do not survive MTAs and milters for
 * sure. Several signatures are made in one go.
 * Owns:    auth_dkim_signer is snapshot-wide; a handle belongs to the message
 *          arena (it registers its own clean-up) and may outlive the signer,
 *          but the keys must be there until auth_dkim_sign_end.
 * Threads: a signer any; a handle one at a time.
 * Fails:   with a reason for people; then the message must not leave. There is
 *          never a part of the signatures. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct arena;
struct auth_dkim_sign;
struct auth_dkim_signer;
struct header_list;
struct signing_key;

enum { SIGN_KEYS_MAX = 8 }; /* of one message */

struct sign_settings {
	int64_t expires_s;        /* x= this long after t=; 0: no x= */
	bool is_body_simple;      /* c=relaxed/simple: cheaper for large bodies, broken by a changed blank */
};

struct auth_dkim_signer *auth_dkim_signer_new(const struct sign_settings *);
void auth_dkim_signer_free(struct auth_dkim_signer *);

/* All header fields are known. At least one key and at most SIGN_KEYS_MAX. NULL and why not. */
struct auth_dkim_sign *auth_dkim_sign_begin(struct auth_dkim_signer *, const struct signing_key *const *keys,
					    size_t count, const struct header_list *, struct arena *,
					    struct str *why_not);
/* In pieces of any size. False: it has failed, the rest of the body is not needed. */
bool auth_dkim_sign_body(struct auth_dkim_sign *, const unsigned char *bytes, size_t count);
/* One value of a DKIM-Signature field for each key, in their order, lines joined by LF; or why not. */
bool auth_dkim_sign_end(struct auth_dkim_sign *, const struct str **values, size_t *count, struct str *why_not);

/* auth/lent_key.h - private keys that libopendkim uses without ever seeing their text.
 *
 * For each signature the library copies the text of the key and parses it,
 * which costs more than the signature itself. It gets a name in the form of
 * such a text instead. This file defines PEM_read_bio_PrivateKey(); the
 * definition in the executable is the one that the shared library finds, and
 * for a name it answers with the key, parsed before. Anybody else who calls
 * the function gets what OpenSSL's own would give.
 * Owns:    one reference to each key that is lent.
 * Threads: any (one lock inside).
 * Fails:   a name that is not (or no longer) lent is no key to the library,
 *          so that it makes no signature. */
#pragma once

#include <stdbool.h>

#include <openssl/types.h>

struct lent_key;

/* Takes a reference of its own. */
struct lent_key *lent_key_new(EVP_PKEY *);
/* NULL is allowed. Keys in use live on until their users free them. */
void lent_key_free(struct lent_key *);
/* What dkim_sign() takes for the text of the key. */
const char *lent_key_name(const struct lent_key *);

/* False if the program was linked so that libraries do not find the definition here. */
bool lent_key_is_effective(void);

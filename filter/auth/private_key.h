/* auth/private_key.h - a private key from its text, made or written.
 *
 * What is accepted signs: RSA and Ed25519, of a size that verifiers take,
 * and tried with its own public half.
 * Owns:    nothing; keys are counted by OpenSSL, EVP_PKEY_free.
 * Threads: any.
 * Fails:   with the reason. A passphrase is never asked for. */
#pragma once

#include <openssl/types.h>

#include "auth/dkim_key_record.h"

enum {
	PRIVATE_KEY_BYTES_MAX = 16 * 1024,
	PRIVATE_KEY_RSA_BITS_MIN = 1024,      /* RFC 8301 3.2 */
	PRIVATE_KEY_RSA_BITS_USUAL = 2048,
};

/* PKCS#8 or traditional PEM. NULL and why not. */
EVP_PKEY *private_key_parse(struct arena *, struct str pem, struct str *why_not);
/* Never fails for a type and bits that private_key_parse accepts. */
EVP_PKEY *private_key_generate(enum key_type, unsigned bits);
/* PKCS#8 PEM in the caller's room, to be wiped by him. */
size_t private_key_print(EVP_PKEY *, char room[static PRIVATE_KEY_BYTES_MAX]);

enum key_type private_key_type(const EVP_PKEY *);
unsigned private_key_bits(const EVP_PKEY *);
/* "v=DKIM1; k=rsa; p=..." for its public half. */
struct str private_key_record(struct arena *, const EVP_PKEY *);

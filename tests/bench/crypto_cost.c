/* tests/bench/crypto_cost - what OpenSSL needs for the operations of DKIM, keys kept: CPU microseconds as JSON.
 *
 * usage: crypto_cost [ROUNDS] */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auth/private_key.h"
#include "base/fail.h"

enum { DIGEST_BYTES = 32, SIGNATURE_MAX = 512, MEGABYTE = 1 << 20 };

static double cpu_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

struct signed_digest {
	EVP_PKEY *key;
	unsigned char digest[DIGEST_BYTES], signature[SIGNATURE_MAX];
	size_t n;
};

/* RSA signs the SHA-256, Ed25519 the text, which is one here (RFC 8463 3). */
static void sign(struct signed_digest *s)
{
	s->n = sizeof(s->signature);
	if (EVP_PKEY_get_base_id(s->key) == EVP_PKEY_ED25519) {
		EVP_MD_CTX *c = EVP_MD_CTX_new();
		BUG_IF(EVP_DigestSignInit(c, NULL, NULL, NULL, s->key) != 1 ||
		       EVP_DigestSign(c, s->signature, &s->n, s->digest, DIGEST_BYTES) != 1);
		EVP_MD_CTX_free(c);
		return;
	}
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(s->key, NULL);
	BUG_IF(EVP_PKEY_sign_init(c) != 1 || EVP_PKEY_CTX_set_signature_md(c, EVP_sha256()) != 1 ||
	       EVP_PKEY_sign(c, s->signature, &s->n, s->digest, DIGEST_BYTES) != 1);
	EVP_PKEY_CTX_free(c);
}

static void verify(struct signed_digest *s)
{
	if (EVP_PKEY_get_base_id(s->key) == EVP_PKEY_ED25519) {
		EVP_MD_CTX *c = EVP_MD_CTX_new();
		BUG_IF(EVP_DigestVerifyInit(c, NULL, NULL, NULL, s->key) != 1 ||
		       EVP_DigestVerify(c, s->signature, s->n, s->digest, DIGEST_BYTES) != 1);
		EVP_MD_CTX_free(c);
		return;
	}
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(s->key, NULL);
	BUG_IF(EVP_PKEY_verify_init(c) != 1 || EVP_PKEY_CTX_set_signature_md(c, EVP_sha256()) != 1 ||
	       EVP_PKEY_verify(c, s->signature, s->n, s->digest, DIGEST_BYTES) != 1);
	EVP_PKEY_CTX_free(c);
}

static double cost_of(void (*run)(struct signed_digest *), struct signed_digest *s, int rounds)
{
	run(s); /* the first use of a key sets it up */
	double start_us = cpu_us();
	for (int i = 0; i < rounds; i++)
		run(s);
	return (cpu_us() - start_us) / rounds;
}

static double cost_of_hash(int rounds)
{
	unsigned char *bytes = fail_if_null(calloc(1, MEGABYTE)), digest[DIGEST_BYTES];
	double start_us = cpu_us();
	for (int i = 0; i < rounds; i++)
		BUG_IF(EVP_Digest(bytes, MEGABYTE, digest, NULL, EVP_sha256(), NULL) != 1);
	double cost_us = (cpu_us() - start_us) / rounds;
	free(bytes);
	return cost_us;
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 200;
	struct signed_digest rsa = { .key = private_key_generate(KEY_RSA, 2048) };
	struct signed_digest ed25519 = { .key = private_key_generate(KEY_ED25519, 0) };
	if (rounds < 1)
		rounds = 1;
	double rsa_sign = cost_of(sign, &rsa, rounds), rsa_verify = cost_of(verify, &rsa, rounds);
	double ed_sign = cost_of(sign, &ed25519, rounds), ed_verify = cost_of(verify, &ed25519, rounds);
	printf("{\"rsa_sign\": %.1f, \"rsa_verify\": %.1f, \"ed25519_sign\": %.1f, \"ed25519_verify\": %.1f, "
	       "\"sha256_mb\": %.1f}\n",
	       rsa_sign, rsa_verify, ed_sign, ed_verify, cost_of_hash(rounds / 20 + 1));
	EVP_PKEY_free(rsa.key);
	EVP_PKEY_free(ed25519.key);
	return 0;
}

#include "auth/private_key.h"

#include <string.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/arena.h"
#include "base/fail.h"
#include "dns/dns.h"

enum key_type private_key_type(const EVP_PKEY *key)
{
	return EVP_PKEY_is_a(key, "ED25519") ? KEY_ED25519 : KEY_RSA;
}

unsigned private_key_bits(const EVP_PKEY *key)
{
	int bits = EVP_PKEY_get_bits(key);
	return private_key_type(key) == KEY_ED25519 ? 256 : bits < 0 ? 0 : (unsigned)bits;
}

/* RFC 8463 4.2: the bare 32 bytes. RSA: SubjectPublicKeyInfo, as everybody publishes it. */
static struct str public_bytes(struct arena *a, const EVP_PKEY *key)
{
	if (private_key_type(key) == KEY_ED25519) {
		unsigned char *raw = arena_alloc(a, 32);
		size_t n = 32;
		BUG_IF(!EVP_PKEY_get_raw_public_key(key, raw, &n));
		return (struct str){ (const char *)raw, n };
	}
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(key, &der);
	BUG_IF(n <= 0);
	struct str copy = str_dup(a, (struct str){ (const char *)der, (size_t)n });
	OPENSSL_free(der);
	return copy;
}

struct str private_key_record(struct arena *a, const EVP_PKEY *key)
{
	struct str bytes = public_bytes(a, key);
	unsigned char *text = arena_alloc(a, 4 * (bytes.n / 3 + 1) + 1);
	int n = EVP_EncodeBlock(text, (const unsigned char *)bytes.p, (int)bytes.n);
	return str_printf(a, "v=DKIM1; k=%s; p=%.*s", key_type_words[private_key_type(key)], n, (const char *)text);
}

/* A damaged file can hold numbers that parse and do not belong together. */
static bool signs_what_it_verifies(EVP_PKEY *key)
{
	static const unsigned char text[] = "what is signed verifies";
	const EVP_MD *hash = private_key_type(key) == KEY_RSA ? EVP_sha256() : NULL;
	unsigned char signature[KEY_RSA_BITS_MAX / 8];
	size_t n = sizeof(signature);
	EVP_MD_CTX *sign = fail_if_null(EVP_MD_CTX_new()), *verify = fail_if_null(EVP_MD_CTX_new());
	bool ok = EVP_DigestSignInit(sign, NULL, hash, NULL, key) == 1 &&
		  EVP_DigestSign(sign, signature, &n, text, sizeof(text)) == 1 &&
		  EVP_DigestVerifyInit(verify, NULL, hash, NULL, key) == 1 &&
		  EVP_DigestVerify(verify, signature, n, text, sizeof(text)) == 1;
	EVP_MD_CTX_free(sign);
	EVP_MD_CTX_free(verify);
	return ok;
}

/* Its record is held against the rules that a verifier has, our own. */
static bool check(struct arena *a, EVP_PKEY *key, struct str *why_not)
{
	if (!EVP_PKEY_is_a(key, "RSA") && !EVP_PKEY_is_a(key, "ED25519")) {
		const char *name = EVP_PKEY_get0_type_name(key);
		*why_not = str_printf(a, "is a key of type %s: DKIM takes RSA and Ed25519", name == NULL ? "?" : name);
		return false;
	}
	unsigned bits = private_key_bits(key);
	if (private_key_type(key) == KEY_RSA && (bits < PRIVATE_KEY_RSA_BITS_MIN || bits > KEY_RSA_BITS_MAX)) {
		*why_not = str_printf(a, "is an RSA key of %u bits: at least %d are needed (%d are usual), at most %d "
				      "are taken by verifiers", bits, PRIVATE_KEY_RSA_BITS_MIN,
				      PRIVATE_KEY_RSA_BITS_USUAL, KEY_RSA_BITS_MAX);
		return false;
	}
	struct dns_record record = { .text = private_key_record(a, key) };
	struct dns_answer answer = { .status = DNS_OK, .count = 1, .records = &record };
	struct dkim_key read = auth_dkim_key_record(a, STR("of this key"), &answer, private_key_type(key),
						    PRIVATE_KEY_RSA_BITS_MIN);
	if (read.result != RESULT_NONE)
		*why_not = str_printf(a, "would not be taken by verifiers: %.*s", STR_ARG(read.why));
	else if (!signs_what_it_verifies(key))
		*why_not = STR("is damaged: what it signs does not verify with its public half");
	else
		return true;
	return false;
}

static int no_password(char *room, int size, int writes, void *context)
{
	(void)room;
	(void)size;
	(void)writes;
	*(bool *)context = true;
	return -1;
}

EVP_PKEY *private_key_parse(struct arena *a, struct str pem, struct str *why_not)
{
	bool wants_password = false;
	if (pem.n > PRIVATE_KEY_BYTES_MAX) {
		*why_not = str_printf(a, "is larger than %d bytes", PRIVATE_KEY_BYTES_MAX);
		return NULL;
	}
	ERR_set_mark();
	BIO *bio = fail_if_null(BIO_new_mem_buf(pem.p, (int)pem.n));
	EVP_PKEY *key = PEM_read_bio_PrivateKey_ex(bio, NULL, no_password, &wants_password, NULL, NULL);
	BIO_free(bio);
	if (key == NULL) {
		*why_not = wants_password ? STR("has a passphrase, which nobody could enter") :
					    STR("holds no private key in PEM");
	} else if (!check(a, key, why_not)) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	ERR_pop_to_mark();
	return key;
}

EVP_PKEY *private_key_generate(enum key_type type, unsigned bits)
{
	return fail_if_null(type == KEY_RSA ? EVP_RSA_gen(bits) : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));
}

size_t private_key_print(EVP_PKEY *key, char room[static PRIVATE_KEY_BYTES_MAX])
{
	char *bytes;
	BIO *bio = fail_if_null(BIO_new(BIO_s_secmem()));
	BUG_IF(!PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL));
	long n = BIO_get_mem_data(bio, &bytes);
	BUG_IF(n <= 0 || n > PRIVATE_KEY_BYTES_MAX);
	memcpy(room, bytes, (size_t)n);
	BIO_free(bio);
	return (size_t)n;
}

#include "../test.h"

#include <stdlib.h>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "auth/private_key.h"
#include "base/arena.h"
#include "lib/dkim_run.h"

static struct arena *a;

static int set_up(void **state)
{
	(void)state;
	a = arena_new();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(a);
	return 0;
}

static struct str taken(BIO *bio)
{
	char *bytes;
	long n = BIO_get_mem_data(bio, &bytes);
	struct str text = str_dup(a, (struct str){ bytes, (size_t)n });
	BIO_free(bio);
	return text;
}

static struct str pkcs8(EVP_PKEY *key, const EVP_CIPHER *cipher)
{
	BIO *bio = BIO_new(BIO_s_mem());
	assert_true(PEM_write_bio_PKCS8PrivateKey(bio, key, cipher, cipher == NULL ? NULL : "secret",
						  cipher == NULL ? 0 : 6, NULL, NULL));
	return taken(bio);
}

static struct str traditional(EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	assert_true(PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL));
	return taken(bio);
}

static void check_taken(EVP_PKEY *key, struct str pem, enum key_type type, unsigned bits)
{
	struct str why = STR("unset");
	EVP_PKEY *got = private_key_parse(a, pem, &why);
	if (got == NULL)
		fail_msg("%.*s", STR_ARG(why));
	assert_int_equal(EVP_PKEY_eq(got, key), 1);
	assert_int_equal(private_key_type(got), type);
	assert_int_equal(private_key_bits(got), bits);
	EVP_PKEY_free(got);
}

static void check_refused(struct str pem, const char *why)
{
	struct str got = STR_EMPTY;
	EVP_PKEY *key = private_key_parse(a, pem, &got);
	assert_null(key);
	if (strstr(str_to_c(a, got), why) == NULL)
		fail_msg("got \"%.*s\", want \"%s\"", STR_ARG(got), why);
}

static void both_forms_of_both_types_are_taken(void **state)
{
	(void)state;
	EVP_PKEY *rsa = private_key_generate(KEY_RSA, 1024), *ed = private_key_generate(KEY_ED25519, 0);
	char room[PRIVATE_KEY_BYTES_MAX];
	check_taken(rsa, pkcs8(rsa, NULL), KEY_RSA, 1024);
	check_taken(rsa, traditional(rsa), KEY_RSA, 1024);
	check_taken(ed, pkcs8(ed, NULL), KEY_ED25519, 256);
	check_taken(rsa, (struct str){ room, private_key_print(rsa, room) }, KEY_RSA, 1024);
	check_taken(ed, (struct str){ room, private_key_print(ed, room) }, KEY_ED25519, 256);
	struct str commented = str_printf(a, "# of billing\n\n%.*s\nend\n", STR_ARG(pkcs8(rsa, NULL)));
	check_taken(rsa, commented, KEY_RSA, 1024);
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(ed);
}

static void records_are_what_verifiers_read(void **state)
{
	(void)state;
	EVP_PKEY *ed = EVP_PKEY_new_raw_private_key( /* RFC 8463 A.2 */
		EVP_PKEY_ED25519, NULL,
		(const unsigned char *)"\x9d\x61\xb1\x9d\xef\xfd\x5a\x60\xba\x84\x4a\xf4\x92\xec\x2c\xc4"
				       "\x44\x49\xc5\x69\x7b\x32\x69\x19\x70\x3b\xac\x03\x1c\xae\x7f\x60", 32);
	assert_str(private_key_record(a, ed), "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
	EVP_PKEY_free(ed);
	struct str why, pem = dkim_run_file(a, "keys/rsa2048.pem");
	EVP_PKEY *rsa = private_key_parse(a, pem, &why);
	assert_non_null(rsa);
	assert_true(str_starts(private_key_record(a, rsa), STR("v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A")));
	EVP_PKEY_free(rsa);
}

static EVP_PKEY *make_pss(void)
{
	EVP_PKEY *key = NULL;
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
	assert_int_equal(EVP_PKEY_keygen_init(context), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(context, 1024), 1);
	assert_int_equal(EVP_PKEY_generate(context, &key), 1);
	EVP_PKEY_CTX_free(context);
	return key;
}

static void what_cannot_sign_is_refused(void **state)
{
	(void)state;
	EVP_PKEY *ec = EVP_EC_gen("P-256"), *small = EVP_RSA_gen(1023);
	EVP_PKEY *pss = make_pss(), *rsa = EVP_RSA_gen(1024);
	check_refused(pkcs8(ec, NULL), "type EC: DKIM takes RSA and Ed25519");
	check_refused(pkcs8(pss, NULL), "type RSA-PSS");
	check_refused(pkcs8(small, NULL), "RSA key of 1023 bits: at least 1024");
	check_refused(dkim_run_file(a, "keys/rsa4104.pem"), "RSA key of 4104 bits");
	check_refused(pkcs8(rsa, EVP_aes_128_cbc()), "passphrase");
	check_refused(STR_EMPTY, "no private key");
	check_refused(STR("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), "no private key");
	BIO *bio = BIO_new(BIO_s_mem());
	assert_true(PEM_write_bio_PUBKEY(bio, rsa));
	check_refused(taken(bio), "no private key");
	struct str whole = pkcs8(rsa, NULL);
	for (size_t cut = 0; cut + 3 < whole.n; cut += 7)
		check_refused(str_sub(whole, 0, cut), "no private key");
	char *huge = arena_alloc(a, PRIVATE_KEY_BYTES_MAX + 1);
	memset(huge, '\n', PRIVATE_KEY_BYTES_MAX + 1);
	check_refused((struct str){ huge, PRIVATE_KEY_BYTES_MAX + 1 }, "larger than 16384 bytes");
	EVP_PKEY_free(ec);
	EVP_PKEY_free(pss);
	EVP_PKEY_free(small);
	EVP_PKEY_free(rsa);
}

/* The public numbers of one key and the private ones of another. */
static EVP_PKEY *mix(const EVP_PKEY *one, const EVP_PKEY *two)
{
	static const char *const names[] = {
		OSSL_PKEY_PARAM_RSA_N, OSSL_PKEY_PARAM_RSA_E, OSSL_PKEY_PARAM_RSA_D, OSSL_PKEY_PARAM_RSA_FACTOR1,
		OSSL_PKEY_PARAM_RSA_FACTOR2, OSSL_PKEY_PARAM_RSA_EXPONENT1, OSSL_PKEY_PARAM_RSA_EXPONENT2,
		OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
	};
	enum { COUNT = sizeof(names) / sizeof(names[0]) };
	BIGNUM *numbers[COUNT] = { NULL };
	EVP_PKEY *mixed = NULL;
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	for (int i = 0; i < COUNT; i++) {
		assert_true(EVP_PKEY_get_bn_param(i < 2 ? one : two, names[i], &numbers[i]));
		assert_true(OSSL_PARAM_BLD_push_BN(builder, names[i], numbers[i]));
	}
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
	assert_int_equal(EVP_PKEY_fromdata(context, &mixed, EVP_PKEY_KEYPAIR, params), 1);
	EVP_PKEY_CTX_free(context);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(builder);
	for (int i = 0; i < COUNT; i++)
		BN_free(numbers[i]);
	return mixed;
}

static void numbers_that_do_not_belong_together_are_found(void **state)
{
	(void)state;
	EVP_PKEY *one = private_key_generate(KEY_RSA, 1024), *two = private_key_generate(KEY_RSA, 1024);
	EVP_PKEY *mixed = mix(one, two);
	check_refused(pkcs8(mixed, NULL), "damaged");
	EVP_PKEY_free(one);
	EVP_PKEY_free(two);
	EVP_PKEY_free(mixed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(both_forms_of_both_types_are_taken, set_up, tear_down),
		cmocka_unit_test_setup_teardown(records_are_what_verifiers_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_cannot_sign_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(numbers_that_do_not_belong_together_are_found, set_up, tear_down),
	};
	return RUN_TESTS(tests);
}

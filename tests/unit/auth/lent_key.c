#include "../test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "auth/lent_key.h"

static EVP_PKEY *make_key(void)
{
	return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
}

static EVP_PKEY *read_text(const char *text, size_t n)
{
	BIO *bio = BIO_new_mem_buf(text, (int)n);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	BIO_free(bio);
	ERR_clear_error();
	return key;
}

static void a_name_stands_for_its_key(void **state)
{
	(void)state;
	EVP_PKEY *one = make_key(), *two = make_key();
	struct lent_key *lent_one = lent_key_new(one), *lent_two = lent_key_new(two);
	const char *name_one = lent_key_name(lent_one), *name_two = lent_key_name(lent_two);
	assert_true(lent_key_is_effective());
	assert_string_not_equal(name_one, name_two);
	EVP_PKEY *got = read_text(name_one, strlen(name_one));
	assert_ptr_equal(got, one);
	EVP_PKEY_free(got);
	got = read_text(name_two, strlen(name_two));
	assert_ptr_equal(got, two);
	char kept_name[64];
	snprintf(kept_name, sizeof(kept_name), "%s", name_two);
	lent_key_free(lent_two);
	EVP_PKEY_free(two);
	assert_int_equal(EVP_PKEY_get_bits(got), 256); /* in use: lives on */
	EVP_PKEY_free(got);
	assert_null(read_text(kept_name, strlen(kept_name)));
	lent_key_free(lent_one);
	lent_key_free(NULL);
	EVP_PKEY_free(one);
}

static void what_is_no_name_is_no_key(void **state)
{
	(void)state;
	EVP_PKEY *key = make_key();
	struct lent_key *lent = lent_key_new(key);
	char name[64];
	size_t n = (size_t)snprintf(name, sizeof(name), "%s", lent_key_name(lent));
	for (size_t cut = 0; cut < n; cut++)
		assert_null(read_text(name, cut));
	memcpy(name + n, "0", 2);
	assert_null(read_text(name, n + 1));
	memcpy(name, lent_key_name(lent), n + 1);
	memset(name + n - 16, 'f', 16);
	assert_null(read_text(name, n));
	memset(name + n - 16, 'x', 16);
	assert_null(read_text(name, n));
	lent_key_free(lent);
	EVP_PKEY_free(key);
}

static int give_password(char *room, int size, int writes, void *context)
{
	(void)writes;
	assert_true(size > 6);
	memcpy(room, context, 6);
	return 6;
}

static void other_callers_find_the_function_as_it_was(void **state)
{
	(void)state;
	char password[] = "secret";
	EVP_PKEY *key = make_key(), *out = NULL;
	BIO *bio = BIO_new(BIO_s_mem());
	assert_true(PEM_write_bio_PKCS8PrivateKey(bio, key, EVP_aes_128_cbc(), NULL, 0, give_password, password));
	assert_true(PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL));
	EVP_PKEY *first = PEM_read_bio_PrivateKey(bio, &out, give_password, password);
	assert_ptr_equal(first, out);
	assert_int_equal(EVP_PKEY_eq(first, key), 1);
	EVP_PKEY *second = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	assert_int_equal(EVP_PKEY_eq(second, key), 1);
	assert_null(PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL));
	ERR_clear_error();
	EVP_PKEY_free(first);
	EVP_PKEY_free(second);
	EVP_PKEY_free(key);
	BIO_free(bio);
}

static void *lend_and_borrow(void *arg)
{
	(void)arg;
	EVP_PKEY *key = make_key();
	for (int i = 0; i < 2000; i++) {
		struct lent_key *lent = lent_key_new(key), *other = lent_key_new(key);
		EVP_PKEY *got = read_text(lent_key_name(lent), strlen(lent_key_name(lent)));
		if (got != key)
			abort();
		lent_key_free(i % 2 == 0 ? lent : other);
		lent_key_free(i % 2 == 0 ? other : lent);
		EVP_PKEY_free(got);
	}
	EVP_PKEY_free(key);
	return NULL;
}

static void threads_lend_at_the_same_time(void **state)
{
	(void)state;
	pthread_t threads[4];
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, lend_and_borrow, NULL), 0);
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_stands_for_its_key),
		cmocka_unit_test(what_is_no_name_is_no_key),
		cmocka_unit_test(other_callers_find_the_function_as_it_was),
		cmocka_unit_test(threads_lend_at_the_same_time),
	};
	return RUN_TESTS(tests);
}

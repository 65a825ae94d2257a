#include "../test.h"

#include <pthread.h>
#include <stdlib.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "auth/key_cache.h"
#include "base/arena.h"
#include "base/clock.h"
#include "dns/dns.h"
#include "lib/dkim_run.h"

/* SubjectPublicKeyInfo with a modulus of 64 bytes that holds the number. */
enum { DER_SIZE = 94 };

static void make_der(unsigned char der[DER_SIZE], unsigned number)
{
	static const unsigned char head[] = { 0x30, 92,   0x30, 13,   0x06, 9,    0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d,
					      0x01, 0x01, 0x01, 0x05, 0x00, 0x03, 75,   0x00, 0x30, 72,   0x02, 65 };
	static const unsigned char tail[] = { 0x02, 3, 1, 0, 1 };
	memset(der, 0x55, DER_SIZE);
	memcpy(der, head, sizeof(head));
	der[sizeof(head)] = 0;
	der[sizeof(head) + 1] = 0x80;
	memcpy(der + sizeof(head) + 2, &number, sizeof(number));
	memcpy(der + DER_SIZE - sizeof(tail), tail, sizeof(tail));
}

static EVP_PKEY *read_key(unsigned number)
{
	unsigned char der[DER_SIZE];
	make_der(der, number);
	BIO *bio = BIO_new_mem_buf(der, DER_SIZE);
	EVP_PKEY *key = d2i_PUBKEY_bio(bio, NULL);
	BIO_free(bio);
	return key;
}

/* That it is the very key asked for, not just any. */
static bool is_key(const EVP_PKEY *key, unsigned number)
{
	unsigned char want[DER_SIZE], *got = NULL;
	make_der(want, number);
	int n = i2d_PUBKEY(key, &got);
	bool same = n == DER_SIZE && memcmp(got, want, DER_SIZE) == 0;
	OPENSSL_free(got);
	return same;
}

static int forget(void **state)
{
	(void)state;
	key_cache_clear();
	return 0;
}

static void the_library_gets_kept_keys(void **state)
{
	(void)state;
	static const struct dkim_limits limits = { .max_signatures = 10, .min_rsa_bits = 1024 };
	struct arena *a = arena_new();
	struct dns *dns = dkim_run_dns();
	struct auth_dkim *dkim = auth_dkim_new(&limits);
	clock_set_unix_s(DKIM_RUN_NOW_S);
	struct str message = dkim_run_file(a, "c-relaxed-relaxed.eml");
	struct key_cache_counters before = key_cache_counters(), after;
	for (int i = 0; i < 3; i++)
		assert_int_equal(dkim_run_message(dkim, dns, a, message, SIZE_MAX).list[0].result, RESULT_PASS);
	after = key_cache_counters();
	assert_int_equal(after.misses - before.misses, 1);
	assert_int_equal(after.hits - before.hits, 2);
	assert_int_equal(after.kept, 1);
	arena_free(a);
	auth_dkim_free(dkim);
	dns_close(dns);
}

static void a_key_is_parsed_once_and_shared(void **state)
{
	(void)state;
	EVP_PKEY *first = read_key(1), *second = read_key(1), *other = read_key(2);
	assert_ptr_equal(first, second);
	assert_ptr_not_equal(first, other);
	assert_true(is_key(first, 1) && is_key(other, 2));
	EVP_PKEY_free(first);
	key_cache_clear();
	assert_true(is_key(second, 1)); /* in use: lives on */
	EVP_PKEY_free(second);
	EVP_PKEY_free(other);
	assert_int_equal(key_cache_counters().kept, 0);
}

static void what_was_not_used_for_longest_makes_room(void **state)
{
	(void)state;
	EVP_PKEY *oldest = read_key(0);
	for (unsigned i = 1; i < KEY_CACHE_MAX; i++)
		EVP_PKEY_free(read_key(i));
	assert_int_equal(key_cache_counters().kept, KEY_CACHE_MAX);
	EVP_PKEY_free(read_key(0)); /* used again: number 1 is the next to go */
	EVP_PKEY_free(read_key(KEY_CACHE_MAX));
	assert_int_equal(key_cache_counters().kept, KEY_CACHE_MAX);
	struct key_cache_counters before = key_cache_counters();
	EVP_PKEY *again = read_key(0);
	assert_ptr_equal(oldest, again);
	EVP_PKEY_free(read_key(1));
	assert_int_equal(key_cache_counters().hits - before.hits, 1);
	assert_int_equal(key_cache_counters().misses - before.misses, 1);
	EVP_PKEY_free(oldest);
	EVP_PKEY_free(again);
}

static void other_callers_find_the_function_as_it_was(void **state)
{
	(void)state;
	unsigned char der[DER_SIZE + 3];
	make_der(der, 7);
	memcpy(der + DER_SIZE, "end", 3);
	for (int i = 0; i < 2; i++) { /* parsed, then kept: what follows stays to be read */
		char rest[8];
		BIO *bio = BIO_new_mem_buf(der, sizeof(der));
		EVP_PKEY *key = d2i_PUBKEY_bio(bio, NULL);
		assert_true(is_key(key, 7));
		assert_int_equal(BIO_read(bio, rest, sizeof(rest)), 3);
		EVP_PKEY_free(key);
		BIO_free(bio);
	}
	EVP_PKEY *out = NULL;
	BIO *bio = BIO_new_mem_buf(der, DER_SIZE);
	EVP_PKEY *key = d2i_PUBKEY_bio(bio, &out);
	assert_non_null(key);
	assert_ptr_equal(key, out);
	EVP_PKEY_free(key);
	BIO_free(bio);

	BIO *near, *far;
	BIO_new_bio_pair(&near, 0, &far, 0);
	BIO_write(near, der, DER_SIZE);
	key = d2i_PUBKEY_bio(far, NULL);
	assert_true(is_key(key, 7));
	EVP_PKEY_free(key);
	BIO_free(near);
	BIO_free(far);
}

static void what_is_no_key_is_refused_and_not_kept(void **state)
{
	(void)state;
	unsigned char der[DER_SIZE];
	make_der(der, 7);
	static const size_t sizes[] = { 0, 1, 2, 50, DER_SIZE - 1 };
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		BIO *bio = BIO_new_mem_buf(der, (int)sizes[i]);
		assert_null(d2i_PUBKEY_bio(bio, NULL));
		BIO_free(bio);
	}
	der[6] ^= 1; /* another algorithm */
	BIO *bio = BIO_new_mem_buf(der, DER_SIZE);
	assert_null(d2i_PUBKEY_bio(bio, NULL));
	BIO_free(bio);
	assert_int_equal(key_cache_counters().kept, 0);
}

static void *read_many(void *arg)
{
	unsigned seed = *(unsigned *)arg;
	for (int i = 0; i < UNLESS_VALGRIND(3000, 200); i++) {
		unsigned number = (unsigned)rand_r(&seed) % (2 * KEY_CACHE_MAX);
		EVP_PKEY *key = read_key(number);
		if (!is_key(key, number))
			abort();
		EVP_PKEY_free(key);
		if (i % 1000 == 150)
			key_cache_clear();
	}
	return NULL;
}

static void threads_share_the_keys(void **state)
{
	(void)state;
	pthread_t threads[4];
	unsigned seeds[4] = { 1, 2, 3, 4 };
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_many, &seeds[i]), 0);
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_true(key_cache_counters().kept <= KEY_CACHE_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_library_gets_kept_keys, forget),
		cmocka_unit_test_setup(a_key_is_parsed_once_and_shared, forget),
		cmocka_unit_test_setup(what_was_not_used_for_longest_makes_room, forget),
		cmocka_unit_test_setup(other_callers_find_the_function_as_it_was, forget),
		cmocka_unit_test_setup(what_is_no_key_is_refused_and_not_kept, forget),
		cmocka_unit_test_setup(threads_share_the_keys, forget),
	};
	int failed = RUN_TESTS(tests);
	key_cache_clear();
	return failed;
}

#include "../test.h"

#include "base/rand.h"

enum { BYTES = 1001 }; /* neither a word nor a call of the kernel's */

static void draws_differ(void **state)
{
	(void)state;
	unsigned char one[BYTES], two[BYTES];
	rand_bytes(one, sizeof(one));
	rand_bytes(two, sizeof(two));
	assert_memory_not_equal(one, two, sizeof(one));
	assert_memory_not_equal(one, one + BYTES / 2, BYTES / 2);
	unsigned seen[256] = { 0 }, kinds = 0;
	for (size_t i = 0; i < BYTES; i++)
		kinds += seen[one[i]]++ == 0;
	assert_true(kinds > 200); /* 251 are expected of 1001 draws */
	rand_bytes(one, 0);
}

static void no_byte_beyond_is_touched(void **state)
{
	(void)state;
	for (size_t n = 0; n < 20; n++) {
		unsigned char out[24];
		memset(out, 0xaa, sizeof(out));
		rand_set_sequence(5);
		rand_bytes(out, n);
		rand_set_sequence(0);
		for (size_t i = n; i < sizeof(out); i++)
			assert_int_equal(out[i], 0xaa);
	}
}

static void a_sequence_repeats(void **state)
{
	(void)state;
	unsigned char one[BYTES], two[BYTES];
	rand_set_sequence(42);
	rand_bytes(one, sizeof(one));
	rand_set_sequence(42);
	rand_bytes(two, sizeof(two));
	assert_memory_equal(one, two, sizeof(one));
	rand_bytes(two, sizeof(two));
	assert_memory_not_equal(one, two, sizeof(one));
	rand_set_sequence(43);
	rand_bytes(two, sizeof(two));
	assert_memory_not_equal(one, two, sizeof(one));
	rand_set_sequence(0);
}

static void the_key_of_hashes_stays(void **state)
{
	(void)state;
	uint64_t first[2];
	memcpy(first, rand_hash_key(), sizeof(first));
	assert_true(first[0] != first[1]);
	rand_set_sequence(42);
	assert_memory_equal(first, rand_hash_key(), sizeof(first));
	rand_set_sequence(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(draws_differ),
		cmocka_unit_test(no_byte_beyond_is_touched),
		cmocka_unit_test(a_sequence_repeats),
		cmocka_unit_test(the_key_of_hashes_stays),
	};
	return RUN_TESTS(tests);
}

#include "../test.h"

#include "base/bits.h"

static void each_bit_is_its_own(void **state)
{
	(void)state;
	for (unsigned i = 0; i < BITS_MAX; i++) {
		struct bits b = { 0 };
		assert_true(bits_is_empty(&b));
		bits_add(&b, i);
		assert_false(bits_is_empty(&b));
		for (unsigned k = 0; k < BITS_MAX; k++)
			assert_int_equal(bits_has(&b, k), i == k);
	}
}

static void sets_are_joined(void **state)
{
	(void)state;
	struct bits a = { 0 }, b = { 0 };
	bits_add(&a, 3);
	bits_add(&b, 3);
	bits_add(&b, BITS_MAX - 1);
	bits_add_all(&a, &b);
	assert_true(bits_has(&a, 3) && bits_has(&a, BITS_MAX - 1) && !bits_has(&a, 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_bit_is_its_own),
		cmocka_unit_test(sets_are_joined),
	};
	return RUN_TESTS(tests);
}

#include "../test.h"

#include "base/vec.h"

static void items_stay_while_it_grows(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	VEC(struct str) words = { 0 };
	for (size_t i = 0; i < 1000; i++)
		VEC_PUSH(a, &words, (struct str){ "words", i % 6 });
	assert_int_equal(words.count, 1000);
	for (size_t i = 0; i < 1000; i++)
		assert_int_equal(words.items[i].n, i % 6);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(items_stay_while_it_grows) };
	return RUN_TESTS(tests);
}

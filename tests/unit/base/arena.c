#include "../test.h"

#include <stdlib.h>

#include "base/arena.h"

static void memory_is_zeroed_aligned_and_apart(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	unsigned char *last = NULL;
	for (size_t size = 1; size < 3000; size += 7) {
		unsigned char *p = arena_alloc(a, size);
		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, size);
		if (last != NULL)
			assert_int_equal(last[0], 0xff);
		last = p;
	}
	arena_free(a);
}

static void memory_is_zeroed_again_after_a_reset(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	char *before = arena_alloc(a, 100);
	memset(before, 'x', 100);
	arena_reset(a);
	char *after = arena_alloc(a, 100);
	assert_ptr_equal(before, after); /* the first chunk is kept */
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(after[i], 0);
	arena_free(a);
}

static void one_piece_may_be_larger_than_a_chunk(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	char *small = arena_alloc(a, 10);
	char *large = arena_alloc(a, 1024 * 1024);
	char *next = arena_alloc(a, 10);
	memset(large, 'x', 1024 * 1024);
	assert_int_equal(small[9], 0);
	assert_int_equal(next[0], 0);
	arena_free(a);
}

static void nothing_may_be_asked_for(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	assert_non_null(arena_alloc(a, 0));
	assert_non_null(arena_array(a, 0, 8));
	arena_free(a);
	arena_free(NULL);
}

static void bytes_are_counted(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	assert_int_equal(arena_used_bytes(a), 0);
	arena_alloc(a, 1);
	size_t one = arena_used_bytes(a);
	assert_in_range(one, 1, 64);
	arena_alloc(a, 50000);
	size_t most = arena_used_bytes(a);
	assert_in_range(most, one + 50000, one + 50064);
	arena_reset(a);
	assert_int_equal(arena_used_bytes(a), 0);
	assert_int_equal(arena_peak_bytes(a), most);
	arena_free(a);
}

static char order[8];

static void note(void *arg)
{
	strcat(order, arg);
}

static void clean_ups_run_once_in_reverse_order(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	char one[] = "1", two[] = "2", three[] = "3";
	order[0] = 0;
	arena_defer(a, note, one);
	arena_defer(a, note, two);
	arena_reset(a);
	assert_string_equal(order, "21");
	arena_defer(a, note, three);
	arena_free(a);
	assert_string_equal(order, "213");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_zeroed_aligned_and_apart),
		cmocka_unit_test(memory_is_zeroed_again_after_a_reset),
		cmocka_unit_test(one_piece_may_be_larger_than_a_chunk),
		cmocka_unit_test(nothing_may_be_asked_for),
		cmocka_unit_test(bytes_are_counted),
		cmocka_unit_test(clean_ups_run_once_in_reverse_order),
	};
	return RUN_TESTS(tests);
}

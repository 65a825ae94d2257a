#include "../test.h"

#include "base/buf.h"

static void what_is_added_is_there(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 0);
	assert_str(buf_str(&b), "");
	assert_true(buf_add(&b, STR("one")));
	assert_true(buf_add(&b, STR("")));
	assert_true(buf_add_char(&b, ','));
	assert_true(buf_printf(&b, "%d-%s", 2, "two"));
	assert_str(buf_str(&b), "one,2-two");
	buf_clear(&b);
	assert_str(buf_str(&b), "");
	assert_true(buf_add(&b, (struct str){ "a\0b", 3 }));
	assert_int_equal(buf_str(&b).n, 3);
	buf_fini(&b);
}

static void it_grows(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 0);
	for (int i = 0; i < 10000; i++)
		assert_true(buf_printf(&b, "%04d", i));
	assert_int_equal(buf_str(&b).n, 40000);
	assert_str(str_sub(buf_str(&b), 4 * 1234, 4), "1234");
	assert_str(str_sub(buf_str(&b), 39996, 4), "9999");
	buf_fini(&b);
}

static void what_does_not_fit_is_dropped_whole(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 8);
	assert_true(buf_add(&b, STR("12345")));
	assert_false(b.is_full);
	assert_false(buf_add(&b, STR("6789")));
	assert_true(b.is_full);
	assert_str(buf_str(&b), "12345");
	assert_false(buf_printf(&b, "%s", "6789"));
	assert_str(buf_str(&b), "12345");
	assert_true(buf_printf(&b, "%s", "678")); /* to the brim */
	assert_str(buf_str(&b), "12345678");
	assert_false(buf_add_char(&b, '9'));
	assert_true(buf_add(&b, STR("")));
	assert_true(b.is_full);
	buf_clear(&b);
	assert_false(b.is_full);
	assert_true(buf_add(&b, STR("12345678")));
	buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_added_is_there),
		cmocka_unit_test(it_grows),
		cmocka_unit_test(what_does_not_fit_is_dropped_whole),
	};
	return RUN_TESTS(tests);
}

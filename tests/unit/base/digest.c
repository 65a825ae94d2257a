#include "../test.h"

#include <string.h>

#include "base/digest.h"

static struct digest digest_of(const char *first, const char *second)
{
	struct digest d = { { 0 } };
	digest_add(&d, str_of(first));
	digest_add(&d, str_of(second));
	return d;
}

static bool is_equal(struct digest a, struct digest b)
{
	return memcmp(a.bytes, b.bytes, sizeof(a.bytes)) == 0;
}

static void the_same_texts_are_the_same(void **state)
{
	(void)state;
	assert_true(is_equal(digest_of("one", "two"), digest_of("one", "two")));
}

static void content_order_and_borders_count(void **state)
{
	(void)state;
	assert_false(is_equal(digest_of("one", "two"), digest_of("one", "twO")));
	assert_false(is_equal(digest_of("one", "two"), digest_of("two", "one")));
	assert_false(is_equal(digest_of("one", "two"), digest_of("onet", "wo")));
	assert_false(is_equal(digest_of("one", ""), (struct digest){ { 0 } }));
}

static void it_is_printed_as_far_as_there_is_room(void **state)
{
	(void)state;
	struct digest d = { { 0xab, 0x01, 0xff } };
	char text[5] = "";
	digest_print(&d, text, sizeof(text));
	assert_string_equal(text, "ab01");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_texts_are_the_same),
		cmocka_unit_test(content_order_and_borders_count),
		cmocka_unit_test(it_is_printed_as_far_as_there_is_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "../test.h"

#include "base/arena.h"
#include "mail/header.h"

static void fields_keep_their_order_and_bytes(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct header_list *l = header_list_new(a);
	assert_int_equal(header_list_count(l), 0);
	assert_int_equal(header_list_bytes(l), 0);
	for (int i = 0; i < 100; i++)
		header_list_add(l, str_printf(a, "X-%d", i), str_printf(a, " value %d", i));
	assert_int_equal(header_list_count(l), 100);
	assert_str(header_list_at(l, 0)->name, "X-0");
	assert_str(header_list_at(l, 99)->name, "X-99");
	assert_str(header_list_at(l, 99)->value, " value 99");
	/* 10 of "X-0:" " value 0" CRLF, 90 with one byte more in each */
	assert_int_equal(header_list_bytes(l), 10 * (4 + 8 + 2) + 90 * (5 + 9 + 2));
	arena_free(a);
}

static void lists_own_copies(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct header_list *l = header_list_new(a);
	char name[] = "From", value[] = " a@example.org";
	header_list_add(l, str_of(name), str_of(value));
	memset(name, 'x', sizeof(name));
	memset(value, 'x', sizeof(value));
	assert_str(header_list_at(l, 0)->name, "From");
	assert_str(header_list_at(l, 0)->value, " a@example.org");
	arena_free(a);
}

static void nth_of_a_name_ignores_case_and_nothing_else(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct header_list *l = header_list_new(a);
	header_list_add(l, STR("Received"), STR(" 1"));
	header_list_add(l, STR("From"), STR(" 2"));
	header_list_add(l, STR("RECEIVED"), STR(" 3"));
	header_list_add(l, STR("Received "), STR(" 4"));
	header_list_add(l, STR(""), STR(" 5"));
	assert_str(header_list_find(l, STR("received"), 0)->value, " 1");
	assert_str(header_list_find(l, STR("received"), 1)->value, " 3");
	assert_null(header_list_find(l, STR("received"), 2));
	assert_null(header_list_find(l, STR("Receive"), 0));
	assert_int_equal(header_list_count_of(l, STR("Received")), 2);
	assert_int_equal(header_list_count_of(l, STR("To")), 0);
	assert_int_equal(header_list_count_of(l, STR("")), 1);
	arena_free(a);
}

static void unfolding_takes_line_ends_only_before_blanks(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	const struct {
		struct str folded;
		const char *unfolded;
	} rows[] = {
		{ STR(""), "" },
		{ STR(" plain "), "plain" },
		{ STR(" one\n two"), "one two" },
		{ STR(" one\r\n\ttwo\r\n  three"), "one\ttwo  three" },
		{ STR("\r\n led"), "led" },
		{ STR("a\nb"), "a\nb" },
		{ STR("a\r b"), "a\r b" },
		{ STR("a\r\r\n b"), "a\r b" },
		{ STR("a\n\n b"), "a\n b" },
		{ STR("a\r\n"), "a" },
		{ STR("\n \n "), "" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_str(header_unfold(a, rows[i].folded), rows[i].unfolded);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_keep_their_order_and_bytes),
		cmocka_unit_test(lists_own_copies),
		cmocka_unit_test(nth_of_a_name_ignores_case_and_nothing_else),
		cmocka_unit_test(unfolding_takes_line_ends_only_before_blanks),
	};
	return RUN_TESTS(tests);
}

#include "../test.h"

#include "base/arena.h"

static void cut_splits_at_the_first_separator(void **state)
{
	(void)state;
	struct str head, tail;
	assert_true(str_cut(STR("a=b=c"), '=', &head, &tail));
	assert_str(head, "a");
	assert_str(tail, "b=c");
	assert_false(str_cut(STR("abc"), '=', &head, &tail));
	assert_str(head, "abc");
	assert_str(tail, "");
}

static void next_gives_empty_pieces_between_separators(void **state)
{
	(void)state;
	struct str rest = STR("a,,b"), piece;
	assert_true(str_next(&rest, ',', &piece));
	assert_str(piece, "a");
	assert_true(str_next(&rest, ',', &piece));
	assert_str(piece, "");
	assert_true(str_next(&rest, ',', &piece));
	assert_str(piece, "b");
	assert_false(str_next(&rest, ',', &piece));
}

static void numbers_are_whole_or_refused(void **state)
{
	(void)state;
	uint64_t u = 7;
	int64_t i = 7;
	assert_true(str_to_u64(STR("18446744073709551615"), &u));
	assert_true(u == UINT64_MAX);
	assert_false(str_to_u64(STR("18446744073709551616"), &u));
	assert_false(str_to_u64(STR(""), &u));
	assert_false(str_to_u64(STR("+1"), &u));
	assert_false(str_to_u64(STR("1 "), &u));
	assert_true(str_to_i64(STR("-12"), &i));
	assert_int_equal(i, -12);
	assert_false(str_to_i64(STR("-"), &i));
	assert_false(str_to_i64(STR("9223372036854775808"), &i));
}

static void comparison_ignores_case_only_when_asked(void **state)
{
	(void)state;
	assert_true(str_eq_nocase(STR("Example.ORG"), STR("example.org")));
	assert_false(str_eq(STR("Example.ORG"), STR("example.org")));
	assert_true(str_ends_nocase(STR("mail.Example.org"), STR(".example.ORG")));
	assert_false(str_ends_nocase(STR("org"), STR("example.org")));
	assert_true(str_cmp(STR("a"), STR("ab")) < 0);
}

static void prefixes_are_compared(void **state)
{
	(void)state;
	assert_true(str_starts(STR("example"), STR("exa")));
	assert_true(str_starts(STR("example"), STR("")));
	assert_false(str_starts(STR("example"), STR("Exa")));
	assert_false(str_starts(STR("ex"), STR("exa")));
	assert_true(str_starts_nocase(STR("Example"), STR("eXA")));
	assert_false(str_starts_nocase(STR("ex"), STR("exa")));
}

static void bytes_are_found_from_both_ends(void **state)
{
	(void)state;
	assert_int_equal(str_find(STR("a@b@c"), '@'), 1);
	assert_int_equal(str_find_last(STR("a@b@c"), '@'), 3);
	assert_int_equal(str_find(STR("abc"), '@'), -1);
	assert_int_equal(str_find_last(STR("abc"), '@'), -1);
	assert_int_equal(str_find(STR(""), 0), -1);
	assert_int_equal(str_find_last((struct str){ "a\0b", 3 }, 0), 1);
}

static void hexadecimal_digits_have_values(void **state)
{
	(void)state;
	static const char digits[] = "0123456789abcdef";
	for (int c = -128; c < 128; c++) {
		const char *at = c == 0 ? NULL : strchr(digits, char_lower((char)c));
		assert_int_equal(char_hex((char)c), at == NULL ? -1 : at - digits);
	}
}

/* A struct that nobody filled is an empty text everywhere. */
static void no_bytes_are_an_empty_text(void **state)
{
	(void)state;
	struct str none = { NULL, 0 }, head, tail;
	assert_true(str_eq(none, STR("")));
	assert_int_equal(str_sub(none, 0, 5).n, 0);
	assert_int_equal(str_skip(none, 5).n, 0);
	assert_int_equal(str_trim(none).n, 0);
	assert_int_equal(str_find(none, 'a'), -1);
	assert_false(str_cut(none, ',', &head, &tail));
	assert_false(str_next(&none, ',', &head));
	struct arena *a = arena_new();
	assert_str(str_dup(a, none), "");
	assert_str(str_of(NULL), "");
	arena_free(a);
}

static void trim_and_sub_stay_inside(void **state)
{
	(void)state;
	assert_str(str_trim(STR(" \t\r\n x y \n")), "x y");
	assert_str(str_trim(STR(" \t ")), "");
	assert_str(str_sub(STR("abc"), 1, 100), "bc");
	assert_str(str_sub(STR("abc"), 5, 1), "");
}

static void printf_and_lower_allocate_in_the_arena(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	assert_str(str_printf(a, "%d-%s", 5, "x"), "5-x");
	assert_str(STR_CONCAT(a, STR("a"), (struct str){ NULL, 0 }, STR("b"), STR("c")), "abc");
	assert_str(str_lower(a, STR("AbC\xc3\x84")), "abc\xc3\x84");
	arena_free(a);
}

static void utf8_is_the_shortest_form_without_surrogates(void **state)
{
	(void)state;
	assert_true(str_is_utf8(STR("")));
	assert_true(str_is_utf8(STR("a\0\x7f")));
	assert_true(str_is_utf8(STR("\xc2\x80 \xdf\xbf \xe0\xa0\x80 \xed\x9f\xbf \xef\xbf\xbf \xf0\x90\x80\x80 \xf4\x8f\xbf\xbf")));
	const struct str bad[] = {
		STR("\x80"), STR("\xc0\xaf"), STR("\xc1\xbf"), STR("\xc2"), STR("\xc2x"), STR("\xe0\x9f\xbf"),
		STR("\xe1\x80"), STR("\xed\xa0\x80"), STR("\xf0\x8f\xbf\xbf"), STR("\xf4\x90\x80\x80"), STR("\xf5\x80\x80\x80"),
		STR("\xff"), STR("\xe2\x82x"), STR("\xf0\x9f\x98\xc0"),
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (str_is_utf8(bad[i]))
			fail_msg("bad[%zu] was taken", i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cut_splits_at_the_first_separator),
		cmocka_unit_test(next_gives_empty_pieces_between_separators),
		cmocka_unit_test(numbers_are_whole_or_refused),
		cmocka_unit_test(comparison_ignores_case_only_when_asked),
		cmocka_unit_test(prefixes_are_compared),
		cmocka_unit_test(bytes_are_found_from_both_ends),
		cmocka_unit_test(hexadecimal_digits_have_values),
		cmocka_unit_test(no_bytes_are_an_empty_text),
		cmocka_unit_test(trim_and_sub_stay_inside),
		cmocka_unit_test(printf_and_lower_allocate_in_the_arena),
		cmocka_unit_test(utf8_is_the_shortest_form_without_surrogates),
	};
	return RUN_TESTS(tests);
}

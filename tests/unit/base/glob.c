#include "../test.h"

#include "base/glob.h"

static void assert_matches(const char *pattern, const char *text, bool expected)
{
	if (glob_match(str_of(pattern), str_of(text)) != expected)
		fail_msg("\"%s\" and \"%s\"", pattern, text);
}

static void a_star_is_any_run_of_bytes(void **state)
{
	(void)state;
	assert_matches("*", "", true);
	assert_matches("*", "anything", true);
	assert_matches("a*", "a", true);
	assert_matches("a*c", "abbbc", true);
	assert_matches("a*c", "abbb", false);
	assert_matches("*c", "abc", true);
	assert_matches("**a**", "a", true);
	assert_matches("a*b*c", "a-b-b-c-b-c", true);
	assert_matches("a*b*c", "a-c-b", false);
	assert_matches("*.example.org", "mail.example.org", true);
	assert_matches("*.example.org", "example.org", false);
	assert_matches("bounce+*@example.org", "bounce+1=x@example.org", true);
}

static void all_else_is_literal_but_case(void **state)
{
	(void)state;
	assert_matches("", "", true);
	assert_matches("", "a", false);
	assert_matches("a", "", false);
	assert_matches("Example.ORG", "eXample.org", true);
	assert_matches("a.c", "abc", false);
	assert_matches("a?c", "abc", false);
	assert_matches("[ab]", "a", false);
	assert_matches("\\*", "*", false);
	assert_true(glob_match((struct str){ "a\0*", 3 }, (struct str){ "a\0b\0", 4 }));
	assert_false(glob_match((struct str){ "a\0b", 3 }, (struct str){ "a", 1 }));
}

static void patterns_are_told_from_words(void **state)
{
	(void)state;
	assert_true(glob_is_pattern(STR("*.org")));
	assert_true(glob_is_pattern(STR("a*")));
	assert_false(glob_is_pattern(STR("a?[b]")));
	assert_false(glob_is_pattern(STR("")));
}

/* Exponential in matchers that try every star again. */
static void many_stars_cost_no_more_than_pattern_times_text(void **state)
{
	(void)state;
	static char pattern[2 * 1000 + 1], text[5000 + 1];
	for (size_t i = 0; i < 1000; i++)
		memcpy(pattern + 2 * i, "*a", 2);
	pattern[1999] = 'b';
	memset(text, 'a', 5000);
	assert_matches(pattern, text, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_star_is_any_run_of_bytes),
		cmocka_unit_test(all_else_is_literal_but_case),
		cmocka_unit_test(patterns_are_told_from_words),
		cmocka_unit_test(many_stars_cost_no_more_than_pattern_times_text),
	};
	return RUN_TESTS(tests);
}

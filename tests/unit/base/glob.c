#include "../test.h"

#include <stdio.h>

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

enum { PATTERN_ROOM = 5, TEXT_ROOM = 9, PATTERNS = 121, TEXTS = 511 };

/* All words of up to `length` of these letters, the empty one first. */
static size_t words(const char *letters, size_t length, size_t room, char *out)
{
	size_t count = 1, from = 0;
	out[0] = '\0';
	for (size_t n = 0; n < length; n++) {
		size_t until = count;
		for (; from < until; from++)
			for (const char *c = letters; *c != '\0'; c++, count++)
				snprintf(out + count * room, room, "%s%c", out + from * room, *c);
	}
	return count;
}

/* Two patterns of four letters meet in eight, if they do. */
static void patterns_meet_if_a_text_matches_both(void **state)
{
	(void)state;
	static char patterns[PATTERNS][PATTERN_ROOM], texts[TEXTS][TEXT_ROOM];
	static bool matches[PATTERNS][TEXTS];
	assert_int_equal(words("ab*", 4, PATTERN_ROOM, patterns[0]), PATTERNS);
	assert_int_equal(words("ab", 8, TEXT_ROOM, texts[0]), TEXTS);
	for (size_t i = 0; i < PATTERNS; i++)
		for (size_t t = 0; t < TEXTS; t++)
			matches[i][t] = glob_match(str_of(patterns[i]), str_of(texts[t]));
	for (size_t i = 0; i < PATTERNS; i++) {
		for (size_t j = 0; j < PATTERNS; j++) {
			bool expected = false;
			for (size_t t = 0; t < TEXTS && !expected; t++)
				expected = matches[i][t] && matches[j][t];
			if (glob_meets(str_of(patterns[i]), str_of(patterns[j])) != expected)
				fail_msg("\"%s\" and \"%s\"", patterns[i], patterns[j]);
		}
	}
}

static void patterns_meet_whatever_their_case_and_length(void **state)
{
	(void)state;
	static char a[GLOB_COMPARED_MAX + 1], b[GLOB_COMPARED_MAX + 1];
	assert_true(glob_meets(STR("*@Example.ORG"), STR("ann@*.org")));
	memset(a, 'a', sizeof(a));
	memset(b, 'b', sizeof(b));
	assert_false(glob_meets((struct str){ a, GLOB_COMPARED_MAX }, (struct str){ b, GLOB_COMPARED_MAX }));
	assert_true(glob_meets((struct str){ a, GLOB_COMPARED_MAX + 1 }, STR("b"))); /* too long to tell */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_star_is_any_run_of_bytes),
		cmocka_unit_test(all_else_is_literal_but_case),
		cmocka_unit_test(patterns_are_told_from_words),
		cmocka_unit_test(many_stars_cost_no_more_than_pattern_times_text),
		cmocka_unit_test(patterns_meet_if_a_text_matches_both),
		cmocka_unit_test(patterns_meet_whatever_their_case_and_length),
	};
	return RUN_TESTS(tests);
}

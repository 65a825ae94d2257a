#include "../test.h"

#include "base/arena.h"
#include "mail/token.h"

static void bytes_are_taken_if_they_are_next(void **state)
{
	(void)state;
	struct str all = STR("ab"), rest = all;
	assert_false(token_take(&rest, 'b'));
	assert_true(token_take(&rest, 'a'));
	assert_int_equal(token_peek(rest), 'b');
	assert_str(token_before(all, rest), "a");
	assert_str(token_take_while(&rest, char_is_digit), "");
	assert_str(token_take_while(&rest, char_is_alpha), "b");
	assert_int_equal(token_peek(rest), '\0');
	assert_false(token_take(&rest, '\0'));
	assert_str(token_before(all, rest), "ab");
}

static void blanks_and_whole_comments_are_skipped(void **state)
{
	(void)state;
	const struct {
		const char *text, *rest;
	} good[] = {
		{ "", "" },
		{ "a", "a" },
		{ " \ta ", "a " },
		{ "()a", "a" },
		{ "(a(b)(c(d)))(e) f", "f" },
		{ "(\\)\\(\\\\) g", "g" },
		{ "(\") h", "h" },
		{ "\nx", "\nx" },
		{ ") x", ") x" },
	};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct str rest = str_of(good[i].text);
		assert_true(token_skip_cfws(&rest));
		assert_str(rest, good[i].rest);
	}
	const char *const bad[] = { "(", "(a", " (a(b)", "(\\)", "(a\\", "(a) (" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct str rest = str_of(bad[i]);
		assert_false(token_skip_cfws(&rest));
	}
}

static void quoted_texts_end_at_a_quote_that_is_not_quoted(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct str rest = STR("\"a \\\" \\\\\"b\""), raw;
	assert_true(token_take_quoted(&rest, &raw));
	assert_str(raw, "a \\\" \\\\");
	assert_str(rest, "b\"");
	assert_str(token_unquote(a, raw), "a \" \\");
	rest = STR("\"\"");
	assert_true(token_take_quoted(&rest, &raw));
	assert_str(token_unquote(a, raw), "");
	const char *const bad[] = { "", "a", "\"", "\"a", "\"a\\\"", "\"\\", "a\"b\"" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		rest = str_of(bad[i]);
		assert_false(token_take_quoted(&rest, &raw));
		assert_str(rest, bad[i]);
	}
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_are_taken_if_they_are_next),
		cmocka_unit_test(blanks_and_whole_comments_are_skipped),
		cmocka_unit_test(quoted_texts_end_at_a_quote_that_is_not_quoted),
	};
	return RUN_TESTS(tests);
}

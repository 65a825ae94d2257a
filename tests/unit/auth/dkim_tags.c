#include "../test.h"

#include <stdio.h>

#include "auth/dkim_tags.h"
#include "base/arena.h"

static void names_and_values_come_without_outer_blanks(void **state)
{
	(void)state;
	struct tags t;
	assert_null(auth_dkim_tags_parse(STR(" v=1;a = rsa-sha256 ;\r\n\tb=a b\n c ; empty=; "), &t));
	assert_int_equal(t.count, 4);
	assert_str(auth_dkim_tag_value(&t, STR("v")), "1");
	assert_str(auth_dkim_tag_value(&t, STR("a")), "rsa-sha256");
	assert_true(auth_dkim_tag(&t, STR("a"))->has_blank);
	assert_false(auth_dkim_tag(&t, STR("b"))->has_blank);
	assert_str(auth_dkim_tag_value(&t, STR("b")), "a b\n c");
	assert_str(auth_dkim_tag_value(&t, STR("empty")), "");
	assert_null(auth_dkim_tag(&t, STR("A")));
	assert_true(t.is_ascii);
}

static void lists_out_of_the_grammar_are_refused(void **state)
{
	(void)state;
	static const struct str bad[] = {
		{ "", 0 }, { "  \t", 3 }, { ";", 1 }, { "v", 1 }, { "v=1;;a=2", 8 }, { "=1", 2 }, { "1v=1", 4 },
		{ "v x=1", 5 }, { "v-x=1", 5 }, { "v=1; v=1", 8 }, { "v=\x01", 3 }, { "v=\x7f", 3 }, { "v=1\0", 4 },
		{ "v=1\v", 4 }, { "v=\ra", 4 }, { "v=\na", 4 }, { "v=1\r\n", 5 }, { "v=1;\ra=2", 8 }, { "\xc3\xb6=1", 4 },
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct tags t;
		if (auth_dkim_tags_parse(bad[i], &t) == NULL)
			fail_msg("accepted: \"%.*s\"", STR_ARG(bad[i]));
	}
}

static void the_number_of_tags_is_bounded(void **state)
{
	(void)state;
	char text[8 * (TAGS_MAX + 1)];
	struct tags t;
	size_t n = 0;
	for (int i = 0; i < TAGS_MAX; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "t%d=1;", i);
	assert_null(auth_dkim_tags_parse((struct str){ text, n }, &t));
	assert_int_equal(t.count, TAGS_MAX);
	memcpy(text + n, "x=1", 3);
	assert_non_null(auth_dkim_tags_parse((struct str){ text, n + 3 }, &t));
}

static void eight_bit_values_are_noted(void **state)
{
	(void)state;
	struct tags t;
	assert_null(auth_dkim_tags_parse(STR("n=gr\xc3\xbc\xc3\x9f"), &t));
	assert_false(t.is_ascii);
}

static void lists_with_colons_are_searched_by_item(void **state)
{
	(void)state;
	assert_true(auth_dkim_list_has(STR("sha1 : SHA256"), STR("sha256")));
	assert_true(auth_dkim_list_has(STR("y"), STR("y")));
	assert_false(auth_dkim_list_has(STR("sha2567:xsha256"), STR("sha256")));
	assert_false(auth_dkim_list_has(STR_EMPTY, STR("y")));
}

static void base64_is_strict_but_for_folds_and_padding(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct str out;
	static const char *const bad[] = { "A", "AAAAA", "A*==", "A=A=", "AA===", "AA-_", "====" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (auth_dkim_base64(a, str_of(bad[i]), &out))
			fail_msg("accepted: %s", bad[i]);
	assert_true(auth_dkim_base64(a, STR("Z29v\r\n\tZA =="), &out));
	assert_str(out, "good");
	assert_true(auth_dkim_base64(a, STR("Z29vZA"), &out));
	assert_str(out, "good");
	assert_true(auth_dkim_base64(a, STR("Z29v"), &out));
	assert_str(out, "goo");
	assert_true(auth_dkim_base64(a, STR(""), &out));
	assert_str(out, "");
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_values_come_without_outer_blanks),
		cmocka_unit_test(lists_out_of_the_grammar_are_refused),
		cmocka_unit_test(the_number_of_tags_is_bounded),
		cmocka_unit_test(eight_bit_values_are_noted),
		cmocka_unit_test(lists_with_colons_are_searched_by_item),
		cmocka_unit_test(base64_is_strict_but_for_folds_and_padding),
	};
	return RUN_TESTS(tests);
}

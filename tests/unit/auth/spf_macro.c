#include "../test.h"

#include "auth/spf_macro.h"
#include "base/arena.h"
#include "base/clock.h"

static struct spf_macro_values values_of(const char *client)
{
	struct spf_macro_values v = {
		.sender = STR("strong-bad@email.example.com"),
		.local = STR("strong-bad"),
		.domain = STR("email.example.com"),
		.current = STR("email.example.com"),
		.helo = STR("JUMPIN' JUPITER"),
		.our_name = STR("mx.receiver.example"),
		.client_name = STR("mx.example.org"),
	};
	assert_true(ip_parse(str_of(client), &v.client));
	return v;
}

static void expect(const char *client, const char *text, const char *expected)
{
	struct arena *a = arena_new();
	struct spf_macro_values v = values_of(client);
	struct str out = STR_EMPTY;
	assert_true(spf_macro_is_string(str_of(text)));
	assert_true(spf_macro_expand_domain(a, str_of(text), &v, &out));
	assert_str(out, expected);
	arena_free(a);
}

static void examples_of_the_rfc(void **state) /* 7.4 */
{
	(void)state;
	static const char *const examples[][2] = {
		{ "%{s}", "strong-bad@email.example.com" },
		{ "%{o}", "email.example.com" },
		{ "%{d}", "email.example.com" },
		{ "%{d4}", "email.example.com" },
		{ "%{d3}", "email.example.com" },
		{ "%{d2}", "example.com" },
		{ "%{d1}", "com" },
		{ "%{dr}", "com.example.email" },
		{ "%{d2r}", "example.email" },
		{ "%{l}", "strong-bad" },
		{ "%{l-}", "strong.bad" },
		{ "%{lr}", "strong-bad" },
		{ "%{lr-}", "bad.strong" },
		{ "%{l1r-}", "strong" },
		{ "%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com" },
		{ "%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com" },
		{ "%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com" },
		{ "%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}", "3.2.0.192.in-addr.strong.lp._spf.example.com" },
		{ "%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net" },
	};
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
		expect("192.0.2.3", examples[i][0], examples[i][1]);
	expect("2001:db8::cb01", "%{ir}.%{v}._spf.%{d2}",
	       "1.0.B.C.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.D.0.1.0.0.2.ip6._spf.example.com");
}

static void other_letters_and_transformers(void **state)
{
	(void)state;
	expect("192.0.2.3", "%{p}.%{h}", "mx.example.org.JUMPIN' JUPITER");
	expect("192.0.2.3", "%{H}", "JUMPIN%27%20JUPITER");
	expect("192.0.2.3", "a%%b%_c%-d", "a%b c%20d");
	expect("192.0.2.3", "%{D99999999999999999999}.x", "email.example.com.x");
	expect("192.0.2.3", "%{d1R}", "email");
}

static void trailing_dots_and_long_names_are_cut(void **state)
{
	(void)state;
	expect("192.0.2.3", "%{d}.", "email.example.com");
	struct arena *a = arena_new();
	struct spf_macro_values v = values_of("192.0.2.3");
	struct str out;
	/* 15 times "email.example.com." are 270 bytes: one label off, then the next, until 253 fit */
	assert_true(spf_macro_expand_domain(
		a, STR("%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.%{d}"), &v, &out));
	assert_int_equal(out.n, 269 - 18);
	assert_true(str_starts(out, STR("email.example.com.email.")));
	/* A label that is too long alone does not survive; a text of one byte too much loses one label */
	char text[300];
	memset(text, 'a', sizeof(text));
	assert_true(spf_macro_expand_domain(a, (struct str){ text, 254 }, &v, &out));
	assert_int_equal(out.n, 0);
	text[1] = '.';
	assert_true(spf_macro_expand_domain(a, (struct str){ text, 254 }, &v, &out));
	assert_int_equal(out.n, 252);
	arena_free(a);
}

static void splitting_meets_empty_parts(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct spf_macro_values v = values_of("192.0.2.3");
	struct str out;
	v.local = STR("-a--b-");
	static const char *const cases[][2] = {
		{ "%{l-}", ".a..b" },   { "%{lr-}.x", ".b..a..x" }, { "%{l1-}.x", ".x" },
		{ "%{l2-}.x", "b..x" }, { "%{l1r-}.x", ".x" },      { "%{l2r-}.x", "a..x" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(spf_macro_expand_domain(a, str_of(cases[i][0]), &v, &out));
		assert_str(out, cases[i][1]);
	}
	v.local = STR_EMPTY;
	assert_true(spf_macro_expand_domain(a, STR("%{l2r}"), &v, &out));
	assert_str(out, "");
	arena_free(a);
}

static void unknown_stands_for_what_is_missing(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct spf_macro_values v = values_of("192.0.2.3");
	struct str out;
	v.client_name = v.our_name = STR_EMPTY;
	assert_true(spf_macro_expand_explanation(a, STR("%{p} %{r}"), &v, &out));
	assert_str(out, "unknown unknown");
	arena_free(a);
}

static void explanations_hold_blanks_and_more_letters(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct spf_macro_values v = values_of("2001:db8::cb01");
	struct str out;
	clock_set_unix_s(1234567890);
	assert_true(
		spf_macro_expand_explanation(a, STR("%{c} at %{t} by %{r}: see http://x.example/?s=%{S}."), &v, &out));
	assert_str(out, "2001:db8::cb01 at 1234567890 by mx.receiver.example: see "
			"http://x.example/?s=strong-bad%40email.example.com.");
	clock_set_unix_s(0);
	arena_free(a);
}

static void explanations_are_printable_and_bounded(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct spf_macro_values v = values_of("192.0.2.3");
	struct str out = STR("untouched");
	char text[MACRO_EXPLANATION_MAX + 1];
	memset(text, 'x', sizeof(text));
	assert_true(spf_macro_expand_explanation(a, (struct str){ text, MACRO_EXPLANATION_MAX }, &v, &out));
	assert_int_equal(out.n, MACRO_EXPLANATION_MAX);
	out = STR("untouched");
	assert_false(spf_macro_expand_explanation(a, (struct str){ text, sizeof(text) }, &v, &out));
	assert_false(spf_macro_expand_explanation(a, STR("\xef\xbb\xbfx"), &v, &out));
	assert_false(spf_macro_expand_explanation(a, STR("a\tb"), &v, &out));
	assert_false(spf_macro_expand_explanation(a, STR("a\0b"), &v, &out));
	assert_false(spf_macro_expand_explanation(a, STR("%{x}"), &v, &out));
	v.helo = STR("a\r\nb");
	assert_false(spf_macro_expand_explanation(a, STR("%{h}"), &v, &out));
	assert_true(spf_macro_expand_explanation(a, STR("%{H}"), &v, &out));
	assert_str(out, "a%0D%0Ab");
	arena_free(a);
}

static void an_expansion_is_bounded(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct spf_macro_values v = values_of("192.0.2.3");
	struct str out = STR("untouched");
	static char text[65535];
	for (size_t i = 0; i + 4 <= sizeof(text); i += 4)
		memcpy(text + i, "%{s}", 4);
	assert_false(spf_macro_expand_domain(a, (struct str){ text, sizeof(text) - 3 }, &v, &out));
	assert_str(out, "untouched");
	assert_true(arena_used_bytes(a) < 65536);
	arena_free(a);
}

/* A constant with its length, NUL bytes inside counted. */
#define S(text)                        \
	{                              \
		text, sizeof(text) - 1 \
	}

static void strings_that_break_the_grammar(void **state)
{
	(void)state;
	static const struct str bad[] = {
		S("%"),       S("a%"),      S("%a"),     S("%{"),    S("%{}"),   S("%{x}"),    S("%{d"),     S("%{d0}"),
		S("%{d000}"), S("%{d1r2}"), S("%{drr}"), S("%{d|}"), S("%{d }"), S("% {d}"),   S("%{%{d}}"), S("%(d)"),
		S("a b"),     S("a\tb"),    S("a\0b"),   S("\x80"),  S("\x7f"),  S("%{d-\0}"),
	};
	static const char *const good[] = { "", "a", "%%%%", "%{dr.-+,/_=}", "%{d1}%{D1R}", "$&[]{}", "%{c}%{r}%{t}" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (spf_macro_is_string(bad[i]))
			fail_msg("taken: %s", bad[i].p);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!spf_macro_is_string(str_of(good[i])))
			fail_msg("refused: %s", good[i]);
}

static void domain_specs_end_in_a_label_or_a_macro(void **state)
{
	(void)state;
	static const char *const good[] = { "a.b",    "a.b.", ".b",   "a..b",  "%{d}",           "x.%{d}",
					    "%{d}.b", "a.1b", "a.b1", "a.1-2", "a.xn--zckzah",   "a:b/c.d",
					    "%%",     "a.%_", "x%-",  "a.b-c", "1.2.3.4.example" };
	static const char *const bad[] = { "",        "a",     "a.",      ".",      "a.1",       "a.-b",  "a.b-",
					   "a.b_c",   "%{d}b", "%{c}",    "%{r}.b", "%{t}",      "a.b:1", "a.b/c",
					   "1.2.3.4", "a.b..", "a.b c.d", "%{d}.",  "a.\xc3\xa4" };
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!spf_macro_is_domain_spec(str_of(good[i])))
			fail_msg("refused: %s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (spf_macro_is_domain_spec(str_of(bad[i])))
			fail_msg("taken: %s", bad[i]);
}

static void used_letters_are_found(void **state)
{
	(void)state;
	assert_true(spf_macro_uses(STR("a.%{P}.b"), "p"));
	assert_true(spf_macro_uses(STR("%{L1r-}.b"), "sl"));
	assert_false(spf_macro_uses(STR("%%{p}.pp"), "p"));
	assert_false(spf_macro_uses(STR("p.%{d}.%{i}"), "p"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(examples_of_the_rfc),
		cmocka_unit_test(other_letters_and_transformers),
		cmocka_unit_test(trailing_dots_and_long_names_are_cut),
		cmocka_unit_test(splitting_meets_empty_parts),
		cmocka_unit_test(unknown_stands_for_what_is_missing),
		cmocka_unit_test(explanations_hold_blanks_and_more_letters),
		cmocka_unit_test(explanations_are_printable_and_bounded),
		cmocka_unit_test(an_expansion_is_bounded),
		cmocka_unit_test(strings_that_break_the_grammar),
		cmocka_unit_test(domain_specs_end_in_a_label_or_a_macro),
		cmocka_unit_test(used_letters_are_found),
	};
	return RUN_TESTS(tests);
}

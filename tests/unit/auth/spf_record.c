#include "../test.h"

#include <stdio.h>

#include "auth/spf_record.h"
#include "base/arena.h"
#include "dns/dns.h"

static size_t select_from(const struct str *texts, size_t count, struct str *terms)
{
	struct dns_record records[8] = { 0 };
	for (size_t i = 0; i < count; i++)
		records[i].text = texts[i];
	return spf_record_select(&(struct dns_answer){ .status = DNS_OK, .count = count, .records = records }, terms);
}

/* A constant with its length, NUL bytes inside counted. */
#define S(text)                        \
	{                              \
		text, sizeof(text) - 1 \
	}

static void the_version_ends_in_a_blank_or_the_end(void **state)
{
	(void)state;
	static const struct {
		struct str text;
		size_t found;
	} cases[] = {
		{ S("v=spf1"), 1 },          { S("V=SpF1 -all"), 1 },  { S("v=spf1 "), 1 },
		{ S("v=spf10"), 0 },         { S("v=spf1\t-all"), 0 }, { S("v=spf1\0-all"), 0 },
		{ S(" v=spf1 -all"), 0 },    { S("v=spf"), 0 },        { S(""), 0 },
		{ S("\"v=spf1 -all\""), 0 },
	};
	struct str terms = STR_EMPTY;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (select_from(&cases[i].text, 1, &terms) != cases[i].found)
			fail_msg("text %zu", i);
}

static void foreign_texts_are_passed_over(void **state)
{
	(void)state;
	struct str terms;
	const struct str texts[] = { STR("\x96 other"), STR("v=DMARC1; p=none"), STR("v=spf1 a -all"),
				     STR("google-x=1") };
	assert_int_equal(select_from(texts, 4, &terms), 1);
	assert_str(terms, " a -all");
	const struct str two[] = { STR("v=spf1 -all"), STR("v=spf1 -all") };
	assert_int_equal(select_from(two, 2, &terms), 2);
	assert_int_equal(select_from(two, 0, &terms), 0);
}

static void expect_good(const char *terms)
{
	struct arena *a = arena_new();
	struct str problem = STR_EMPTY;
	if (!spf_record_check(a, str_of(terms), &problem))
		fail_msg("refused: %s (%.*s)", terms, STR_ARG(problem));
	arena_free(a);
}

static void expect_bad(struct str terms, const char *expected)
{
	struct arena *a = arena_new();
	struct str problem = STR_EMPTY;
	if (spf_record_check(a, terms, &problem))
		fail_msg("taken: %s", terms.p);
	if (expected != NULL)
		assert_str(problem, expected);
	assert_true(problem.n > 0 && problem.n < 200);
	arena_free(a);
}

static void terms_of_the_grammar(void **state)
{
	(void)state;
	static const char *const good[] = {
		"",
		" ",
		"  a   mx  ",
		" all",
		" +all",
		" -ALL",
		" ?aLl",
		" ~all",
		" a/0",
		" a/32",
		" a//0",
		" a//128",
		" a/24//64",
		" a:b.c/24//64",
		" a:%{d}/24",
		" a:b/c.d",
		" a:b/24.d/24",
		" A:B.C",
		" mx",
		" mx/1",
		" mx:a.b//7",
		" ptr",
		" ptr:a.b",
		" include:a.b",
		" exists:%{ir}.a.b",
		" exists:a.b.",
		" ip4:0.0.0.0/0",
		" ip4:192.0.2.1",
		" ip4:192.0.2.1/32",
		" ip6:::",
		" ip6:::/0",
		" ip6:2001:DB8::/32",
		" ip6:::ffff:1.2.3.4",
		" ip6:::1.2.3.4/128",
		" redirect=a.b",
		" REDIRECT=%{d}.a.b",
		" exp=a.b",
		" x=",
		" x=%%",
		" x-y_z.1=:/=%{c}",
		" all=x",
		" a=x",
		" exp=a.b redirect=a.b",
		" a1=b",
	};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		expect_good(good[i]);
}

static void terms_outside_the_grammar(void **state)
{
	(void)state;
	static const char *const bad[] = {
		" moo",
		" -",
		" +",
		" --all",
		" -all.",
		" all:",
		" all/8",
		" all:a.b",
		" -x=y",
		" =x",
		" 1x=y",
		" -=y",
		" x.:y=z",
		" a:",
		" a/",
		" a//",
		" a/33",
		" a//129",
		" a/032",
		" a/00",
		" a/24/64",
		" a///64",
		" a/-1",
		" a/ 24",
		" a:b.c/24//",
		" a:b",
		" a:b.1",
		" a24",
		" a.b",
		" a:a.b:25",
		" mx:",
		" mx/x",
		" ptr:",
		" ptr/0",
		" ptr:a",
		" include",
		" include:",
		" include:a",
		" include:a.b/24",
		" include=a.b:c d",
		" exists",
		" exists:",
		" exists:a.b/8",
		" ip4",
		" ip4:",
		" ip4:1.2.3",
		" ip4:1.2.3.4.5",
		" ip4:1.2.3.256",
		" ip4:1.2.3.04",
		" ip4:1.2.3.4/33",
		" ip4:1.2.3.4//32",
		" ip4:1.2.3.4/",
		" ip4:1.2.3.4:25",
		" ip4:::1",
		" ip4:::ffff:1.2.3.4",
		" ip4/24",
		" ip4:0x1.2.3.4",
		" ip6",
		" ip6:",
		" ip6:1.2.3.4",
		" ip6::CAFE::BABE",
		" ip6:::/129",
		" ip6:::1//64",
		" ip6:::%eth0",
		" ip6:fe80::1%1",
		" redirect=",
		" redirect=a",
		" redirect:a.b",
		" exp=",
		" exp=a",
		" exp=-all",
		" redirect=%{c}.a.b",
		" exp=%{r}.a.b",
		" x=%",
		" x=%a",
		" x=a\tb",
		"\tall",
		" all\r",
		" a:b.c\n",
		" \x96"
		"all",
		" a:\xef\xbb\xbf.b.c",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect_bad(str_of(bad[i]), NULL);
	expect_bad(STR(" a:b.c\0"), "bad term \"a:b.c?\"");
	expect_bad(STR(" ip4:1.2.3.4\0"), NULL);
	expect_bad(STR(" ip4:1.2.3.4\0.5"), NULL);
	expect_bad(STR(" \0"), NULL);
}

static void an_error_behind_all_counts(void **state) /* RFC 7208 4.6 */
{
	(void)state;
	expect_bad(STR(" ip4:192.0.2.1 -all moo"), "bad term \"moo\"");
	expect_bad(STR(" redirect=a.b -all redirect=a.b"), "two redirect= modifiers");
	expect_bad(STR(" exp=a.b EXP=c.d"), "two exp= modifiers");
	char terms[200] = " ", expected[200];
	memset(terms + 1, 'x', 130);
	snprintf(expected, sizeof(expected), "bad term \"%.120s...\"", terms + 1);
	expect_bad(str_of(terms), expected);
}

static void terms_are_read_in_order(void **state)
{
	(void)state;
	struct str terms = STR("  -A:mx.example/8//16 exp=e.%{d}  ~ip6:2001:db8::1/33 x=y ?ptr");
	struct spf_term t;
	assert_true(spf_record_next(&terms, &t));
	assert_int_equal(t.kind, TERM_A);
	assert_int_equal(t.qualifier, '-');
	assert_str(t.text, "-A:mx.example/8//16");
	assert_str(t.spec, "mx.example");
	assert_int_equal(t.bits4, 8);
	assert_int_equal(t.bits6, 16);
	assert_true(spf_record_next(&terms, &t));
	assert_int_equal(t.kind, TERM_EXP);
	assert_str(t.spec, "e.%{d}");
	assert_true(spf_record_next(&terms, &t));
	assert_int_equal(t.kind, TERM_IP6);
	assert_int_equal(t.qualifier, '~');
	assert_int_equal(t.net.prefix_bits, 33);
	assert_true(spf_record_next(&terms, &t));
	assert_int_equal(t.kind, TERM_UNKNOWN_MODIFIER);
	assert_true(spf_record_next(&terms, &t));
	assert_int_equal(t.kind, TERM_PTR);
	assert_int_equal(t.bits4, 32);
	assert_int_equal(t.bits6, 128);
	assert_str(t.spec, "");
	assert_false(spf_record_next(&terms, &t));
	assert_false(spf_record_next(&terms, &t));
}

static bool matches(const char *term, const char *client)
{
	struct str terms = str_of(term);
	struct spf_term t;
	struct ip ip;
	assert_true(spf_record_next(&terms, &t) && ip_parse(str_of(client), &ip));
	return spf_term_matches_without_dns(&t, ip);
}

static void networks_hold_clients_of_their_family(void **state)
{
	(void)state;
	assert_true(matches("ip4:0.0.0.0/0", "203.0.113.9"));
	assert_false(matches("ip4:0.0.0.0/0", "2001:db8::1"));
	assert_true(matches("ip4:192.0.2.130/25", "192.0.2.255"));
	assert_false(matches("ip4:192.0.2.130/25", "192.0.2.127"));
	assert_true(matches("ip6:::/0", "2001:db8::1"));
	assert_false(matches("ip6:::/0", "203.0.113.9"));
	assert_true(matches("ip6:cafe:babe:8000::/33", "cafe:babe:8000::"));
	/* A mapped client is one of IPv4, so only ip4 holds it (5); a network around mapped addresses is one of IPv6 */
	assert_false(matches("ip6:::ffff:192.0.2.1", "::ffff:192.0.2.1"));
	assert_true(matches("ip4:192.0.2.1", "::ffff:192.0.2.1"));
	assert_true(matches("ip6:::ffff:192.0.2.1/0", "2001:db8::1"));
	assert_false(matches("a", "192.0.2.1"));
	assert_true(matches("-all", "192.0.2.1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_version_ends_in_a_blank_or_the_end),
		cmocka_unit_test(foreign_texts_are_passed_over),
		cmocka_unit_test(terms_of_the_grammar),
		cmocka_unit_test(terms_outside_the_grammar),
		cmocka_unit_test(an_error_behind_all_counts),
		cmocka_unit_test(terms_are_read_in_order),
		cmocka_unit_test(networks_hold_clients_of_their_family),
	};
	return RUN_TESTS(tests);
}

#include "../test.h"

#include "base/arena.h"
#include "mail/authres.h"

static void no_method_prints_none(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	assert_str(authres_print(authres_new(a, STR("mx.example.org"), STR(""))), "mx.example.org; none");
	assert_str(authres_print(authres_new(a, STR("MX.Example.org"), STR("0a1b2c"))),
		   "mx.example.org (id 0a1b2c); none");
	arena_free(a);
}

static void methods_begin_lines_and_properties_follow(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct authres *r = authres_new(a, STR("mx.example.org"), STR("0a1b2c"));
	authres_add(r, AUTHRES_IPREV, RESULT_PASS, STR(""), STR(""));
	authres_property(r, AUTHRES_IPREV_POLICY_IP, STR("2001:db8::1"));
	authres_add(r, AUTHRES_SPF, RESULT_SOFTFAIL, STR("matched ~all"), STR("not listed"));
	authres_property(r, AUTHRES_SPF_MAILFROM, STR("a+b=c@example.net"));
	authres_property(r, AUTHRES_SPF_HELO, STR(""));
	authres_add(r, AUTHRES_DKIM, RESULT_PASS, STR("2048-bit key"), STR(""));
	authres_property(r, AUTHRES_DKIM_D, STR("example.net"));
	authres_property(r, AUTHRES_DKIM_I, STR("@mail.example.net"));
	authres_property(r, AUTHRES_DKIM_S, STR("s1._x"));
	authres_property(r, AUTHRES_DKIM_A, STR("ed25519-sha256"));
	authres_property(r, AUTHRES_DKIM_B, STR("ab/c+d=="));
	authres_add(r, AUTHRES_DMARC, RESULT_TEMPERROR, STR(""), STR(""));
	authres_property(r, AUTHRES_DMARC_FROM, STR("example.net"));
	authres_property(r, AUTHRES_DMARC_POLICY, STR("reject"));
	assert_str(authres_print(r),
		   "mx.example.org (id 0a1b2c);\n"
		   "\tiprev=pass policy.iprev=\"2001:db8::1\";\n"
		   "\tspf=softfail (matched ~all) reason=\"not listed\"\n"
		   "\tsmtp.mailfrom=a+b=c@example.net;\n"
		   "\tdkim=pass (2048-bit key) header.d=example.net\n"
		   "\theader.i=@mail.example.net header.s=s1._x header.a=ed25519-sha256\n"
		   "\theader.b=\"ab/c+d==\";\n"
		   "\tdmarc=temperror header.from=example.net policy.dmarc=reject");
	arena_free(a);
}

static struct str print_mailfrom(struct arena *a, struct str value)
{
	struct authres *r = authres_new(a, STR("mx"), STR_EMPTY);
	authres_add(r, AUTHRES_SPF, RESULT_NONE, STR(""), STR(""));
	authres_property(r, AUTHRES_SPF_MAILFROM, value);
	return authres_print(r);
}

static void values_are_quoted_as_the_grammar_asks(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	const struct {
		struct str value;
		const char *printed;
	} rows[] = {
		{ STR("example.org"), "example.org" },
		{ STR("under_score"), "under_score" },
		{ STR("a@example.org"), "a@example.org" },
		{ STR("a/b#c!@example.org"), "a/b#c!@example.org" },
		{ STR("a b@example.org"), "\"a b@example.org\"" },
		{ STR("\"a b\"@example.org"), "\"\\\"a b\\\"@example.org\"" },
		{ STR("a..b@example.org"), "\"a..b@example.org\"" },
		{ STR("a@b@c"), "\"a@b@c\"" },
		{ STR("a@"), "\"a@\"" },
		{ STR("a@b."), "\"a@b.\"" },
		{ STR("a@[192.0.2.1]"), "\"a@[192.0.2.1]\"" },
		{ STR("a;dkim=pass"), "\"a;dkim=pass\"" },
		{ STR("a(b"), "\"a(b\"" },
		{ STR("a\\b\""), "\"a\\\\b\\\"\"" },
		{ STR("a\r\nX-Y: z\0"), "\"a??X-Y: z?\"" },
		{ STR("\xc3\xbc@example.org"), "??@example.org" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct str want = str_printf(a, "mx;\n\tspf=none smtp.mailfrom=%s", rows[i].printed);
		assert_str(print_mailfrom(a, rows[i].value), want.p);
	}
	arena_free(a);
}

static void comments_and_reasons_cannot_break_out(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct authres *r = authres_new(a, STR("mx"), STR("x) ; dkim=pass ("));
	authres_add(r, AUTHRES_SPF, RESULT_FAIL, STR(" a) \\ (b\n\xff "), STR("\"; dmarc=pass \\"));
	authres_add(r, AUTHRES_DKIM, RESULT_NONE, STR("  "), STR(""));
	assert_str(authres_print(r), "mx (id x\\) ; dkim=pass \\();\n"
				     "\tspf=fail (a\\) \\\\ \\(b?\?) reason=\"\\\"; dmarc=pass \\\\\";\n"
				     "\tdkim=none");
	arena_free(a);
}

static struct str xs(struct arena *a, size_t n)
{
	char *p = arena_alloc(a, n + 1);
	memset(p, 'x', n);
	return (struct str){ p, n };
}

static void texts_are_bounded(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct authres *r = authres_new(a, STR("mx"), STR(""));
	authres_add(r, AUTHRES_SPF, RESULT_FAIL, xs(a, 5000), xs(a, 5000));
	authres_property(r, AUTHRES_SPF_MAILFROM, xs(a, 5000)); /* cut it would be another name */
	struct str body = authres_print(r);
	assert_true(body.n < 500);
	assert_true(str_ends_nocase(body, STR("x")));

	r = authres_new(a, STR("mx"), STR(""));
	for (int i = 0; i < 1000; i++) {
		authres_add(r, AUTHRES_DKIM, RESULT_FAIL, STR(""), STR(""));
		authres_property(r, AUTHRES_DKIM_D, STR("example.org"));
	}
	body = authres_print(r);
	size_t lines = 0;
	for (size_t i = 0; i < body.n; i++)
		lines += body.p[i] == '\n';
	assert_int_equal(lines, 64);
	arena_free(a);
}

static void lines_fit_where_words_allow(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct authres *r = authres_new(a, STR("mx.example.org"), STR("0a1b2c"));
	for (int i = 0; i < 40; i++) {
		authres_add(r, AUTHRES_DKIM, RESULT_FAIL,
			    str_sub(STR("one two three four five six seven eight nine"), 0, (size_t)i), STR("because"));
		authres_property(r, AUTHRES_DKIM_D, xs(a, 20 + (size_t)i));
	}
	struct str body = authres_print(r), line;
	size_t first = STR("Authentication-Results: ").n;
	while (str_next(&body, '\n', &line)) {
		size_t columns = line.p[0] == '\t' ? line.n + 7 : line.n + first;
		if (columns > 78)
			fail_msg("%zu columns: %.*s", columns, STR_ARG(line));
	}
	arena_free(a);
}

static void fields_under_our_id_are_recognized(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	const struct {
		const char *body, *id;
		bool claims;
	} rows[] = {
		{ " mx.example.org; none", "mx.example.org", true },
		{ " MX.Example.ORG; spf=pass", "mx.example.org", true },
		{ "mx.example.org;none", "mx.example.org", true },
		{ " mx.example.org", "mx.example.org", true },
		{ " mx.example.org 1; none", "mx.example.org", true },
		{ " mx.example.org(x)1(y) ; none", "mx.example.org", true },
		{ " (a (b) \\) c) mx.example.org; none", "mx.example.org", true },
		{ "\n\tmx.example.org\n\t; none", "mx.example.org", true },
		{ " \"mx.example.org\"; none", "mx.example.org", true },
		{ " \"m\\x.example.org\" 1; none", "mx.example.org", true },
		{ " mx.example.org.; none", "mx.example.org", true },
		{ " mx.b\u00fccher.example; none", "mx.xn--bcher-kva.example", true },
		{ " MX.XN--BCHER-KVA.example; none", "mx.b\u00fccher.example", true },
		{ " gate; none", "Gate", true },
		/* others */
		{ " mx.example.net; spf=pass smtp.helo=mx.example.org", "mx.example.org", false },
		{ " (mx.example.org) mx.example.net; none", "mx.example.org", false },
		{ " a.mx.example.org; none", "mx.example.org", false },
		{ " mx.example.org.example.net; none", "mx.example.org", false },
		{ " \"mx.example.org \"; none", "mx.example.org", false },
		{ " ; none", "mx.example.org", false },
		{ "", "mx.example.org", false },
		/* what cannot be parsed claims us if it names us anywhere */
		{ " =; mx.example.org", "mx.example.org", true },
		{ " mx.example.net mx.Example.org; none", "mx.example.org", true },
		{ " mx.example.org x; none", "mx.example.org", true },
		{ " mx.example.org/1; none", "mx.example.org", true },
		{ " (mx.example.org; none", "mx.example.org", true },
		{ " \"mx.example.org; none", "mx.example.org", true },
		{ " mx.example.org\r; none", "mx.example.org", true },
		{ " (x; none", "mx.example.org", false },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (authres_claims(a, str_of(rows[i].body), str_of(rows[i].id)) != rows[i].claims)
			fail_msg("\"%s\" for %s", rows[i].body, rows[i].id);
	arena_free(a);
}

static void what_we_print_is_ours(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	const struct str ids[] = { STR("mx.example.org"), STR("MX"), STR("b\u00fccher.example"), STR("a b;c"),
				   STR("\"q\\") };
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		struct authres *r = authres_new(a, ids[i], STR("x"));
		authres_add(r, AUTHRES_SPF, RESULT_PASS, STR(""), STR(""));
		assert_true(authres_claims(a, authres_print(r), ids[i]));
		assert_false(authres_claims(a, authres_print(r), STR("other.example")));
	}
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_method_prints_none),
		cmocka_unit_test(methods_begin_lines_and_properties_follow),
		cmocka_unit_test(values_are_quoted_as_the_grammar_asks),
		cmocka_unit_test(comments_and_reasons_cannot_break_out),
		cmocka_unit_test(texts_are_bounded),
		cmocka_unit_test(lines_fit_where_words_allow),
		cmocka_unit_test(fields_under_our_id_are_recognized),
		cmocka_unit_test(what_we_print_is_ours),
	};
	return RUN_TESTS(tests);
}

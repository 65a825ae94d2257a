#include "../test.h"

#include "base/arena.h"
#include "mail/domain.h"

#define LABEL63 "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0"
/* 4 * 63 + 3 dots = 255; without the last two bytes 253 */
#define NAME253 LABEL63 "." LABEL63 "." LABEL63 "." "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxy"

static void names_get_one_spelling(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	const struct {
		const char *raw;
		const char *normalized;
	} rows[] = {
		{ "example.org", "example.org" },
		{ "EXAMPLE.Org.", "example.org" },
		{ "localhost", "localhost" },
		{ "_dmarc.Example.org", "_dmarc.example.org" },
		{ "r3---sn-4g5e6n7k.example", "r3---sn-4g5e6n7k.example" },
		{ "1.2.3.4", "1.2.3.4" },
		{ LABEL63 ".example", LABEL63 ".example" },
		{ NAME253, NAME253 },
		{ NAME253 ".", NAME253 },
		/* both forms of an IDN meet */
		{ "b\u00fccher.example", "xn--bcher-kva.example" },
		{ "B\u00dcCHER.Example.", "xn--bcher-kva.example" },
		{ "bu\u0308cher.example", "xn--bcher-kva.example" },
		{ "XN--BCHER-KVA.example", "xn--bcher-kva.example" },
		{ "_spf.b\u00fccher.example", "_spf.xn--bcher-kva.example" },
		/* UTS 46 non-transitional: sharp s stays itself; full-width letters and dots are mapped */
		{ "fa\xc3\x9f.example", "xn--fa-hia.example" },
		{ "\xef\xbd\x85xample\u3002com", "example.com" },
		{ "exam\xc2\xadple.com", "example.com" },
		/* an emoji A-label is a name in DNS, whatever IDNA 2008 thinks of it */
		{ "XN--ls8h.example", "xn--ls8h.example" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct str name = STR("untouched");
		if (!domain_normalize(a, str_of(rows[i].raw), &name))
			fail_msg("refused: %s", rows[i].raw);
		assert_str(name, rows[i].normalized);
	}
	arena_free(a);
}

static void what_is_no_name_is_refused(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	const struct str rows[] = {
		STR(""), STR("."), STR(".."), STR(".example"), STR("a..example"), STR("example.org.."),
		STR("-a.example"), STR("a-.example"), STR("a b.example"), STR(" example.org"), STR("example.org\n"),
		STR("a@example.org"), STR("[192.0.2.1]"), STR("*.example"), STR("a/b.example"), STR("a\0b.example"),
		STR("example.org\0"), STR("a\x7f.example"), STR("a%b.example"), STR("(a).example"),
		STR(LABEL63 "a.example"), STR(NAME253 "a"), STR("a." NAME253),
		/* not IDNA: bad Punycode, control behind Punycode, broken UTF-8, other bytes beside U-labels */
		STR("xn--0.example"), STR("xn--.example"), STR("xn--a.example"), STR("xn--bcher-kva-.example"),
		STR("\xff.example"), STR("b\xc3.example"), STR("\xc0\xae.example"), STR("b\u00fccher..example"),
		STR("b\u00fccher .example"), STR("b\u00fccher.a b"), STR("-b\u00fccher.example"),
		STR("b\u00fccher\0.example"), STR("b\xc3\xbc\x01.example"),
		/* emoji, right-to-left override, a zero-width joiner out of context, a/c in one character */
		STR("\xf0\x9f\x92\xa9.example"), STR("\u202eb.example"), STR("a\u200db.example"),
		STR("a\xe2\x84\x80.example"), STR("\xe3\x80\x82"),
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct str name = STR("untouched");
		if (domain_normalize(a, rows[i], &name))
			fail_msg("row %zu (%s) became %.*s", i, rows[i].p, STR_ARG(name));
		assert_str(name, "untouched");
	}
	arena_free(a);
}

static void a_u_label_too_long_for_dns_is_refused(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct str name, label = STR_EMPTY;
	for (int i = 0; i < 300; i++)
		label = str_printf(a, "%.*s\xc3\xbc", STR_ARG(label));
	assert_false(domain_normalize(a, str_sub(label, 0, 126), &name)); /* 63 characters, more as A-label */
	assert_true(domain_normalize(a, str_sub(label, 0, 80), &name));
	assert_true(name.n <= 63);
	assert_false(domain_normalize(a, label, &name));
	label = str_printf(a, "%.*s%.*s", STR_ARG(label), STR_ARG(label));
	assert_false(domain_normalize(a, label, &name));
	arena_free(a);
}

static void labels_are_walked_from_the_left(void **state)
{
	(void)state;
	assert_int_equal(domain_labels(STR("")), 0);
	assert_int_equal(domain_labels(STR("org")), 1);
	assert_int_equal(domain_labels(STR("a.b.example.org")), 4);
	assert_str(domain_parent(STR("a.example.org")), "example.org");
	assert_str(domain_parent(STR("org")), "");
	assert_str(domain_parent(STR("")), "");
	assert_str(domain_last_labels(STR("a.b.example.org"), 2), "example.org");
	assert_str(domain_last_labels(STR("example.org"), 2), "example.org");
	assert_str(domain_last_labels(STR("example.org"), 0), "");
}

static void below_means_below_a_dot(void **state)
{
	(void)state;
	assert_true(domain_is_at_or_below(STR("example.org"), STR("example.org")));
	assert_true(domain_is_at_or_below(STR("a.example.org"), STR("example.org")));
	assert_false(domain_is_at_or_below(STR("badexample.org"), STR("example.org")));
	assert_false(domain_is_at_or_below(STR("org"), STR("example.org")));
	assert_false(domain_is_at_or_below(STR("example.org"), STR("")));
	assert_false(domain_is_at_or_below(STR("example.org.evil"), STR("example.org")));
	/* the one-letter label that libopendmarc loses */
	assert_false(domain_is_at_or_below(STR("x.com"), STR("q.com")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_get_one_spelling),
		cmocka_unit_test(what_is_no_name_is_refused),
		cmocka_unit_test(a_u_label_too_long_for_dns_is_refused),
		cmocka_unit_test(labels_are_walked_from_the_left),
		cmocka_unit_test(below_means_below_a_dot),
	};
	return RUN_TESTS(tests);
}

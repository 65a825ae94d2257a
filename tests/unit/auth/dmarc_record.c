#include "../test.h"

#include "auth/dmarc_record.h"
#include "base/arena.h"

struct row {
	const char *text;
	const char *shown; /* see show(); NULL: no DMARC record */
};

/* "p sp np adkim aspf fo t psd", "-" where nothing is published, "!" in front without a policy; then the rua. */
static struct str show(struct arena *a, const struct dmarc_record *r)
{
	static const char *const psd_words[] = { "?", "y", "n" };
	struct str words[] = { str_of(dmarc_request_words[r->p]), str_of(dmarc_request_words[r->sp]),
			       str_of(dmarc_request_words[r->np]), r->adkim, r->aspf, r->fo };
	struct str text = r->has_policy ? STR_EMPTY : STR("!");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		text = str_printf(a, "%.*s%.*s ", STR_ARG(text), STR_ARG(words[i].n > 0 ? words[i] : STR("-")));
	text = str_printf(a, "%.*s%s %s", STR_ARG(text), r->is_testing ? "y" : "n", psd_words[r->psd]);
	for (size_t i = 0; i < r->rua_count; i++)
		text = str_printf(a, "%.*s %.*s", STR_ARG(text), STR_ARG(r->rua[i]));
	return text;
}

static void check(const struct row *rows, size_t count)
{
	struct arena *a = arena_new();
	for (size_t i = 0; i < count; i++) {
		struct dmarc_record r;
		bool is_record = dmarc_record_parse(a, str_of(rows[i].text), &r);
		if (is_record != (rows[i].shown != NULL))
			fail_msg("\"%s\" is %s record", rows[i].text, is_record ? "a" : "no");
		if (is_record && !str_eq(show(a, &r), str_of(rows[i].shown)))
			fail_msg("\"%s\" gives \"%.*s\", want \"%s\"", rows[i].text, STR_ARG(show(a, &r)),
				 rows[i].shown);
	}
	arena_free(a);
}

#define CHECK(rows) check((rows), sizeof(rows) / sizeof((rows)[0]))

static void only_the_exact_version_makes_a_record(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "v=DMARC1", "!- - - - - - n ?" },
		{ "v=DMARC1;", "!- - - - - - n ?" },
		{ "v=DMARC1; p=none", "none - - - - - n ?" },
		{ "V = DMARC1\t; p = none ", "none - - - - - n ?" },
		{ "", NULL },
		{ " v=DMARC1; p=none", NULL },
		{ "v=dmarc1; p=none", NULL },
		{ "v=DMARC2; p=none", NULL },
		{ "v=DMARC1 p=none", NULL },
		{ "v=DMARC1p=none", NULL },
		{ "v=DMARC1, p=none", NULL },
		{ "p=none; v=DMARC1", NULL },
		{ ";v=DMARC1; p=none", NULL },
		{ "v;p=none", NULL },
		{ "vv=DMARC1; p=none", NULL },
		{ "v=spf1 -all", NULL },
		{ "\"v=DMARC1; p=none\"", NULL },
	};
	CHECK(rows);
}

static void every_tag_is_read(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "v=DMARC1; p=reject; sp=quarantine; np=none; adkim=s; aspf=r; fo=1:d:s; t=y; psd=n",
		  "reject quarantine none s r 1:d:s y n" },
		{ "v=DMARC1;p=reject;psd=y", "reject - - - - - n y" },
		{ "v=DMARC1; p=quarantine; psd=u; t=n", "quarantine - - - - - n ?" },
		{ "v=DMARC1; P=Reject; ADKIM=S; psd=N", "reject - - s - - n n" },
		{ "v=DMARC1; p=none;;; sp=reject;", "none reject - - - - n ?" },
		/* History and the unknown are passed over. */
		{ "v=DMARC1; p=reject; pct=0; rf=iodef; ri=3600; ruf=mailto:a@b.example; x=y",
		  "reject - - - - - n ?" },
		{ "v=DMARC1; p=reject; pct=abc; v=DMARC2; junk; =; = x", "reject - - - - - n ?" },
	};
	CHECK(rows);
}

static void broken_values_fall_back_to_the_default(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "v=DMARC1; p=reject; adkim=strict; aspf=; fo=2; t=yes; psd=maybe", "reject - - - - - n ?" },
		{ "v=DMARC1; p=reject; fo=0:", "reject - - - - - n ?" },
		{ "v=DMARC1; p=reject; fo=:0", "reject - - - - - n ?" },
		{ "v=DMARC1; p=reject; fo=0 : D", "reject - - - - 0 : d n ?" },
		{ "v=DMARC1; p=reject; t=y\x01", "reject - - - - - n ?" },
		{ "v=DMARC1; p=reject; psd=y\xc3\xa4", "reject - - - - - n ?" },
		/* A tag that occurs twice has no value, in either order. */
		{ "v=DMARC1; p=reject; adkim=s; adkim=r", "reject - - - - - n ?" },
		{ "v=DMARC1; p=reject; psd=y; psd=y", "reject - - - - - n ?" },
		{ "v=DMARC1; p=reject; t=y; T=y; t=y", "reject - - - - - n ?" },
	};
	CHECK(rows);
}

static void without_a_valid_policy_only_reports_keep_a_record_alive(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "v=DMARC1; rua=mailto:a@b.example", "none - - - - - n ? mailto:a@b.example" },
		{ "v=DMARC1; p=foo; sp=reject; rua=mailto:a@b.example", "none - - - - - n ? mailto:a@b.example" },
		{ "v=DMARC1; p=reject; sp=foo; rua=mailto:a@b.example", "none - - - - - n ? mailto:a@b.example" },
		{ "v=DMARC1; p=reject; np=; rua=mailto:a@b.example", "none - - - - - n ? mailto:a@b.example" },
		{ "v=DMARC1; p=reject; p=reject; rua=mailto:a@b.example", "none - - - - - n ? mailto:a@b.example" },
		{ "v=DMARC1; p=foo", "!- - - - - - n ?" },
		{ "v=DMARC1; p=reject; sp=foo", "!- - - - - - n ?" },
		{ "v=DMARC1; p=reject; np=reject reject", "!- - - - - - n ?" },
		{ "v=DMARC1; p=none; p=reject", "!- - - - - - n ?" },
		{ "v=DMARC1; sp=reject; psd=y", "!- - - - - - n y" },
		{ "v=DMARC1; rua=mailto:b.example", "!- - - - - - n ?" },
		{ "v=DMARC1; rua=mailto:a@b.example; rua=mailto:c@d.example", "!- - - - - - n ?" },
	};
	CHECK(rows);
}

static void report_addresses_are_uris(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "v=DMARC1; p=none; rua=mailto:a@b.example!10m , MAILTO:c%21d@e.example!50",
		  "none - - - - - n ? mailto:a@b.example MAILTO:c%21d@e.example" },
		{ "v=DMARC1; p=none; rua=https://r.example/in?x=1,,mailto:a@b.example?subject=x",
		  "none - - - - - n ? https://r.example/in?x=1 mailto:a@b.example?subject=x" },
		{ "v=DMARC1; p=none; rua=a@b.example, mailto:, mailto:@b, mailto:a@, mailto:a@b@c, :x, 1a:b",
		  "none - - - - - n ?" },
		{ "v=DMARC1; p=none; rua=mail to:a@b, mailto:a%4@b.example, mailto:a%zz@b.example, mailto:a b@c.example",
		  "none - - - - - n ?" },
		{ "v=DMARC1; p=none; rua=mailto:a!b@c.example, mailto:d@e.example!k",
		  "none - - - - - n ? mailto:a!b@c.example mailto:d@e.example!k" },
	};
	CHECK(rows);
}

static void the_number_of_report_addresses_is_bounded(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct str text = STR("v=DMARC1; p=none; rua=mailto:a@b.example");
	for (int i = 0; i < 300; i++)
		text = str_printf(a, "%.*s,mailto:a%d@b.example", STR_ARG(text), i);
	struct dmarc_record r;
	assert_true(dmarc_record_parse(a, text, &r));
	assert_int_equal(r.rua_count, DMARC_RUA_MAX);
	assert_str(r.rua[DMARC_RUA_MAX - 1], "mailto:a14@b.example");
	arena_free(a);
}

static void a_nul_inside_ends_nothing(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct dmarc_record r;
	assert_true(dmarc_record_parse(a, STR("v=DMARC1; x=\0; p=reject; t=y\0"), &r));
	assert_int_equal(r.p, REQUEST_REJECT);
	assert_false(r.is_testing);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_exact_version_makes_a_record),
		cmocka_unit_test(every_tag_is_read),
		cmocka_unit_test(broken_values_fall_back_to_the_default),
		cmocka_unit_test(without_a_valid_policy_only_reports_keep_a_record_alive),
		cmocka_unit_test(report_addresses_are_uris),
		cmocka_unit_test(the_number_of_report_addresses_is_bounded),
		cmocka_unit_test(a_nul_inside_ends_nothing),
	};
	return RUN_TESTS(tests);
}

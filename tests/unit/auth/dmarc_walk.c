#include "zone.h"

#include "auth/dmarc_walk.h"

/* The examples of RFC 9989 4.10.2 and what else can lie on the way. */
static const char zone_text[] =
	"_dmarc.mail.example.com TXT \"v=DMARC1; p=none\"\n"
	"_dmarc.example.com      TXT \"v=DMARC1; p=reject\"\n"
	"_dmarc.mail.example.net TXT \"v=DMARC1; p=none; psd=n\"\n"
	"_dmarc.example.net      TXT \"v=DMARC1; p=reject\"\n"
	"_dmarc.org              TXT \"v=DMARC1; p=reject; psd=y\"\n"
	"_dmarc.known.org        TXT \"v=DMARC1; p=none\"\n"
	"_dmarc.nested.org       TXT \"v=DMARC1; p=none; psd=y\"\n"
	/* Several records are none, texts of other kinds are nothing. */
	"_dmarc.two.example      TXT \"v=DMARC1; p=none\"\n"
	"_dmarc.two.example      TXT \"v=DMARC1; p=none\"\n"
	"_dmarc.mixed.example    TXT \"v=spf1 -all\"\n"
	"_dmarc.mixed.example    TXT \"v=DMARC1\" \"; p=none\"\n"
	"_dmarc.mixed.example    TXT \"v=dmarc1; p=reject\"\n"
	"_dmarc.foreign.example  TXT \"hello\"\n"
	"_dmarc.alias.example    CNAME _dmarc.example.com\n"
	/* A record without a policy marks a domain all the same. */
	"_dmarc.empty.example    TXT \"v=DMARC1\"\n"
	/* Nine labels and a suffix of seven. */
	"_dmarc.c.d.e.f.g.h.deep TXT \"v=DMARC1; p=none; psd=y\"\n"
	"_dmarc.b.c.d.e.f.g.h.deep TXT \"v=DMARC1; p=none\"\n"
	/* Trouble. */
	"_dmarc.servfail.test    TXT SERVFAIL\n"
	"_dmarc.timeout.test     TXT TIMEOUT\n"
	"_dmarc.bogus.test       TXT BOGUS\n"
	"_dmarc.own.servfail.test TXT \"v=DMARC1; p=none\"\n"
	"_dmarc.safe.servfail.test TXT \"v=DMARC1; p=none; psd=n\"\n";

static int setup(void **state)
{
	static struct zone zone;
	zone_open(&zone, zone_text);
	*state = &zone;
	return 0;
}

static int teardown(void **state)
{
	zone_close(*state);
	return 0;
}

static void walks_find_the_organizational_domain(void **state)
{
	static const struct {
		const char *domain, *org, *psd;
		bool has_record;
	} rows[] = {
		{ "a.mail.example.com", "example.com", "", true },
		{ "mail.example.com", "example.com", "", true },
		{ "example.com", "example.com", "", true },
		{ "a.mail.example.net", "mail.example.net", "", true },
		{ "mail.example.net", "mail.example.net", "", true },
		{ "other.example.net", "example.net", "", true },
		{ "a.mail.example.org", "example.org", "org", false },
		{ "example.org", "example.org", "org", false },
		{ "a.known.org", "known.org", "org", true },
		/* Where the walk begins, psd=y says nothing about the names below. */
		{ "org", "org", "", true },
		{ "nested.org", "nested.org", "", true },
		{ "a.nested.org", "a.nested.org", "nested.org", false },
		{ "b.a.nested.org", "a.nested.org", "nested.org", false },
		{ "nothing.example", "nothing.example", "", false },
		{ "a.nothing.example", "a.nothing.example", "", false },
		{ "example", "example", "", false },
		{ "two.example", "two.example", "", false },
		{ "a.mixed.example", "mixed.example", "", true },
		{ "a.foreign.example", "a.foreign.example", "", false },
		{ "a.alias.example", "alias.example", "", true },
		{ "a.empty.example", "empty.example", "", true },
		{ "c.d.e.f.g.h.deep", "c.d.e.f.g.h.deep", "", true },
		{ "b.c.d.e.f.g.h.deep", "b.c.d.e.f.g.h.deep", "c.d.e.f.g.h.deep", true },
		/* The organizational domain has eight labels: the walk has jumped over it. */
		{ "a.b.c.d.e.f.g.h.deep", "b.c.d.e.f.g.h.deep", "c.d.e.f.g.h.deep", false },
		{ "x.a.b.c.d.e.f.g.h.deep", "b.c.d.e.f.g.h.deep", "c.d.e.f.g.h.deep", false },
	};
	struct zone *z = *state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dmarc_finder *f = dmarc_finder_new(z->dns, zone_deadline(), z->arena);
		struct dmarc_walk w = dmarc_walk(f, str_of(rows[i].domain));
		if (w.failed != NULL || !str_eq(w.org_domain, str_of(rows[i].org)) ||
		    !str_eq(w.psd_domain, str_of(rows[i].psd)) || (w.org_record != NULL) != rows[i].has_record ||
		    (w.psd_record != NULL) != (rows[i].psd[0] != '\0'))
			fail_msg("%s gives %.*s (%s record) below \"%.*s\"", rows[i].domain, STR_ARG(w.org_domain),
				 w.org_record != NULL ? "a" : "no", STR_ARG(w.psd_domain));
	}
}

static void a_temporary_failure_is_no_missing_record(void **state)
{
	static const struct {
		const char *domain, *failed;
	} rows[] = {
		{ "servfail.test", "servfail.test" },     { "a.servfail.test", "servfail.test" },
		{ "own.servfail.test", "servfail.test" }, { "a.safe.servfail.test", NULL },
		{ "a.timeout.test", "timeout.test" },     { "bogus.test", "bogus.test" },
	};
	struct zone *z = *state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dmarc_finder *f = dmarc_finder_new(z->dns, zone_deadline(), z->arena);
		struct dmarc_walk w = dmarc_walk(f, str_of(rows[i].domain));
		if ((w.failed != NULL) != (rows[i].failed != NULL))
			fail_msg("%s %s", rows[i].domain, w.failed != NULL ? "failed" : "did not fail");
		if (w.failed != NULL)
			assert_str(w.failed->domain, rows[i].failed);
	}
}

/* The example of RFC 9989 4.10. */
static void long_names_are_cut_to_eight_questions(void **state)
{
	static const char *const expected[] = {
		"a.b.c.d.e.f.g.h.i.j.mail.example.com", "g.h.i.j.mail.example.com", "h.i.j.mail.example.com",
		"i.j.mail.example.com", "j.mail.example.com", "mail.example.com", "example.com", "com",
	};
	struct str names[DMARC_WALK_MAX];
	(void)state;
	assert_int_equal(dmarc_walk_names(str_of(expected[0]), names), 8);
	for (size_t i = 0; i < 8; i++)
		assert_str(names[i], expected[i]);
	assert_int_equal(dmarc_walk_names(STR("b.c.d.e.f.g.example.com"), names), 8);
	assert_str(names[1], "c.d.e.f.g.example.com");
	assert_int_equal(dmarc_walk_names(STR("c.d.e.f.g.example.com"), names), 7);
	assert_int_equal(dmarc_walk_names(STR("com"), names), 1);
}

static void no_question_goes_out_twice(void **state)
{
	struct zone *z = *state;
	struct dmarc_finder *f = dmarc_finder_new(z->dns, zone_deadline(), z->arena);
	dmarc_walk(f, STR("a.b.c.d.e.f.g.h.i.j.mail.example.com"));
	assert_int_equal(zone_questions(z), 8);
	dmarc_walk(f, STR("j.mail.example.com"));
	dmarc_walk(f, STR("a.b.c.d.e.f.g.h.i.j.mail.example.com"));
	assert_int_equal(zone_questions(z), 8);
	dmarc_walk(f, STR("other.mail.example.com"));
	assert_int_equal(zone_questions(z), 9);
	/* The finder itself does not even ask the cache again. */
	uint64_t asked = dns_counters(z->dns).asked;
	dmarc_walk(f, STR("other.mail.example.com"));
	assert_int_equal(dns_counters(z->dns).asked, asked);
}

static void a_known_end_of_the_walk_saves_the_questions_above(void **state)
{
	struct zone *z = *state;
	struct dmarc_finder *f = dmarc_finder_new(z->dns, zone_deadline(), z->arena);
	dmarc_find(f, STR("mail.example.net"));
	dmarc_walk(f, STR("a.mail.example.net"));
	assert_int_equal(zone_questions(z), 2);
}

static void prefetch_asks_what_the_walk_needs(void **state)
{
	struct zone *z = *state;
	dmarc_walk_prefetch(z->dns, STR("a.mail.example.com"));
	assert_int_equal(zone_questions(z), 4);
	struct dmarc_finder *f = dmarc_finder_new(z->dns, zone_deadline(), z->arena);
	assert_str(dmarc_walk(f, STR("a.mail.example.com")).org_domain, "example.com");
	assert_int_equal(zone_questions(z), 4);
}

/* With _dmarc in front it is no name any more; the walk goes on above. */
static void names_too_long_to_ask_have_no_record(void **state)
{
	struct zone *z = *state;
	struct str domain = STR("example.com");
	while (domain.n < 240)
		domain = str_printf(z->arena, "abcdefghijklmnopqrstuvw.%.*s", STR_ARG(domain));
	assert_true(domain.n <= 253 && domain.n + 7 > 253);
	struct dmarc_finder *f = dmarc_finder_new(z->dns, zone_deadline(), z->arena);
	struct dmarc_walk w = dmarc_walk(f, domain);
	assert_null(w.failed);
	assert_str(w.org_domain, "example.com");
	assert_int_equal(dmarc_find(f, domain)->status, DNS_BAD_NAME);
}

static void existence_is_the_absence_of_nxdomain(void **state)
{
	static const char text[] = "host.exists.example  A     192.0.2.1\n"
				   "text.exists.example  TXT   \"x\"\n"
				   "_dmarc.named.example TXT   \"v=DMARC1; p=none\"\n"
				   "fails.example        A     SERVFAIL\n"
				   "named.example        A     SERVFAIL\n"
				   "alias.example        CNAME host.exists.example\n";
	static const struct {
		const char *domain;
		enum dmarc_existence existence;
	} rows[] = {
		{ "host.exists.example", DOMAIN_EXISTS }, { "text.exists.example", DOMAIN_EXISTS },
		{ "exists.example", DOMAIN_EXISTS },      { "alias.example", DOMAIN_EXISTS },
		{ "nobody.example", DOMAIN_DOES_NOT_EXIST }, { "below.host.exists.example", DOMAIN_DOES_NOT_EXIST },
		{ "fails.example", DOMAIN_UNCERTAIN },
	};
	struct zone z;
	(void)state;
	zone_open(&z, text);
	struct dmarc_finder *f = dmarc_finder_new(z.dns, zone_deadline(), z.arena);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (dmarc_existence(f, str_of(rows[i].domain)) != rows[i].existence)
			fail_msg("%s", rows[i].domain);
	/* A text at _dmarc.NAME proves NAME, without a question that would fail. */
	dmarc_find(f, STR("named.example"));
	assert_int_equal(dmarc_existence(f, STR("named.example")), DOMAIN_EXISTS);
	zone_close(&z);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(walks_find_the_organizational_domain),
		T(a_temporary_failure_is_no_missing_record),
		T(long_names_are_cut_to_eight_questions),
		T(no_question_goes_out_twice),
		T(a_known_end_of_the_walk_saves_the_questions_above),
		T(prefetch_asks_what_the_walk_needs),
		T(names_too_long_to_ask_have_no_record),
		T(existence_is_the_absence_of_nxdomain),
	};
	return RUN_TESTS(tests);
}

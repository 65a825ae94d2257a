#include "../test.h"

#include "spf_zone.h"
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"

/* A zone written line by line. */
static struct fixture fixture_of_buf(struct buf *zone)
{
	struct fixture f = fixture_of_text(buf_str(zone), 50);
	buf_fini(zone);
	return f;
}

static void add_repeated(struct buf *b, const char *text, unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		buf_add(b, str_of(text));
}

static void the_eleventh_term_ends_the_check(void **state) /* RFC 7208 4.6.4 */
{
	(void)state;
	struct fixture f =
		fixture_of("last.example TXT \"v=spf1 a a a a a a a a a ?a:it.example -all\"\n"
			   "over.example TXT \"v=spf1 a a a a a a a a a a a:it.example -all\"\n"
			   "redirect.example TXT \"v=spf1 a a a a a a a a a a redirect=it.example\"\n"
			   "early.example TXT \"v=spf1 a:it.example a a a a a a a a a a a -all\"\n"
			   "last.example A 192.0.2.2\nover.example A 192.0.2.2\nredirect.example A 192.0.2.2\n"
			   "it.example A 192.0.2.1\n");
	static const struct {
		const char *client, *sender;
		enum result result;
		const char *mechanism, *reason;
		unsigned lookups;
	} cases[] = {
		{ "192.0.2.1", "u@last.example", RESULT_NEUTRAL, "?a:it.example",
		  "192.0.2.1 is neither permitted nor denied: ?a:it.example", 10 },
		{ "192.0.2.9", "u@last.example", RESULT_FAIL, "-all", "192.0.2.9 is not permitted: -all", 10 },
		{ "192.0.2.1", "u@over.example", RESULT_PERMERROR, "", "more than 10 terms need DNS, at a:it.example",
		  11 },
		{ "192.0.2.9", "u@redirect.example", RESULT_PERMERROR, "",
		  "more than 10 terms need DNS, at redirect=it.example", 11 },
		{ "192.0.2.1", "u@early.example", RESULT_PASS, "a:it.example", "192.0.2.1 is permitted: a:it.example",
		  1 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct spf_verdict *v = check(&f, cases[i].client, "h", cases[i].sender);
		assert_result(v, cases[i].result);
		assert_str(v->mechanism, cases[i].mechanism);
		assert_str(v->reason, cases[i].reason);
		assert_int_equal(v->lookups, cases[i].lookups);
	}
	fixture_end(&f);
}

/* One term of each kind that counts, ten together; an eleventh behind them. */
static void every_kind_of_term_counts(void **state)
{
	(void)state;
	struct fixture f =
		fixture_of("example.org TXT \"v=spf1 a mx ptr exists:%{i}.x.example include:empty.example "
			   "a mx ptr include:empty.example redirect=rest.example\"\n"
			   "example.org A 192.0.2.2\nexample.org MX 10 example.org\nempty.example TXT \"v=spf1\"\n"
			   "1.2.0.192.in-addr.arpa PTR x.example\n"
			   "rest.example TXT \"v=spf1 -all\"\n"
			   "more.example TXT \"v=spf1 include:example.org -all\"\n");
	const struct spf_verdict *v = check_example(&f, "192.0.2.1");
	assert_result(v, RESULT_FAIL);
	assert_int_equal(v->lookups, 10);
	assert_result(check(&f, "192.0.2.1", "h", "u@more.example"), RESULT_PERMERROR);
	fixture_end(&f);
}

static void terms_count_over_all_includes(void **state)
{
	(void)state;
	struct fixture f =
		fixture_of("sum10.example TXT \"v=spf1 include:five.example include:three.example -all\"\n"
			   "sum11.example TXT \"v=spf1 include:five.example include:three.example a:h.example -all\"\n"
			   "five.example TXT \"v=spf1 a:h.example a:h.example a:h.example a:h.example a:h.example\"\n"
			   "three.example TXT \"v=spf1 a:h.example a:h.example a:h.example\"\n"
			   "h.example A 192.0.2.2\n"
			   "loop.example TXT \"v=spf1 include:pool.example -all\"\n"
			   "pool.example TXT \"v=spf1 include:loop.example -all\"\n"
			   "me.example TXT \"v=spf1 include:me.example -all\"\n");
	const struct spf_verdict *v = check(&f, "192.0.2.1", "h", "u@sum10.example");
	assert_result(v, RESULT_FAIL);
	assert_int_equal(v->lookups, 10);
	assert_result(check(&f, "192.0.2.1", "h", "u@sum11.example"), RESULT_PERMERROR);
	assert_result(check(&f, "192.0.2.1", "h", "u@loop.example"), RESULT_PERMERROR);
	assert_result(check(&f, "192.0.2.1", "h", "u@me.example"), RESULT_PERMERROR);
	fixture_end(&f);
}

static void two_void_terms_are_allowed(void **state)
{
	(void)state;
	struct fixture f = fixture_of(
		"two.example TXT \"v=spf1 a:n1.example exists:n2.example -all\"\n"
		"three.example TXT \"v=spf1 a:n1.example exists:n2.example mx:n3.example +all\"\n"
		"spread.example TXT \"v=spf1 include:two.example mx -all\"\n"
		"nodata.example TXT \"v=spf1 a mx ptr -all\"\n"
		/* names that DNS cannot hold are not asked for */
		"bad.example TXT \"v=spf1 a:a..b.example a:a..b.example a:a..b.example -all\"\n"
		/* hosts of an mx, and what %{p} asks, are not terms */
		"hosts.example TXT \"v=spf1 mx a:%{p}.x.example -all\"\n"
		"hosts.example MX 1 g1.example\nhosts.example MX 2 g2.example\nhosts.example MX 3 g3.example\n"
		"why.example TXT \"v=spf1 a:n1.example a:n2.example -all exp=n3.example\"\n");
	const struct spf_verdict *v = check(&f, "192.0.2.1", "h", "u@two.example");
	assert_result(v, RESULT_FAIL);
	assert_int_equal(v->voids, 2);
	v = check(&f, "192.0.2.1", "h", "u@three.example");
	assert_result(v, RESULT_PERMERROR);
	assert_str(v->reason, "more than 2 terms name nothing in DNS");
	assert_result(check(&f, "192.0.2.1", "h", "u@spread.example"), RESULT_PERMERROR);
	assert_result(check(&f, "192.0.2.1", "h", "u@nodata.example"), RESULT_PERMERROR);
	v = check(&f, "192.0.2.1", "h", "u@bad.example");
	assert_result(v, RESULT_FAIL);
	assert_int_equal(v->voids, 0);
	v = check(&f, "192.0.2.1", "h", "u@hosts.example");
	assert_result(v, RESULT_FAIL);
	assert_int_equal(v->voids, 1);
	assert_result(check(&f, "192.0.2.1", "h", "u@why.example"), RESULT_FAIL);
	fixture_end(&f);
}

static struct fixture mx_fixture(unsigned hosts)
{
	struct buf zone;
	buf_init(&zone, 0);
	buf_printf(&zone, "example.org TXT \"v=spf1 include:mx.example ~all\"\nmx.example TXT \"v=spf1 mx\"\n");
	/* the last host has the best preference */
	for (unsigned i = 1; i <= hosts; i++)
		buf_printf(&zone, "mx.example MX %u h%u.example\nh%u.example A 192.0.2.%u\n", 1000 - i, i, i, i);
	return fixture_of_buf(&zone);
}

static void ten_mx_hosts_are_allowed(void **state) /* RFC 7208 4.6.4, 5.4 */
{
	(void)state;
	struct fixture f = mx_fixture(10);
	assert_result(check_example(&f, "192.0.2.1"), RESULT_PASS);
	assert_result(check_example(&f, "192.0.2.99"), RESULT_SOFTFAIL);
	fixture_end(&f);
	f = mx_fixture(11);
	assert_result(check_example(&f, "192.0.2.11"), RESULT_PASS);
	assert_result(check_example(&f, "192.0.2.2"), RESULT_PASS);
	const struct spf_verdict *v = check_example(&f, "192.0.2.1");
	assert_result(v, RESULT_PERMERROR);
	assert_str(v->reason, "more than 10 hosts in mx");
	assert_result(check_example(&f, "192.0.2.99"), RESULT_PERMERROR);
	fixture_end(&f);
	f = mx_fixture(200);
	assert_result(check_example(&f, "192.0.2.200"), RESULT_PASS);
	assert_result(check_example(&f, "192.0.2.190"), RESULT_PERMERROR);
	fixture_end(&f);
}

static void names_of_mx_hosts_are_only_names(void **state)
{
	(void)state;
	/* whatever a zone calls its hosts, also like a handle of ours */
	struct fixture f =
		fixture_of("example.org TXT \"v=spf1 mx -all\"\n"
			   "example.org MX 5 t000\nexample.org MX 10 h0\nexample.org MX 15 h1\nexample.org MX 20 h999\n"
			   "h999 A 192.0.2.1\nt000 A 192.0.2.2\n");
	assert_result(check_example(&f, "192.0.2.1"), RESULT_PASS);
	assert_result(check_example(&f, "192.0.2.2"), RESULT_PASS);
	assert_result(check_example(&f, "192.0.2.3"), RESULT_FAIL);
	fixture_end(&f);
}

static void ten_ptr_names_are_looked_at(void **state)
{
	(void)state;
	struct buf zone;
	buf_init(&zone, 0);
	buf_printf(&zone, "example.org TXT \"v=spf1 ptr -all\"\n");
	for (unsigned i = 1; i <= 30; i++)
		buf_printf(&zone, "1.2.0.192.in-addr.arpa PTR h%u.example\nh%u.example A 192.0.2.1\n", i, i);
	struct fixture f = fixture_of_buf(&zone);
	assert_result(check_example(&f, "192.0.2.1"), RESULT_FAIL);
	uint64_t asked = dns_counters(f.dns).sent;
	assert_int_equal(asked, 1 + 1 + 10); /* record, PTR, addresses */
	fixture_end(&f);
}

static void long_records_are_read_whole(void **state)
{
	(void)state;
	static const unsigned counts[] = { 63, 64, 255, 256, 257, 300, 4000 };
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct buf zone;
		buf_init(&zone, 0);
		buf_printf(&zone, "example.org TXT \"v=spf1");
		for (unsigned n = 0; n < counts[i]; n++)
			buf_printf(&zone, " ip4:10.%u.%u.1", n / 256, n % 256);
		buf_printf(&zone, " -all\"\n");
		struct fixture f = fixture_of_buf(&zone);
		char last[30];
		snprintf(last, sizeof(last), "10.%u.%u.1", (counts[i] - 1) / 256, (counts[i] - 1) % 256);
		assert_result(check_example(&f, "10.0.0.1"), RESULT_PASS);
		assert_result(check_example(&f, last), RESULT_PASS);
		const struct spf_verdict *v = check_example(&f, "192.0.2.1");
		assert_result(v, RESULT_FAIL);
		assert_str(v->mechanism, "-all");
		fixture_end(&f);
	}
}

/* A record of this term, as often as it fits into the bytes, and an end. */
static struct fixture bomb_fixture(const char *term, size_t size_bytes, const char *end)
{
	struct buf zone;
	buf_init(&zone, 0);
	buf_printf(&zone, "example.org A 192.0.2.2\nexample.org TXT \"v=spf1");
	add_repeated(&zone, term, (unsigned)((size_bytes - 6 - strlen(end)) / strlen(term)));
	buf_printf(&zone, "%s\"\n", end);
	return fixture_of_buf(&zone);
}

static void record_bombs_are_errors_at_little_cost(void **state)
{
	(void)state;
	static const struct {
		const char *term, *end;
		enum result result;
	} bombs[] = {
		{ " a", " -all", RESULT_PERMERROR },
		{ " include:example.org", "", RESULT_PERMERROR },
		{ " include:%{d}", "", RESULT_PERMERROR },
		{ " exists:%{p}.example.org", "", RESULT_PERMERROR },
		{ " x=%{d}", " -all", RESULT_FAIL },
		{ " ", "", RESULT_NEUTRAL },
		{ " ", "-all", RESULT_FAIL },
		{ " ip6:2001:db8::/32", " -all", RESULT_FAIL },
		{ " ip6:2001:db8::/32", " -all\\000", RESULT_PERMERROR },
		{ " all", " moo", RESULT_PERMERROR },
		{ " redirect=example.org", "", RESULT_PERMERROR },
		{ "%", "", RESULT_NONE },
	};
	static const size_t sizes[] = { 4200, 65000 };
	for (size_t i = 0; i < sizeof(bombs) / sizeof(bombs[0]); i++) {
		for (size_t k = 0; k < 2; k++) {
			struct fixture f = bomb_fixture(bombs[i].term, sizes[k], bombs[i].end);
			assert_result(check_example(&f, "192.0.2.1"), bombs[i].result);
			assert_true(arena_used_bytes(f.arena) < 64 * 1024);
			fixture_end(&f);
		}
	}
}

static void a_long_macro_text_is_no_match(void **state)
{
	(void)state;
	struct buf zone;
	buf_init(&zone, 0);
	buf_printf(&zone, "example.org TXT \"v=spf1 exists:");
	add_repeated(&zone, "%{s}", 16000);
	buf_printf(&zone, " include:inner.example -all\"\ninner.example TXT \"v=spf1 -all\"\n");
	struct fixture f = fixture_of_buf(&zone);
	assert_result(check_example(&f, "192.0.2.1"), RESULT_FAIL);
	fixture_end(&f);
}

static void long_explanations(void **state)
{
	(void)state;
	static const struct {
		unsigned macros;
		bool is_given;
	} cases[] = { { 127, false }, { 50, true } };
	for (size_t i = 0; i < 2; i++) {
		struct buf zone;
		buf_init(&zone, 0);
		buf_printf(&zone, "example.org TXT \"v=spf1 -all exp=why.example.org\"\nwhy.example.org TXT \"");
		add_repeated(&zone, "%{d}", cases[i].macros);
		buf_printf(&zone, "abcd\"\n");
		struct fixture f = fixture_of_buf(&zone);
		const struct spf_verdict *v = check_example(&f, "192.0.2.1");
		assert_result(v, RESULT_FAIL);
		assert_int_equal(v->explanation.n, cases[i].is_given ? 50 * 11 + 4 : 0);
		fixture_end(&f);
	}
}

/* The lengths around which a fixed buffer of some other reader ends. */
static void explanations_of_every_length(void **state)
{
	(void)state;
	for (unsigned n = 500; n < 530; n++) {
		struct buf zone;
		buf_init(&zone, 0);
		buf_printf(&zone, "example.org TXT \"v=spf1 -all exp=why.example.org\"\nwhy.example.org TXT \"");
		add_repeated(&zone, "x", n);
		buf_printf(&zone, "\"\n");
		struct fixture f = fixture_of_buf(&zone);
		assert_int_equal(check_example(&f, "192.0.2.1")->explanation.n, n);
		fixture_end(&f);
	}
}

static void long_senders_name_no_domain(void **state)
{
	(void)state;
	struct fixture f = fixture_of("example.org TXT \"v=spf1 exists:%{l}.example.org -all\"\n");
	char sender[1200];
	memset(sender, 'a', sizeof(sender));
	for (size_t n = 900; n <= sizeof(sender) - 13; n += 20) {
		memcpy(sender + n, "@example.org", 13);
		const struct spf_verdict *v = check(&f, "192.0.2.1", "h", sender);
		assert_result(v, n + 12 <= 1000 ? RESULT_FAIL : RESULT_NONE);
		memset(sender, 'a', sizeof(sender));
	}
	fixture_end(&f);
}

static void twenty_seconds_end_the_check(void **state) /* RFC 7208 4.6.4 */
{
	(void)state;
	if (getenv("LONG") == NULL)
		skip();
	struct fixture f = fixture_of_text(STR("example.org TXT \"v=spf1 a:silent.example -all\"\n"
					       "silent.example A DELAY 21s\nsilent.example A 192.0.2.1\n"), 60000);
	struct spf_check c = { .helo = STR("h"), .mail_from = STR("u@example.org") };
	assert_true(ip_parse(STR("192.0.2.1"), &c.client));
	int64_t start_ms = clock_mono_ms();
	const struct spf_verdict *v = spf_check_mailfrom(f.dns, &c, start_ms + 60000, f.arena);
	int64_t took_ms = clock_mono_ms() - start_ms;
	assert_result(v, RESULT_TEMPERROR);
	assert_in_range(took_ms, 19900, 20900);
	fixture_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_eleventh_term_ends_the_check),
		cmocka_unit_test(every_kind_of_term_counts),
		cmocka_unit_test(terms_count_over_all_includes),
		cmocka_unit_test(two_void_terms_are_allowed),
		cmocka_unit_test(ten_mx_hosts_are_allowed),
		cmocka_unit_test(names_of_mx_hosts_are_only_names),
		cmocka_unit_test(ten_ptr_names_are_looked_at),
		cmocka_unit_test(long_records_are_read_whole),
		cmocka_unit_test(record_bombs_are_errors_at_little_cost),
		cmocka_unit_test(a_long_macro_text_is_no_match),
		cmocka_unit_test(long_explanations),
		cmocka_unit_test(explanations_of_every_length),
		cmocka_unit_test(long_senders_name_no_domain),
		cmocka_unit_test(twenty_seconds_end_the_check),
	};
	return RUN_TESTS(tests);
}

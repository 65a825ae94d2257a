#include "../test.h"

#include <time.h>

#include "spf_zone.h"

static struct ip ip_of(const char *text)
{
	struct ip ip;
	assert_true(ip_parse(str_of(text), &ip));
	return ip;
}

/* Until as many questions were sent, or two seconds; then a moment more for those that ought not to come. */
static uint64_t sent_after(struct fixture *f, uint64_t expected)
{
	const struct timespec moment = { .tv_nsec = 5000000 };
	for (int i = 0; i < 400 && dns_counters(f->dns).sent < expected; i++)
		nanosleep(&moment, NULL);
	nanosleep(&moment, NULL);
	nanosleep(&moment, NULL);
	return dns_counters(f->dns).sent;
}

static void the_check_finds_its_answers_waiting(void **state)
{
	(void)state;
	struct fixture f = fixture_of(
		"example.org TXT \"v=spf1 a mx include:one.example include:two.example exists:yes.example "
		"exists:%{i}.macro.example redirect=last.example\"\n"
		"example.org A 192.0.2.9\nexample.org MX 10 mx1.example\nexample.org MX 20 mx2.example\n"
		"mx1.example A 192.0.2.8\nmx2.example A 192.0.2.7\n"
		"one.example TXT \"v=spf1 a:h.one.example -all\"\nh.one.example A 192.0.2.6\n"
		"two.example TXT \"v=spf1 include:three.example\"\nthree.example TXT \"v=spf1 ip4:192.0.2.5\"\n"
		"yes.example AAAA 2001:db8::1\nlast.example TXT \"v=spf1 -all\"\n");
	spf_prefetch(f.dns, STR("Example.ORG"), ip_of("192.0.2.1"));
	/* record, a, mx, 2 hosts, 3 includes, a of the first, exists, redirect */
	assert_int_equal(sent_after(&f, 11), 11);
	const struct spf_verdict *v = check_example(&f, "192.0.2.1");
	assert_result(v, RESULT_FAIL);
	assert_int_equal(dns_counters(f.dns).sent, 12); /* the macro */
	fixture_end(&f);
}

static void addresses_are_of_the_clients_family(void **state)
{
	(void)state;
	struct fixture f = fixture_of("example.org TXT \"v=spf1 a -all\"\nexample.org AAAA 2001:db8::1\n");
	spf_prefetch(f.dns, STR("example.org"), ip_of("2001:db8::1"));
	assert_int_equal(sent_after(&f, 2), 2);
	assert_result(check_example(&f, "2001:db8::1"), RESULT_PASS);
	assert_int_equal(dns_counters(f.dns).sent, 2);
	fixture_end(&f);
}

static void nothing_behind_a_match_is_asked(void **state)
{
	(void)state;
	struct fixture f =
		fixture_of("example.org TXT \"v=spf1 a ip4:192.0.2.0/24 include:one.example redirect=two.example\"\n"
			   "b.example TXT \"v=spf1 redirect=two.example ?all include:one.example\"\n"
			   "bad.example TXT \"v=spf1 include:one.example moo\"\n");
	spf_prefetch(f.dns, STR("example.org"), ip_of("192.0.2.1"));
	assert_int_equal(sent_after(&f, 2), 2);
	spf_prefetch(f.dns, STR("b.example"), ip_of("192.0.2.1"));
	assert_int_equal(sent_after(&f, 3), 3);
	spf_prefetch(f.dns, STR("bad.example"), ip_of("192.0.2.1"));
	assert_int_equal(sent_after(&f, 4), 4);
	fixture_end(&f);
}

static void a_bomb_costs_eleven_questions(void **state)
{
	(void)state;
	struct fixture f = fixture_of(
		"example.org TXT \"v=spf1 include:i1.example include:i2.example include:i3.example include:i4.example "
		"include:i5.example include:i6.example include:i7.example include:i8.example include:i9.example "
		"include:i10.example include:i11.example include:i12.example\"\n"
		"*.example TXT \"v=spf1 include:j1.example include:j2.example include:j3.example\"\n"
		"loop.org TXT \"v=spf1 include:loop.org include:loop.org\"\n");
	spf_prefetch(f.dns, STR("example.org"), ip_of("192.0.2.1"));
	assert_int_equal(sent_after(&f, 11), 11);
	spf_prefetch(f.dns, STR("loop.org"), ip_of("192.0.2.1"));
	assert_int_equal(sent_after(&f, 12), 12);
	fixture_end(&f);
}

static void what_is_no_domain_is_not_asked(void **state)
{
	(void)state;
	struct fixture f = fixture_of("example.org TXT \"v=spf1\"\n");
	spf_prefetch(f.dns, STR("example"), ip_of("192.0.2.1"));
	spf_prefetch(f.dns, STR(""), ip_of("192.0.2.1"));
	spf_prefetch(f.dns, STR("[192.0.2.1]"), ip_of("192.0.2.1"));
	spf_prefetch(f.dns, STR("example.org"), (struct ip){ .family = IP_NONE });
	assert_int_equal(sent_after(&f, 0), 0);
	assert_int_equal(dns_counters(f.dns).asked, 0);
	fixture_end(&f);
}

static void what_stands_side_by_side_travels_at_once(void **state)
{
	(void)state;
	struct fixture f = fixture_of_text(
		STR("example.org TXT \"v=spf1 include:a.example include:b.example include:c.example include:d.example "
		    "include:e.example -all\"\n"
		    "*.example TXT \"v=spf1\"\n*.example TXT DELAY 300ms\n"
		    "mx.org TXT \"v=spf1 mx:%{d} -all\"\nmx.org MX 10 a.example\nmx.org MX 20 b.example\n"
		    "mx.org MX 30 c.example\nmx.org MX 40 d.example\nmx.org MX 50 e.example\n"
		    "*.example A 192.0.2.9\n*.example A DELAY 300ms\n"),
		5000);
	int64_t start = clock_mono_ms();
	spf_prefetch(f.dns, STR("example.org"), ip_of("192.0.2.1"));
	assert_result(check_example(&f, "192.0.2.1"), RESULT_FAIL);
	int64_t took = clock_mono_ms() - start;
	assert_true(took >= 290 && took < 1200); /* one after the other: 1500 */
	/* the hosts of an mx that only the check could ask for */
	start = clock_mono_ms();
	assert_result(check(&f, "192.0.2.1", "h", "u@mx.org"), RESULT_FAIL);
	took = clock_mono_ms() - start;
	assert_true(took >= 290 && took < 1200);
	fixture_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_check_finds_its_answers_waiting),
		cmocka_unit_test(addresses_are_of_the_clients_family),
		cmocka_unit_test(nothing_behind_a_match_is_asked),
		cmocka_unit_test(a_bomb_costs_eleven_questions),
		cmocka_unit_test(what_is_no_domain_is_not_asked),
		cmocka_unit_test(what_stands_side_by_side_travels_at_once),
	};
	return RUN_TESTS(tests);
}

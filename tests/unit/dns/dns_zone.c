#include "../test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/diag.h"
#include "dns/dns_zone.h"

struct fixture {
	struct diags *diags;
	struct dns_zone *zone;
	struct dns_shared *last;
	int delay_ms;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	f->diags = diags_new();
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	if (f->last != NULL)
		dns_answer_put(f->last);
	dns_zone_free(f->zone);
	diags_free(f->diags);
	free(f);
	return 0;
}

static void load(struct fixture *f, const char *text)
{
	f->zone = dns_zone_parse(str_of(text), "zone", f->diags);
	if (f->zone == NULL)
		diags_print(f->diags, stderr);
	assert_non_null(f->zone);
}

/* Status, and all records as one text. */
static const struct dns_answer *ask(struct fixture *f, const char *name, enum dns_type type)
{
	if (f->last != NULL)
		dns_answer_put(f->last);
	f->delay_ms = 0;
	f->last = dns_zone_ask(f->zone, str_of(name), type, &f->delay_ms);
	return f->last == NULL ? NULL : &f->last->answer;
}

static void assert_status(struct fixture *f, const char *name, enum dns_type type, enum dns_status status)
{
	const struct dns_answer *a = ask(f, name, type);
	assert_non_null(a);
	assert_string_equal(dns_status_words[a->status], dns_status_words[status]);
	assert_int_equal(a->count > 0, status == DNS_OK);
}

static void a_record_may_go_on_over_lines(void **state)
{
	struct fixture *f = *state;
	load(f, "s._domainkey.example.org. IN TXT ( ; key\n"
		"\t\"v=DKIM1; \"\n"
		"\n"
		"\t\"p=abc\" )\n"
		"t._domainkey.example.org\tIN\tTXT\t( \"v=DKIM1; (k)\"\r\n"
		"\t\"p=\")  ; ----- DKIM key t\n"
		"mx.example.org ( A 192.0.2.1 )");
	assert_str(ask(f, "s._domainkey.example.org", DNS_TXT)->records[0].text, "v=DKIM1; p=abc");
	assert_str(ask(f, "t._domainkey.example.org", DNS_TXT)->records[0].text, "v=DKIM1; (k)p=");
	assert_status(f, "mx.example.org", DNS_A, DNS_OK);
}

static void every_type_of_record_is_read(void **state)
{
	struct fixture *f = *state;
	load(f, "# a comment\n"
		"; another\r\n"
		"\n"
		"Example.ORG. TXT \"v=spf1 -all\"   # why not\n"
		"example.org TXT \"one; \" \"two#\" \"three\" ; four\n"
		"word.example TXT v=spf1\n"
		"example.org 300 IN MX 10 MX.example.org.\r\n"
		"example.org MX 0 .\n"
		"mx.example.org\tA\t192.0.2.1\n"
		"mx.example.org AAAA 2001:db8::1\n"
		"1.2.0.192.in-addr.arpa PTR mx.example.org");
	const struct dns_answer *a = ask(f, "example.org", DNS_TXT);
	assert_int_equal(a->status, DNS_OK);
	assert_int_equal(a->count, 2);
	assert_int_equal(a->ttl_s, 60);
	assert_str(a->records[0].text, "v=spf1 -all");
	assert_str(a->records[1].text, "one; two#three");
	assert_str(ask(f, "word.example", DNS_TXT)->records[0].text, "v=spf1");
	a = ask(f, "example.org", DNS_MX);
	assert_int_equal(a->count, 2);
	assert_int_equal(a->records[0].preference, 10);
	assert_str(a->records[0].text, "MX.example.org");
	assert_int_equal(a->records[1].preference, 0);
	assert_str(a->records[1].text, "");
	struct ip ip;
	assert_true(ip_parse(STR("192.0.2.1"), &ip));
	assert_true(ip_eq(ask(f, "mx.example.org", DNS_A)->records[0].ip, ip));
	assert_true(ip_parse(STR("2001:db8::1"), &ip));
	assert_true(ip_eq(ask(f, "mx.example.org", DNS_AAAA)->records[0].ip, ip));
	assert_str(ask(f, "1.2.0.192.in-addr.arpa", DNS_PTR)->records[0].text, "mx.example.org");
}

static void escapes_write_any_byte(void **state)
{
	struct fixture *f = *state;
	load(f, "x TXT \"a\\\"b\\\\c\\000\\255\\046\"");
	struct str text = ask(f, "x", DNS_TXT)->records[0].text;
	assert_int_equal(text.n, 8);
	assert_memory_equal(text.p, "a\"b\\c\0\xff.", 8);
}

static void a_name_exists_if_one_below_it_does(void **state)
{
	struct fixture *f = *state;
	load(f, "a.b.c.example A 192.0.2.1\n");
	assert_status(f, "a.b.c.example", DNS_A, DNS_OK);
	assert_status(f, "a.b.c.example", DNS_TXT, DNS_NODATA);
	assert_status(f, "b.c.example", DNS_A, DNS_NODATA);
	assert_status(f, "example", DNS_A, DNS_NODATA);
	assert_status(f, "x.c.example", DNS_A, DNS_NXDOMAIN);
	assert_status(f, "a.a.b.c.example", DNS_A, DNS_NXDOMAIN);
	assert_status(f, "org", DNS_A, DNS_NXDOMAIN);
}

/* The example of RFC 4592 2.2.1. */
static void wildcards_follow_rfc_4592(void **state)
{
	struct fixture *f = *state;
	load(f, "*.example TXT \"this is a wildcard\"\n"
		"*.example MX 10 host1.example\n"
		"sub.*.example TXT \"this is not a wildcard\"\n"
		"host1.example A 192.0.2.1\n"
		"_ssh._tcp.host1.example TXT \"srv\"\n"
		"_ssh._tcp.host2.example TXT \"srv\"\n");
	assert_status(f, "host3.example", DNS_MX, DNS_OK);
	assert_status(f, "host3.example", DNS_A, DNS_NODATA);
	assert_status(f, "foo.bar.example", DNS_TXT, DNS_OK);
	assert_status(f, "host1.example", DNS_MX, DNS_NODATA);
	assert_status(f, "sub.*.example", DNS_MX, DNS_NODATA);
	assert_status(f, "_telnet._tcp.host1.example", DNS_TXT, DNS_NXDOMAIN);
	assert_status(f, "host.subdel.example", DNS_TXT, DNS_OK);
	assert_status(f, "ghost.*.example", DNS_MX, DNS_NXDOMAIN);
	assert_status(f, "host2.example", DNS_TXT, DNS_NODATA);
}

static void a_lone_star_is_the_wildcard_of_the_root(void **state)
{
	struct fixture *f = *state;
	load(f, "* * SERVFAIL\nup.example TXT \"yes\"\n");
	assert_status(f, "example.org", DNS_TXT, DNS_SERVFAIL);
	assert_status(f, "up.example", DNS_TXT, DNS_OK);
	assert_status(f, "x.up.example", DNS_TXT, DNS_NXDOMAIN);
}

static void aliases_are_followed_and_loops_end(void **state)
{
	struct fixture *f = *state;
	load(f, "www.example CNAME Web.example.\n"
		"web.example 30 CNAME host.example\n"
		"host.example 90 A 192.0.2.1\n"
		"out.example CNAME elsewhere.test\n"
		"broken.example CNAME bad.example\n"
		"bad.example * SERVFAIL\n"
		"*.w.example CNAME host.example\n"
		"l1.example CNAME l2.example\n"
		"l2.example CNAME l1.example\n");
	const struct dns_answer *a = ask(f, "www.example", DNS_A);
	assert_int_equal(a->count, 1);
	assert_int_equal(a->ttl_s, 30);
	assert_status(f, "www.example", DNS_TXT, DNS_NODATA);
	assert_status(f, "out.example", DNS_TXT, DNS_NXDOMAIN);
	assert_status(f, "broken.example", DNS_TXT, DNS_SERVFAIL);
	assert_status(f, "a.b.w.example", DNS_A, DNS_OK);
	assert_status(f, "l1.example", DNS_A, DNS_SERVFAIL);
}

static void failures_are_written_like_records(void **state)
{
	struct fixture *f = *state;
	load(f, "a.example TXT SERVFAIL\n"
		"a.example A 192.0.2.1\n"
		"b.example * NXDOMAIN\n"
		"c.example * BOGUS\n"
		"c.example MX NODATA\n"
		"c.example A 192.0.2.1\n"
		"d.example TXT TIMEOUT\n"
		"e.example TXT \"TIMEOUT\"\n"
		"f.example * NODATA\n"
		"g.example MX NODATA\n"
		"g.example * BOGUS\n");
	assert_status(f, "a.example", DNS_TXT, DNS_SERVFAIL);
	assert_status(f, "a.example", DNS_A, DNS_OK);
	assert_status(f, "a.example", DNS_MX, DNS_NODATA);
	assert_status(f, "b.example", DNS_A, DNS_NXDOMAIN);
	assert_status(f, "c.example", DNS_TXT, DNS_BOGUS);
	assert_status(f, "c.example", DNS_MX, DNS_NODATA);
	assert_status(f, "c.example", DNS_A, DNS_OK);
	assert_null(ask(f, "d.example", DNS_TXT));
	assert_status(f, "d.example", DNS_A, DNS_NODATA);
	assert_str(ask(f, "e.example", DNS_TXT)->records[0].text, "TIMEOUT");
	assert_status(f, "f.example", DNS_A, DNS_NODATA);
	assert_status(f, "g.example", DNS_MX, DNS_NODATA);
	assert_status(f, "g.example", DNS_A, DNS_BOGUS);
}

static void delays_add_up_along_aliases(void **state)
{
	struct fixture *f = *state;
	load(f, "a.example * DELAY 200ms\n"
		"a.example CNAME b.example\n"
		"b.example TXT DELAY 1s\n"
		"b.example TXT SERVFAIL\n"
		"b.example A 192.0.2.1\n");
	assert_status(f, "a.example", DNS_TXT, DNS_SERVFAIL);
	assert_int_equal(f->delay_ms, 1200);
	assert_status(f, "a.example", DNS_A, DNS_OK);
	assert_int_equal(f->delay_ms, 200);
}

static void every_mistake_is_named_with_its_line(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *line, *text;
	} mistakes[] = {
		{ "a..b A 192.0.2.1", "\"a..b\" is no domain name" },
		{ "a", "after the name comes A, AAAA, MX, PTR, TXT, CNAME or '*'" },
		{ "a SPF \"v=spf1\"", "after the name comes A, AAAA, MX, PTR, TXT, CNAME or '*'" },
		{ "a A", "data is missing" },
		{ "a A 192.0.2", "\"192.0.2\" is no IPv4 address" },
		{ "a A ::1", "\"::1\" is no IPv4 address" },
		{ "a AAAA ::ffff:192.0.2.1", "\"::ffff:192.0.2.1\" is no IPv6 address" },
		{ "a A 192.0.2.1 192.0.2.2", "nothing is expected before \"192.0.2.2\"" },
		{ "a MX mx.example", "MX wants a preference and a host: 10 mx.example.org" },
		{ "a MX 65536 mx.example", "MX wants a preference and a host: 10 mx.example.org" },
		{ "a MX 10", "MX wants a preference and a host: 10 mx.example.org" },
		{ "a MX 10 .x", "\".x\" is no domain name" },
		{ "a TXT \"x", "the closing quote is missing" },
		{ "a TXT \"x\\\"", "the closing quote is missing" },
		{ "a TXT \"x\"y", "a blank is missing after the closing quote" },
		{ "a TXT ( ( \"x\" )", "'(' has no partner" },
		{ "a TXT \"x\" )", "')' has no partner" },
		{ "a TXT v=DMARC1; p=none", "';' must stand in quotes" },
		{ "a TXT v=spf1 -all", "a TXT with blanks needs quotes" },
		{ "a TXT \"v=spf1 a\" -all", "a TXT with blanks needs quotes" },
		{ "a TXT v=spf1 \" -all\"", "a TXT with blanks needs quotes" },
		{ "a TXT a\"b\"", "'\"' must stand in quotes" },
		{ "a TXT \"\\256\"", "an escape is \\DDD with three digits up to 255, \\\" or \\\\" },
		{ "a TXT \"\\25\"", "an escape is \\DDD with three digits up to 255, \\\" or \\\\" },
		{ "a * \"x\"", "the type '*' wants SERVFAIL, TIMEOUT, BOGUS, NODATA, NXDOMAIN or DELAY" },
		{ "a CNAME SERVFAIL", "CNAME wants a name; outcomes for every type are written with the type '*'" },
		{ "a A DELAY 61s", "DELAY wants a time of at most 60s, such as 200ms or 2s" },
		{ "a A DELAY 5", "DELAY wants a time of at most 60s, such as 200ms or 2s" },
		{ "a A DELAY", "DELAY wants a time of at most 60s, such as 200ms or 2s" },
		{ "a A SERVFAIL x", "nothing is expected before \"x\"" },
		{ "good A 192.0.2.9\ngood CNAME x", "contradicts line 31" },
	};
	enum { COUNT = sizeof(mistakes) / sizeof(mistakes[0]) };
	char text[8192] = "";
	for (size_t i = 0; i < COUNT; i++) {
		strcat(text, mistakes[i].line);
		strcat(text, "\n");
	}
	assert_null(dns_zone_parse(str_of(text), "zone", f->diags));
	assert_int_equal(diags_count(f->diags), COUNT);
	for (size_t i = 0; i < COUNT; i++) {
		const struct diag *d = diags_at(f->diags, i);
		assert_string_equal(d->text, mistakes[i].text);
		assert_string_equal(d->at.file, "zone");
		assert_int_equal(d->at.line, i + 1 + (i + 1 == COUNT));
	}
}

static void a_mistake_in_a_long_record_is_told_with_its_line(void **state)
{
	struct fixture *f = *state;
	assert_null(dns_zone_parse(STR("a TXT (\n\"x\"y\n\"z\" )\nb A 192.0.2.1\nc TXT (\n\"x\"\n"), "zone", f->diags));
	assert_int_equal(diags_count(f->diags), 2);
	assert_string_equal(diags_at(f->diags, 0)->text, "a blank is missing after the closing quote");
	assert_int_equal(diags_at(f->diags, 0)->at.line, 2);
	assert_string_equal(diags_at(f->diags, 1)->text, "the closing parenthesis is missing");
	assert_int_equal(diags_at(f->diags, 1)->at.line, 6);
}

static void contradictions_are_mistakes(void **state)
{
	struct fixture *f = *state;
	static const char *const pairs[] = {
		"a A 192.0.2.1\na A SERVFAIL",  "a A SERVFAIL\na A TIMEOUT",      "a CNAME b\na CNAME c",
		"a CNAME b\na * SERVFAIL",      "a A DELAY 1s\na A DELAY 2s",
	};
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		assert_null(dns_zone_parse(str_of(pairs[i]), "zone", f->diags));
		assert_int_equal(diags_count(f->diags), i + 1);
	}
}

static void a_text_fits_into_a_message(void **state)
{
	struct fixture *f = *state;
	char *text = malloc(70000);
	for (int n = 65535; n <= 65536; n++) {
		int head = sprintf(text, "a TXT \"");
		memset(text + head, 'x', (size_t)n);
		strcpy(text + head + n, "\"");
		f->zone = dns_zone_parse(str_of(text), "zone", f->diags);
		assert_int_equal(f->zone != NULL, n == 65535);
		dns_zone_free(f->zone);
		f->zone = NULL;
	}
	assert_int_equal(diags_errors(f->diags), 1);
	free(text);
}

static void a_file_that_is_not_there_is_a_mistake(void **state)
{
	struct fixture *f = *state;
	assert_null(dns_zone_read("/nonexistent/zone", f->diags));
	assert_int_equal(diags_errors(f->diags), 1);
	assert_string_equal(diags_at(f->diags, 0)->text, "cannot be opened: No such file or directory");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_type_of_record_is_read),
		TEST(a_record_may_go_on_over_lines),
		TEST(a_mistake_in_a_long_record_is_told_with_its_line),
		TEST(escapes_write_any_byte),
		TEST(a_name_exists_if_one_below_it_does),
		TEST(wildcards_follow_rfc_4592),
		TEST(a_lone_star_is_the_wildcard_of_the_root),
		TEST(aliases_are_followed_and_loops_end),
		TEST(failures_are_written_like_records),
		TEST(delays_add_up_along_aliases),
		TEST(every_mistake_is_named_with_its_line),
		TEST(contradictions_are_mistakes),
		TEST(a_text_fits_into_a_message),
		TEST(a_file_that_is_not_there_is_a_mistake),
	};
	return RUN_TESTS(tests);
}

#include "../test.h"

#include <stdio.h>

#include "spf_zone.h"

static void the_verdict_says_what_matched(void **state)
{
	(void)state;
	struct fixture f =
		fixture_of("example.org TXT \"v=spf1 IP4:192.0.2.1 a:mail.example.org/24 ~include:_spf.example.net "
			   "?exists:%{i}.list.example.org -all\"\n"
			   "mail.example.org A 198.51.100.7\n"
			   "_spf.example.net TXT \"v=spf1 ip4:203.0.113.0/24 -all\"\n"
			   "192.0.2.77.list.example.org A 127.0.0.2\n");
	static const struct {
		const char *client;
		enum result result;
		const char *mechanism, *reason;
		unsigned lookups, voids;
	} cases[] = {
		{ "192.0.2.1", RESULT_PASS, "IP4:192.0.2.1", "192.0.2.1 is permitted: IP4:192.0.2.1", 0, 0 },
		{ "198.51.100.200", RESULT_PASS, "a:mail.example.org/24",
		  "198.51.100.200 is permitted: a:mail.example.org/24", 1, 0 },
		{ "203.0.113.9", RESULT_SOFTFAIL, "~include:_spf.example.net",
		  "203.0.113.9 is probably not permitted: ~include:_spf.example.net", 2, 0 },
		{ "192.0.2.77", RESULT_NEUTRAL, "?exists:%{i}.list.example.org",
		  "192.0.2.77 is neither permitted nor denied: ?exists:%{i}.list.example.org", 3, 0 },
		{ "192.0.2.2", RESULT_FAIL, "-all", "192.0.2.2 is not permitted: -all", 3, 1 },
		{ "2001:db8::1", RESULT_FAIL, "-all", "2001:db8::1 is not permitted: -all", 3, 2 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct spf_verdict *v = check_example(&f, cases[i].client);
		assert_result(v, cases[i].result);
		assert_str(v->mechanism, cases[i].mechanism);
		assert_str(v->reason, cases[i].reason);
		assert_str(v->identity, "mailfrom");
		assert_str(v->domain, "example.org");
		assert_int_equal(v->lookups, cases[i].lookups);
		assert_int_equal(v->voids, cases[i].voids);
	}
	fixture_end(&f);
}

/* A constant with its length, NUL bytes inside counted. */
#define S(text)                        \
	{                              \
		text, sizeof(text) - 1 \
	}

static void only_the_domain_behind_the_last_at_is_checked(void **state)
{
	(void)state;
	struct fixture f = fixture_of("*.example.org TXT \"v=spf1 +all\"\nexample.org TXT \"v=spf1 +all\"\n"
				      "any.example TXT \"v=spf1 +all\"\nlegit TXT \"v=spf1 +all\"\n"
				      "xn--bcher-kva.example TXT \"v=spf1 +all\"\n");
	static const struct {
		struct str sender;
		const char *domain; /* NULL: none */
	} cases[] = {
		{ S("u@example.org"), "example.org" },
		{ S("u@EXAMPLE.org."), "example.org" },
		{ S("@example.org"), "example.org" },
		{ S("a b@example.org"), "example.org" },
		{ S("\"a@b.example\"@example.org"), "example.org" },
		{ S("u@b\xc3\xbc"
		    "cher.example"),
		  "xn--bcher-kva.example" },
		{ S("u"), NULL },
		{ S("u@"), NULL },
		{ S("@"), NULL },
		{ S("u@legit"), NULL },
		{ S("u@legit."), NULL },
		{ S("u@[192.0.2.1]"), NULL },
		{ S("u@example.org@any.example"), NULL },
		{ S("u@any.example@example.org"), NULL },
		{ S("any@legit(a.example.org"), NULL },
		{ S("any@example.org(a.example.org)"), NULL },
		{ S("legit,@any.example:'any@example.org'"), NULL },
		{ S("@any.example:u@example.org"), NULL },
		{ S("u@example.org>"), NULL },
		{ S("<u@example.org"), "example.org" }, /* a local part that begins with '<': of no harm */
		{ S("u@example.org\0.any.example"), NULL },
		{ S("u\0@example.org"), NULL },
		{ S("u\n@example.org"), NULL },
		{ S("u@example..org"), NULL },
		{ S("u@example.org.."), NULL },
		{ S("u@.example.org"), NULL },
		{ S("u@exa mple.org"), NULL },
		{ S("u@example.org "), NULL },
		{ S("u@\"example\".org"), NULL },
		{ S("u@ex%00ample.org"), NULL },
		{ S("u@-a.example.org"), NULL },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct spf_check c = { .helo = STR("example.org"), .mail_from = cases[i].sender };
		assert_true(ip_parse(STR("192.0.2.1"), &c.client));
		const struct spf_verdict *v = spf_check_mailfrom(f.dns, &c, clock_mono_ms() + 1000, f.arena);
		if (v->result != (cases[i].domain == NULL ? RESULT_NONE : RESULT_PASS))
			fail_msg("\"%.*s\": %s", STR_ARG(cases[i].sender), result_words[v->result]);
		assert_str(v->domain, cases[i].domain == NULL ? "" : cases[i].domain);
		assert_str(v->identity, "mailfrom");
	}
	fixture_end(&f);
}

static void the_null_sender_is_postmaster_of_the_helo_name(void **state)
{
	(void)state;
	struct fixture f = fixture_of("mx.example.org TXT \"v=spf1 exists:%{l}.%{o}.x.example -all\"\n"
				      "postmaster.mx.example.org.x.example A 127.0.0.2\n");
	const struct spf_verdict *v = check(&f, "192.0.2.1", "MX.example.org", "");
	assert_result(v, RESULT_PASS);
	assert_str(v->identity, "helo");
	assert_str(v->domain, "mx.example.org");
	static const char *const no_names[] = { "mx",         "[192.0.2.1]",      "",
						"a..b",       "u@mx.example.org", "mx.example.org:25",
						"[IPv6:::1]", "mx_example" };
	for (size_t i = 0; i < sizeof(no_names) / sizeof(no_names[0]); i++) {
		v = check(&f, "192.0.2.1", no_names[i], "");
		assert_result(v, RESULT_NONE);
		assert_str(v->domain, "");
	}
	fixture_end(&f);
}

static void the_helo_identity_is_checked_on_its_own(void **state)
{
	(void)state;
	struct fixture f = fixture_of("mx.example.org TXT \"v=spf1 a -all\"\nmx.example.org A 192.0.2.1\n"
				      "example.org TXT \"v=spf1 -all\"\n");
	struct spf_check c = { .helo = STR("mx.example.org"), .mail_from = STR("u@example.org") };
	assert_true(ip_parse(STR("192.0.2.1"), &c.client));
	const struct spf_verdict *v = spf_check_helo(f.dns, &c, clock_mono_ms() + 1000, f.arena);
	assert_result(v, RESULT_PASS);
	assert_str(v->identity, "helo");
	assert_result(spf_check_mailfrom(f.dns, &c, clock_mono_ms() + 1000, f.arena), RESULT_FAIL);
	c.client.family = IP_NONE;
	v = spf_check_helo(f.dns, &c, clock_mono_ms() + 1000, f.arena);
	assert_result(v, RESULT_NONE);
	assert_str(v->reason, "no client address");
	assert_result(spf_check_mailfrom(f.dns, &c, clock_mono_ms() + 1000, f.arena), RESULT_NONE);
	fixture_end(&f);
}

static void answers_to_the_first_question(void **state) /* RFC 7208 4.4, 4.5 */
{
	(void)state;
	struct fixture f =
		fixture_of("none.example A 192.0.2.1\n"
			   "foreign.example TXT \"hello\"\n"
			   "two.example TXT \"v=spf1 -all\"\ntwo.example TXT \"v=spf1 +all\"\n"
			   "beside.example TXT \"\\150 hello\"\nbeside.example TXT \"v=spf1 +all\"\n"
			   "split.example TXT \"v=spf1 ip4:192.0\" \".2.1 -all\"\n"
			   "bad.example TXT \"v=spf1 ip4:192.0.2.1 \\150all\"\n"
			   "nul.example TXT \"v=spf1 ip4:192.0.2.1 \\000 -all\"\n"
			   "servfail.example TXT SERVFAIL\ntimeout.example * TIMEOUT\nbogus.example TXT BOGUS\n");
	static const struct {
		const char *sender;
		enum result result;
		const char *reason;
	} cases[] = {
		{ "u@nxdomain.example", RESULT_NONE, "nxdomain.example has no SPF record" },
		{ "u@none.example", RESULT_NONE, "none.example has no SPF record" },
		{ "u@foreign.example", RESULT_NONE, "foreign.example has no SPF record" },
		{ "u@two.example", RESULT_PERMERROR, "two.example has 2 v=spf1 texts" },
		{ "u@beside.example", RESULT_PASS, "192.0.2.1 is permitted: +all" },
		{ "u@split.example", RESULT_PASS, "192.0.2.1 is permitted: ip4:192.0.2.1" },
		{ "u@bad.example", RESULT_PERMERROR, "record of bad.example: bad term \"?all\"" },
		{ "u@nul.example", RESULT_PERMERROR, "record of nul.example: bad term \"?\"" },
		{ "u@servfail.example", RESULT_TEMPERROR, "DNS: servfail.example TXT: servfail" },
		{ "u@timeout.example", RESULT_TEMPERROR, "DNS: timeout.example TXT: timeout" },
		{ "u@bogus.example", RESULT_TEMPERROR, "DNS: bogus.example TXT: bogus" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct spf_verdict *v = check(&f, "192.0.2.1", "helo.example", cases[i].sender);
		assert_result(v, cases[i].result);
		assert_str(v->reason, cases[i].reason);
	}
	fixture_end(&f);
}

static void an_include_matches_only_if_it_passes(void **state) /* RFC 7208 5.2 */
{
	(void)state;
	static const struct {
		const char *inner; /* TXT data */
		enum result result;
		const char *mechanism;
	} rows[] = {
		{ "\"v=spf1 +all\"", RESULT_SOFTFAIL, "~include:inner.example" },
		{ "\"v=spf1 -all\"", RESULT_FAIL, "-all" },
		{ "\"v=spf1 ~all\"", RESULT_FAIL, "-all" },
		{ "\"v=spf1 ?all\"", RESULT_FAIL, "-all" },
		{ "\"v=spf1\"", RESULT_FAIL, "-all" },
		{ "TIMEOUT", RESULT_TEMPERROR, "" },
		{ "SERVFAIL", RESULT_TEMPERROR, "" },
		{ "\"v=spf1 moo\"", RESULT_PERMERROR, "" },
		{ "\"v=spf1 include:gone.example\"", RESULT_PERMERROR, "" },
		{ "\"hello\"", RESULT_PERMERROR, "" },
		{ "NXDOMAIN", RESULT_PERMERROR, "" },
		{ "NODATA", RESULT_PERMERROR, "" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char zone[400];
		snprintf(zone, sizeof(zone),
			 "example.org TXT \"v=spf1 ~include:inner.example -all\"\ninner.example TXT %s\n",
			 rows[i].inner);
		struct fixture f = fixture_of(zone);
		const struct spf_verdict *v = check_example(&f, "192.0.2.1");
		assert_result(v, rows[i].result);
		assert_str(v->mechanism, rows[i].mechanism);
		fixture_end(&f);
	}
}

static void the_outer_term_is_named_whatever_matched_inside(void **state)
{
	(void)state;
	struct fixture f = fixture_of("example.org TXT \"v=spf1 ?include:a.example ?all\"\n"
				      "a.example TXT \"v=spf1 include:b.example a:gone.example -all\"\n"
				      "b.example TXT \"v=spf1 redirect=c.example\"\n"
				      "c.example TXT \"v=spf1 ip4:192.0.2.1 exists:gone.example ~all\"\n");
	const struct spf_verdict *v = check_example(&f, "192.0.2.1");
	assert_result(v, RESULT_NEUTRAL);
	assert_str(v->mechanism, "?include:a.example");
	assert_int_equal(v->lookups, 3);
	v = check_example(&f, "192.0.2.2");
	assert_result(v, RESULT_NEUTRAL);
	assert_str(v->mechanism, "?all");
	assert_int_equal(v->lookups, 5);
	fixture_end(&f);
}

static void redirect_comes_last_and_only_without_all(void **state) /* RFC 7208 6.1 */
{
	(void)state;
	struct fixture f = fixture_of("example.org TXT \"v=spf1 redirect=b.example ip4:192.0.2.1\"\n"
				      "b.example TXT \"v=spf1 a -all exp=why.example\"\nb.example A 192.0.2.2\n"
				      "why.example TXT \"%{d} asks\"\n"
				      "all.example TXT \"v=spf1 redirect=b.example ~all\"\n"
				      "gone.example TXT \"v=spf1 redirect=nothing.example\"\n"
				      "label.example TXT \"v=spf1 redirect=%{d1}\"\n"
				      "self.example TXT \"v=spf1 redirect=self.example\"\n");
	const struct spf_verdict *v = check_example(&f, "192.0.2.1");
	assert_result(v, RESULT_PASS);
	assert_int_equal(v->lookups, 0);
	v = check_example(&f, "192.0.2.2");
	assert_result(v, RESULT_PASS);
	assert_str(v->mechanism, "a");
	assert_str(v->domain, "example.org");
	v = check_example(&f, "192.0.2.3");
	assert_result(v, RESULT_FAIL);
	assert_str(v->mechanism, "-all");
	assert_str(v->explanation, "b.example asks");
	assert_result(check(&f, "192.0.2.3", "h", "u@all.example"), RESULT_SOFTFAIL);
	v = check(&f, "192.0.2.3", "h", "u@gone.example");
	assert_result(v, RESULT_PERMERROR);
	assert_str(v->reason, "nothing.example has no SPF record");
	v = check(&f, "192.0.2.3", "h", "u@label.example");
	assert_result(v, RESULT_PERMERROR);
	assert_str(v->reason, "redirect=%{d1} leads to no domain");
	v = check(&f, "192.0.2.3", "h", "u@self.example");
	assert_result(v, RESULT_PERMERROR);
	assert_str(v->reason, "more than 10 terms need DNS, at redirect=self.example");
	fixture_end(&f);
}

static void addresses_match_under_their_prefix(void **state) /* RFC 7208 5.3, 5.4 */
{
	(void)state;
	struct fixture f =
		fixture_of("example.org TXT \"v=spf1 a:h.example/24//64 -all\"\n"
			   "zero.example TXT \"v=spf1 a:h.example/0//0 -all\"\n"
			   "zero4.example TXT \"v=spf1 a:v4.example//0 -all\"\n"
			   "zeromx.example TXT \"v=spf1 mx/0 -all\"\nzeromx.example MX 10 v4.example\n"
			   "zerogone.example TXT \"v=spf1 a:gone.example/0 mx:gone.example/0 -all\"\n"
			   "mx.example TXT \"v=spf1 mx//48 -all\"\nmx.example MX 10 h.example\nmx.example MX 20 .\n"
			   "h.example A 192.0.2.1\nh.example AAAA 2001:db8:0:1::1\nv4.example A 198.51.100.1\n");
	static const struct {
		const char *sender, *client;
		enum result result;
	} cases[] = {
		{ "u@example.org", "192.0.2.200", RESULT_PASS },
		{ "u@example.org", "192.0.3.1", RESULT_FAIL },
		{ "u@example.org", "2001:db8:0:1:2::", RESULT_PASS },
		{ "u@example.org", "2001:db8:0:2::1", RESULT_FAIL },
		{ "u@example.org", "::ffff:192.0.2.9", RESULT_PASS },
		{ "u@zero.example", "203.0.113.1", RESULT_PASS },
		{ "u@zero.example", "fe80::1", RESULT_PASS },
		{ "u@zero4.example", "198.51.100.1", RESULT_PASS },
		{ "u@zero4.example", "198.51.100.2", RESULT_FAIL },
		{ "u@zero4.example", "2001:db8::1", RESULT_FAIL },
		{ "u@zeromx.example", "203.0.113.1", RESULT_PASS },
		{ "u@zeromx.example", "2001:db8::1", RESULT_FAIL },
		{ "u@zerogone.example", "203.0.113.1", RESULT_FAIL },
		{ "u@mx.example", "192.0.2.1", RESULT_PASS },
		{ "u@mx.example", "192.0.2.2", RESULT_FAIL },
		{ "u@mx.example", "2001:db8::9", RESULT_PASS },
		{ "u@mx.example", "2001:db9::9", RESULT_FAIL },
		/* loopback is a client like any other */
		{ "u@example.org", "127.0.0.1", RESULT_FAIL },
		{ "u@example.org", "::1", RESULT_FAIL },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct spf_verdict *v = check(&f, cases[i].client, "h.example", cases[i].sender);
		if (v->result != cases[i].result)
			fail_msg("%s from %s: %s", cases[i].sender, cases[i].client, result_words[v->result]);
	}
	fixture_end(&f);
}

static void ptr_wants_a_name_that_leads_back(void **state) /* RFC 7208 5.5 */
{
	(void)state;
	struct fixture f = fixture_of(
		"example.org TXT \"v=spf1 ptr -all\"\n"
		"p.example TXT \"v=spf1 exists:%{p}.list.example -all\"\nmail.example.org.list.example A 127.0.0.2\n"
		"1.2.0.192.in-addr.arpa PTR other.example\n1.2.0.192.in-addr.arpa PTR Mail.Example.ORG\n"
		"mail.example.org A 192.0.2.1\nother.example * TIMEOUT\n"
		"2.2.0.192.in-addr.arpa PTR mail.example.org\n"
		"3.2.0.192.in-addr.arpa PTR notexample.org\nnotexample.org A 192.0.2.3\n"
		"4.2.0.192.in-addr.arpa * SERVFAIL\n");
	assert_result(check_example(&f, "192.0.2.1"), RESULT_PASS);
	assert_result(check_example(&f, "192.0.2.2"), RESULT_FAIL); /* somebody else's name */
	assert_result(check_example(&f, "192.0.2.3"), RESULT_FAIL);
	assert_result(check_example(&f, "192.0.2.4"), RESULT_FAIL); /* errors are no match */
	assert_result(check_example(&f, "192.0.2.5"), RESULT_FAIL);
	assert_result(check(&f, "192.0.2.1", "h", "u@p.example"), RESULT_PASS);
	assert_result(check(&f, "192.0.2.2", "h", "u@p.example"), RESULT_FAIL);
	fixture_end(&f);
}

static void the_name_of_the_client_is_the_closest(void **state) /* RFC 7208 7.3 */
{
	(void)state;
	struct fixture f = fixture_of(
		"example.org TXT \"v=spf1 -all exp=why.example\"\nsub.example.org TXT \"v=spf1 -all exp=why.example\"\n"
		"example.com TXT \"v=spf1 -all exp=why.example\"\nwhy.example TXT \"%{p}\"\n"
		"1.2.0.192.in-addr.arpa PTR other.example\n1.2.0.192.in-addr.arpa PTR a.sub.example.org\n"
		"1.2.0.192.in-addr.arpa PTR sub.example.org\n1.2.0.192.in-addr.arpa PTR example.com\n"
		"other.example A 192.0.2.1\na.sub.example.org A 192.0.2.1\nsub.example.org A 192.0.2.1\n"
		"example.com A 192.0.2.99\n");
	assert_str(check(&f, "192.0.2.1", "h", "u@sub.example.org")->explanation, "sub.example.org");
	assert_str(check(&f, "192.0.2.1", "h", "u@example.org")->explanation, "a.sub.example.org");
	assert_str(check(&f, "192.0.2.1", "h", "u@example.com")->explanation, "other.example");
	assert_str(check(&f, "192.0.2.2", "h", "u@example.com")->explanation, "unknown");
	fixture_end(&f);
}

static void non_ascii_local_parts_match_no_term(void **state) /* RFC 8616 4 */
{
	(void)state;
	struct fixture f = fixture_of("example.org TXT \"v=spf1 exists:%{l}.%{d} -exists:%{S}.%{d} exists:%{d2}.%{o} "
				      "~all exp=%{l}.example\"\n"
				      "*.example.org A 127.0.0.2\nnull.example TXT \"v=spf1 redirect=%{l}.example\"\n");
	assert_str(check_example(&f, "192.0.2.1")->mechanism, "exists:%{l}.%{d}");
	const struct spf_verdict *v = check(&f, "192.0.2.1", "h", "j\xc3\xbcrg@example.org");
	assert_result(v, RESULT_PASS);
	assert_str(v->mechanism, "exists:%{d2}.%{o}");
	assert_result(check(&f, "192.0.2.1", "h", "j\xc3\xbcrg@null.example"), RESULT_PERMERROR);
	fixture_end(&f);
}

static void a_term_that_is_not_reached_asks_nothing(void **state)
{
	(void)state;
	struct fixture f = fixture_of(
		"example.org TXT \"v=spf1 ip4:192.0.2.1 include:x.example mx exists:%{p}.y.example -all\"\n");
	assert_result(check_example(&f, "192.0.2.1"), RESULT_PASS);
	assert_int_equal(dns_counters(f.dns).asked, 1);
	fixture_end(&f);
}

static void explanations_come_with_fail_only(void **state) /* RFC 7208 6.2 */
{
	(void)state;
	struct fixture f = fixture_of(
		"example.org TXT \"v=spf1 ip4:192.0.2.1 ~ip4:192.0.2.2 include:inner.example exp=why.%{o} -all\"\n"
		"inner.example TXT \"v=spf1 -ip4:192.0.2.9 exp=inner-why.example ?all\"\n"
		"inner-why.example TXT \"not shown\"\n"
		"why.example.org TXT \"%{i} may not send for \" \"%{s}; ask %{r}\"\n");
	assert_str(check_example(&f, "192.0.2.1")->explanation, "");
	assert_str(check_example(&f, "192.0.2.2")->explanation, "");
	uint64_t asked = dns_counters(f.dns).asked;
	assert_int_equal(asked, 2); /* the record, twice */
	const struct spf_verdict *v = check_example(&f, "192.0.2.9");
	assert_result(v, RESULT_FAIL);
	assert_str(v->explanation, "192.0.2.9 may not send for user@example.org; ask mx.receiver.example");
	assert_int_equal(v->lookups, 1);
	assert_int_equal(dns_counters(f.dns).asked - asked, 3); /* record, include, explanation */
	fixture_end(&f);
}

static void a_bad_explanation_is_none(void **state)
{
	(void)state;
	static const char *const data[] = {
		"NXDOMAIN",
		"NODATA",
		"SERVFAIL",
		"TIMEOUT",
		"\"one\"\nwhy.example.org TXT \"two\"",
		"\"%{x}\"",
		"\"%\"",
		"\"\\239\\187\\191text\"",
		"\"line\\010line\"",
		"\"nul\\000\"",
		"\"\"",
	};
	for (size_t i = 0; i < sizeof(data) / sizeof(data[0]); i++) {
		char zone[400];
		snprintf(zone, sizeof(zone),
			 "example.org TXT \"v=spf1 -all exp=why.example.org\"\nwhy.example.org TXT %s\n", data[i]);
		struct fixture f = fixture_of(zone);
		const struct spf_verdict *v = check_example(&f, "192.0.2.1");
		assert_result(v, RESULT_FAIL);
		assert_str(v->explanation, "");
		fixture_end(&f);
	}
}

static void the_end_of_time_is_a_temperror(void **state) /* RFC 7208 4.6.4 */
{
	(void)state;
	struct fixture f =
		fixture_of_text(STR("example.org TXT \"v=spf1 a:slow.example -all\"\nslow.example A DELAY 2s\n"
				    "slow.example A 192.0.2.1\n"),
				5000);
	struct spf_check c = { .helo = STR("h"), .mail_from = STR("u@example.org") };
	assert_true(ip_parse(STR("192.0.2.1"), &c.client));
	int64_t start = clock_mono_ms();
	const struct spf_verdict *v = spf_check_mailfrom(f.dns, &c, start + 20, f.arena);
	assert_result(v, RESULT_TEMPERROR);
	assert_str(v->reason, "DNS: slow.example A: timeout");
	assert_true(clock_mono_ms() - start < 1500);
	fixture_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_verdict_says_what_matched),
		cmocka_unit_test(only_the_domain_behind_the_last_at_is_checked),
		cmocka_unit_test(the_null_sender_is_postmaster_of_the_helo_name),
		cmocka_unit_test(the_helo_identity_is_checked_on_its_own),
		cmocka_unit_test(answers_to_the_first_question),
		cmocka_unit_test(an_include_matches_only_if_it_passes),
		cmocka_unit_test(the_outer_term_is_named_whatever_matched_inside),
		cmocka_unit_test(redirect_comes_last_and_only_without_all),
		cmocka_unit_test(addresses_match_under_their_prefix),
		cmocka_unit_test(ptr_wants_a_name_that_leads_back),
		cmocka_unit_test(the_name_of_the_client_is_the_closest),
		cmocka_unit_test(non_ascii_local_parts_match_no_term),
		cmocka_unit_test(a_term_that_is_not_reached_asks_nothing),
		cmocka_unit_test(explanations_come_with_fail_only),
		cmocka_unit_test(a_bad_explanation_is_none),
		cmocka_unit_test(the_end_of_time_is_a_temperror),
	};
	return RUN_TESTS(tests);
}

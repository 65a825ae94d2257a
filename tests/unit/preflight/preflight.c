#include "../policy/fixture.h"

#include "../auth/zone.h"
#include "option/options.h"
#include "policy/workflow.h"
#include "preflight/preflight.h"

static const struct str egress[] = { { "192.0.2.10", 10 }, { "2001:db8::10", 12 } };

static const struct preflight *fly_from(struct fixture *f, size_t egress_count, const char *identity, const char *zone)
{
	struct zone z;
	zone_open(&z, zone);
	write_file(f, "60.conf", str_printf(f->arena, "workflows = ( { name = \"w\"; match = { auth = { login = \"w\"; }; };\n"
					    "identity = { %s }; unsigned = true; } );\n", identity).p);
	const struct policy *policy = policy_load(f->arena, f->folder, f->diags);
	diags_print(f->diags, stderr);
	assert_int_equal(diags_errors(f->diags), 0);
	struct options *o = options_default(f->arena);
	o->authserv_id = STR("mx.example.org");
	o->egress = (struct strings){ egress, egress_count };
	const struct workflow *w = policy_workflow_at(policy, 0);
	const struct preflight *p = preflight_run(o, &w, 1, z.dns, zone_deadline(), f->arena);
	zone_close(&z);
	return p;
}

static const struct preflight *fly(struct fixture *f, const char *identity, const char *zone)
{
	return fly_from(f, 2, identity, zone);
}

/* "warn spf example.org from elsewhere: neutral ..." */
static struct str print(struct fixture *f, const struct preflight_line *l)
{
	return str_printf(f->arena, "%s %s %.*s: %.*s > %.*s %.*s", preflight_grade_words[l->grade], l->check,
			  STR_ARG(l->subject), STR_ARG(l->found), STR_ARG(l->advice), STR_ARG(l->record));
}

static bool has_line(struct fixture *f, const struct preflight_lines *lines, const char *begin, const char *part)
{
	for (size_t i = 0; i < lines->count; i++) {
		struct str text = print(f, &lines->items[i]);
		if (str_starts(text, str_of(begin)) && strstr(str_to_c(f->arena, text), part) != NULL)
			return true;
	}
	for (size_t i = 0; i < lines->count; i++)
		fprintf(stderr, "%.*s\n", STR_ARG(print(f, &lines->items[i])));
	fprintf(stderr, "wanted: %s ... %s\n", begin, part);
	return false;
}

#define LINE(p, begin, part) assert_true(has_line(f, &(p)->workflows[0].lines, begin, part))
#define EGRESS(p, begin, part) assert_true(has_line(f, &(p)->egress, begin, part))
#define VERDICT(p, text) assert_string_equal(str_to_c(f->arena, (p)->workflows[0].verdict), text)

#define EXAMPLE "from = [ \"a@example.org\" ];"
#define DMARC "_dmarc.example.org TXT \"v=DMARC1; p=reject; rua=mailto:d@example.org\"\n"
#define SPF(record) "example.org TXT \"v=spf1 " record "\"\n"
#define REVERSE "10.2.0.192.in-addr.arpa PTR mx.example.org\nmx.example.org A 192.0.2.10\n" \
		"0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa PTR mx.example.org\n" \
		"mx.example.org AAAA 2001:db8::10\n"

static void all_is_well_when_every_address_is_permitted_and_has_its_name(void **state)
{
	struct fixture *f = *state;
	const struct preflight *p = fly(f, EXAMPLE, REVERSE DMARC SPF("ip4:192.0.2.10 ip6:2001:db8::/32 -all"));
	EGRESS(p, "ok iprev 192.0.2.10: mx.example.org", "");
	EGRESS(p, "ok iprev 2001:db8::10: mx.example.org", "");
	LINE(p, "ok spf example.org from 192.0.2.10: pass by ip4:192.0.2.10", "");
	LINE(p, "ok spf example.org from 2001:db8::10: pass by ip6:2001:db8::/32", "");
	LINE(p, "ok spf example.org from elsewhere: fail, after 0 of 10 look-ups", "");
	LINE(p, "ok align envelope example.org: aligned with From example.org (relaxed)", "");
	LINE(p, "ok dmarc example.org: record at example.org, policy reject", "");
	LINE(p, "warn dkim w: is not signed", "");
	VERDICT(p, "yes, by SPF alone");
	assert_int_equal(p->workflows[0].dmarc, RESULT_PASS);
	assert_true(p->workflows[0].by_spf && !p->workflows[0].by_dkim);
	assert_int_equal(p->grade, PREFLIGHT_WARN);
}

static void one_address_that_is_not_permitted_is_enough_to_fail(void **state)
{
	struct fixture *f = *state;
	const struct preflight *p = fly(f, EXAMPLE, DMARC SPF("ip4:192.0.2.10 -all"));
	LINE(p, "ok spf example.org from 192.0.2.10", "");
	LINE(p, "fail spf example.org from 2001:db8::10: fail:", "add ip6:2001:db8::10 to the record of example.org");
	VERDICT(p, "no: example.org: SPF fail for example.org; no DKIM signature");
	assert_int_equal(p->workflows[0].dmarc, RESULT_FAIL);
	assert_int_equal(p->grade, PREFLIGHT_FAIL);
	p = fly(f, EXAMPLE, DMARC SPF("ip4:192.0.2.10 ~all"));
	LINE(p, "fail spf example.org from 2001:db8::10: softfail:", "");
}

static void a_missing_record_is_told_once_with_one_to_publish(void **state)
{
	struct fixture *f = *state;
	const struct preflight *p = fly(f, EXAMPLE, DMARC);
	LINE(p, "fail spf example.org: no SPF record", "example.org. IN TXT \"v=spf1 ip4:192.0.2.10 ip6:2001:db8::10 -all\"");
	size_t spf = 0;
	for (size_t i = 0; i < p->workflows[0].lines.count; i++)
		spf += strcmp(p->workflows[0].lines.items[i].check, "spf") == 0;
	assert_int_equal(spf, 1);
	p = fly(f, EXAMPLE, SPF("ip4:192.0.2.10 ip6:2001:db8::10 -all"));
	LINE(p, "fail dmarc example.org: no DMARC record", "_dmarc.example.org. IN TXT \"v=DMARC1; p=none; rua=");
	VERDICT(p, "no: example.org: no DMARC record");
	assert_int_equal(p->workflows[0].dmarc, RESULT_NONE);
	assert_int_equal(p->grade, PREFLIGHT_FAIL);
}

static void what_the_record_says_of_everyone_else_is_told(void **state)
{
	static const struct { const char *record, *begin; } rows[] = {
		{ SPF("ip4:192.0.2.10 ip6:2001:db8::10 ?all"), "warn spf example.org from elsewhere: neutral" },
		{ SPF("ip4:192.0.2.10 ip6:2001:db8::10"), "warn spf example.org from elsewhere: neutral" },
		{ SPF("ip4:192.0.2.10 ip6:2001:db8::10 ~all"), "ok spf example.org from elsewhere: softfail" },
		{ SPF("+all"), "fail spf example.org from elsewhere: pass" },
		{ SPF("ip4:192.0.2.10 ip6:2001:db8::10 include:none.example -all"),
		  "warn spf example.org from elsewhere: permerror" },
		{ SPF("ip4:192.0.2.10 ip6:2001:db8::10 a:x.example mx:y.example -all"),
		  "warn spf example.org from elsewhere: fail, after 2 of 10 look-ups, 2 of 2 that may find nothing" },
		{ SPF("ip4:192.0.2.10 ip6:2001:db8::10 include:t.example -all") "t.example TXT TIMEOUT\n",
		  "temperror spf example.org from elsewhere: temperror" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture *f = *state;
		const struct preflight *p = fly(f, EXAMPLE, str_printf(f->arena, "%s%s", DMARC, rows[i].record).p);
		LINE(p, rows[i].begin, "");
		VERDICT(p, "yes, by SPF alone");
	}
}

static void look_ups_near_and_over_the_limit_are_told(void **state)
{
	struct fixture *f = *state;
	const char *nine = "ip4:192.0.2.10 ip6:2001:db8::10 a a a a a a a a a -all\"\nexample.org A 192.0.2.99\n";
	const struct preflight *p = fly(f, EXAMPLE, str_printf(f->arena, DMARC "example.org TXT \"v=spf1 %s", nine).p);
	LINE(p, "warn spf example.org from elsewhere: fail, after 9 of 10 look-ups", "one more makes it a permanent error");
	p = fly(f, EXAMPLE, str_printf(f->arena, DMARC "example.org TXT \"v=spf1 a a %s", nine).p);
	LINE(p, "warn spf example.org from elsewhere: permerror", "10");
	p = fly(f, EXAMPLE, DMARC SPF("a a a a a a a a a a a ip4:192.0.2.10 -all") "example.org A 192.0.2.99\n");
	LINE(p, "fail spf example.org from 192.0.2.10: permerror", "correct the record");
	assert_int_equal(p->workflows[0].dmarc, RESULT_FAIL);
}

static void dns_that_does_not_tell_is_no_failure(void **state)
{
	struct fixture *f = *state;
	const struct preflight *p = fly(f, EXAMPLE, REVERSE DMARC "example.org TXT SERVFAIL\n");
	LINE(p, "temperror spf example.org from 192.0.2.10: temperror", "");
	VERDICT(p, "cannot be told now: example.org: SPF for example.org ended in temperror");
	assert_int_equal(p->workflows[0].dmarc, RESULT_TEMPERROR);
	assert_int_equal(p->grade, PREFLIGHT_TEMPERROR);
	p = fly(f, EXAMPLE, SPF("+ip4:192.0.2.10 ip6:2001:db8::10 -all") "_dmarc.example.org TXT SERVFAIL\n");
	LINE(p, "temperror dmarc example.org: no answer for _dmarc.example.org", "");
	EGRESS(p, "fail iprev 192.0.2.10: the address has no reverse name", "publish A of that name");
}

static void alignment_is_as_the_record_asks_for_it(void **state)
{
	struct fixture *f = *state;
	const char *below = "mail_from = [ \"b@bounce.example.org\" ]; " EXAMPLE;
	const char *spf = "bounce.example.org TXT \"v=spf1 ip4:192.0.2.10 ip6:2001:db8::10 -all\"\n";
	const struct preflight *p = fly(f, below, str_printf(f->arena, DMARC "%s", spf).p);
	LINE(p, "ok align envelope bounce.example.org: aligned with From example.org (relaxed)", "");
	VERDICT(p, "yes, by SPF alone");
	p = fly(f, below, str_printf(f->arena, "%s_dmarc.example.org TXT \"v=DMARC1; p=none; aspf=s\"\n", spf).p);
	LINE(p, "warn align envelope bounce.example.org: not aligned with From example.org (strict)", "use example.org");
	LINE(p, "warn dmarc example.org: record at example.org, policy none, no reports (rua)", "p=quarantine or p=reject");
	VERDICT(p, "no: example.org: SPF pass for bounce.example.org is not aligned; no DKIM signature");
}

static void the_record_of_the_organizational_domain_is_found(void **state)
{
	struct fixture *f = *state;
	const struct preflight *p = fly(f, "from = [ \"a@news.example.org\" ];",
					"news.example.org TXT \"v=spf1 ip4:192.0.2.10 ip6:2001:db8::10 -all\"\n"
					"_dmarc.example.org TXT \"v=DMARC1; p=reject; sp=quarantine; t=y; rua=mailto:d@x.example\"\n");
	LINE(p, "warn dmarc news.example.org: record at example.org, policy none, t=y", "");
	VERDICT(p, "yes, by SPF alone");
}

static void two_records_are_told_as_what_they_are(void **state)
{
	struct fixture *f = *state;
	const struct preflight *p = fly(f, EXAMPLE, DMARC "_dmarc.example.org TXT \"v=DMARC1; p=none\"\n");
	LINE(p, "fail dmarc example.org: _dmarc.example.org has 2 records: they count as none", "leave one of them");
	p = fly(f, EXAMPLE, SPF("ip4:192.0.2.10 -all") SPF("ip6:2001:db8::10 -all") DMARC);
	LINE(p, "fail spf example.org from 192.0.2.10: permerror: example.org has 2 v=spf1 texts", "");
}

static void patterns_give_their_domain_and_lists_all_of_theirs(void **state)
{
	struct fixture *f = *state;
	const char *spf = "ip4:192.0.2.10 ip6:2001:db8::10 -all\"\n";
	const char *zone = str_printf(f->arena, "one.example TXT \"v=spf1 %stwo.example TXT \"v=spf1 %s"
				      "_dmarc.one.example TXT \"v=DMARC1; p=reject\"\n"
				      "_dmarc.two.example TXT \"v=DMARC1; p=reject\"\n", spf, spf).p;
	write_file(f, "10.conf", "lists = ( { name = \"them\"; type = \"address\"; items = [ \"x@two.example\", \"*@one.example\", "
				 "\"y@two.example\" ]; } );\n");
	const struct preflight *p = fly(f, "mail_from = [ \"b+*@one.example\" ]; return_path_domain = [ \".sub.example\" ]; "
					   "from = [ \"@them\", \"*@*.wild.example\" ];", zone);
	LINE(p, "ok spf one.example from 192.0.2.10", "");
	LINE(p, "warn spf .sub.example: stands for more than one domain: not checked", "");
	LINE(p, "warn dmarc *.wild.example: stands for more than one domain: not checked", "");
	LINE(p, "ok align envelope one.example: aligned with From one.example", "");
	LINE(p, "warn align envelope one.example: not aligned with From two.example", "");
	VERDICT(p, "no: two.example: SPF pass for one.example is not aligned; no DKIM signature");
	p = fly(f, "from = [ \"*@*.wild.example\" ];", zone);
	VERDICT(p, "cannot be told: From names no certain domain");
	assert_int_equal(p->workflows[0].dmarc, RESULT_NONE);
}

static void a_list_without_end_is_cut(void **state)
{
	struct fixture *f = *state;
	char many[4000] = "", one[40];
	for (int i = 0; i < WORKFLOW_DOMAINS_MAX + 1; i++) {
		snprintf(one, sizeof(one), "%s\"a@d%d.example\"", i == 0 ? "" : ", ", i);
		strcat(many, one);
	}
	const struct preflight *p = fly(f, str_printf(f->arena, "from = [ %s ];", many).p, "");
	LINE(p, "warn dmarc From: may be of more than 50 domains: the rest is not checked", "");
	LINE(p, "warn spf envelope sender: may be of more than 50 domains", "");
}

static void without_addresses_spf_is_open_and_no_verdict_is_invented(void **state)
{
	struct fixture *f = *state;
	const struct preflight *p = fly_from(f, 0, EXAMPLE, DMARC);
	EGRESS(p, "warn iprev egress: is not set", "egress = [ \"192.0.2.10\" ];");
	VERDICT(p, "cannot be told: DKIM does not pass, and SPF is not checked");
	assert_int_equal(p->workflows[0].dmarc, RESULT_NONE);
	assert_int_equal(p->grade, PREFLIGHT_WARN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_is_well_when_every_address_is_permitted_and_has_its_name),
		TEST(one_address_that_is_not_permitted_is_enough_to_fail),
		TEST(a_missing_record_is_told_once_with_one_to_publish),
		TEST(what_the_record_says_of_everyone_else_is_told),
		TEST(look_ups_near_and_over_the_limit_are_told),
		TEST(dns_that_does_not_tell_is_no_failure),
		TEST(alignment_is_as_the_record_asks_for_it),
		TEST(the_record_of_the_organizational_domain_is_found),
		TEST(two_records_are_told_as_what_they_are),
		TEST(patterns_give_their_domain_and_lists_all_of_theirs),
		TEST(a_list_without_end_is_cut),
		TEST(without_addresses_spf_is_open_and_no_verdict_is_invented),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

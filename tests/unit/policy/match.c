#include "fixture.h"

#include "policy/match.h"

/* The first rule's `when`, which is all that the text says. */
static const struct conditions *conditions_of(struct fixture *f, const char *when)
{
	static const char lists[] =
		"lists = ( { name = \"nets\"; type = \"ip\"; items = [ \"192.0.2.0/24\", \"2001:db8::/32\" ]; },\n"
		"          { name = \"names\"; type = \"domain\"; items = [ \".listed.example\", \"bücher.example\" ]; },\n"
		"          { name = \"people\"; type = \"address\"; items = [ \"*@listed.example\" ]; },\n"
		"          { name = \"words\"; type = \"string\"; items = [ \"Exact\", \"pre*\" ]; } );\n";
	write_file(f, "policy.conf", str_printf(f->arena, "%srules = ( { name = \"r\"; at = \"end\"; when = { %s };\n"
						"recipients = \"any\"; then = { action = \"tag\"; tag = \"x\"; }; } );",
						lists, when).p);
	load_folder(f);
	return &f->policy->rules.items[0]->when;
}

static enum truth ask(struct fixture *f, const struct conditions *when, const struct facts *facts)
{
	struct matcher m = { .arena = f->arena, .facts = facts };
	const struct condition *decided;
	return conditions_match(&m, when, &decided);
}

struct row {
	const char *when;
	enum fact_id id;
	const char *value;
	enum truth truth;
};

static struct facts *facts_for(const struct given_facts *all, enum fact_id id)
{
	return fact_descs[id].scope == SCOPE_CONN ? all->connection
	       : fact_descs[id].scope == SCOPE_MSG ? all->message : all->recipients[0];
}

static void check_rows(struct fixture *f, const struct row *rows, size_t count)
{
	size_t wrong = 0;
	for (size_t i = 0; i < count; i++) {
		const struct conditions *when = conditions_of(f, rows[i].when);
		struct given_facts all = stranger_facts(f);
		set_fact(facts_for(&all, rows[i].id), rows[i].id, rows[i].value);
		assert_int_equal(when->count, 1);
		assert_true(when->items[0].is_good);
		if (ask(f, when, all.recipients[0]) != rows[i].truth) {
			print_error("%s with %s\n", rows[i].when, rows[i].value);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

#define CHECK(...)                                                                                 \
	do {                                                                                       \
		const struct row rows[] = { __VA_ARGS__ };                                         \
		check_rows(*state, rows, sizeof(rows) / sizeof(*rows));                            \
	} while (0)

#define NO TRUTH_NO
#define YES TRUTH_YES
#define UNTOLD TRUTH_CANNOT_TELL

static void results_are_one_of_the_words(void **state)
{
	CHECK({ "spf = { result = \"fail\"; };", FACT_SPF_RESULT, "fail", YES },
	      { "spf = { result = \"fail\"; };", FACT_SPF_RESULT, "softfail", NO },
	      { "spf = { result = [ \"none\", \"permerror\" ]; };", FACT_SPF_RESULT, "permerror", YES },
	      { "spf = { result = [ \"none\", \"permerror\" ]; };", FACT_SPF_RESULT, "none", YES },
	      { "spf = { result = [ \"none\", \"permerror\" ]; };", FACT_SPF_RESULT, "pass", NO },
	      { "spf = { result = \"none\"; };", FACT_SPF_RESULT, NULL, NO },
	      { "spf = { result = \"none\"; };", FACT_SPF_RESULT, "?", UNTOLD });
}

static void strings_match_patterns_without_case(void **state)
{
	CHECK({ "auth = { login = \"Billing\"; };", FACT_AUTH_LOGIN, "bILLING", YES },
	      { "auth = { login = \"billing\"; };", FACT_AUTH_LOGIN, "billing2", NO },
	      { "auth = { login = \"bill*\"; };", FACT_AUTH_LOGIN, "billing", YES },
	      { "auth = { login = \"bill*\"; };", FACT_AUTH_LOGIN, "xbilling", NO },
	      { "auth = { login = [ \"a\", \"*ing\" ]; };", FACT_AUTH_LOGIN, "billing", YES },
	      { "auth = { login = \"@words\"; };", FACT_AUTH_LOGIN, "exact", YES },
	      { "auth = { login = \"@words\"; };", FACT_AUTH_LOGIN, "PREfix", YES },
	      { "auth = { login = [ \"x\", \"@words\" ]; };", FACT_AUTH_LOGIN, "other", NO },
	      { "auth = { login = \".example.org\"; };", FACT_AUTH_LOGIN, "a.example.org", NO },
	      { "auth = { login = \"*\"; };", FACT_AUTH_LOGIN, NULL, NO },
	      { "auth = { login = \"*\"; };", FACT_AUTH_LOGIN, "", NO });
}

static void domains_match_themselves_or_what_is_below(void **state)
{
	CHECK({ "helo = { name = \"example.org\"; };", FACT_HELO_NAME, "example.org", YES },
	      { "helo = { name = \"Example.ORG.\"; };", FACT_HELO_NAME, "EXAMPLE.org", YES },
	      { "helo = { name = \"example.org\"; };", FACT_HELO_NAME, "a.example.org", NO },
	      { "helo = { name = \".example.org\"; };", FACT_HELO_NAME, "example.org", YES },
	      { "helo = { name = \".example.org\"; };", FACT_HELO_NAME, "a.b.example.org", YES },
	      { "helo = { name = \".example.org\"; };", FACT_HELO_NAME, "badexample.org", NO },
	      { "helo = { name = \".example.org\"; };", FACT_HELO_NAME, "org", NO },
	      { "helo = { name = \"*.example.org\"; };", FACT_HELO_NAME, "example.org", NO },
	      { "helo = { name = \"*.example.org\"; };", FACT_HELO_NAME, "a.example.org", YES },
	      { "helo = { name = \"mx*.example.org\"; };", FACT_HELO_NAME, "mx3.example.org", YES },
	      { "helo = { name = \"bücher.example\"; };", FACT_HELO_NAME, "xn--bcher-kva.example", YES },
	      { "helo = { name = \".BÜCHER.example\"; };", FACT_HELO_NAME, "a.xn--bcher-kva.example", YES },
	      { "helo = { name = \"*.bücher.example\"; };", FACT_HELO_NAME, "a.xn--bcher-kva.example", YES },
	      { "helo = { name = \"@names\"; };", FACT_HELO_NAME, "xn--bcher-kva.example", YES },
	      { "helo = { name = \"@names\"; };", FACT_HELO_NAME, "a.listed.example", YES },
	      { "helo = { name = \"[*]\"; };", FACT_HELO_NAME, "[192.0.2.1]", YES });
}

static void addresses_match_by_local_part_and_domain(void **state)
{
	CHECK({ "mail = { from = \"Ann@Example.org\"; };", FACT_MAIL_FROM, "ann@example.ORG", YES },
	      { "mail = { from = \"ann@example.org\"; };", FACT_MAIL_FROM, "ann@sub.example.org", NO },
	      { "mail = { from = \"*@example.org\"; };", FACT_MAIL_FROM, "any@Example.org", YES },
	      { "mail = { from = \"*@example.org\"; };", FACT_MAIL_FROM, "any@a.example.org", NO },
	      { "mail = { from = \"*@example.org\"; };", FACT_MAIL_FROM, "\"a@example.org\"@evil.example", NO },
	      { "mail = { from = \"*@*.example.org\"; };", FACT_MAIL_FROM, "any@a.example.org", YES },
	      { "mail = { from = \"bounce+*@example.org\"; };", FACT_MAIL_FROM, "bounce+1@example.org", YES },
	      { "mail = { from = \"postmaster\"; };", FACT_MAIL_FROM, "Postmaster", YES },
	      { "mail = { from = \"*\"; };", FACT_MAIL_FROM, "", NO },
	      { "mail = { from = \"@people\"; };", FACT_MAIL_FROM, "x@listed.example", YES },
	      { "mail = { from = \"*@bücher.example\"; };", FACT_MAIL_FROM, "x@xn--bcher-kva.example", YES },
	      { "mail = { from = \"*@bücher.example\"; };", FACT_MAIL_FROM, "x@BÜCHER.example", YES },
	      { "mail = { from = \"*@xn--bcher-kva.example\"; };", FACT_MAIL_FROM, "x@bücher.example", YES },
	      { "mail = { from = \"*@bücher.example\"; };", FACT_MAIL_FROM, "x@\xff.example", NO },
	      { "rcpt = { to = \"*@example.org\"; };", FACT_RCPT_TO, "a@example.org", YES });
}

static void addresses_and_networks_of_both_families(void **state)
{
	CHECK({ "client = { ip = \"192.0.2.7\"; };", FACT_CLIENT_IP, "192.0.2.7", YES },
	      { "client = { ip = \"192.0.2.7\"; };", FACT_CLIENT_IP, "192.0.2.8", NO },
	      { "client = { ip = \"192.0.2.0/24\"; };", FACT_CLIENT_IP, "192.0.2.255", YES },
	      { "client = { ip = \"192.0.2.0/24\"; };", FACT_CLIENT_IP, "192.0.3.0", NO },
	      { "client = { ip = \"192.0.2.0/24\"; };", FACT_CLIENT_IP, "::ffff:192.0.2.9", YES },
	      { "client = { ip = \"0.0.0.0/0\"; };", FACT_CLIENT_IP, "::1", NO },
	      { "client = { ip = \"2001:db8::/32\"; };", FACT_CLIENT_IP, "2001:db8:ffff::1", YES },
	      { "client = { ip = [ \"10.0.0.0/8\", \"@nets\" ]; };", FACT_CLIENT_IP, "2001:db8::1", YES },
	      { "client = { ip = [ \"10.0.0.0/8\", \"@nets\" ]; };", FACT_CLIENT_IP, "10.1.1.1", YES },
	      { "client = { ip = [ \"10.0.0.0/8\", \"@nets\" ]; };", FACT_CLIENT_IP, "11.1.1.1", NO },
	      { "client = { ip = \"0.0.0.0/0\"; };", FACT_CLIENT_IP, NULL, NO });
}

static void numbers_are_equal_or_within(void **state)
{
	CHECK({ "listener = { port = 25; };", FACT_LISTENER_PORT, "25", YES },
	      { "listener = { port = [ 465, 587 ]; };", FACT_LISTENER_PORT, "587", YES },
	      { "listener = { port = [ 465, 587 ]; };", FACT_LISTENER_PORT, "500", NO },
	      { "listener = { port = { min = 25; max = 30; }; };", FACT_LISTENER_PORT, "25", YES },
	      { "listener = { port = { min = 25; max = 30; }; };", FACT_LISTENER_PORT, "30", YES },
	      { "listener = { port = { min = 25; max = 30; }; };", FACT_LISTENER_PORT, "31", NO },
	      { "listener = { port = { min = 25; }; };", FACT_LISTENER_PORT, "24", NO },
	      { "listener = { port = { max = 25; }; };", FACT_LISTENER_PORT, "-1", YES },
	      { "mail = { size = { min = 5000000000L; }; };", FACT_MAIL_SIZE, "5000000000", YES },
	      { "mail = { size = { min = 5000000000L; }; };", FACT_MAIL_SIZE, "4999999999", NO },
	      { "listener = { port = ( 1, { min = 5; max = 6; } ); };", FACT_LISTENER_PORT, "6", YES },
	      { "listener = { port = { max = 25; }; };", FACT_LISTENER_PORT, NULL, NO });
}

static void truths_are_equal_and_absent_is_neither(void **state)
{
	CHECK({ "client = { trusted = true; };", FACT_CLIENT_TRUSTED, "true", YES },
	      { "client = { trusted = true; };", FACT_CLIENT_TRUSTED, "false", NO },
	      { "client = { trusted = false; };", FACT_CLIENT_TRUSTED, "false", YES },
	      { "client = { trusted = false; };", FACT_CLIENT_TRUSTED, NULL, NO });
}

static void any_element_of_a_list_will_do(void **state)
{
	CHECK({ "dkim = { pass_domains = \"b.example\"; };", FACT_DKIM_PASS_DOMAINS, "a.example b.example", YES },
	      { "dkim = { pass_domains = \"c.example\"; };", FACT_DKIM_PASS_DOMAINS, "a.example b.example", NO },
	      { "dkim = { pass_domains = \".b.example\"; };", FACT_DKIM_PASS_DOMAINS, "a.example x.b.example", YES },
	      { "dkim = { pass_domains = \"bücher.example\"; };", FACT_DKIM_PASS_DOMAINS, "xn--bcher-kva.example", YES },
	      { "dkim = { pass_domains = \"@names\"; };", FACT_DKIM_PASS_DOMAINS, "a.listed.example", YES },
	      { "header = { names = \"List-*\"; };", FACT_HEADER_NAMES, "from list-id", YES },
	      { "dkim = { pass_domains = \"*\"; };", FACT_DKIM_PASS_DOMAINS, "", NO },
	      { "dkim = { pass_domains = \"*\"; };", FACT_DKIM_PASS_DOMAINS, "?", UNTOLD });
}

static void presence_is_a_value_that_is_not_empty(void **state)
{
	CHECK({ "has = [ \"auth.login\" ];", FACT_AUTH_LOGIN, "x", YES },
	      { "has = [ \"auth.login\" ];", FACT_AUTH_LOGIN, NULL, NO },
	      { "has = [ \"auth.login\" ];", FACT_AUTH_LOGIN, "?", UNTOLD },
	      { "lacks = [ \"auth.login\" ];", FACT_AUTH_LOGIN, "x", NO },
	      { "lacks = [ \"auth.login\" ];", FACT_AUTH_LOGIN, NULL, YES },
	      { "lacks = [ \"auth.login\" ];", FACT_AUTH_LOGIN, "?", UNTOLD },
	      { "has = [ \"mail.from\" ];", FACT_MAIL_FROM, "", NO },
	      { "lacks = [ \"dkim.pass_domains\" ];", FACT_DKIM_PASS_DOMAINS, "", YES },
	      { "has = [ \"client.trusted\" ];", FACT_CLIENT_TRUSTED, "false", YES });
}

static void facts_that_nobody_set_are_absent(void **state)
{
	struct fixture *f = *state;
	struct facts *connection = facts_new(f->arena, SCOPE_CONN, NULL);
	struct facts *message = facts_new(f->arena, SCOPE_MSG, connection);
	assert_int_equal(ask(f, conditions_of(f, "spf = { result = \"fail\"; };"), message), TRUTH_NO);
	assert_int_equal(ask(f, conditions_of(f, "lacks = [ \"spf.result\" ];"), message), TRUTH_YES);
	assert_int_equal(ask(f, conditions_of(f, "has = [ \"rcpt.to\" ];"), message), TRUTH_NO);
}

static void one_no_decides_else_one_cannot_tell(void **state)
{
	struct fixture *f = *state;
	const struct conditions *when =
		conditions_of(f, "spf = { result = \"fail\"; }; helo = { valid = false; }; mail = { null = true; };");
	static const struct {
		const char *spf, *helo, *null;
		enum truth truth;
		enum fact_id decided; /* FACT_COUNT: none */
	} rows[] = {
		{ "fail", "false", "true", YES, FACT_COUNT },
		{ "pass", "false", "true", NO, FACT_SPF_RESULT },
		{ "?", "false", "true", UNTOLD, FACT_SPF_RESULT },
		{ "?", "?", "true", UNTOLD, FACT_SPF_RESULT },
		{ "fail", "?", "false", NO, FACT_MAIL_NULL },
		{ "?", "false", "false", NO, FACT_MAIL_NULL },
		{ "fail", "false", "?", UNTOLD, FACT_MAIL_NULL },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct given_facts all = stranger_facts(f);
		struct matcher m = { .arena = f->arena, .facts = all.message };
		const struct condition *decided;
		set_fact(all.message, FACT_SPF_RESULT, rows[i].spf);
		set_fact(all.connection, FACT_HELO_VALID, rows[i].helo);
		set_fact(all.message, FACT_MAIL_NULL, rows[i].null);
		assert_int_equal(conditions_match(&m, when, &decided), rows[i].truth);
		assert_int_equal(decided == NULL ? FACT_COUNT : decided->fact, rows[i].decided);
	}
}

static void explanations_name_value_and_wish(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *when;
		enum fact_id id;
		const char *value, *text;
	} rows[] = {
		{ "spf = { result = [ \"fail\", \"softfail\" ]; };", FACT_SPF_RESULT, "pass",
		  "spf.result is pass, wanted fail or softfail" },
		{ "listener = { port = { min = 1; max = 2; }; };", FACT_LISTENER_PORT, "25",
		  "listener.port is 25, wanted at least 1 and at most 2" },
		{ "client = { ip = \"@nets\"; };", FACT_CLIENT_IP, "198.51.100.1", "client.ip is 198.51.100.1, wanted @nets" },
		{ "auth = { login = \"a\"; };", FACT_AUTH_LOGIN, NULL, "auth.login is absent, wanted a" },
		{ "lacks = [ \"auth.login\" ];", FACT_AUTH_LOGIN, "x", "auth.login is x, wanted none" },
		{ "has = [ \"mail.from\" ];", FACT_MAIL_FROM, "", "mail.from is empty, wanted any" },
		{ "client = { trusted = true; };", FACT_CLIENT_TRUSTED, "false", "client.trusted is false, wanted true" },
		{ "spf = { result = \"fail\"; };", FACT_SPF_RESULT, "?",
		  "spf.result cannot be told (nobody answers), wanted fail" },
		{ "listener = { port = [ 1, 2, 3, 4, 5, 6, 7, 8 ]; };", FACT_LISTENER_PORT, "25",
		  "listener.port is 25, wanted 1 or 2 or 3 or 4 or 5 or 6 or one of 2 more" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct conditions *when = conditions_of(f, rows[i].when);
		struct given_facts all = stranger_facts(f);
		set_fact(facts_for(&all, rows[i].id), rows[i].id, rows[i].value);
		assert_str(condition_explain(f->arena, &when->items[0], all.message), rows[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(results_are_one_of_the_words),
		TEST(strings_match_patterns_without_case),
		TEST(domains_match_themselves_or_what_is_below),
		TEST(addresses_match_by_local_part_and_domain),
		TEST(addresses_and_networks_of_both_families),
		TEST(numbers_are_equal_or_within),
		TEST(truths_are_equal_and_absent_is_neither),
		TEST(any_element_of_a_list_will_do),
		TEST(presence_is_a_value_that_is_not_empty),
		TEST(facts_that_nobody_set_are_absent),
		TEST(one_no_decides_else_one_cannot_tell),
		TEST(explanations_name_value_and_wish),
	};
	return RUN_TESTS(tests);
}

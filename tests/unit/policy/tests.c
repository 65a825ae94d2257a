#include "fixture.h"

#include "policy/tests.h"

static struct policy_test_counts counts;

/* What running the tests of the policy loaded prints, the folder's name left out. */
static struct str run(struct fixture *f, bool is_verbose)
{
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);
	counts = policy_run_tests(f->policy, is_verbose, out);
	fclose(out);
	struct str printed = without(f->arena, (struct str){ text, n }, str_printf(f->arena, "%s/", f->folder));
	free(text);
	return printed;
}

static const char rules[] =
	"rules = ( { name = \"connect\"; when = { client = { ip = \"203.0.113.1\"; }; }; then = { action = \"reject\"; reply = \"554 5.7.1 Go away\"; }; },\n"
	"{ name = \"rcpt\"; when = { rcpt = { to = \"closed@*\"; }; }; then = { action = \"reject\"; reply = \"550 5.1.1 No %{rcpt.to}\"; }; },\n"
	"{ name = \"rcpt-free\"; when = { rcpt = { to = \"free@*\"; }; }; then = { action = \"accept\"; }; },\n"
	"{ name = \"rcpt-many\"; when = { rcpt = { count = { min = 3; }; }; }; then = { action = \"defer\"; reply = \"452 4.5.3 Enough\"; }; },\n"
	"{ name = \"mark\"; when = { spf = { result = \"softfail\"; }; }; then = ( { action = \"tag\"; tag = \"soft\"; },\n"
	"  { action = \"add_header\"; name = \"X-Soft\"; value = \"yes\"; }, { action = \"log\"; text = \"hm\"; } ); },\n"
	"{ name = \"watch\"; observe = true; when = { spf = { result = \"softfail\"; }; }; then = { action = \"reject\"; }; },\n"
	"{ name = \"end\"; when = { spf = { result = \"fail\"; }; }; then = { action = \"reject\"; reply = \"550 5.7.23 No %{spf.domain}\"; }; } );\n";

static void load_tests(struct fixture *f, const char *tests)
{
	load_text(f, str_printf(f->arena, "%stests = ( %s );", rules, tests).p);
}

static void good_expectations_pass(void **state)
{
	struct fixture *f = *state;
	load_tests(f,
		"{ name = \"a\"; expect = { action = \"continue\"; tags = []; headers = []; logs = []; observed = []; }; },\n"
		"{ name = \"b\"; given = { client = { ip = \"203.0.113.1\"; }; spf = { result = \"fail\"; }; };\n"
		"  expect = { action = \"reject\"; code = 554; enhanced = \"5.7.1\"; rule = \"connect\"; stage = \"connect\"; text = \"away\"; }; },\n"
		"{ name = \"c\"; given = { spf = { result = \"softfail\"; }; }; expect = { action = \"continue\"; rule = \"mark\"; tags = \"soft\";\n"
		"  headers = [ \"X-Soft: yes\" ]; logs = [ \"hm\" ]; observed = [ \"watch\" ]; }; },\n"
		"{ name = \"one refused of two\"; given = { rcpt = { to = [ \"closed@x.example\", \"b@x.example\" ]; }; }; expect = { action = \"continue\"; }; },\n"
		"{ name = \"all refused\"; given = { rcpt = { to = [ \"closed@x.example\", \"closed@y.example\" ]; }; spf = { result = \"fail\"; }; };\n"
		"  expect = { action = \"reject\"; rule = \"rcpt\"; stage = \"rcpt\"; text = \"y.example\"; }; },\n"
		"{ name = \"accepted\"; given = { rcpt = { to = [ \"b@x.example\", \"free@x.example\" ]; }; }; expect = { action = \"accept\"; rule = \"rcpt-free\"; stage = \"rcpt\"; }; },\n"
		"{ name = \"accepted, then refused\"; given = { rcpt = { to = \"free@x.example\"; }; spf = { result = \"fail\"; }; }; expect = { rule = \"end\"; stage = \"end\"; }; },\n"
		"{ name = \"counted\"; given = { rcpt = { to = [ \"a@x.example\", \"b@x.example\", \"c@x.example\" ]; }; }; expect = { action = \"continue\"; }; },\n"
		"{ name = \"sendmail(1), one refused\"; given = { client = { local = true; }; rcpt = { to = [ \"b@x.example\", \"closed@x.example\" ]; }; };\n"
		"  expect = { action = \"reject\"; rule = \"rcpt\"; stage = \"end\"; }; },\n"
		"{ name = \"sendmail(1), accepted\"; given = { client = { local = true; }; rcpt = { to = \"free@x.example\"; }; spf = { result = \"fail\"; }; };\n"
		"  expect = { rule = \"end\"; }; },\n"
		"{ name = \"counted by the test\"; given = { rcpt = { count = 3; }; }; expect = { action = \"defer\"; rule = \"rcpt-many\"; }; }");
	assert_str(run(f, false), "");
	assert_int_equal(counts.passed, 11);
	assert_int_equal(counts.failed, 0);
}

static void wrong_expectations_fail_and_say_what_came(void **state)
{
	struct fixture *f = *state;
	load_tests(f,
		"{ name = \"a\"; given = { spf = { result = \"fail\"; }; };\n"
		"expect = { action = \"accept\"; code = 551; enhanced = \"5.7.2\"; rule = \"connect\"; stage = \"mail\"; text = \"away\"; }; },\n"
		"{ name = \"b\"; given = { spf = { result = \"softfail\"; }; };\n"
		"expect = { action = \"reject\"; tags = []; headers = [ \"X-Soft: no\" ]; logs = [ \"hm\", \"ho\" ]; observed = []; }; },\n"
		"{ name = \"c\"; expect = { rule = \"end\"; tags = [ \"soft\" ]; stage = \"end\"; }; },\n"
		"{ name = \"d\"; given = { client = { ip = \"203.0.113.1\"; }; }; expect = { rule = \"end\"; }; }");
	assert_str(run(f, false),
		   "policy.conf:9: FAIL: a\n"
		   "    action: expected accept, came reject\n"
		   "    code: expected 551, came 550\n"
		   "    enhanced: expected 5.7.2, came 5.7.23\n"
		   "    text: expected away, came No sender.example\n"
		   "    stage: expected mail, came end\n"
		   "    rule: expected connect, came end\n"
		   "    connect (policy.conf:1): did not hold at connect: client.ip is 198.51.100.25, wanted 203.0.113.1\n"
		   "    came: reject 550 5.7.23 No sender.example by end (policy.conf:8) at end\n"
		   "policy.conf:11: FAIL: b\n"
		   "    action: expected reject, came continue\n"
		   "    tags: expected none, came \"soft\"\n"
		   "    headers: expected \"X-Soft: no\", came \"X-Soft: yes\"\n"
		   "    logs: expected \"hm\", \"ho\", came \"hm\"\n"
		   "    observed: expected none, came \"watch\"\n"
		   "    came: continue: no rule decided\n"
		   "policy.conf:13: FAIL: c\n"
		   "    stage: expected end, came none\n"
		   "    rule: expected end, came none\n"
		   "    tags: expected \"soft\", came none\n"
		   "    end (policy.conf:8): did not hold at end: spf.result is none, wanted fail\n"
		   "    mark (policy.conf:5): did not hold at end: spf.result is none, wanted softfail\n"
		   "    came: continue: no rule decided\n"
		   "policy.conf:14: FAIL: d\n"
		   "    rule: expected end, came connect\n"
		   "    end (policy.conf:8): it was not asked\n"
		   "    came: reject 554 5.7.1 Go away by connect (policy.conf:1) at connect\n");
	assert_int_equal(counts.passed, 0);
	assert_int_equal(counts.failed, 4);
}

static void a_trail_that_is_missing_is_explained_by_the_rules_that_leave_it(void **state)
{
	struct fixture *f = *state;
	load_tests(f,
		"{ name = \"tag\"; expect = { tags = \"soft\"; }; },\n"
		"{ name = \"header\"; expect = { headers = \"x-soft: yes\"; }; },\n"
		"{ name = \"log\"; expect = { logs = \"hm\"; }; },\n"
		"{ name = \"observed\"; expect = { observed = \"watch\"; }; },\n"
		"{ name = \"none\"; expect = { tags = \"sofft\"; headers = \"X-Sof: yes\"; }; },\n"
		"{ name = \"early\"; given = { client = { ip = \"203.0.113.1\"; }; }; expect = { tags = \"soft\"; }; }");
	static const char mark[] = "    mark (policy.conf:5): did not hold at end: spf.result is none, wanted softfail\n";
	assert_str(run(f, false),
		   str_printf(f->arena,
			      "policy.conf:9: FAIL: tag\n    tags: expected \"soft\", came none\n%s    came: continue: no rule decided\n"
			      "policy.conf:10: FAIL: header\n    headers: expected \"x-soft: yes\", came none\n%s    came: continue: no rule decided\n"
			      "policy.conf:11: FAIL: log\n    logs: expected \"hm\", came none\n%s    came: continue: no rule decided\n"
			      "policy.conf:12: FAIL: observed\n    observed: expected \"watch\", came none\n"
			      "    watch (policy.conf:7): did not hold at end: spf.result is none, wanted softfail\n    came: continue: no rule decided\n"
			      "policy.conf:13: FAIL: none\n    tags: expected \"sofft\", came none\n    headers: expected \"X-Sof: yes\", came none\n"
			      "    came: continue: no rule decided\n"
			      "policy.conf:14: FAIL: early\n    tags: expected \"soft\", came none\n"
			      "    mark (policy.conf:5): it was not asked\n"
			      "    came: reject 554 5.7.1 Go away by connect (policy.conf:1) at connect\n",
			      mark, mark, mark).p);
}

static void verbose_shows_the_stranger_what_passed_and_what_is_untested(void **state)
{
	struct fixture *f = *state;
	load_text(f, "rules = ( { name = \"x\"; when = { spf = { result = \"fail\"; }; }; then = { action = \"accept\"; }; },\n"
		  "{ name = \"y\"; when = { spf = { result = \"pass\"; }; }; then = { action = \"accept\"; }; } );\n"
		  "tests = ( { name = \"t\"; given = { spf = { result = \"fail\"; }; }; expect = { rule = \"x\"; }; } );");
	struct str text = run(f, true);
	assert_non_null(strstr(text.p, "\nclient.ip = 198.51.100.25\n"));
	assert_non_null(strstr(text.p, "\npolicy.conf:3: ok: t: accept by x (policy.conf:1) at end\n"));
	assert_non_null(strstr(text.p, "\npolicy.conf:2: note: no test names the rule \"y\"\n"));
	assert_null(strstr(text.p, "names the rule \"x\""));
}

static const char workflows[] =
	"ports = { relay = { port = 25; forbid = \"auth\"; }; };\n"
	"workflows = ( { name = \"app\"; match = { auth = { login = \"app\"; }; }; unsigned = true;\n"
	"  identity = { from = \"app@example.org\"; mail_from = \"*\"; reply_to = \"*@example.org\"; }; },\n"
	"{ name = \"host\"; match = { client = { local = true; }; }; unsigned = true;\n"
	"  identity = { from = \"root@example.org\"; }; } );\n"
	"rules = ( { name = \"owned\"; when = { has = [ \"workflow.owner\" ]; }; then = { action = \"reject\"; }; },\n"
	"{ name = \"mail\"; at = \"mail\"; then = { action = \"tag\"; tag = \"mail\"; }; } );\n";

static void load_workflow_tests(struct fixture *f, const char *tests)
{
	load_text(f, str_printf(f->arena, "%stests = ( %s );", workflows, tests).p);
}

static void workflows_are_judged_as_a_session_does(void **state)
{
	struct fixture *f = *state;
	load_workflow_tests(f,
		"{ name = \"good\"; given = { auth = { login = \"app\"; }; listener = { port = 587; }; from = { address = \"app@example.org\"; }; };\n"
		"  expect = { action = \"continue\"; workflow = \"app\"; tags = [ \"mail\" ]; }; },\n"
		"{ name = \"port\"; given = { auth = { login = \"app\"; }; };\n"
		"  expect = { action = \"reject\"; stage = \"mail\"; rule = \"ports:relay\"; workflow = \"app\"; tags = []; }; },\n"
		"{ name = \"from\"; given = { auth = { login = \"app\"; }; listener = { port = 587; }; };\n"
		"  expect = { stage = \"headers\"; rule = \"workflow:app\"; text = \"author@sender.example\"; }; },\n"
		"{ name = \"reply-to\"; given = { auth = { login = \"app\"; }; listener = { port = 587; }; from = { address = \"app@example.org\"; };\n"
		"    fields = [ \"Subject: x\", \"Reply-To: x@example.org, y@example.com\" ]; };\n"
		"  expect = { stage = \"headers\"; rule = \"workflow:app\"; text = \"y@example.com\"; }; },\n"
		"{ name = \"login\"; given = { auth = { login = \"eve\"; }; listener = { port = 587; }; };\n"
		"  expect = { stage = \"mail\"; rule = \"workflows\"; code = 550; workflow = \"none\"; }; },\n"
		"{ name = \"owner\"; given = { from = { address = \"app@example.org\"; }; };\n"
		"  expect = { rule = \"owned\"; stage = \"headers\"; workflow = \"none\"; }; },\n"
		"{ name = \"host\"; given = { client = { local = true; }; mail = { from = \"root@example.org\"; }; from = { address = \"root@example.org\"; }; };\n"
		"  expect = { action = \"continue\"; workflow = \"host\"; }; },\n"
		"{ name = \"said\"; given = { auth = { login = \"eve\"; }; workflow = { status = \"ok\"; }; };\n"
		"  expect = { action = \"continue\"; workflow = \"none\"; }; },\n"
		"{ name = \"said otherwise\"; given = { auth = { login = \"eve\"; }; workflow = { owner = \"x\"; }; };\n"
		"  expect = { rule = \"owned\"; }; },\n"
		"{ name = \"left out\"; given = { auth = { login = \"eve\"; }; lacks = [ \"identity.from\" ]; };\n"
		"  expect = { action = \"continue\"; }; }");
	assert_str(run(f, false), "");
	assert_int_equal(counts.passed, 10);
}

static void wrong_expectations_of_workflows_say_why(void **state)
{
	struct fixture *f = *state;
	load_workflow_tests(f,
		"{ name = \"a\"; given = { auth = { login = \"ann\"; }; listener = { port = 587; }; }; expect = { workflow = \"app\"; }; },\n"
		"{ name = \"b\"; given = { auth = { login = \"app\"; }; listener = { port = 587; }; }; expect = { workflow = \"none\"; rule = \"ports:relay\"; }; }");
	assert_str(run(f, false),
		   "policy.conf:8: FAIL: a\n"
		   "    workflow: expected app, came none\n"
		   "    workflow:app (policy.conf:2): did not hold at mail: auth.login is ann, wanted app\n"
		   "    came: reject 550 5.7.1 The login ann may not send mail here on port 587: no workflow is for it, ask the postmaster by workflows (policy.conf:2) at mail\n"
		   "policy.conf:9: FAIL: b\n"
		   "    rule: expected ports:relay, came workflow:app\n"
		   "    workflow: expected none, came app\n"
		   "    ports:relay (policy.conf:1): it was not asked\n"
		   "    came: reject 550 5.7.1 The From address author@sender.example may not be used here, allowed is app@example.org by workflow:app (policy.conf:3) at headers\n");
	assert_non_null(strstr(run(f, true).p, "\npolicy.conf:4: note: no test names the workflow \"host\"\n"));
}

/* The facts of a test whose `given` is this; "-" absent, "?" cannot be told. */
struct follows {
	const char *given;
	enum fact_id id;
	const char *value;
};

static const struct fact_value *value_of(const struct given_facts *facts, enum fact_id id)
{
	return facts_get(facts->recipients[0], id);
}

static void what_is_given_brings_what_follows(void **state)
{
	struct fixture *f = *state;
	static const struct follows rows[] = {
		{ "", FACT_CLIENT_IP, "198.51.100.25" },
		{ "", FACT_AUTH_LOGIN, "-" },
		{ "", FACT_TLS_VERSION, "-" },
		{ "", FACT_RCPT_DOMAIN, "recipient.example" },
		{ "", FACT_HEADER_NAMES, "received, from, to, subject, date, message-id" },
		{ "mail = { from = \"a@B.example\"; };", FACT_MAIL_DOMAIN, "b.example" },
		{ "mail = { from = \"a@b.example\"; };", FACT_MAIL_NULL, "false" },
		{ "mail = { from = \"a@b.example\"; };", FACT_SPF_DOMAIN, "b.example" },
		{ "mail = { from = \"a@b.example\"; };", FACT_FROM_DOMAIN, "sender.example" },
		{ "mail = { from = \"a@b.example\"; domain = \"c.example\"; };", FACT_MAIL_DOMAIN, "c.example" },
		{ "mail = { domain = \"c.example\"; };", FACT_MAIL_FROM, "author@c.example" },
		{ "mail = { from = \"\"; };", FACT_MAIL_NULL, "true" },
		{ "mail = { null = true; };", FACT_MAIL_FROM, "" },
		{ "mail = { null = true; };", FACT_MAIL_DOMAIN, "-" },
		{ "mail = { null = true; }; helo = { name = \"h.example\"; };", FACT_SPF_DOMAIN, "h.example" },
		{ "mail = { null = true; };", FACT_SPF_IDENTITY, "helo" },
		{ "from = { address = \"x@Y.example\"; };", FACT_FROM_DOMAIN, "y.example" },
		{ "from = { domain = \"Bücher.example\"; };", FACT_FROM_DOMAIN, "xn--bcher-kva.example" },
		{ "from = { domain = \"y.example\"; };", FACT_FROM_ADDRESS, "author@y.example" },
		{ "from = { domain = \"y.example\"; };", FACT_DMARC_ORG_DOMAIN, "y.example" },
		{ "from = { status = \"several\"; };", FACT_FROM_DOMAIN, "-" },
		{ "from = { status = \"several\"; };", FACT_FROM_COUNT, "2" },
		{ "from = { status = \"missing\"; };", FACT_FROM_COUNT, "0" },
		{ "from = { status = \"missing\"; };", FACT_DMARC_RESULT, "permerror" },
		{ "rcpt = { to = \"a@X.example\"; };", FACT_RCPT_DOMAIN, "x.example" },
		{ "rcpt = { to = \"postmaster\"; };", FACT_RCPT_DOMAIN, "-" },
		{ "dkim = { result = \"pass\"; }; from = { domain = \"y.example\"; };", FACT_DKIM_PASS_DOMAINS, "y.example" },
		{ "dkim = { result = \"fail\"; };", FACT_DKIM_COUNT, "1" },
		{ "dkim = { result = \"fail\"; };", FACT_DKIM_PASS_DOMAINS, "-" },
		{ "dmarc = { result = \"fail\"; };", FACT_DMARC_POLICY, "none" },
		{ "dmarc = { result = \"fail\"; }; from = { domain = \"y.example\"; };", FACT_DMARC_RECORD_DOMAIN, "y.example" },
		{ "", FACT_DMARC_POLICY, "-" },
		{ "from = { status = \"missing\"; };", FACT_HEADER_MISSING, "From" },
		{ "date = { status = \"missing\"; };", FACT_HEADER_MISSING, "Date" },
		{ "date = { status = \"missing\"; }; from = { status = \"missing\"; };", FACT_HEADER_MISSING, "From, Date" },
		{ "date = { status = \"missing\"; };", FACT_DATE_SKEW_S, "-" },
		{ "date = { status = \"malformed\"; };", FACT_HEADER_MISSING, "-" },
		{ "date = { status = \"malformed\"; };", FACT_DATE_SKEW_S, "-" },
		{ "header = { eight_bit = true; };", FACT_HEADER_EIGHT_BIT_FIELD, "Subject" },
		{ "", FACT_HEADER_EIGHT_BIT_FIELD, "-" },
		{ "client = { local = true; };", FACT_CLIENT_IP, "127.0.0.1" },
		{ "client = { local = true; };", FACT_LISTENER_PORT, "0" },
		{ "client = { name = \"x.example\"; };", FACT_IPREV_NAME, "x.example" },
		{ "lacks = [ \"client.name\" ];", FACT_IPREV_RESULT, "fail" },
		{ "lacks = [ \"client.name\" ];", FACT_IPREV_NAME, "-" },
		{ "auth = { login = \"x\"; };", FACT_AUTH_METHOD, "PLAIN" },
		{ "tls = { version = \"TLSv1.2\"; };", FACT_TLS_BITS, "256" },
		{ "tls = { bits = 128; };", FACT_TLS_VERSION, "-" },
		{ "workflow = { name = \"x\"; };", FACT_WORKFLOW_STATUS, "ok" },
		{ "workflow = { name = \"x\"; };", FACT_WORKFLOW_KIND, "transactional" },
		{ "", FACT_WORKFLOW_STATUS, "none" },
		{ "unknown = [ \"spf.result\" ];", FACT_SPF_RESULT, "?" },
		{ "dkim = { pass_domains = [ \"a.example\", \"b.example\" ]; };", FACT_DKIM_PASS_DOMAINS, "a.example, b.example" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		load_text(f, str_printf(f->arena, "%stests = ( { name = \"t\"; given = { %s }; expect = { code = 5; }; } );", rules, rows[i].given).p);
		struct given_facts facts = given_facts_new(f->arena, &f->policy->tests.items[0]->given);
		const struct fact_value *v = value_of(&facts, rows[i].id);
		if (strcmp(rows[i].value, "-") == 0)
			assert_int_equal(v->state, FACT_ABSENT);
		else if (strcmp(rows[i].value, "?") == 0)
			assert_int_equal(v->state, FACT_UNKNOWN);
		else
			assert_str(fact_value_print(f->arena, rows[i].id, v), rows[i].value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(good_expectations_pass),
		TEST(wrong_expectations_fail_and_say_what_came),
		TEST(a_trail_that_is_missing_is_explained_by_the_rules_that_leave_it),
		TEST(verbose_shows_the_stranger_what_passed_and_what_is_untested),
		TEST(workflows_are_judged_as_a_session_does),
		TEST(wrong_expectations_of_workflows_say_why),
		TEST(what_is_given_brings_what_follows),
	};
	return RUN_TESTS(tests);
}

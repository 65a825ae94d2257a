#include "fixture.h"

#include "mail/header.h"
#include "policy/workflow.h"

/* A message on its way through MAIL and the end of its header. */
struct message {
	struct given_facts facts;
	const struct workflow *workflow;
	struct decision mail, headers;
};

/* From a login behind good TLS, with this envelope sender and author; the header may have a line more. */
static struct message sent(struct fixture *f, const char *login, const char *sender, const char *author, const char *field)
{
	struct message m = { .facts = stranger_facts(f) };
	struct str name, value;
	set_fact(m.facts.message, FACT_AUTH_LOGIN, login);
	set_fact(m.facts.message, FACT_MAIL_FROM, sender);
	set_fact(m.facts.message, FACT_FROM_ADDRESS, author);
	if (field != NULL && str_cut(str_of(field), ':', &name, &value))
		header_list_add(m.facts.headers, name, value);
	m.workflow = workflow_match(f->policy, m.facts.message, f->arena);
	m.mail = workflow_judge(f->policy, m.workflow, STAGE_MAIL, m.facts.message, NULL, f->arena);
	m.headers = workflow_judge(f->policy, m.workflow, STAGE_HEADERS, m.facts.message, m.facts.headers, f->arena);
	return m;
}

static void assert_fact(const struct message *m, enum fact_id id, const char *expected)
{
	struct arena *a = arena_new();
	const struct fact_value *v = facts_get(m->facts.message, id);
	struct str came = v->state == FACT_UNSET    ? STR("unset")
			  : v->state == FACT_ABSENT ? STR("absent")
						    : fact_value_print(a, id, v);
	assert_str(came, expected);
	arena_free(a);
}

static void a_workflow_says_all_that_is_written_there(void **state)
{
	struct fixture *f = *state;
	load_text(f, "workflows = (\n"
		  "{ name = \"full\"; kind = \"bulk\"; match = { auth = { login = \"a\"; }; };\n"
		  "  identity = { from = \"*@Bücher.example\"; };\n"
		  "  sign = ( { domain = \"Bücher.example.\"; selector = \"Two.Labels\"; key = \"rsa-1\"; },\n"
		  "           { domain = \"bücher.example\"; selector = \"ed\"; key = \"ed\"; } );\n"
		  "  limits = { messages = \"500/1h\"; recipients = \"7/2d\"; recipients_per_message = 50; message_bytes = \"10MB\"; };\n"
		  "  suppression = \"news\"; shared = true; signs_bounces = true; },\n"
		  "{ name = \"bare\"; match = { auth = { login = \"b\"; }; }; identity = { from = \"b@example.org\"; }; unsigned = true; } );");
	assert_int_equal(policy_workflow_count(f->policy), 2);
	const struct workflow *w = policy_workflow_at(f->policy, 0);
	assert_string_equal(w->place.rule, "full");
	assert_int_equal(w->place.line, 2);
	assert_int_equal(w->kind, WORKFLOW_BULK);
	assert_int_equal(w->sign_count, 2);
	assert_str(w->sign[0].domain, "xn--bcher-kva.example");
	assert_str(w->sign[0].selector, "two.labels");
	assert_str(w->sign[0].key, "rsa-1");
	assert_int_equal(w->sign[0].at.line, 4);
	assert_string_equal(w->sign[1].at.setting, "workflows[0].sign[1]");
	assert_true(w->limits.per[LIMIT_WORKFLOW].messages.amount == 500 && w->limits.per[LIMIT_WORKFLOW].messages.per_ms == 3600000);
	assert_true(w->limits.per[LIMIT_WORKFLOW].recipients.amount == 7 && w->limits.per[LIMIT_WORKFLOW].recipients.per_ms == 2 * 24 * 3600000);
	assert_int_equal(w->limits.recipients_per_message, 50);
	assert_int_equal(w->limits.message_bytes, 10 << 20);
	assert_str(w->suppression, "news");
	assert_true(w->is_shared && w->signs_bounces);
	w = policy_workflow_at(f->policy, 1);
	assert_int_equal(w->kind, WORKFLOW_TRANSACTIONAL);
	assert_true(w->sign_count == 0 && w->limits.per[LIMIT_WORKFLOW].messages.amount == 0 && w->limits.message_bytes == 0);
	assert_str(w->suppression, "");
	assert_false(w->is_shared || w->signs_bounces);
}

static const char two[] =
	"lists = ( { name = \"team\"; type = \"address\"; items = [ \"ann@example.org\", \"*@team.example.org\" ]; } );\n"
	"workflows = (\n"
	"{ name = \"one\"; match = { auth = { login = \"app\"; }; mail = { from = \"*@bücher.example\"; }; };\n"
	"  identity = { from = \"*@bücher.example\"; }; unsigned = true; },\n"
	"{ name = \"two\"; match = { auth = { login = [ \"app\", \"bob\" ]; }; };\n"
	"  identity = { from = [ \"bob@example.org\", \"bob+*@example.org\", \"@team\" ]; mail_from = \"*@example.org\"; };\n"
	"  sign = ( { domain = \"example.org\"; selector = \"s\"; key = \"k\"; } ); } );\n";

static void the_first_workflow_that_matches_is_it(void **state)
{
	struct fixture *f = *state;
	load_text(f, two);
	assert_string_equal(sent(f, "app", "x@BÜCHER.example", NULL, NULL).workflow->place.rule, "one");
	assert_string_equal(sent(f, "app", "x@xn--bcher-kva.example", NULL, NULL).workflow->place.rule, "one");
	assert_string_equal(sent(f, "app", "x@example.org", NULL, NULL).workflow->place.rule, "two");
	assert_string_equal(sent(f, "BOB", "x@example.org", NULL, NULL).workflow->place.rule, "two");
	assert_null(sent(f, "eve", "x@example.org", NULL, NULL).workflow);
	assert_null(sent(f, NULL, "x@example.org", NULL, NULL).workflow);
	assert_null(sent(f, "?", "x@example.org", NULL, NULL).workflow);

	struct given_facts facts = stranger_facts(f);
	set_fact(facts.message, FACT_AUTH_LOGIN, "bob");
	set_fact(facts.connection, FACT_LISTENER_ROLE, "submission");
	assert_non_null(workflow_match(f->policy, facts.message, f->arena));
	set_fact(facts.connection, FACT_LISTENER_ROLE, "inbound");
	assert_null(workflow_match(f->policy, facts.message, f->arena));
}

static void an_identity_is_what_it_names(void **state)
{
	struct fixture *f = *state;
	load_text(f, two);
	static const struct {
		const char *author;
		bool is_good;
	} authors[] = {
		{ "bob@example.org", true },          { "BOB@Example.Org", true },        { "bob+x@example.org", true },
		{ "ann@example.org", true },          { "x@team.example.org", true },     { "bobby@example.org", false },
		{ "bob@example.org.evil.example", false }, { "bob@sub.example.org", false }, { "\"bob\"@example.org", false },
		{ "bob+x@evil.example,x@example.org", true }, /* no grammar has it: mail/author.c lets it not come here */
	};
	for (size_t i = 0; i < sizeof(authors) / sizeof(*authors); i++) {
		struct message m = sent(f, "bob", "bob@example.org", authors[i].author, NULL);
		assert_fact(&m, FACT_IDENTITY_FROM, authors[i].is_good ? "true" : "false");
		assert_int_equal(m.headers.action, authors[i].is_good ? ACTION_CONTINUE : ACTION_REJECT);
		assert_fact(&m, FACT_WORKFLOW_STATUS, authors[i].is_good ? "ok" : "refused");
	}
	static const struct {
		const char *field, *sender, *reply_to;
	} fields[] = {
		{ NULL, "true", "true" },
		{ "Subject: Sender: x@evil.example", "true", "true" },
		{ "Sender: bob@example.org", "true", "true" },
		{ "sender: x@evil.example", "false", "true" },
		{ "SENDER \t: x@evil.example", "false", "true" },
		{ "Sender: bob@example.org, x@evil.example", "false", "true" },
		{ "Reply-To: bob@example.org (x@evil.example)", "true", "true" },
		{ "Reply-To: \"bob@example.org\" <x@evil.example>", "true", "false" },
		{ "Reply-To: team: bob@example.org, x@evil.example;", "true", "false" },
		{ "Reply-To: team:;", "true", "true" },
		{ "Reply-To: ", "true", "true" },
		{ "Reply-To: bob@example.org\n x@evil.example", "true", "false" },
		{ "Reply-To: bob", "true", "false" },
	};
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		struct message m = sent(f, "bob", "bob@example.org", "bob@example.org", fields[i].field);
		assert_fact(&m, FACT_IDENTITY_SENDER, fields[i].sender);
		assert_fact(&m, FACT_IDENTITY_REPLY_TO, fields[i].reply_to);
	}
}

static void an_envelope_sender_must_be_an_address(void **state)
{
	struct fixture *f = *state;
	load_text(f, two);
	struct message m = sent(f, "bob", "x@example.org", "bob@example.org", NULL);
	assert_fact(&m, FACT_IDENTITY_MAIL_FROM, "true");
	assert_int_equal(m.mail.action, ACTION_CONTINUE);

	struct given_facts facts = stranger_facts(f);
	set_fact(facts.message, FACT_AUTH_LOGIN, "bob");
	set_fact(facts.message, FACT_MAIL_FROM, "x y@example.org");
	set_fact(facts.message, FACT_MAIL_VALID, "false");
	struct decision d = workflow_judge(f->policy, policy_workflow_at(f->policy, 1), STAGE_MAIL, facts.message, NULL, f->arena);
	assert_int_equal(d.action, ACTION_REJECT);
	assert_string_equal(d.from.rule, "workflow:two");
	assert_int_equal(d.from.line, 6);
	assert_str(d.reply.text, "The envelope sender <x y@example.org> may not be used here, allowed is *@example.org");
}

/* Unsigned bounces would be a way around the signature. */
static void the_null_sender_passes_signed_or_where_nothing_is(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *terms;
		enum action action;
	} rows[] = {
		{ "unsigned = true;", ACTION_CONTINUE },
		{ "sign = ( { domain = \"example.org\"; selector = \"s\"; key = \"k\"; } );", ACTION_REJECT },
		{ "sign = ( { domain = \"example.org\"; selector = \"s\"; key = \"k\"; } ); signs_bounces = true;", ACTION_CONTINUE },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		load_text(f, str_printf(f->arena, "workflows = ( { name = \"w\"; match = { auth = { login = \"x\"; }; };\n"
					"identity = { from = \"x@example.org\"; mail_from = \"x@example.org\"; }; %s } );", rows[i].terms).p);
		struct given_facts facts = stranger_facts(f);
		set_fact(facts.message, FACT_AUTH_LOGIN, "x");
		set_fact(facts.message, FACT_MAIL_FROM, "");
		set_fact(facts.message, FACT_MAIL_NULL, "true");
		const struct workflow *w = workflow_match(f->policy, facts.message, f->arena);
		assert_int_equal(workflow_judge(f->policy, w, STAGE_MAIL, facts.message, NULL, f->arena).action, rows[i].action);
	}
}

static void facts_tell_of_a_workflow_only_where_there_are_some(void **state)
{
	struct fixture *f = *state;
	load_text(f, "rules = ();");
	struct message m = sent(f, "eve", "x@example.org", "bob@example.org", "Sender: x@evil.example");
	assert_true(m.mail.action == ACTION_CONTINUE && m.headers.action == ACTION_CONTINUE);
	assert_fact(&m, FACT_WORKFLOW_STATUS, "none");
	struct facts *fresh = facts_new(f->arena, SCOPE_MSG, m.facts.connection);
	workflow_judge(f->policy, NULL, STAGE_MAIL, fresh, NULL, f->arena);
	workflow_judge(f->policy, NULL, STAGE_HEADERS, fresh, m.facts.headers, f->arena);
	assert_true(facts_is_set(fresh, FACT_WORKFLOW_STATUS));
	assert_false(facts_is_set(fresh, FACT_WORKFLOW_NAME) || facts_is_set(fresh, FACT_WORKFLOW_OWNER) ||
		     facts_is_set(fresh, FACT_IDENTITY_MAIL_FROM) || facts_is_set(fresh, FACT_IDENTITY_SENDER));
	assert_false(policy_decides_at(f->policy, STAGE_MAIL) || policy_decides_at(f->policy, STAGE_HEADERS));

	load_text(f, two);
	m = sent(f, "eve", "x@example.org", "bob@example.org", "Sender: x@evil.example");
	assert_int_equal(m.mail.action, ACTION_REJECT);
	assert_string_equal(m.mail.from.rule, "workflows");
	assert_int_equal(m.mail.from.line, 3);
	assert_fact(&m, FACT_WORKFLOW_STATUS, "no_workflow");
	assert_fact(&m, FACT_WORKFLOW_NAME, "absent");
	assert_fact(&m, FACT_IDENTITY_SENDER, "absent");
	assert_fact(&m, FACT_WORKFLOW_OWNER, "two");

	m = sent(f, NULL, "x@example.org", "nobody@example.org", "Sender: x@evil.example");
	assert_true(m.mail.action == ACTION_CONTINUE && m.headers.action == ACTION_CONTINUE);
	assert_fact(&m, FACT_WORKFLOW_STATUS, "none");
	assert_fact(&m, FACT_WORKFLOW_OWNER, "absent");
	m = sent(f, NULL, "x@example.org", NULL, NULL);
	assert_fact(&m, FACT_WORKFLOW_OWNER, "absent");
	m = sent(f, "bob", "x@example.org", "x@bücher.example", NULL);
	assert_fact(&m, FACT_WORKFLOW_NAME, "two");
	assert_fact(&m, FACT_WORKFLOW_OWNER, "one");
}

static void both_that_share_an_author_may_use_it(void **state)
{
	struct fixture *f = *state;
	load_text(f, "workflows = (\n"
		  "{ name = \"a\"; match = { auth = { login = \"a\"; }; }; identity = { from = [ \"a@example.org\", \"both@example.org\" ]; }; shared = true; unsigned = true; },\n"
		  "{ name = \"b\"; match = { auth = { login = \"b\"; }; }; identity = { from = [ \"b@example.org\", \"both@example.org\" ]; }; shared = true; unsigned = true; } );");
	static const char *const logins[] = { "a", "b" };
	for (size_t i = 0; i < 2; i++) {
		struct message m = sent(f, logins[i], str_printf(f->arena, "%s@example.org", logins[i]).p, "both@example.org", NULL);
		assert_true(m.mail.action == ACTION_CONTINUE && m.headers.action == ACTION_CONTINUE);
		assert_fact(&m, FACT_WORKFLOW_OWNER, "absent");
	}
	struct message m = sent(f, NULL, "x@example.org", "both@example.org", NULL);
	assert_fact(&m, FACT_WORKFLOW_OWNER, "a");
}

/* What makes the rest pointless is told first. */
static void what_is_missing_is_told_in_order(void **state)
{
	struct fixture *f = *state;
	load_text(f, "workflows = ( { name = \"w\"; match = { client = { ip = \"198.51.100.25\"; }; };\n"
		  "require = { client = { name = \"*.example.net\"; }; tls = { cert_subject = \"CN=x\"; cert_issuer = \"CN=y\"; bits = { min = 128; }; };\n"
		  "            auth = { method = \"EXTERNAL\"; login = \"x\"; }; listener = { port = 587; }; };\n"
		  "identity = { from = \"author@sender.example\"; }; unsigned = true; } );");
	static const struct {
		enum fact_id id; /* set before the next question */
		const char *value, *answer;
	} steps[] = {
		{ FACT_LISTENER_PORT, "25", "550 5.7.1 Mail of this client is taken on port 587, not on 25" },
		{ FACT_LISTENER_PORT, "587", "530 5.7.0 Must issue a STARTTLS command first: mail is taken over TLS only" },
		{ FACT_LISTENER_PORT, "?", "550 5.7.1 Mail of this client is taken on port 587" },
		{ FACT_LISTENER_PORT, "587", "530 5.7.0 Must issue a STARTTLS command first: mail is taken over TLS only" },
		{ FACT_TLS_VERSION, "TLSv1.2", "554 5.7.0 The TLS cipher's strength in bits is not good enough: it is unknown, needed is at least 128" },
		{ FACT_TLS_BITS, "112", "554 5.7.0 The TLS cipher's strength in bits is not good enough: it is 112, needed is at least 128" },
		{ FACT_TLS_BITS, "128", "530 5.7.0 Authentication required: log in with AUTH first; mail servers use port 25" },
		{ FACT_AUTH_LOGIN, "x", "534 5.7.9 The authentication mechanism unknown is not taken here, needed is EXTERNAL" },
		{ FACT_AUTH_METHOD, "PLAIN", "534 5.7.9 The authentication mechanism PLAIN is not taken here, needed is EXTERNAL" },
		{ FACT_AUTH_METHOD, "EXTERNAL", "550 5.7.1 A client certificate that can be verified is needed for this mail" },
		{ FACT_TLS_CERT_SUBJECT, "CN=x", "550 5.7.1 The client certificate is not one that may send this mail" },
		{ FACT_TLS_CERT_ISSUER, "CN=y", "550 5.7.1 This mail may not be sent so: client.name is mail.sender.example, wanted *.example.net" },
		{ FACT_AUTH_LOGIN, "y", "550 5.7.1 This mail may not be sent so: client.name is mail.sender.example, wanted *.example.net" },
		{ FACT_CLIENT_NAME, "mx.example.net", "550 5.7.1 This mail may not be sent so: auth.login is y, wanted x" },
		{ FACT_AUTH_LOGIN, "x", "" },
	};
	struct given_facts facts = stranger_facts(f);
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		bool is_conn = fact_descs[steps[i].id].scope == SCOPE_CONN;
		set_fact(is_conn ? facts.connection : facts.message, steps[i].id, steps[i].value);
		struct decision d = workflow_judge(f->policy, policy_workflow_at(f->policy, 0), STAGE_MAIL, facts.message, NULL, f->arena);
		struct str came = d.action == ACTION_CONTINUE ? STR_EMPTY
				: str_printf(f->arena, "%d %.*s %.*s", d.reply.code, STR_ARG(d.reply.enhanced), STR_ARG(d.reply.text));
		assert_str(came, steps[i].answer);
	}
}

/* Peers choose addresses and logins; the rest of the text must still be there. */
static void replies_are_clean_and_whole_whatever_peers_say(void **state)
{
	struct fixture *f = *state;
	static char name[1001];
	memset(name, 'x', 1000);
	memcpy(name, "\r\n%s\xc3\xa9", 6);
	load_text(f, two);
	struct message m = sent(f, name, "x@example.org", NULL, NULL);
	assert_true(str_starts(m.mail.reply.text, STR("The login ??%s??xxx")));
	assert_true(str_ends_nocase(m.mail.reply.text, STR(" may not send mail here on port 25: no workflow is for it, ask the postmaster")));
	m = sent(f, "bob", name, name, NULL);
	assert_true(str_starts(m.mail.reply.text, STR("The envelope sender <??%s")));
	assert_true(str_ends_nocase(m.mail.reply.text, STR("may not be used here, allowed is *@example.org")));
	assert_true(str_ends_nocase(m.headers.reply.text, STR("allowed is bob@example.org or bob+*@example.org")));
	assert_true(m.headers.reply.text.n <= REPLY_TEXT_MAX);
}

static struct str traced;

static void note_trace(void *context, const struct rule_trace *t)
{
	static const char *const words[] = { "held", "not", "cannot tell", "not reached" };
	traced = str_printf(context, "%.*s%s %s: %.*s\n", STR_ARG(traced), t->rule.rule, words[t->outcome], STR_ARG(t->why));
}

static void the_trace_says_why(void **state)
{
	struct fixture *f = *state;
	load_text(f, two);
	static const struct {
		const char *login, *role, *expected;
	} rows[] = {
		{ "app", "both", "workflow:one not: mail.from is author@sender.example, wanted *@bücher.example\n"
				 "workflow:two held: auth.login is app\n" },
		{ "eve", "both", "workflow:one not: auth.login is eve, wanted app\n"
				 "workflow:two not: auth.login is eve, wanted app or bob\n" },
		{ "app", "inbound", "workflow:one not: the listener is inbound\nworkflow:two not: the listener is inbound\n" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct given_facts facts = stranger_facts(f);
		set_fact(facts.message, FACT_AUTH_LOGIN, rows[i].login);
		set_fact(facts.connection, FACT_LISTENER_ROLE, rows[i].role);
		traced = STR_EMPTY;
		workflow_trace(f->policy, workflow_match(f->policy, facts.message, f->arena), facts.message, f->arena, note_trace, f->arena);
		assert_str(traced, rows[i].expected);
	}
	struct given_facts facts = stranger_facts(f);
	set_fact(facts.message, FACT_AUTH_LOGIN, "app");
	set_fact(facts.message, FACT_MAIL_FROM, "x@bücher.example");
	traced = STR_EMPTY;
	workflow_trace(f->policy, workflow_match(f->policy, facts.message, f->arena), facts.message, f->arena, note_trace, f->arena);
	assert_true(str_ends_nocase(traced, STR("workflow:two not reached: workflow:one is chosen\n")));
}

static void what_workflows_and_ports_ask_is_in_the_need_sets(void **state)
{
	struct fixture *f = *state;
	load_text(f, "ports = { relay = { port = 25; forbid = \"auth\"; }; };");
	assert_true(policy_decides_at(f->policy, STAGE_MAIL));
	assert_false(policy_decides_at(f->policy, STAGE_HEADERS));
	assert_true(bits_has(policy_facts_at(f->policy, STAGE_MAIL), FACT_AUTH_LOGIN));

	load_text(f, "workflows = ( { name = \"w\"; match = { client = { ip = \"192.0.2.1\"; unknown_commands = 0; }; }; require = { has = [ \"tls.version\" ]; };\n"
		  "identity = { from = \"a@example.org\"; }; unsigned = true; } );");
	assert_true(policy_decides_at(f->policy, STAGE_MAIL) && policy_decides_at(f->policy, STAGE_HEADERS));
	assert_true(bits_has(policy_facts(f->policy), FACT_CLIENT_UNKNOWN_COMMANDS));
	assert_true(bits_has(policy_facts_at(f->policy, STAGE_MAIL), FACT_TLS_VERSION));
	assert_false(bits_has(policy_facts_at(f->policy, STAGE_HEADERS), FACT_CLIENT_IP));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_workflow_says_all_that_is_written_there),
		TEST(the_first_workflow_that_matches_is_it),
		TEST(an_identity_is_what_it_names),
		TEST(an_envelope_sender_must_be_an_address),
		TEST(the_null_sender_passes_signed_or_where_nothing_is),
		TEST(facts_tell_of_a_workflow_only_where_there_are_some),
		TEST(both_that_share_an_author_may_use_it),
		TEST(what_is_missing_is_told_in_order),
		TEST(replies_are_clean_and_whole_whatever_peers_say),
		TEST(the_trace_says_why),
		TEST(what_workflows_and_ports_ask_is_in_the_need_sets),
	};
	return RUN_TESTS(tests);
}

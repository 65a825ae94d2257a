#include "fixture.h"

static struct decision judge(struct fixture *f, enum stage stage, const struct given_facts *facts)
{
	const struct facts *about = stage == STAGE_RCPT ? facts->recipients[0] : facts->message;
	return policy_eval(f->policy, stage, about,
			   stage == STAGE_END ? (const struct facts *const *)facts->recipients : NULL,
			   stage == STAGE_END ? facts->recipient_count : 0, f->arena, NULL, NULL);
}

/* spf.result of the message, judged at END. */
static struct decision judge_spf(struct fixture *f, const char *result)
{
	struct given_facts facts = stranger_facts(f);
	set_fact(facts.message, FACT_SPF_RESULT, result);
	return judge(f, STAGE_END, &facts);
}

static void the_first_final_rule_decides_and_effects_add_up(void **state)
{
	struct fixture *f = *state;
	load_text(f, "rules = (\n"
		  "{ name = \"tag\"; when = { spf = { result = [ \"fail\", \"softfail\" ]; }; }; then = { action = \"tag\"; tag = \"bad\"; }; },\n"
		  "{ name = \"both\"; when = { spf = { result = \"fail\"; }; }; then = (\n"
		  "  { action = \"add_header\"; name = \"X-Spf\"; value = \"%{spf.result} for %{spf.domain}\"; },\n"
		  "  { action = \"log\"; text = \"from %{client.ip}\"; },\n"
		  "  { action = \"reject\"; reply = \"550 5.7.23 No, %{client.ip}\"; } ); },\n"
		  "{ name = \"late\"; when = { spf = { result = [ \"fail\", \"softfail\" ]; }; }; then = { action = \"quarantine\"; reason = \"spf %{spf.result}\"; }; } );");
	struct decision d = judge_spf(f, "fail");
	assert_int_equal(d.action, ACTION_REJECT);
	assert_string_equal(d.from.rule, "both");
	assert_string_equal(strrchr(d.from.file, '/'), "/policy.conf");
	assert_int_equal(d.from.line, 3);
	assert_int_equal(d.reply.code, 550);
	assert_str(d.reply.enhanced, "5.7.23");
	assert_str(d.reply.text, "No, 198.51.100.25");
	assert_false(d.is_unknown);
	assert_int_equal(d.effect_count, 3);
	assert_int_equal(d.effects[0].action, ACTION_TAG);
	assert_str(d.effects[0].value, "bad");
	assert_string_equal(d.effects[0].from.rule, "tag");
	assert_int_equal(d.effects[1].action, ACTION_ADD_HEADER);
	assert_str(d.effects[1].name, "X-Spf");
	assert_str(d.effects[1].value, "fail for sender.example");
	assert_int_equal(d.effects[2].action, ACTION_LOG);
	assert_str(d.effects[2].value, "from 198.51.100.25");

	d = judge_spf(f, "softfail");
	assert_int_equal(d.action, ACTION_QUARANTINE);
	assert_str(d.reason, "spf softfail");
	assert_int_equal(d.effect_count, 1);

	d = judge_spf(f, "pass");
	assert_int_equal(d.action, ACTION_CONTINUE);
	assert_null(d.from.rule);
	assert_int_equal(d.effect_count, 0);
}

static void an_observed_rule_changes_nothing(void **state)
{
	struct fixture *f = *state;
	load_text(f, "rules = (\n"
		  "{ name = \"watch\"; observe = true; when = { spf = { result = \"fail\"; }; }; then = ( { action = \"tag\"; tag = \"x\"; },\n"
		  "  { action = \"defer\"; reply = \"451 4.7.1 Wait, %{client.ip}\"; } ); },\n"
		  "{ name = \"act\"; when = { spf = { result = \"fail\"; }; }; then = { action = \"discard\"; }; } );");
	struct decision d = judge_spf(f, "fail");
	assert_int_equal(d.action, ACTION_DISCARD);
	assert_string_equal(d.from.rule, "act");
	assert_int_equal(d.effect_count, 0);
	assert_int_equal(d.observed_count, 2);
	assert_int_equal(d.observed[0].action, ACTION_TAG);
	assert_int_equal(d.observed[1].action, ACTION_DEFER);
	assert_str(d.observed[1].reply.text, "Wait, 198.51.100.25");
	assert_string_equal(d.observed[1].from.rule, "watch");
	/* What cannot be told is not deferred for a rule that only watches: the second rule asks for that. */
	d = judge_spf(f, "?");
	assert_string_equal(d.from.rule, "act");
	assert_int_equal(d.observed_count, 0);
}

static void what_cannot_be_told_defers_without_naming_the_rule(void **state)
{
	struct fixture *f = *state;
	load_text(f, "rules = (\n"
		  "{ name = \"skipping\"; unknown = \"skip\"; when = { spf = { result = \"fail\"; }; }; then = { action = \"reject\"; }; },\n"
		  "{ name = \"deferring\"; unknown = \"defer\"; when = { spf = { result = \"softfail\"; }; }; then = { action = \"reject\"; }; },\n"
		  "{ name = \"behind\"; when = { has = [ \"client.ip\" ]; }; at = \"end\"; then = { action = \"tag\"; tag = \"x\"; }; } );");
	struct decision d = judge_spf(f, "?");
	assert_int_equal(d.action, ACTION_DEFER);
	assert_true(d.is_unknown);
	assert_string_equal(d.from.rule, "deferring");
	assert_int_equal(d.reply.code, 451);
	assert_str(d.reply.enhanced, "4.7.1");
	assert_str(d.reply.text, "Cannot tell spf.result at present, try again later");
	assert_str(d.reason, "spf.result: nobody answers");
	assert_int_equal(d.effect_count, 0);
}

static void unless_takes_back_and_its_doubt_counts(void **state)
{
	struct fixture *f = *state;
	load_text(f, "rules = ( { name = \"r\"; when = { spf = { result = \"fail\"; }; };\n"
		  "unless = { iprev = { result = \"pass\"; }; mail = { null = true; }; }; then = { action = \"reject\"; }; } );");
	static const struct {
		const char *spf, *iprev, *null;
		enum action action;
		const char *told; /* the fact in doubt */
	} rows[] = {
		{ "fail", "fail", "true", ACTION_REJECT, NULL },  { "fail", "pass", "false", ACTION_REJECT, NULL },
		{ "fail", "pass", "true", ACTION_CONTINUE, NULL }, { "pass", "?", "true", ACTION_CONTINUE, NULL },
		{ "fail", "?", "true", ACTION_DEFER, "iprev.result" }, { "fail", "?", "false", ACTION_REJECT, NULL },
		{ "?", "pass", "true", ACTION_CONTINUE, NULL },   { "?", "fail", "true", ACTION_DEFER, "spf.result" },
		{ "?", "?", "true", ACTION_DEFER, "spf.result" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct given_facts facts = stranger_facts(f);
		set_fact(facts.message, FACT_SPF_RESULT, rows[i].spf);
		set_fact(facts.connection, FACT_IPREV_RESULT, rows[i].iprev);
		set_fact(facts.message, FACT_MAIL_NULL, rows[i].null);
		struct decision d = judge(f, STAGE_END, &facts);
		assert_int_equal(d.action, rows[i].action);
		assert_int_equal(d.is_unknown, rows[i].told != NULL);
		if (rows[i].told != NULL)
			assert_str(d.reason, str_printf(f->arena, "%s: nobody answers", rows[i].told).p);
	}
}

static void defaults_of_replies_and_reasons(void **state)
{
	struct fixture *f = *state;
	load_text(f, "rules = ( { name = \"a\"; when = { spf = { result = \"fail\"; }; }; then = { action = \"reject\"; }; },\n"
		  "{ name = \"b\"; when = { spf = { result = \"softfail\"; }; }; then = { action = \"defer\"; }; },\n"
		  "{ name = \"c\"; when = { spf = { result = \"neutral\"; }; }; then = { action = \"quarantine\"; }; },\n"
		  "{ name = \"d\"; when = { spf = { result = \"none\"; }; }; then = { action = \"accept\"; }; } );");
	struct decision d = judge_spf(f, "fail");
	assert_int_equal(d.reply.code, 550);
	assert_str(d.reply.enhanced, "5.7.1");
	assert_true(d.reply.text.n > 0);
	d = judge_spf(f, "softfail");
	assert_int_equal(d.reply.code, 451);
	assert_str(d.reply.enhanced, "4.7.1");
	d = judge_spf(f, "neutral");
	assert_str(d.reason, "policy rule c");
	d = judge_spf(f, "none");
	assert_int_equal(d.action, ACTION_ACCEPT);
	assert_int_equal(d.reply.code, 0);
}

static void recipients_any_and_all_at_end(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *first, *second; /* rcpt.domain; NULL: only one recipient */
		enum action any, all;
	} rows[] = {
		{ "a.example", NULL, ACTION_REJECT, ACTION_REJECT },
		{ "b.example", NULL, ACTION_CONTINUE, ACTION_CONTINUE },
		{ "b.example", "a.example", ACTION_REJECT, ACTION_CONTINUE },
		{ "a.example", "b.example", ACTION_REJECT, ACTION_CONTINUE },
		{ "a.example", "a.example", ACTION_REJECT, ACTION_REJECT },
		{ "?", "a.example", ACTION_REJECT, ACTION_DEFER },
		{ "b.example", "?", ACTION_DEFER, ACTION_CONTINUE },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		for (int all = 0; all < 2; all++) {
			load_text(f, str_printf(f->arena, "rules = ( { name = \"r\"; recipients = \"%s\"; when = { rcpt = { domain = \"a.example\"; }; };\n"
						"then = { action = \"reject\"; reply = \"550 5.7.1 Not for %%{rcpt.domain}\"; }; } );",
						all ? "all" : "any").p);
			struct given_facts facts = stranger_facts(f);
			struct facts *recipients[2] = { facts.recipients[0], facts_new(f->arena, SCOPE_RCPT, facts.message) };
			set_fact(recipients[0], FACT_RCPT_DOMAIN, rows[i].first);
			set_fact(recipients[1], FACT_RCPT_DOMAIN, rows[i].second);
			facts.recipients = recipients;
			facts.recipient_count = rows[i].second == NULL ? 1 : 2;
			struct decision d = judge(f, STAGE_END, &facts);
			assert_int_equal(d.action, all ? rows[i].all : rows[i].any);
			if (d.action == ACTION_REJECT)
				assert_str(d.reply.text, "Not for a.example");
			assert_int_equal(judge(f, STAGE_RCPT, &facts).action, ACTION_CONTINUE);
			facts.recipient_count = 0;
			assert_int_equal(judge(f, STAGE_END, &facts).action, ACTION_CONTINUE);
		}
	}
}

static void rules_run_at_their_stage_only(void **state)
{
	struct fixture *f = *state;
	load_text(f, "rules = ( { name = \"end\"; when = { spf = { result = \"none\"; }; }; then = { action = \"tag\"; tag = \"end\"; }; },\n"
		  "{ name = \"mail\"; at = \"mail\"; when = { spf = { result = \"none\"; }; }; then = { action = \"tag\"; tag = \"mail\"; }; },\n"
		  "{ name = \"late\"; at = \"data\"; when = { client = { trusted = false; }; }; then = { action = \"tag\"; tag = \"data\"; }; },\n"
		  "{ name = \"connect\"; when = { client = { trusted = false; }; }; then = { action = \"tag\"; tag = \"connect\"; }; },\n"
		  "{ name = \"helo\"; when = { client = { trusted = false; }; helo = { valid = true; }; }; then = { action = \"tag\"; tag = \"helo\"; }; },\n"
		  "{ name = \"rcpt\"; when = { rcpt = { domain = \"recipient.example\"; }; helo = { valid = true; }; }; then = { action = \"tag\"; tag = \"rcpt\"; }; },\n"
		  "{ name = \"headers\"; when = { client = { trusted = false; }; }; unless = { from = { status = \"missing\"; }; }; then = { action = \"tag\"; tag = \"headers\"; }; } );");
	struct given_facts facts = stranger_facts(f);
	for (enum stage stage = 0; stage < STAGE_COUNT; stage++) {
		struct decision d = judge(f, stage, &facts);
		assert_int_equal(d.effect_count, 1);
		assert_str(d.effects[0].value, stage_words[stage]);
	}
}

struct collected {
	struct arena *arena;
	struct str text;
};

static void collect(void *context, const struct rule_trace *t)
{
	static const char *const words[] = {
		[RULE_HELD] = "held", [RULE_NOT] = "not", [RULE_CANNOT_TELL] = "untold", [RULE_NOT_REACHED] = "not reached",
	};
	struct collected *c = context;
	c->text = str_printf(c->arena, "%.*s%s%s %s: %.*s\n", STR_ARG(c->text), t->rule.rule,
			     t->is_observed ? " (observed)" : "", words[t->outcome], STR_ARG(t->why));
}

static void the_trace_tells_of_every_rule_why(void **state)
{
	struct fixture *f = *state;
	load_text(f, "rules = (\n"
		  "{ name = \"no\"; when = { spf = { result = [ \"pass\", \"none\" ]; }; mail = { null = true; }; }; then = { action = \"reject\"; }; },\n"
		  "{ name = \"back\"; when = { spf = { result = \"fail\"; }; }; unless = { client = { ip = \"198.51.100.0/24\"; }; }; then = { action = \"reject\"; }; },\n"
		  "{ name = \"watch\"; observe = true; when = { spf = { result = \"fail\"; }; mail = { null = false; }; }; then = { action = \"reject\"; }; },\n"
		  "{ name = \"unsure\"; unknown = \"skip\"; when = { dkim = { result = \"pass\"; }; }; then = { action = \"tag\"; tag = \"x\"; }; },\n"
		  "{ name = \"any\"; recipients = \"any\"; when = { rcpt = { to = \"x@*\"; }; }; then = { action = \"tag\"; tag = \"x\"; }; },\n"
		  "{ name = \"always\"; at = \"end\"; then = { action = \"accept\"; }; } );");
	struct given_facts facts = stranger_facts(f);
	struct collected c = { f->arena, STR_EMPTY };
	set_fact(facts.message, FACT_SPF_RESULT, "fail");
	set_fact(facts.message, FACT_DKIM_RESULT, "?");
	policy_eval(f->policy, STAGE_END, facts.message, (const struct facts *const *)facts.recipients, 1, f->arena, collect, &c);
	assert_str(c.text,
		   "no not: spf.result is fail, wanted pass or none\n"
		   "back not: unless: client.ip is 198.51.100.25\n"
		   "watch (observed) held: spf.result is fail, mail.null is false\n"
		   "unsure untold: dkim.result cannot be told (nobody answers), wanted pass\n"
		   "any not: for reader@recipient.example: rcpt.to is reader@recipient.example, wanted x@*\n"
		   "always held: it asks about nothing\n");

	load_text(f, "rules = ( { name = \"first\"; when = { spf = { result = \"fail\"; }; }; then = { action = \"accept\"; }; },\n"
		  "{ name = \"second\"; when = { dkim = { result = \"fail\"; }; }; then = { action = \"reject\"; }; } );");
	c.text = STR_EMPTY;
	policy_eval(f->policy, STAGE_END, facts.message, NULL, 0, f->arena, collect, &c);
	assert_str(c.text, "first held: spf.result is fail\nsecond not reached: first decided before it\n");
}

static void rules_that_do_not_hold_cost_one_bit_of_memory(void **state)
{
	struct fixture *f = *state;
	struct str rules = STR_EMPTY;
	for (int i = 0; i < 200; i++)
		rules = str_printf(f->arena, "%.*s%s{ name = \"r%d\"; when = { mail = { from = [ \"*@d%d.example\", \"a%d@*\" ]; };\n"
				   "client = { ip = \"10.%d.0.0/16\"; }; from = { domain = \".d%d.example\"; }; }; then = { action = \"reject\"; }; }",
				   STR_ARG(rules), i == 0 ? "" : ",\n", i, i, i, i, i);
	load_text(f, str_printf(f->arena, "rules = ( %.*s );", STR_ARG(rules)).p);
	struct given_facts facts = stranger_facts(f);
	set_fact(facts.connection, FACT_CLIENT_IP, "10.77.1.1");
	size_t before = arena_used_bytes(f->arena);
	assert_int_equal(judge(f, STAGE_HEADERS, &facts).action, ACTION_CONTINUE);
	assert_true(arena_used_bytes(f->arena) - before <= 200 / 8 + 16);
	set_fact(facts.message, FACT_MAIL_FROM, "x@d77.example");
	set_fact(facts.message, FACT_FROM_DOMAIN, "a.d77.example");
	assert_string_equal(judge(f, STAGE_HEADERS, &facts).from.rule, "r77");
}

static bool asked_after_headers(struct fixture *f, const struct facts *facts, enum fact_id id)
{
	struct bits asked = policy_facts_asked_after(f->policy, STAGE_HEADERS, facts, f->arena);
	return bits_has(&asked, id);
}

static void rules_that_cannot_hold_any_more_ask_nothing(void **state)
{
	struct fixture *f = *state;
	load_text(f, "rules = (\n"
		  "{ name = \"early\"; when = { tls = { bits = { max = 127; }; }; }; then = { action = \"tag\"; tag = \"x\"; }; },\n"
		  "{ name = \"login\"; when = { message = { bare_cr = true; }; }; unless = { lacks = [ \"auth.login\", \"tls.bits\" ]; }; then = { action = \"tag\"; tag = \"x\"; }; },\n"
		  "{ name = \"net\"; when = { client = { ip = \"192.0.2.0/24\"; }; message = { longest_line = 5; }; }; then = { action = \"tag\"; tag = \"x\"; }; },\n"
		  "{ name = \"spf\"; when = { spf = { result = \"fail\"; }; message = { bytes = 5; }; }; then = { action = \"tag\"; tag = \"x\"; }; },\n"
		  "{ name = \"end\"; when = { message = { queue_id = \"x\"; bare_lf = true; }; }; then = { action = \"tag\"; tag = \"x\"; }; },\n"
		  "{ name = \"rcpt\"; recipients = \"any\"; when = { rcpt = { to = \"x@*\"; }; dkim = { count = 5; }; }; then = { action = \"tag\"; tag = \"x\"; }; },\n"
		  "{ name = \"back\"; when = { dkim = { reason = \"x\"; }; }; unless = { mail = { null = false; }; client = { trusted = false; }; };\n"
		  "  then = { action = \"tag\"; tag = \"x\"; }; },\n"
		  "{ name = \"text\"; when = { from = { status = \"ok\"; }; }; unless = { mail = { null = false; }; client = { trusted = true; }; };\n"
		  "  then = { action = \"log\"; text = \"%{dmarc.reason}\"; }; } );");
	struct given_facts facts = stranger_facts(f);
	assert_false(asked_after_headers(f, facts.message, FACT_TLS_BITS));
	assert_false(asked_after_headers(f, facts.message, FACT_MESSAGE_BARE_CR));
	assert_false(asked_after_headers(f, facts.message, FACT_MESSAGE_LONGEST_LINE));
	assert_false(asked_after_headers(f, facts.message, FACT_MESSAGE_BYTES));
	assert_false(asked_after_headers(f, facts.message, FACT_DKIM_REASON));
	/* what is known only at the end may change until then */
	assert_true(asked_after_headers(f, facts.message, FACT_MESSAGE_BARE_LF));
	assert_true(asked_after_headers(f, facts.message, FACT_DKIM_COUNT));
	assert_true(asked_after_headers(f, facts.message, FACT_DMARC_REASON));

	set_fact(facts.message, FACT_AUTH_LOGIN, "alice");
	set_fact(facts.connection, FACT_CLIENT_IP, "192.0.2.7");
	set_fact(facts.message, FACT_SPF_RESULT, "?");
	assert_true(asked_after_headers(f, facts.message, FACT_MESSAGE_BARE_CR));
	assert_true(asked_after_headers(f, facts.message, FACT_MESSAGE_LONGEST_LINE));
	assert_true(asked_after_headers(f, facts.message, FACT_MESSAGE_BYTES));

	/* of what nobody has set, results may come still, a login may not */
	struct facts *unset = facts_new(f->arena, SCOPE_MSG, facts.connection);
	assert_true(asked_after_headers(f, unset, FACT_MESSAGE_BYTES));
	assert_false(asked_after_headers(f, unset, FACT_MESSAGE_BARE_CR));
	assert_true(asked_after_headers(f, unset, FACT_DKIM_COUNT));
	assert_true(asked_after_headers(f, unset, FACT_DMARC_REASON));
	struct bits none = policy_facts_asked_after(f->policy, STAGE_END, facts.message, f->arena);
	assert_true(bits_is_empty(&none));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_final_rule_decides_and_effects_add_up),
		TEST(an_observed_rule_changes_nothing),
		TEST(what_cannot_be_told_defers_without_naming_the_rule),
		TEST(unless_takes_back_and_its_doubt_counts),
		TEST(defaults_of_replies_and_reasons),
		TEST(recipients_any_and_all_at_end),
		TEST(rules_run_at_their_stage_only),
		TEST(the_trace_tells_of_every_rule_why),
		TEST(rules_that_do_not_hold_cost_one_bit_of_memory),
		TEST(rules_that_cannot_hold_any_more_ask_nothing),
	};
	return RUN_TESTS(tests);
}

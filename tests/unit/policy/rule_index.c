/* Rules that are not asked could not have held. */
#include "fixture.h"

#include "policy/rule_index.h"

static const char rules[] =
	"lists = ( { name = \"friends\"; type = \"domain\"; items = [ \"friend.example\" ]; } );\n"
	"rules = (\n"
	"{ name = \"login\"; when = { auth = { login = [ \"Ann\", \"bob\" ]; }; mail = { null = false; }; };\n"
	"  then = { action = \"tag\"; tag = \"login\"; }; },\n"
	"{ name = \"sender\"; when = { mail = { from = \"a@bücher.example\"; }; }; then = { action = \"tag\"; tag = \"sender\"; }; },\n"
	"{ name = \"pattern\"; when = { mail = { from = \"*@bücher.example\"; }; }; then = { action = \"tag\"; tag = \"pattern\"; }; },\n"
	"{ name = \"either\"; when = { mail = { domain = [ \"one.example\", \".two.example\" ]; }; };\n"
	"  then = { action = \"tag\"; tag = \"either\"; }; },\n"
	"{ name = \"list\"; when = { mail = { domain = [ \"one.example\", \"@friends\" ]; }; }; then = { action = \"tag\"; tag = \"list\"; }; },\n"
	"{ name = \"absent\"; when = { lacks = [ \"auth.login\" ]; }; then = { action = \"tag\"; tag = \"absent\"; }; },\n"
	"{ name = \"refused\"; when = { auth = { login = \"eve\"; }; mail = { domain = \"one.example\"; }; }; then = { action = \"reject\"; }; },\n"
	"{ name = \"any\"; recipients = \"any\"; when = { rcpt = { to = \"x@example.org\"; }; }; then = { action = \"quarantine\"; }; },\n"
	"{ name = \"skips\"; unknown = \"skip\"; when = { dmarc = { org_domain = \"one.example\"; }; }; then = { action = \"discard\"; }; }\n"
	");\n";

static void ignore(void *context, const struct rule_trace *t)
{
	(void)context;
	(void)t;
}

static struct str said(struct arena *a, const struct decision *d)
{
	struct str all = str_printf(a, "%s by %s;", action_descs[d->action].name, d->from.rule == NULL ? "none" : d->from.rule);
	for (size_t i = 0; i < d->effect_count; i++)
		all = str_printf(a, "%.*s %.*s", STR_ARG(all), STR_ARG(d->effects[i].value));
	return all;
}

static struct str judged(struct fixture *f, enum stage stage, const struct given_facts *facts, policy_trace_fn *trace)
{
	struct decision d = policy_eval(f->policy, stage, facts->message, (const struct facts *const *)facts->recipients,
					stage == STAGE_END ? facts->recipient_count : 0, f->arena, trace, NULL);
	return said(f->arena, &d);
}

/* A trace asks all rules. */
static void what_is_asked_decides_as_all_would(void **state)
{
	static const struct {
		const char *login, *sender, *domain, *at_mail, *recipient, *org_domain, *at_end;
	} rows[] = {
		{ NULL, "x@three.example", "three.example", "continue by none; absent", "y@example.org", "three.example", "continue by none;" },
		{ "ANN", "a@BÜCHER.example", "xn--bcher-kva.example", "continue by none; login sender pattern", "X@example.org", NULL,
		  "quarantine by any;" },
		{ "bob", "b@xn--bcher-kva.example", "xn--bcher-kva.example", "continue by none; login pattern", "y@example.org",
		  "one.example", "discard by skips;" },
		{ "eve", "b@one.example", "one.example", "reject by refused; either list", "y@example.org", "?", "continue by none;" },
		{ "eve", "b@x.two.example", "x.two.example", "continue by none; either", "y@example.org", "?", "continue by none;" },
		{ "eve", "b@friend.example", "friend.example", "continue by none; list", "x@example.org", "?", "quarantine by any;" },
		{ "?", "b@four.example", "four.example", "defer by login;", "x@example.org", "?", "quarantine by any;" },
	};
	struct fixture *f = *state;
	load_text(f, rules);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct given_facts facts = stranger_facts(f);
		set_fact(facts.message, FACT_AUTH_LOGIN, rows[i].login);
		set_fact(facts.message, FACT_MAIL_FROM, rows[i].sender);
		set_fact(facts.message, FACT_MAIL_DOMAIN, rows[i].domain);
		set_fact(facts.message, FACT_DMARC_ORG_DOMAIN, rows[i].org_domain);
		set_fact(facts.recipients[0], FACT_RCPT_TO, rows[i].recipient);
		assert_str(judged(f, STAGE_MAIL, &facts, NULL), rows[i].at_mail);
		assert_str(judged(f, STAGE_MAIL, &facts, ignore), rows[i].at_mail);
		assert_str(judged(f, STAGE_END, &facts, NULL), rows[i].at_end);
		assert_str(judged(f, STAGE_END, &facts, ignore), rows[i].at_end);
	}
}

static size_t picked(struct fixture *f, enum stage stage, const struct facts *facts)
{
	struct matcher m = { .arena = f->arena, .facts = facts };
	struct rule_picks picks = rule_index_pick(f->policy->at[stage].index, stage, &m);
	size_t count = 0;
	for (size_t i = 0; (i = rule_picks_next(&picks, i)) < picks.count; i++)
		count++;
	return count;
}

static void the_rules_of_other_workflows_are_not_asked(void **state)
{
	struct fixture *f = *state;
	struct str text = STR_EMPTY;
	for (int i = 0; i < 300; i++)
		text = str_printf(f->arena, "%.*s%s{ name = \"r%d\"; when = { workflow = { name = \"w%d\"; }; header = { subject = \"*%d*\"; }; };\n"
				  "then = { action = \"reject\"; }; }", STR_ARG(text), i == 0 ? "" : ",\n", i, i / 3, i);
	load_text(f, str_printf(f->arena, "rules = ( %.*s );", STR_ARG(text)).p);
	struct given_facts facts = stranger_facts(f);
	set_fact(facts.message, FACT_WORKFLOW_NAME, NULL);
	assert_int_equal(picked(f, STAGE_HEADERS, facts.message), 0);
	set_fact(facts.message, FACT_WORKFLOW_NAME, "W77");
	assert_int_equal(picked(f, STAGE_HEADERS, facts.message), 3);
	set_fact(facts.message, FACT_WORKFLOW_NAME, "?");
	assert_int_equal(picked(f, STAGE_HEADERS, facts.message), 300);
	assert_int_equal(picked(f, STAGE_CONNECT, facts.message), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_asked_decides_as_all_would),
		TEST(the_rules_of_other_workflows_are_not_asked),
	};
	return RUN_TESTS(tests);
}

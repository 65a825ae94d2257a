/* Who must not be written to: spelling, entries, the answer at RCPT. */
#include "bench.h"

#include "feedback/suppress.h"

static void addresses_have_one_spelling(void **state)
{
	struct bench *b = *state;
	static const struct {
		const char *path, *spelling; /* NULL: no address */
	} cases[] = {
		{ "Some.One@Example.ORG", "some.one@example.org" },
		{ "<a@b.example>", "a@b.example" },
		{ "\"quoted\"@example.org", "quoted@example.org" },
		{ "\"A b\"@example.org", "\"a b\"@example.org" },
		{ "\"a@b\"@example.org", "\"a@b\"@example.org" },
		{ "a+tag@example.org", "a+tag@example.org" },
		{ "a@b\xc3\xbc" "cher.example", "a@xn--bcher-kva.example" },
		{ "\xc3\xbc@example.org", "\xc3\xbc@example.org" },
		{ "postmaster", NULL },
		{ "", NULL },
		{ "<>", NULL },
		{ "@example.org", NULL },
		{ "a b@example.org", NULL },
		{ "a@[192.0.2.1]", NULL },
		{ "a@-x-.example", NULL },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str out = STR("-");
		const char *wrong = suppress_address(b->arena, str_of(cases[i].path), &out);
		if ((wrong == NULL) != (cases[i].spelling != NULL))
			fail_msg("\"%s\": %s", cases[i].path, wrong == NULL ? "taken" : wrong);
		assert_str(out, cases[i].spelling == NULL ? "-" : cases[i].spelling);
	}
}

static void entries_are_checked(void **state)
{
	struct bench *b = *state;
	const struct suppression good = { STR("news-1"), STR("A@X.example"), STR("gr\xc3\xbc\xc3\x9f"), STR("bounce"), 5, 6 };
	struct suppression e = good;
	assert_null(suppress_check(b->arena, &e));
	assert_str(e.address, "a@x.example");
	static const struct suppression wrong[] = {
		{ .address = { "x", 1 } },
		{ .address = { "a@x", 3 }, .scope = { "a b", 3 } },
		{ .address = { "a@x", 3 }, .scope = { "a\0b", 3 } },
		{ .address = { "a@x", 3 }, .reason = { "a\nb", 3 } },
		{ .address = { "a@x", 3 }, .reason = { "\xff", 1 } },
		{ .address = { "a@x", 3 }, .source = { "\x7f", 1 } },
		{ .address = { "a@x", 3 }, .created_unix_s = 5, .expires_unix_s = 5 },
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		e = wrong[i];
		assert_non_null(suppress_check(b->arena, &e));
	}
	char text[400];
	memset(text, 'x', sizeof(text));
	e = good;
	e.reason = (struct str){ text, SUPPRESS_REASON_MAX + 1 };
	assert_non_null(suppress_check(b->arena, &e));
	e = good;
	e.source = (struct str){ text, SUPPRESS_SOURCE_MAX + 1 };
	assert_non_null(suppress_check(b->arena, &e));
	e = good;
	e.scope = (struct str){ text, 65 };
	assert_non_null(suppress_check(b->arena, &e));
}

static struct decision judge_in(struct bench *b, struct store *store, bool defers, const char *scope, const char *rcpt)
{
	facts_set_text(b->recipient, FACT_RCPT_TO, str_of(rcpt));
	return suppress_judge(store, str_of(scope), defers, b->recipient, b->arena);
}

static void add(struct bench *b, const char *scope, const char *address, const char *reason)
{
	const struct suppression e = { str_of(scope), str_of(address), str_of(reason), STR("admin"), NOW_S, 0 };
	assert_int_equal(store_suppress(b->store, &e, 1), STORE_OK);
}

static void a_suppressed_recipient_is_refused_with_the_reason(void **state)
{
	struct bench *b = *state;
	add(b, "news", "a@x.example", "complaint of 2026-11-02");
	add(b, "", "b@x.example", "");
	struct decision d = judge_in(b, b->store, false, "news", "A@X.Example");
	assert_reply(b, d, ACTION_REJECT, "550 5.1.1 No mail goes to a@x.example from here: complaint of 2026-11-02");
	assert_string_equal(d.from.rule, "suppression");
	assert_true(facts_is_true(b->recipient, FACT_RCPT_SUPPRESSED));
	assert_str(facts_text(b->recipient, FACT_RCPT_SUPPRESSION_REASON), "complaint of 2026-11-02");
	/* On the list for all. */
	assert_reply(b, judge_in(b, b->store, false, "news", "b@x.example"), ACTION_REJECT,
		     "550 5.1.1 No mail goes to b@x.example from here: no reason was noted");
	assert_int_equal(judge_in(b, b->store, false, "", "b@x.example").action, ACTION_REJECT);
	/* Not on this one. */
	assert_goes_on(judge_in(b, b->store, false, "billing", "a@x.example"));
	assert_int_equal(facts_get(b->recipient, FACT_RCPT_SUPPRESSED)->state, FACT_VALUE);
	assert_false(facts_is_true(b->recipient, FACT_RCPT_SUPPRESSED));
	assert_absent(b->recipient, FACT_RCPT_SUPPRESSION_REASON);
	/* What is no address is on no list. */
	assert_goes_on(judge_in(b, b->store, false, "news", "postmaster"));
	assert_goes_on(judge_in(b, b->store, false, "news", "a @ b"));
}

static void an_entry_counts_until_it_expires(void **state)
{
	struct bench *b = *state;
	const struct suppression e = { STR(""), STR("a@x.example"), STR("mailbox full"), STR("bounce"), NOW_S, NOW_S + 60 };
	assert_int_equal(store_suppress(b->store, &e, 1), STORE_OK);
	assert_int_equal(judge_in(b, b->store, false, "news", "a@x.example").action, ACTION_REJECT);
	clock_set_unix_s(NOW_S + 60);
	assert_goes_on(judge_in(b, b->store, false, "news", "a@x.example"));
}

static void without_store_nobody_knows(void **state)
{
	struct bench *b = *state;
	assert_goes_on(judge_in(b, b->away, false, "news", "a@x.example"));
	assert_unknown(b->recipient, FACT_RCPT_SUPPRESSED);
	assert_unknown(b->recipient, FACT_RCPT_SUPPRESSION_REASON);
	struct decision d = judge_in(b, b->away, true, "news", "a@x.example");
	assert_reply(b, d, ACTION_DEFER, "451 4.3.0 The suppression list cannot be looked up at present");
	assert_true(d.is_unknown);
	assert_string_equal(d.from.rule, "suppression");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(addresses_have_one_spelling),
		TEST(entries_are_checked),
		TEST(a_suppressed_recipient_is_refused_with_the_reason),
		TEST(an_entry_counts_until_it_expires),
		TEST(without_store_nobody_knows),
	};
	return RUN_TESTS(tests);
}

/* How much may be sent: what is taken, what is given back, what the replies say. */
#include "bench.h"

#include "feedback/limit.h"

static struct limit_plan plan_of(const char *workflow)
{
	struct limit_plan p = { .workflow = str_of(workflow) };
	p.limits.place = (struct rule_place){ "workflow:billing", "50-workflows.conf", 12 };
	p.names[LIMIT_WORKFLOW] = p.workflow;
	p.names[LIMIT_LOGIN] = STR("billing-app");
	p.names[LIMIT_CLIENT] = STR("192.0.2.7");
	return p;
}

static struct rate rate(int64_t amount, int64_t per_ms)
{
	return (struct rate){ amount, per_ms };
}

static struct decision begin_in(struct bench *b, struct store *store, const struct limit_plan *p, struct limit **l)
{
	struct decision d;
	*l = limit_begin(b->arena, store, p, b->message, &d);
	return d;
}

static struct decision begin(struct bench *b, const struct limit_plan *p, struct limit **l)
{
	return begin_in(b, b->store, p, l);
}

/* How many messages go through, each accepted. */
static int send_until_refused(struct bench *b, const struct limit_plan *p)
{
	struct limit *l;
	int sent = 0;
	while (begin(b, p, &l).action == ACTION_CONTINUE) {
		limit_end(l, true);
		sent++;
	}
	limit_end(l, false);
	return sent;
}

static void without_limits_nothing_is_refused(void **state)
{
	struct bench *b = *state;
	struct limit_plan p = plan_of("billing"), of_nobody = { .limits.per[LIMIT_WORKFLOW].messages = { 1, HOUR_MS } };
	struct limit *l;
	for (int i = 0; i < 100; i++) {
		assert_goes_on(begin(b, &p, &l));
		assert_goes_on(limit_recipient(l));
		assert_goes_on(limit_bytes(l, INT64_MAX));
		assert_goes_on(begin(b, &of_nobody, &l));
	}
	assert_absent(b->message, FACT_LIMIT_EXCEEDED);
	limit_end(l, true);
	limit_end(NULL, true);
}

static void too_many_messages_are_told_how_long_to_wait(void **state)
{
	struct bench *b = *state;
	struct limit_plan p = plan_of("billing");
	struct limit *l;
	p.limits.per[LIMIT_WORKFLOW].messages = rate(500, HOUR_MS);
	assert_int_equal(send_until_refused(b, &p), 500);
	struct decision d = begin(b, &p, &l);
	assert_reply(b, d, ACTION_DEFER,
		     "451 4.7.1 The limit of workflow billing is 500 messages in 1 hour, and it is used up: "
		     "try again in 8 seconds");
	assert_string_equal(d.from.rule, "workflow:billing");
	assert_string_equal(d.from.file, "50-workflows.conf");
	assert_int_equal(d.from.line, 12);
	assert_str(facts_text(b->message, FACT_LIMIT_EXCEEDED), "workflow.messages");
	clock_set_unix_s(NOW_S + 72);
	assert_int_equal(send_until_refused(b, &p), 10);
	/* The next message starts anew. */
	p.workflow = p.names[LIMIT_WORKFLOW] = STR("other");
	assert_goes_on(begin(b, &p, &l));
	assert_absent(b->message, FACT_LIMIT_EXCEEDED);
}

static void times_are_told_in_words(void **state)
{
	struct bench *b = *state;
	static const struct {
		int64_t amount, per_ms;
		const char *said;
	} rates[] = {
		{ 1, 1000, "1 message in 1 second, and it is used up: try again in 1 second" },
		{ 2, 90000, "2 messages in 90 seconds, and it is used up: try again in 45 seconds" },
		{ 1, 150000, "1 message in 3 minutes, and it is used up: try again in 3 minutes" },
		{ 3, 60000, "3 messages in 1 minute, and it is used up: try again in 20 seconds" },
		{ 1, 90 * 60000, "1 message in 90 minutes, and it is used up: try again in 90 minutes" },
		{ 1, 24 * HOUR_MS, "1 message in 1 day, and it is used up: try again in 1 day" },
		{ 2, 30 * 24 * (int64_t)HOUR_MS, "2 messages in 30 days, and it is used up: try again in 15 days" },
		{ 7, 100 * (int64_t)HOUR_MS, "7 messages in 5 days, and it is used up: try again in 15 hours" },
	};
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		struct limit *l;
		struct limit_plan p = plan_of(str_printf(b->arena, "w%zu", i).p);
		p.limits.per[LIMIT_WORKFLOW].messages = rate(rates[i].amount, rates[i].per_ms);
		assert_int_equal(send_until_refused(b, &p), rates[i].amount);
		struct str expected = str_printf(b->arena, "451 4.7.1 The limit of workflow w%zu is %s", i, rates[i].said);
		assert_reply(b, begin(b, &p, &l), ACTION_DEFER, expected.p);
	}
}

static void logins_and_clients_have_counts_of_their_own(void **state)
{
	struct bench *b = *state;
	struct limit_plan p = plan_of("billing");
	struct limit *l;
	p.limits.per[LIMIT_WORKFLOW].messages = rate(5, HOUR_MS);
	p.limits.per[LIMIT_LOGIN].messages = rate(2, HOUR_MS);
	p.limits.per[LIMIT_CLIENT].messages = rate(3, HOUR_MS);
	assert_int_equal(send_until_refused(b, &p), 2);
	assert_reply(b, begin(b, &p, &l), ACTION_DEFER,
		     "451 4.7.1 The limit of login billing-app is 2 messages in 1 hour, and it is used up: "
		     "try again in 30 minutes");
	assert_str(facts_text(b->message, FACT_LIMIT_EXCEEDED), "login.messages");
	p.names[LIMIT_LOGIN] = STR("second");
	assert_int_equal(send_until_refused(b, &p), 1);
	assert_str(facts_text(b->message, FACT_LIMIT_EXCEEDED), "client.messages");
	p.names[LIMIT_CLIENT] = STR("192.0.2.8");
	p.names[LIMIT_LOGIN] = STR("third");
	p.limits.per[LIMIT_LOGIN].messages = rate(20, HOUR_MS);
	assert_int_equal(send_until_refused(b, &p), 2);
	assert_str(facts_text(b->message, FACT_LIMIT_EXCEEDED), "workflow.messages");
	/* Without login there is nothing to count for one, and none of it is counted for another workflow. */
	p.names[LIMIT_LOGIN] = STR_EMPTY;
	p.workflow = p.names[LIMIT_WORKFLOW] = STR("news");
	p.names[LIMIT_CLIENT] = STR("192.0.2.7");
	assert_int_equal(send_until_refused(b, &p), 3);
}

static void what_was_not_accepted_does_not_count(void **state)
{
	struct bench *b = *state;
	struct limit_plan p = plan_of("billing");
	struct limit *l;
	p.limits.per[LIMIT_WORKFLOW].messages = rate(3, HOUR_MS);
	p.limits.per[LIMIT_LOGIN].messages = rate(30, HOUR_MS);
	p.limits.per[LIMIT_WORKFLOW].recipients = rate(4, HOUR_MS);
	for (int i = 0; i < 20; i++) {
		assert_goes_on(begin(b, &p, &l));
		for (int r = 0; r < 4; r++)
			assert_goes_on(limit_recipient(l));
		assert_int_equal(limit_recipient(l).action, ACTION_DEFER);
		limit_end(l, false);
		limit_end(l, false); /* once is enough */
	}
	assert_int_equal(send_until_refused(b, &p), 3);
	clock_set_unix_s(NOW_S + 1200);
	assert_goes_on(begin(b, &p, &l));
	assert_goes_on(limit_recipient(l));
	limit_end(l, true);
	limit_end(l, false);
	assert_int_equal(begin(b, &p, &l).action, ACTION_DEFER);
}

static void recipients_are_counted(void **state)
{
	struct bench *b = *state;
	struct limit_plan p = plan_of("billing");
	struct limit *l;
	p.limits.per[LIMIT_WORKFLOW].recipients = rate(1, HOUR_MS);
	p.limits.per[LIMIT_CLIENT].recipients = rate(2, 30000);
	assert_goes_on(begin(b, &p, &l));
	assert_goes_on(limit_recipient(l));
	assert_reply(b, limit_recipient(l), ACTION_DEFER,
		     "451 4.7.1 The limit of workflow billing is 1 recipient in 1 hour, and it is used up: "
		     "try again in 1 hour");
	assert_str(facts_text(b->message, FACT_LIMIT_EXCEEDED), "workflow.recipients");
	limit_end(l, true);
	/* None of the client's was taken for the one refused. */
	p.workflow = p.names[LIMIT_WORKFLOW] = STR_EMPTY;
	p.limits.per[LIMIT_WORKFLOW].recipients = rate(0, 0);
	assert_goes_on(begin(b, &p, &l));
	assert_goes_on(limit_recipient(l));
	assert_goes_on(limit_recipient(l));
	assert_int_equal(limit_recipient(l).action, ACTION_DEFER);
	assert_str(facts_text(b->message, FACT_LIMIT_EXCEEDED), "client.recipients");
}

static void a_message_has_so_many_recipients_and_bytes(void **state)
{
	struct bench *b = *state;
	struct limit_plan p = plan_of("billing");
	struct limit *l;
	p.limits.recipients_per_message = 2;
	p.limits.message_bytes = 1000;
	p.limits.per[LIMIT_WORKFLOW].recipients = rate(4, HOUR_MS);
	for (int i = 0; i < 2; i++) {
		assert_goes_on(begin(b, &p, &l));
		assert_goes_on(limit_bytes(l, 1000));
		assert_goes_on(limit_recipient(l));
		assert_goes_on(limit_recipient(l));
		assert_reply(b, limit_recipient(l), ACTION_DEFER,
			     "452 4.5.3 A message of workflow billing may have 2 recipients: send the rest separately");
		assert_str(facts_text(b->message, FACT_LIMIT_EXCEEDED), "workflow.recipients_per_message");
		limit_end(l, true); /* the third was never counted: four are two messages */
	}
	assert_goes_on(begin(b, &p, &l));
	assert_reply(b, limit_bytes(l, 1001), ACTION_REJECT, "552 5.3.4 A message of workflow billing may have 1000 bytes");
	assert_str(facts_text(b->message, FACT_LIMIT_EXCEEDED), "workflow.message_bytes");
	assert_int_equal(limit_recipient(l).action, ACTION_DEFER);
}

/* limits.store_unavailable = "local" */
static void without_store_counts_go_on_here(void **state)
{
	struct bench *b = *state;
	struct limit_plan p = plan_of("billing");
	struct limit *l;
	p.limits.per[LIMIT_WORKFLOW].messages = rate(2, HOUR_MS);
	p.limits.per[LIMIT_WORKFLOW].recipients = rate(2, HOUR_MS);
	for (int i = 0; i < 5; i++) { /* given back to where it was taken */
		assert_goes_on(begin_in(b, b->away, &p, &l));
		assert_goes_on(limit_recipient(l));
		assert_goes_on(limit_recipient(l));
		assert_int_equal(limit_recipient(l).action, ACTION_DEFER);
		limit_end(l, false);
	}
	for (int i = 0; i < 2; i++) {
		assert_goes_on(begin_in(b, b->away, &p, &l));
		limit_end(l, true);
	}
	assert_reply(b, begin_in(b, b->away, &p, &l), ACTION_DEFER,
		     "451 4.7.1 The limit of workflow billing is 2 messages in 1 hour, and it is used up: "
		     "try again in 30 minutes");
}

/* limits.store_unavailable = "defer" */
static void without_store_mail_is_deferred(void **state)
{
	struct bench *b = *state;
	struct limit_plan p = plan_of("billing");
	struct limit *l;
	p.defers_without_store = true;
	assert_goes_on(begin_in(b, b->away, &p, &l)); /* nothing to ask for */
	p.limits.per[LIMIT_WORKFLOW].messages = rate(2, HOUR_MS);
	struct decision d = begin_in(b, b->away, &p, &l);
	assert_reply(b, d, ACTION_DEFER, "451 4.3.0 What was sent before cannot be looked up at present");
	assert_true(d.is_unknown);
	assert_unknown(b->message, FACT_LIMIT_EXCEEDED);
	limit_end(l, false);
}

static void a_long_login_does_not_push_the_rest_out(void **state)
{
	struct bench *b = *state;
	struct limit_plan p = plan_of("billing");
	struct limit *l;
	char login[2000];
	memset(login, 'x', sizeof(login));
	login[3] = '\n';
	p.names[LIMIT_LOGIN] = (struct str){ login, sizeof(login) };
	p.limits.per[LIMIT_LOGIN].messages = rate(1, HOUR_MS);
	assert_goes_on(begin(b, &p, &l));
	struct decision d = begin(b, &p, &l);
	assert_int_equal(d.action, ACTION_DEFER);
	assert_true(str_starts(d.reply.text, STR("The limit of login xxx?xxx")));
	assert_true(str_ends_nocase(d.reply.text, STR("try again in 1 hour")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_limits_nothing_is_refused),
		TEST(too_many_messages_are_told_how_long_to_wait),
		TEST(times_are_told_in_words),
		TEST(logins_and_clients_have_counts_of_their_own),
		TEST(what_was_not_accepted_does_not_count),
		TEST(recipients_are_counted),
		TEST(a_message_has_so_many_recipients_and_bytes),
		TEST(without_store_counts_go_on_here),
		TEST(without_store_mail_is_deferred),
		TEST(a_long_login_does_not_push_the_rest_out),
	};
	return RUN_TESTS(tests);
}

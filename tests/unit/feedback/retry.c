/* What was refused for good and is tried again. */
#include "bench.h"

#include "feedback/retry.h"
#include "mail/header.h"

enum { DAY_MS = 24 * HOUR_MS };

static struct retry_scope scope_of(struct bench *b, const char *workflow)
{
	return (struct retry_scope){ b->store, str_of(workflow), DAY_MS, ADDRESSES_FULL };
}

static struct facts *recipient_of(struct bench *b, const char *address)
{
	struct facts *f = facts_new(b->arena, SCOPE_RCPT, b->message);
	facts_set_text(f, FACT_RCPT_TO, str_of(address));
	return f;
}

static struct decision reject(struct bench *b, const char *enhanced, const char *text)
{
	return (struct decision){ .action = ACTION_REJECT, .reply = reply_of(b->arena, 550, enhanced, str_of(text)) };
}

static void remember_recipient(struct bench *b, struct retry_scope scope, const char *address, struct decision d)
{
	retry_remember_recipient(&scope, recipient_of(b, address), &d, STR("0mhb1"), b->arena);
}

static struct decision judge_recipient(struct bench *b, struct retry_scope scope, const char *address)
{
	b->recipient = recipient_of(b, address);
	return retry_judge_recipient(&scope, b->recipient, b->arena);
}

static void a_recipient_is_refused_again_with_the_first_id(void **state)
{
	struct bench *b = *state;
	struct retry_scope news = scope_of(b, "news");
	assert_goes_on(judge_recipient(b, news, "a@x.example"));
	assert_absent(b->recipient, FACT_RCPT_RETRY_OF);
	assert_absent(b->recipient, FACT_RCPT_RETRY_COUNT);
	remember_recipient(b, news, "A@x.example", reject(b, "5.1.2", "No such place"));
	clock_set_unix_s(NOW_S + 60);
	struct decision d = judge_recipient(b, news, "a@X.example");
	assert_reply(b, d, ACTION_REJECT,
		     "550 5.1.2 Refused for good on 2027-01-15T08:00:00Z (id 0mhb1), this is repeat 1: No such place");
	assert_string_equal(d.from.rule, "retry");
	assert_str(facts_text(b->recipient, FACT_RCPT_RETRY_OF), "0mhb1");
	judge_recipient(b, news, "a@x.example");
	assert_int_equal(facts_get(b->recipient, FACT_RCPT_RETRY_COUNT)->number, 2);
	/* Others may still write, and to others. */
	assert_goes_on(judge_recipient(b, scope_of(b, "billing"), "a@x.example"));
	assert_goes_on(judge_recipient(b, news, "b@x.example"));
	/* And so may this one, after a day. */
	clock_set_unix_s(NOW_S + DAY_MS / 1000);
	assert_goes_on(judge_recipient(b, news, "a@x.example"));
}

static void a_text_is_remembered_without_addresses(void **state)
{
	struct bench *b = *state;
	struct retry_scope news = scope_of(b, "news");
	news.addresses = ADDRESSES_DOMAIN;
	remember_recipient(b, news, "a@x.example", reject(b, "5.1.2", "\"a b\"@x.example is nobody"));
	struct decision d = judge_recipient(b, news, "a@x.example");
	assert_true(str_ends_nocase(d.reply.text, STR("repeat 1: *@x.example is nobody")));
	news.addresses = ADDRESSES_NONE;
	remember_recipient(b, news, "b@x.example", reject(b, "5.1.2", "<b@[192.0.2.1]> or c@x.example."));
	d = judge_recipient(b, news, "b@x.example");
	assert_true(str_ends_nocase(d.reply.text, STR("repeat 1: <*> or *.")));
}

static void only_what_is_for_good_is_remembered(void **state)
{
	struct bench *b = *state;
	struct retry_scope news = scope_of(b, "news"), none = news;
	struct decision defer = { .action = ACTION_DEFER, .reply = reply_of(b->arena, 451, "4.7.1", STR("later")) };
	struct decision go_on = { .action = ACTION_CONTINUE };
	remember_recipient(b, news, "a@x.example", defer);
	remember_recipient(b, news, "a@x.example", go_on);
	none.memory_ms = 0;
	remember_recipient(b, none, "a@x.example", reject(b, "5.1.1", "x"));
	assert_goes_on(judge_recipient(b, news, "a@x.example"));
	remember_recipient(b, news, "a@x.example", reject(b, "5.1.1", "x"));
	assert_goes_on(judge_recipient(b, none, "a@x.example"));
	assert_int_equal(judge_recipient(b, news, "a@x.example").action, ACTION_REJECT);
}

struct letter {
	const char *from, *subject, *date, *body;
};

static struct retry_content *content_of(struct bench *b, struct letter letter, size_t piece)
{
	struct header_list *h = header_list_new(b->arena);
	header_list_add(h, STR("Date"), str_of(letter.date));
	header_list_add(h, STR("From"), str_of(letter.from));
	if (letter.subject != NULL)
		header_list_add(h, STR("subject"), str_of(letter.subject));
	struct retry_content *c = retry_content_begin(b->arena, h);
	struct str rest = str_of(letter.body);
	for (; rest.n > 0; rest = str_skip(rest, piece))
		retry_content_body(c, rest.p, str_sub(rest, 0, piece).n);
	return c;
}

static const struct letter first = { " a@x.example", " Hello", " Mon, 1 Jan 2026 00:00:00 +0000", "one\r\ntwo\r\n" };

/* Judges a letter to one recipient, and remembers it as refused if it goes through. */
static struct decision judge(struct bench *b, const char *workflow, struct letter letter, const char *to, bool remembers)
{
	struct retry_scope scope = scope_of(b, workflow);
	const struct facts *recipient = recipient_of(b, to);
	struct retry_content *c = content_of(b, letter, 3);
	struct decision d = retry_judge_message(&scope, c, b->message, &recipient, 1, b->arena);
	if (remembers && d.action == ACTION_CONTINUE) {
		struct decision refusal = reject(b, "5.7.26", "The author is not who wrote it");
		retry_remember_message(&scope, c, &recipient, 1, &refusal, STR("0mhb2"), b->arena);
	}
	return d;
}

static void a_message_is_known_by_author_subject_and_body(void **state)
{
	struct bench *b = *state;
	assert_goes_on(judge(b, "news", first, "r@y.example", true));
	assert_absent(b->message, FACT_RETRY_OF);
	struct letter again = first;
	again.date = " Tue, 2 Jan 2026 00:00:00 +0000";
	assert_reply(b, judge(b, "news", again, "R@y.example", false), ACTION_REJECT,
		     "550 5.7.26 Refused for good on 2027-01-15T08:00:00Z (id 0mhb2), this is repeat 1: "
		     "The author is not who wrote it");
	assert_str(facts_text(b->message, FACT_RETRY_OF), "0mhb2");
	assert_int_equal(facts_get(b->message, FACT_RETRY_COUNT)->number, 1);
	struct letter others[] = { first, first, first, first, first, first };
	others[0].from = " b@x.example";
	others[1].subject = " hello";
	others[2].subject = NULL;
	others[3].body = "one\r\ntwo\r\n\r\n";
	others[4].body = "one\ntwo\n";
	others[5] = (struct letter){ " a@x.example", " ", first.date, " Helloone\r\ntwo\r\n" };
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_goes_on(judge(b, "news", others[i], "r@y.example", false));
		assert_absent(b->message, FACT_RETRY_OF);
		assert_absent(b->message, FACT_RETRY_COUNT);
	}
	assert_goes_on(judge(b, "news", first, "other@y.example", false));
	assert_goes_on(judge(b, "billing", first, "r@y.example", false));
	/* The recipient itself was not refused. */
	assert_goes_on(judge_recipient(b, scope_of(b, "news"), "r@y.example"));
}

static void pieces_of_the_body_make_no_difference(void **state)
{
	struct bench *b = *state;
	struct retry_scope scope = scope_of(b, "news");
	const struct facts *recipient = recipient_of(b, "r@y.example");
	for (size_t piece = 1; piece < 12; piece++) {
		struct retry_content *c = content_of(b, first, piece);
		struct decision d = retry_judge_message(&scope, c, b->message, &recipient, 1, b->arena);
		struct decision refusal = reject(b, "5.6.0", "x");
		assert_int_equal(d.action, piece == 1 ? ACTION_CONTINUE : ACTION_REJECT);
		retry_remember_message(&scope, c, &recipient, 1, &refusal, STR("id"), b->arena);
	}
}

/* Any of the recipients: the message as a whole is what END answers. */
static void one_recipient_of_many_is_enough(void **state)
{
	struct bench *b = *state;
	struct retry_scope scope = scope_of(b, "news");
	assert_goes_on(judge(b, "news", first, "r2@y.example", true));
	const struct facts *recipients[] = { recipient_of(b, "r1@y.example"), recipient_of(b, "r2@y.example") };
	struct retry_content *c = content_of(b, first, 100);
	assert_goes_on(retry_judge_message(&scope, c, b->message, recipients, 1, b->arena));
	c = content_of(b, first, 100);
	assert_int_equal(retry_judge_message(&scope, c, b->message, recipients, 2, b->arena).action, ACTION_REJECT);
	assert_str(facts_text(b->message, FACT_RETRY_OF), "0mhb2");
}

/* A message refused at HEADERS, for this reason. */
static struct decision refused_for(struct bench *b, struct letter letter, const char *to, const char *reason,
				   const char *id)
{
	struct retry_scope scope = scope_of(b, "news");
	const struct facts *recipient = recipient_of(b, to);
	struct header_list *h = header_list_new(b->arena);
	header_list_add(h, STR("From"), str_of(letter.from));
	header_list_add(h, STR("Subject"), str_of(letter.subject));
	header_list_add(h, STR("Date"), str_of(letter.date));
	struct decision d = reject(b, "5.6.0", reason);
	d.from.rule = "some-rule";
	return retry_judge_refused(&scope, h, b->message, &recipient, 1, &d, str_of(id), b->arena);
}

static void a_header_is_known_by_its_reason(void **state)
{
	struct bench *b = *state;
	struct letter again = first, other = first;
	again.date = " Tue, 2 Jan 2026 00:00:00 +0000";
	other.subject = " Bye";
	assert_reply(b, refused_for(b, first, "r@y.example", "No Date", "id1"), ACTION_REJECT, "550 5.6.0 No Date");
	assert_absent(b->message, FACT_RETRY_OF);
	struct decision d = refused_for(b, again, "r@y.example", "No Date", "id2");
	assert_reply(b, d, ACTION_REJECT,
		     "550 5.6.0 Refused for good on 2027-01-15T08:00:00Z (id id1), this is repeat 1: No Date");
	assert_string_equal(d.from.rule, "some-rule");
	assert_str(facts_text(b->message, FACT_RETRY_OF), "id1");
	assert_reply(b, refused_for(b, other, "r@y.example", "No Date", "id3"), ACTION_REJECT, "550 5.6.0 No Date");
	assert_reply(b, refused_for(b, first, "q@y.example", "No Date", "id3"), ACTION_REJECT, "550 5.6.0 No Date");
	assert_reply(b, refused_for(b, first, "r@y.example", "No author", "id3"), ACTION_REJECT, "550 5.6.0 No author");
	/* Repaired, nothing stands against it. */
	assert_goes_on(judge(b, "news", first, "r@y.example", false));
	assert_goes_on(judge_recipient(b, scope_of(b, "news"), "r@y.example"));
}

static void without_store_nothing_is_a_retry(void **state)
{
	struct bench *b = *state;
	struct retry_scope scope = { b->away, STR("news"), DAY_MS, ADDRESSES_FULL };
	assert_goes_on(judge_recipient(b, scope, "a@x.example"));
	assert_unknown(b->recipient, FACT_RCPT_RETRY_OF);
	assert_unknown(b->recipient, FACT_RCPT_RETRY_COUNT);
	const struct facts *recipient = b->recipient;
	struct retry_content *c = content_of(b, first, 1);
	assert_goes_on(retry_judge_message(&scope, c, b->message, &recipient, 1, b->arena));
	assert_unknown(b->message, FACT_RETRY_OF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_recipient_is_refused_again_with_the_first_id),
		TEST(a_text_is_remembered_without_addresses),
		TEST(only_what_is_for_good_is_remembered),
		TEST(a_message_is_known_by_author_subject_and_body),
		TEST(pieces_of_the_body_make_no_difference),
		TEST(one_recipient_of_many_is_enough),
		TEST(a_header_is_known_by_its_reason),
		TEST(without_store_nothing_is_a_retry),
	};
	return RUN_TESTS(tests);
}

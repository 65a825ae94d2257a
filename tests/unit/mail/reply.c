#include "../test.h"

#include "base/arena.h"
#include "mail/reply.h"

static struct facts *message_facts(struct arena *a)
{
	return facts_new(a, SCOPE_MSG, facts_new(a, SCOPE_CONN, NULL));
}

static void good_templates_come_apart(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	const struct {
		const char *template;
		int code;
		const char *enhanced;
		const char *text;
	} rows[] = {
		{ "550 5.7.1 Refused", 550, "5.7.1", "Refused" },
		{ "451 4.7.0 Later", 451, "4.7.0", "Later" },
		{ "421 4.3.2  Two  blanks ", 421, "4.3.2", "Two  blanks" },
		{ "550  5.7.26 %{from.domain} says no", 550, "5.7.26", "%{from.domain} says no" },
		{ "554 5.999.0 100%% sure", 554, "5.999.0", "100%% sure" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct reply_template t;
		const char *wrong = reply_template_parse(a, str_of(rows[i].template), &t);
		if (wrong != NULL)
			fail_msg("%s: %s", rows[i].template, wrong);
		assert_int_equal(t.code, rows[i].code);
		assert_str(t.enhanced, rows[i].enhanced);
		assert_str(t.text, rows[i].text);
	}
	arena_free(a);
}

static void bad_templates_say_what_is_wrong(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	const struct {
		struct str template;
		const char *says;
	} rows[] = {
		{ STR(""), "begins with a code" },
		{ STR("Refused"), "begins with a code" },
		{ STR("250 2.0.0 Fine"), "begins with a code" },
		{ STR("354 3.0.0 Go"), "begins with a code" },
		{ STR("600 6.0.0 Odd"), "begins with a code" },
		{ STR("560 5.6.0 Odd"), "begins with a code" },
		{ STR("0550 5.7.1 Long"), "begins with a code" },
		{ STR("55 5.7.1 Short"), "begins with a code" },
		{ STR(" 550 5.7.1 Blank first"), "begins with a code" },
		{ STR("550"), "enhanced code" },
		{ STR("550 Refused"), "enhanced code" },
		{ STR("550-5.7.1 Refused"), "begins with a code" },
		{ STR("550 5.7 Short"), "enhanced code" },
		{ STR("550 5.7.1.0 Long"), "enhanced code" },
		{ STR("550 5.07.1 Zero"), "enhanced code" },
		{ STR("550 5.7.1000 Big"), "enhanced code" },
		{ STR("550 5..1 Hole"), "enhanced code" },
		{ STR("550 5.7.x Letter"), "enhanced code" },
		{ STR("550 4.7.1 Class"), "different classes" },
		{ STR("451 5.7.1 Class"), "different classes" },
		{ STR("550 50.7.1 Class"), "different classes" },
		{ STR("550 5.7.1"), "no text" },
		{ STR("550 5.7.1   "), "no text" },
		{ STR("550 5.7.1 a\nb"), "not printable" },
		{ STR("550 5.7.1 a\tb"), "not printable" },
		{ STR("550 5.7.1 a\0b"), "not printable" },
		{ STR("550 5.7.1 caf\xc3\xa9"), "not printable" },
		{ STR("550 5.7.1 %"), "a '%' must begin" },
		{ STR("550 5.7.1 100% sure"), "a '%' must begin" },
		{ STR("550 5.7.1 %s"), "a '%' must begin" },
		{ STR("550 5.7.1 %%%"), "a '%' must begin" },
		{ STR("550 5.7.1 %{spf.result"), "without a closing brace" },
		{ STR("550 5.7.1 %{}"), "unknown fact ''" },
		{ STR("550 5.7.1 %{spf.resullt}"), "unknown fact 'spf.resullt' in %{...}; did you mean spf.result?" },
		{ STR("550 5.7.1 %{nothing.like.this.at.all}"), "gatepost docs facts" },
		{ STR("550 5.7.1 %{SPF.RESULT}"), "unknown fact 'SPF.RESULT'" },
		{ STR("550 5.7.1 %{ spf.result }"), "unknown fact ' spf.result '" },
		{ STR("550 5.7.1 %{%{spf.result}}"), "unknown fact '%{spf.result'" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct reply_template t = { .code = 1 };
		const char *wrong = reply_template_parse(a, rows[i].template, &t);
		if (wrong == NULL || strstr(wrong, rows[i].says) == NULL)
			fail_msg("%s: got \"%s\", want \"%s\"", rows[i].template.p, wrong == NULL ? "good" : wrong,
				 rows[i].says);
		assert_int_equal(t.code, 1);
	}
	arena_free(a);
}

static void values_replace_their_names(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct facts *facts = message_facts(a);
	struct reply_template t;
	facts_set_text(facts, FACT_FROM_DOMAIN, STR("bank.example"));
	facts_set_result(facts, FACT_SPF_RESULT, RESULT_SOFTFAIL);
	facts_set_int(facts, FACT_HEADER_COUNT, 7);
	facts_set_absent(facts, FACT_AUTH_LOGIN);
	facts_set_unknown(facts, FACT_DMARC_RESULT, STR("timeout"));
	facts_set_text(facts, FACT_HEADER_SUBJECT, STR(""));
	assert_null(reply_template_parse(a, STR("550 5.7.26 %{from.domain}: %{spf.result}%{header.count}%%, "
						"%{auth.login}/%{dmarc.result}/%{mail.from}/%{header.subject}."), &t));
	struct reply r = reply_expand(a, &t, facts);
	assert_int_equal(r.code, 550);
	assert_str(r.enhanced, "5.7.26");
	assert_str(r.text, "bank.example: softfail7%, -/unknown/-/-.");
	arena_free(a);
}

static void values_cannot_break_out(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct facts *facts = message_facts(a);
	facts_set_text(facts, FACT_HEADER_SUBJECT, STR("a\r\n250 ok\0\x7f\xc3\xa9 %{mail.from} %%"));
	assert_null(text_template_check(a, STR("[%{header.subject}]")));
	assert_str(text_template_expand(a, STR("[%{header.subject}]"), facts), "[a??250 ok???? %{mail.from} %%]");
	arena_free(a);
}

static void texts_are_bounded(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct facts *facts = message_facts(a);
	char *big = arena_alloc(a, 70001);
	memset(big, 'x', 70000);
	facts_set_text(facts, FACT_HEADER_SUBJECT, str_of(big));
	struct str one = text_template_expand(a, STR("%{header.subject} end"), facts);
	assert_true(one.n < REPLY_TEXT_MAX && str_ends_nocase(one, STR("x end")));
	struct str text = str_printf(a, "550 5.7.1 %.1000s", big);
	struct reply_template t;
	assert_null(reply_template_parse(a, text, &t));
	assert_int_equal(reply_expand(a, &t, facts).text.n, REPLY_TEXT_MAX);
	struct str many = STR("%{header.subject}%{header.subject}%{header.subject}%{header.subject}%{header.subject}");
	assert_int_equal(text_template_expand(a, many, facts).n, TEXT_EXPANDED_MAX);
	arena_free(a);
}

struct told {
	enum fact_id ids[8];
	size_t count;
};

static void tell(void *context, enum fact_id id)
{
	struct told *told = context;
	assert_true(told->count < 8);
	told->ids[told->count++] = id;
}

static void facts_of_a_template_are_told(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct reply_template t;
	struct told told = { .count = 0 };
	assert_null(reply_template_parse(a, STR("550 5.7.1 %% %{spf.result} %%{x} %{client.ip}%{spf.result}"), &t));
	reply_template_facts(&t, tell, &told);
	assert_int_equal(told.count, 3);
	assert_int_equal(told.ids[0], FACT_SPF_RESULT);
	assert_int_equal(told.ids[1], FACT_CLIENT_IP);
	assert_int_equal(told.ids[2], FACT_SPF_RESULT);
	text_template_facts(STR("none"), tell, &told);
	assert_int_equal(told.count, 3);
	arena_free(a);
}

static void an_empty_header_value_is_good(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	assert_null(text_template_check(a, STR("")));
	assert_str(text_template_expand(a, STR(""), message_facts(a)), "");
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_templates_come_apart),
		cmocka_unit_test(bad_templates_say_what_is_wrong),
		cmocka_unit_test(values_replace_their_names),
		cmocka_unit_test(values_cannot_break_out),
		cmocka_unit_test(texts_are_bounded),
		cmocka_unit_test(facts_of_a_template_are_told),
		cmocka_unit_test(an_empty_header_value_is_good),
	};
	return RUN_TESTS(tests);
}

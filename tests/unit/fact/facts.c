#include "../test.h"

#include <stdlib.h>

#include "base/arena.h"
#include "fact/facts.h"

struct fixture {
	struct arena *arena;
	struct facts *conn, *msg, *rcpt;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	f->arena = arena_new();
	f->conn = facts_new(f->arena, SCOPE_CONN, NULL);
	f->msg = facts_new(f->arena, SCOPE_MSG, f->conn);
	f->rcpt = facts_new(f->arena, SCOPE_RCPT, f->msg);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	arena_free(f->arena);
	free(f);
	return 0;
}

static struct str printed(struct fixture *f, enum fact_id id)
{
	return fact_value_print(f->arena, id, facts_get(f->rcpt, id));
}

static void nothing_is_known_at_first(void **state)
{
	struct fixture *f = *state;
	for (enum fact_id id = 0; id < FACT_COUNT; id++) {
		assert_int_equal(facts_get(f->rcpt, id)->state, FACT_UNSET);
		assert_false(facts_is_set(f->rcpt, id));
		assert_str(printed(f, id), "");
	}
	assert_str(facts_text(f->rcpt, FACT_MAIL_FROM), "");
	assert_false(facts_is_true(f->rcpt, FACT_MAIL_NULL));
}

static void values_keep_their_type(void **state)
{
	struct fixture *f = *state;
	char from[] = "a@example.org";
	facts_set_text(f->msg, FACT_MAIL_FROM, str_of(from));
	from[0] = 'x'; /* the facts have a copy */
	assert_str(facts_text(f->msg, FACT_MAIL_FROM), "a@example.org");
	facts_set_int(f->msg, FACT_MAIL_SIZE, -5);
	assert_int_equal(facts_get(f->msg, FACT_MAIL_SIZE)->number, -5);
	assert_str(printed(f, FACT_MAIL_SIZE), "-5");
	facts_set_bool(f->msg, FACT_MAIL_NULL, true);
	assert_true(facts_is_true(f->msg, FACT_MAIL_NULL));
	assert_str(printed(f, FACT_MAIL_NULL), "true");
	facts_set_bool(f->msg, FACT_MAIL_NULL, false);
	assert_false(facts_is_true(f->msg, FACT_MAIL_NULL));
	assert_str(printed(f, FACT_MAIL_NULL), "false");
	facts_set_result(f->msg, FACT_SPF_RESULT, RESULT_SOFTFAIL);
	assert_str(printed(f, FACT_SPF_RESULT), "softfail");
	struct ip ip;
	assert_true(ip_parse(STR("2001:db8::1"), &ip));
	facts_set_ip(f->conn, FACT_CLIENT_IP, ip);
	assert_str(printed(f, FACT_CLIENT_IP), "2001:db8::1");
	const struct str domains[] = { STR("example.org"), STR("example.net") };
	facts_set_list(f->msg, FACT_DKIM_PASS_DOMAINS, domains, 2);
	assert_str(printed(f, FACT_DKIM_PASS_DOMAINS), "example.org, example.net");
	facts_set_list(f->msg, FACT_DKIM_PASS_DOMAINS, NULL, 0);
	assert_int_equal(facts_get(f->msg, FACT_DKIM_PASS_DOMAINS)->state, FACT_VALUE);
	assert_str(printed(f, FACT_DKIM_PASS_DOMAINS), "");
}

static void absent_and_unknown_are_states_of_their_own(void **state)
{
	struct fixture *f = *state;
	facts_set_text_or_absent(f->msg, FACT_AUTH_LOGIN, STR(""));
	assert_int_equal(facts_get(f->msg, FACT_AUTH_LOGIN)->state, FACT_ABSENT);
	assert_true(facts_is_set(f->msg, FACT_AUTH_LOGIN));
	facts_set_text_or_absent(f->msg, FACT_AUTH_LOGIN, STR("anna"));
	assert_str(facts_text(f->msg, FACT_AUTH_LOGIN), "anna");
	facts_set_text(f->msg, FACT_MAIL_FROM, STR("")); /* <> is a value */
	assert_int_equal(facts_get(f->msg, FACT_MAIL_FROM)->state, FACT_VALUE);
	facts_set_ip(f->conn, FACT_CLIENT_IP, (struct ip){ 0 });
	assert_int_equal(facts_get(f->conn, FACT_CLIENT_IP)->state, FACT_ABSENT);
	facts_set_unknown(f->msg, FACT_AUTH_LOGIN, STR("the MTA does not say"));
	assert_int_equal(facts_get(f->msg, FACT_AUTH_LOGIN)->state, FACT_UNKNOWN);
	assert_str(facts_get(f->msg, FACT_AUTH_LOGIN)->reason, "the MTA does not say");
	assert_str(facts_text(f->msg, FACT_AUTH_LOGIN), "");
	assert_str(printed(f, FACT_AUTH_LOGIN), "unknown");
	facts_set_unknown(f->msg, FACT_MAIL_NULL, STR(""));
	assert_false(facts_is_true(f->msg, FACT_MAIL_NULL));
}

static void a_look_up_climbs_to_the_scope(void **state)
{
	struct fixture *f = *state;
	struct facts *other = facts_new(f->arena, SCOPE_RCPT, f->msg);
	facts_set_text(f->conn, FACT_HELO_NAME, STR("mx.example.org"));
	facts_set_text(f->msg, FACT_MAIL_FROM, STR("a@example.org"));
	facts_set_text(f->rcpt, FACT_RCPT_TO, STR("b@example.com"));
	assert_str(facts_text(f->rcpt, FACT_HELO_NAME), "mx.example.org");
	assert_str(facts_text(f->rcpt, FACT_MAIL_FROM), "a@example.org");
	assert_str(facts_text(f->rcpt, FACT_RCPT_TO), "b@example.com");
	assert_false(facts_is_set(other, FACT_RCPT_TO));
	assert_false(facts_is_set(f->msg, FACT_RCPT_TO));
	assert_false(facts_is_set(f->conn, FACT_MAIL_FROM));
}

/* No two facts share a place. */
static void every_fact_has_its_own_value(void **state)
{
	struct fixture *f = *state;
	struct facts *of[] = { [SCOPE_CONN] = f->conn, [SCOPE_MSG] = f->msg, [SCOPE_RCPT] = f->rcpt };
	for (enum fact_id id = 0; id < FACT_COUNT; id++)
		facts_set_unknown(of[fact_descs[id].scope], id, str_of(fact_descs[id].name));
	for (enum fact_id id = 0; id < FACT_COUNT; id++)
		assert_str(facts_get(f->rcpt, id)->reason, fact_descs[id].name);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_known_at_first),
		TEST(values_keep_their_type),
		TEST(absent_and_unknown_are_states_of_their_own),
		TEST(a_look_up_climbs_to_the_scope),
		TEST(every_fact_has_its_own_value),
	};
	return RUN_TESTS(tests);
}

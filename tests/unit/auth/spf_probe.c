#include "../test.h"

#include "spf_zone.h"
#include "fact/facts.h"
#include "option/options.h"

struct message {
	struct fixture f;
	struct facts *connection;
	struct auth_results results;
	struct probe_env env;
};

static struct message message_of(const char *zone, const char *client, const char *helo, const char *mail_from)
{
	struct message m = { .f = fixture_of(zone) };
	struct options *options = options_default(m.f.arena);
	struct ip ip;
	options->authserv_id = STR("mx.receiver.example");
	m.connection = facts_new(m.f.arena, SCOPE_CONN, NULL);
	if (client != NULL) {
		assert_true(ip_parse(str_of(client), &ip));
		facts_set_ip(m.connection, FACT_CLIENT_IP, ip);
	} else {
		facts_set_absent(m.connection, FACT_CLIENT_IP);
	}
	facts_set_text(m.connection, FACT_HELO_NAME, str_of(helo));
	m.env = (struct probe_env){ .options = options,
				    .dns = m.f.dns,
				    .arena = m.f.arena,
				    .facts = facts_new(m.f.arena, SCOPE_MSG, m.connection),
				    .deadline_mono_ms = clock_mono_ms() + 5000 };
	facts_set_text(m.env.facts, FACT_MAIL_FROM, str_of(mail_from));
	return m;
}

static void run(struct message *m)
{
	m->env.results = &m->results;
	probe_spf(&m->env);
	for (enum fact_id id = 0; id < FACT_COUNT; id++)
		if (fact_descs[id].probe == PROBE_SPF && !facts_is_set(m->env.facts, id))
			fail_msg("%s is not set", fact_descs[id].name);
}

static void expect_results(const struct message *m, enum result result, enum result helo_result)
{
	assert_int_equal(facts_get(m->env.facts, FACT_SPF_RESULT)->result, result);
	assert_int_equal(facts_get(m->env.facts, FACT_SPF_HELO_RESULT)->result, helo_result);
	assert_int_equal(m->results.spf_mailfrom->result, result);
	assert_int_equal(m->results.spf_helo->result, helo_result);
}

static const char zone[] = "example.org TXT \"v=spf1 a:mx.example.org -all exp=why.example.org\"\n"
			   "why.example.org TXT \"%{i} is unknown to %{r}\"\n"
			   "mx.example.org A 192.0.2.1\nmx.example.org TXT \"v=spf1 a ~all\"\n";

static void both_identities_are_checked(void **state)
{
	(void)state;
	struct message m = message_of(zone, "192.0.2.1", "mx.example.org", "u@Example.ORG");
	run(&m);
	expect_results(&m, RESULT_PASS, RESULT_PASS);
	assert_str(facts_text(m.env.facts, FACT_SPF_DOMAIN), "example.org");
	assert_str(facts_text(m.env.facts, FACT_SPF_IDENTITY), "mailfrom");
	assert_str(facts_text(m.env.facts, FACT_SPF_REASON), "192.0.2.1 is permitted: a:mx.example.org");
	assert_int_equal(facts_get(m.env.facts, FACT_SPF_LOOKUPS)->number, 1);
	assert_int_equal(facts_get(m.env.facts, FACT_SPF_EXPLANATION)->state, FACT_ABSENT);
	assert_str(m.results.spf_helo->identity, "helo");
	fixture_end(&m.f);
}

static void a_failure_is_explained(void **state)
{
	(void)state;
	struct message m = message_of(zone, "192.0.2.7", "mx.example.org", "u@example.org");
	run(&m);
	expect_results(&m, RESULT_FAIL, RESULT_SOFTFAIL);
	assert_str(facts_text(m.env.facts, FACT_SPF_REASON), "192.0.2.7 is not permitted: -all");
	assert_str(facts_text(m.env.facts, FACT_SPF_EXPLANATION), "192.0.2.7 is unknown to mx.receiver.example");
	fixture_end(&m.f);
}

static void the_null_sender_gives_the_result_of_helo(void **state)
{
	(void)state;
	struct message m = message_of(zone, "192.0.2.7", "mx.example.org", "");
	run(&m);
	expect_results(&m, RESULT_SOFTFAIL, RESULT_SOFTFAIL);
	assert_str(facts_text(m.env.facts, FACT_SPF_IDENTITY), "helo");
	assert_str(facts_text(m.env.facts, FACT_SPF_DOMAIN), "mx.example.org");
	assert_ptr_equal(m.results.spf_mailfrom, m.results.spf_helo);
	fixture_end(&m.f);
}

static void without_a_client_there_is_nothing_to_check(void **state)
{
	(void)state;
	struct message m = message_of(zone, NULL, "mx.example.org", "u@example.org");
	run(&m);
	expect_results(&m, RESULT_NONE, RESULT_NONE);
	assert_int_equal(facts_get(m.env.facts, FACT_SPF_DOMAIN)->state, FACT_ABSENT);
	assert_str(facts_text(m.env.facts, FACT_SPF_REASON), "the message did not come from another host");
	assert_str(facts_text(m.env.facts, FACT_SPF_IDENTITY), "mailfrom");
	assert_int_equal(dns_counters(m.f.dns).asked, 0);
	fixture_end(&m.f);

	m = message_of(zone, "192.0.2.1", "mx.example.org", "");
	facts_set_bool(m.connection, FACT_CLIENT_LOCAL, true);
	run(&m);
	expect_results(&m, RESULT_NONE, RESULT_NONE);
	assert_str(facts_text(m.env.facts, FACT_SPF_IDENTITY), "helo");
	assert_int_equal(dns_counters(m.f.dns).asked, 0);
	fixture_end(&m.f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_identities_are_checked),
		cmocka_unit_test(a_failure_is_explained),
		cmocka_unit_test(the_null_sender_gives_the_result_of_helo),
		cmocka_unit_test(without_a_client_there_is_nothing_to_check),
	};
	return RUN_TESTS(tests);
}

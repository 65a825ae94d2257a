#include "zone.h"

#include <unistd.h>

#include "auth/iprev.h"

static const char zone_text[] =
	"1.2.0.192.in-addr.arpa PTR Mx.Example.ORG\n"
	"mx.example.org         A   192.0.2.1\n"
	/* The second of three names leads back, the first fails for now. */
	"2.2.0.192.in-addr.arpa PTR broken.example.org\n"
	"2.2.0.192.in-addr.arpa PTR good.example.org\n"
	"2.2.0.192.in-addr.arpa PTR wrong.example.org\n"
	"broken.example.org     A   SERVFAIL\n"
	"good.example.org       A   192.0.2.99\n"
	"good.example.org       A   192.0.2.2\n"
	"wrong.example.org      A   192.0.2.99\n"
	/* None does, and one could not be asked. */
	"3.2.0.192.in-addr.arpa PTR wrong.example.org\n"
	"3.2.0.192.in-addr.arpa PTR broken.example.org\n"
	"4.2.0.192.in-addr.arpa PTR wrong.example.org\n"
	"5.2.0.192.in-addr.arpa PTR nothing.example.org\n"
	"6.2.0.192.in-addr.arpa PTR SERVFAIL\n"
	"7.2.0.192.in-addr.arpa PTR TIMEOUT\n"
	"8.2.0.192.in-addr.arpa TXT \"no PTR here\"\n"
	"10.2.0.192.in-addr.arpa PTR n1.example.org\n"
	"10.2.0.192.in-addr.arpa PTR n2.example.org\n"
	"10.2.0.192.in-addr.arpa PTR n3.example.org\n"
	"10.2.0.192.in-addr.arpa PTR n4.example.org\n"
	"10.2.0.192.in-addr.arpa PTR n5.example.org\n"
	"10.2.0.192.in-addr.arpa PTR n6.example.org\n"
	"10.2.0.192.in-addr.arpa PTR n7.example.org\n"
	"10.2.0.192.in-addr.arpa PTR n8.example.org\n"
	"10.2.0.192.in-addr.arpa PTR n9.example.org\n"
	"10.2.0.192.in-addr.arpa PTR n10.example.org\n"
	"10.2.0.192.in-addr.arpa PTR n11.example.org\n"
	"10.2.0.192.in-addr.arpa PTR n12.example.org\n"
	/* Of an IPv6 client only AAAA counts. */
	"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa PTR six.example.org\n"
	"six.example.org        AAAA 2001:db8::1\n"
	"six.example.org        A    192.0.2.1\n";

static int setup(void **state)
{
	static struct zone zone;
	zone_open(&zone, zone_text);
	*state = &zone;
	return 0;
}

static int teardown(void **state)
{
	zone_close(*state);
	return 0;
}

static struct ip ip_of(const char *text)
{
	struct ip ip;
	assert_true(ip_parse(str_of(text), &ip));
	return ip;
}

static void every_result_of_rfc_8601(void **state)
{
	static const struct {
		const char *client, *expected, *name, *reason;
	} rows[] = {
		{ "192.0.2.1", "pass", "mx.example.org", "" },
		{ "::ffff:192.0.2.1", "pass", "mx.example.org", "" },
		{ "192.0.2.2", "pass", "good.example.org", "" },
		{ "2001:db8::1", "pass", "six.example.org", "" },
		{ "192.0.2.3", "temperror", "", "no answer for A of broken.example.org (servfail)" },
		{ "192.0.2.4", "fail", "", "no reverse name leads back to the address" },
		{ "192.0.2.5", "fail", "", "no reverse name leads back to the address" },
		{ "192.0.2.6", "temperror", "", "no answer for the reverse name (servfail)" },
		{ "192.0.2.7", "temperror", "", "no answer for the reverse name (timeout)" },
		{ "192.0.2.8", "permerror", "", "the address has no reverse name" },
		{ "192.0.2.9", "permerror", "", "the address has no reverse name" },
	};
	struct zone *z = *state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct iprev_verdict *v =
			iprev_check(z->dns, ip_of(rows[i].client), zone_deadline(), z->arena);
		if (strcmp(result_words[v->result], rows[i].expected) != 0)
			fail_msg("%s gives %s", rows[i].client, result_words[v->result]);
		assert_str(v->name, rows[i].name);
		assert_str(v->reason, rows[i].reason);
	}
}

static void at_most_ten_names_are_followed(void **state)
{
	struct zone *z = *state;
	iprev_prefetch(z->dns, ip_of("192.0.2.10"));
	iprev_check(z->dns, ip_of("192.0.2.10"), zone_deadline(), z->arena);
	assert_int_equal(zone_questions(z), 1 + 10);
}

static void prefetch_leaves_no_question_to_ask(void **state)
{
	static const char *const clients[] = { "192.0.2.1", "2001:db8::1", "192.0.2.4" };
	struct zone *z = *state;
	for (size_t i = 0; i < sizeof(clients) / sizeof(clients[0]); i++) {
		struct ip client = ip_of(clients[i]);
		unsigned before = zone_questions(z);
		iprev_prefetch(z->dns, client);
		/* The name behind the PTR record is asked about without anybody waiting. */
		for (int64_t until = zone_deadline(); zone_questions(z) < before + 2 && clock_mono_ms() < until;)
			usleep(1000);
		assert_int_equal(zone_questions(z), before + 2);
		iprev_check(z->dns, client, zone_deadline(), z->arena);
		assert_int_equal(zone_questions(z), before + 2);
	}
	iprev_prefetch(z->dns, (struct ip){ .family = IP_NONE });
}

static void the_probe_sets_its_facts(void **state)
{
	struct zone *z = *state;
	struct auth_results results = { 0 };
	struct probe_env env = { .dns = z->dns, .arena = z->arena, .results = &results,
				 .deadline_mono_ms = zone_deadline() };
	env.facts = facts_new(z->arena, SCOPE_CONN, NULL);
	facts_set_ip(env.facts, FACT_CLIENT_IP, ip_of("192.0.2.1"));
	probe_iprev(&env);
	assert_int_equal(facts_get(env.facts, FACT_IPREV_RESULT)->result, RESULT_PASS);
	assert_str(facts_text(env.facts, FACT_IPREV_NAME), "mx.example.org");
	assert_int_equal(results.iprev->result, RESULT_PASS);
	/* Mail from the host itself has no client address. */
	results.iprev = NULL;
	env.facts = facts_new(z->arena, SCOPE_CONN, NULL);
	facts_set_absent(env.facts, FACT_CLIENT_IP);
	probe_iprev(&env);
	assert_int_equal(facts_get(env.facts, FACT_IPREV_RESULT)->state, FACT_ABSENT);
	assert_int_equal(facts_get(env.facts, FACT_IPREV_NAME)->state, FACT_ABSENT);
	assert_null(results.iprev);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(every_result_of_rfc_8601),
		T(at_most_ten_names_are_followed),
		T(prefetch_leaves_no_question_to_ask),
		T(the_probe_sets_its_facts),
	};
	return RUN_TESTS(tests);
}

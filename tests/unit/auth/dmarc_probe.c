#include "zone.h"

#include "auth/dmarc.h"

static const char zone_text[] =
	"_dmarc.relaxed.example     TXT \"v=DMARC1; p=reject\"\n"
	"_dmarc.testing.example     TXT \"v=DMARC1; p=reject; sp=quarantine; np=none; t=y\"\n";

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

struct scene {
	struct facts *facts;
	struct auth_results results;
	struct probe_env env;
};

static void scene_set(struct scene *s, struct zone *z, const char *from_status, const char *from_domain)
{
	struct facts *conn = facts_new(z->arena, SCOPE_CONN, NULL);
	s->facts = facts_new(z->arena, SCOPE_MSG, conn);
	s->results = (struct auth_results){ 0 };
	s->env = (struct probe_env){ .dns = z->dns, .arena = z->arena, .facts = s->facts, .results = &s->results,
				     .deadline_mono_ms = zone_deadline() };
	if (from_status != NULL)
		facts_set_text(s->facts, FACT_FROM_STATUS, str_of(from_status));
	facts_set_text_or_absent(s->facts, FACT_FROM_DOMAIN, str_of(from_domain));
}

static void assert_all_set(const struct scene *s)
{
	for (enum fact_id id = 0; id < FACT_COUNT; id++)
		if (fact_descs[id].probe == PROBE_DMARC && !facts_is_set(s->facts, id))
			fail_msg("%s is not set", fact_descs[id].name);
	assert_non_null(s->results.dmarc);
}

static enum result result_of(const struct scene *s)
{
	assert_int_equal(facts_get(s->facts, FACT_DMARC_RESULT)->result, s->results.dmarc->result);
	return s->results.dmarc->result;
}

static void the_probe_sets_every_fact(void **state)
{
	struct zone *z = *state;
	struct scene s;
	struct dkim_verdict dkim = { .result = RESULT_PASS, .domain = STR("testing.example"), .covers_body = true };
	scene_set(&s, z, "ok", "testing.example");
	s.results.dkim = &dkim;
	s.results.dkim_count = 1;
	probe_dmarc(&s.env);
	assert_all_set(&s);
	assert_int_equal(result_of(&s), RESULT_PASS);
	assert_str(facts_text(s.facts, FACT_DMARC_POLICY), "quarantine");
	assert_true(facts_is_true(s.facts, FACT_DMARC_DKIM_ALIGNED));
	assert_false(facts_is_true(s.facts, FACT_DMARC_SPF_ALIGNED));
	assert_true(facts_is_true(s.facts, FACT_DMARC_TESTING));
	assert_str(facts_text(s.facts, FACT_DMARC_NP), "none");
	scene_set(&s, z, "ok", "unknown.example");
	probe_dmarc(&s.env);
	assert_all_set(&s);
	assert_int_equal(result_of(&s), RESULT_NONE);
	assert_int_equal(facts_get(s.facts, FACT_DMARC_TESTING)->state, FACT_ABSENT);
	assert_int_equal(facts_get(s.facts, FACT_DMARC_RUA)->state, FACT_ABSENT);
}

static void without_one_author_nothing_passes(void **state)
{
	static const struct {
		const char *status, *reason;
	} rows[] = {
		{ "several", "From names several authors" },
		{ "malformed", "From is malformed" },
		{ "missing", "there is no From" },
		{ NULL, "there is no From" },
	};
	struct zone *z = *state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scene s;
		struct spf_verdict spf = { .result = RESULT_PASS, .domain = STR("relaxed.example") };
		scene_set(&s, z, rows[i].status, "relaxed.example");
		s.results.spf_mailfrom = &spf;
		probe_dmarc(&s.env);
		assert_all_set(&s);
		assert_int_equal(result_of(&s), RESULT_PERMERROR);
		assert_str(facts_text(s.facts, FACT_DMARC_REASON), rows[i].reason);
		assert_int_equal(facts_get(s.facts, FACT_DMARC_POLICY)->state, FACT_ABSENT);
	}
	assert_int_equal(zone_questions(z), 0);
}

static void helo_counts_for_the_null_sender_only(void **state)
{
	struct zone *z = *state;
	struct scene s;
	struct spf_verdict helo = { .result = RESULT_PASS, .domain = STR("relaxed.example"), .identity = STR("helo") };
	struct spf_verdict mailfrom = { .result = RESULT_FAIL, .domain = STR("elsewhere.com") };
	scene_set(&s, z, "ok", "relaxed.example");
	s.results.spf_helo = &helo;
	s.results.spf_mailfrom = &mailfrom;
	probe_dmarc(&s.env);
	assert_int_equal(result_of(&s), RESULT_FAIL);
	scene_set(&s, z, "ok", "relaxed.example");
	s.results.spf_helo = &helo;
	probe_dmarc(&s.env);
	assert_int_equal(result_of(&s), RESULT_FAIL);
	facts_set_bool(s.facts, FACT_MAIL_NULL, true);
	probe_dmarc(&s.env);
	assert_int_equal(result_of(&s), RESULT_PASS);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(the_probe_sets_every_fact),
		T(without_one_author_nothing_passes),
		T(helo_counts_for_the_null_sender_only),
	};
	return RUN_TESTS(tests);
}

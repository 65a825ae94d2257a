#include "../test.h"

#include "base/nametab.h"
#include "fact/fact.h"

static void every_fact_is_found_by_its_name(void **state)
{
	(void)state;
	for (enum fact_id id = 0; id < FACT_COUNT; id++)
		assert_int_equal(fact_find(str_of(fact_descs[id].name)), id); /* so names are unique */
	assert_int_equal(fact_find(STR("SPF.result")), FACT_COUNT);
	assert_int_equal(fact_find(STR("spf")), FACT_COUNT);
	assert_int_equal(fact_find(STR("")), FACT_COUNT);
}

/* Policies write them as group = { name = ...; }. */
static void names_are_a_group_and_a_word(void **state)
{
	(void)state;
	for (enum fact_id id = 0; id < FACT_COUNT; id++) {
		struct str group, word;
		assert_true(str_cut(str_of(fact_descs[id].name), '.', &group, &word));
		assert_true(group.n > 0 && word.n > 0 && char_is_alpha(word.p[0]));
		for (size_t i = 0; i < group.n; i++)
			assert_in_range(group.p[i], 'a', 'z');
		for (size_t i = 0; i < word.n; i++)
			assert_true(word.p[i] == '_' || char_is_digit(word.p[i]) ||
				    (word.p[i] >= 'a' && word.p[i] <= 'z'));
		size_t doc_bytes = strlen(fact_descs[id].doc);
		assert_true(doc_bytes >= 10 && fact_descs[id].doc[doc_bytes - 1] != '.');
	}
}

static void stages_and_scopes_agree(void **state)
{
	(void)state;
	for (enum fact_id id = 0; id < FACT_COUNT; id++) {
		const struct fact_desc *d = &fact_descs[id];
		if (d->scope == SCOPE_CONN && d->stage > STAGE_HELO)
			fail_msg("%s is the connection's, yet known only after HELO", d->name);
		if (d->scope == SCOPE_MSG && d->stage < STAGE_MAIL)
			fail_msg("%s is the message's, yet known before MAIL", d->name);
		if (d->scope == SCOPE_RCPT)
			assert_int_equal(d->stage, STAGE_RCPT);
	}
}

static void rules_on_dns_wait_for_the_end(void **state)
{
	(void)state;
	assert_int_equal(fact_ready_stage(FACT_CLIENT_IP), STAGE_CONNECT);
	assert_int_equal(fact_ready_stage(FACT_RCPT_TO), STAGE_RCPT);
	assert_int_equal(fact_ready_stage(FACT_SPF_RESULT), STAGE_END);
	assert_int_equal(fact_ready_stage(FACT_IPREV_NAME), STAGE_END);
	assert_true(probe_asks_dns(PROBE_DMARC));
	assert_false(probe_asks_dns(PROBE_NONE));
}

static void results_are_read_as_they_are_written(void **state)
{
	(void)state;
	enum result result = RESULT_PASS;
	for (enum result r = 0; r < RESULT_COUNT; r++) {
		assert_true(result_parse(str_of(result_words[r]), &result));
		assert_int_equal(result, r);
	}
	result = RESULT_PASS;
	assert_false(result_parse(STR("Fail"), &result));
	assert_false(result_parse(STR(""), &result));
	assert_int_equal(result, RESULT_PASS);
}

static void the_words_of_a_fact_fit_its_type(void **state)
{
	(void)state;
	size_t with_words = 0;
	for (enum fact_id id = 0; id < FACT_COUNT; id++) {
		size_t count = 99;
		const char *const *words = fact_words(id, &count);
		enum result result;
		if (words == NULL) {
			assert_int_equal(count, 0);
			assert_true(fact_descs[id].type != TYPE_RESULT);
			continue;
		}
		with_words++;
		assert_true(count > 0);
		assert_true(fact_descs[id].type == TYPE_RESULT || fact_descs[id].type == TYPE_STRING ||
			    fact_descs[id].type == TYPE_LIST);
		for (size_t i = 0; i < count && fact_descs[id].type == TYPE_RESULT; i++)
			assert_true(result_parse(str_of(words[i]), &result));
	}
	assert_true(with_words >= 5);
}

static void stages_have_words(void **state)
{
	(void)state;
	unsigned stage;
	assert_true(nametab_find(stage_words, STAGE_COUNT, STR("rcpt"), &stage));
	assert_int_equal(stage, STAGE_RCPT);
	assert_true(nametab_find(stage_words, STAGE_COUNT, STR("end"), &stage));
	assert_int_equal(stage, STAGE_END);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_fact_is_found_by_its_name),
		cmocka_unit_test(names_are_a_group_and_a_word),
		cmocka_unit_test(stages_and_scopes_agree),
		cmocka_unit_test(rules_on_dns_wait_for_the_end),
		cmocka_unit_test(results_are_read_as_they_are_written),
		cmocka_unit_test(the_words_of_a_fact_fit_its_type),
		cmocka_unit_test(stages_have_words),
	};
	return RUN_TESTS(tests);
}

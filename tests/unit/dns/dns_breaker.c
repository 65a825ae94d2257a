#include "../test.h"

#include "dns/dns_breaker.h"

static void note_many(struct dns_breaker *b, int64_t now_s, int good, int bad)
{
	for (int i = 0; i < good; i++)
		dns_breaker_note(b, now_s, false);
	for (int i = 0; i < bad; i++)
		dns_breaker_note(b, now_s, true);
}

static void few_questions_prove_nothing(void **state)
{
	(void)state;
	struct dns_breaker b = { .percent = 60 };
	note_many(&b, 100, 0, BREAKER_LEAST_QUESTIONS - 1);
	assert_false(dns_breaker_is_open(&b, 100));
	note_many(&b, 101, 0, 1);
	assert_true(dns_breaker_is_open(&b, 101));
}

static void the_share_decides(void **state)
{
	(void)state;
	struct dns_breaker b = { .percent = 60 };
	note_many(&b, 100, 41, 59);
	assert_false(dns_breaker_is_open(&b, 100));
	note_many(&b, 100, 0, 3);
	assert_true(dns_breaker_is_open(&b, 100)); /* 62 of 103 */
}

static void only_the_last_half_minute_counts(void **state)
{
	(void)state;
	struct dns_breaker b = { .percent = 60 };
	note_many(&b, 100, 0, 30);
	assert_true(dns_breaker_is_open(&b, 129));
	assert_false(dns_breaker_is_open(&b, 130));
	note_many(&b, 130, 0, 19); /* takes the place of second 100 */
	assert_false(dns_breaker_is_open(&b, 130));
	note_many(&b, 200, 0, 1);
	assert_false(dns_breaker_is_open(&b, 200));
}

static void at_0_percent_it_is_off(void **state)
{
	(void)state;
	struct dns_breaker b = { .percent = 0 };
	note_many(&b, 100, 0, 1000);
	assert_false(dns_breaker_is_open(&b, 100));
}

static void the_seconds_after_boot_are_as_good_as_any(void **state)
{
	(void)state;
	struct dns_breaker b = { .percent = 100 };
	note_many(&b, 0, 0, 20);
	assert_true(dns_breaker_is_open(&b, 0));
	note_many(&b, 1, 1, 0);
	assert_false(dns_breaker_is_open(&b, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(few_questions_prove_nothing),
		cmocka_unit_test(the_share_decides),
		cmocka_unit_test(only_the_last_half_minute_counts),
		cmocka_unit_test(at_0_percent_it_is_off),
		cmocka_unit_test(the_seconds_after_boot_are_as_good_as_any),
	};
	return RUN_TESTS(tests);
}

#include "../test.h"

#include <stdio.h>
#include <stdlib.h>

#include "dns/dns_cache.h"

/* An answer that can be told from others by its TTL. */
static void put(struct dns_cache *c, const char *name, enum dns_type type, uint32_t mark, int64_t expires_ms)
{
	struct dns_shared *s = dns_answer_of_status(DNS_NODATA, mark);
	dns_cache_put(c, str_of(name), type, s, expires_ms);
	dns_answer_put(s);
}

/* The mark, or 0. */
static uint32_t get(struct dns_cache *c, const char *name, enum dns_type type, int64_t now_ms)
{
	struct dns_shared *s = dns_cache_get(c, str_of(name), type, now_ms);
	if (s == NULL)
		return 0;
	uint32_t mark = s->answer.ttl_s;
	dns_answer_put(s);
	return mark;
}

static void names_and_types_are_kept_apart(void **state)
{
	(void)state;
	struct dns_cache *c = dns_cache_new(100);
	put(c, "a.test", DNS_A, 1, 1000);
	put(c, "a.test", DNS_AAAA, 2, 1000);
	put(c, "b.test", DNS_A, 3, 1000);
	assert_int_equal(get(c, "a.test", DNS_A, 0), 1);
	assert_int_equal(get(c, "a.test", DNS_AAAA, 0), 2);
	assert_int_equal(get(c, "b.test", DNS_A, 0), 3);
	assert_int_equal(get(c, "b.test", DNS_TXT, 0), 0);
	assert_int_equal(get(c, "a.tes", DNS_A, 0), 0);
	dns_cache_free(c);
}

static void an_entry_ends_with_its_time(void **state)
{
	(void)state;
	struct dns_cache *c = dns_cache_new(100);
	put(c, "a.test", DNS_A, 1, 1000);
	assert_int_equal(get(c, "a.test", DNS_A, 999), 1);
	assert_int_equal(get(c, "a.test", DNS_A, 1000), 0);
	assert_int_equal(dns_cache_count(c), 0);
	dns_cache_free(c);
}

static void a_newer_answer_replaces(void **state)
{
	(void)state;
	struct dns_cache *c = dns_cache_new(100);
	put(c, "a.test", DNS_A, 1, 1000);
	struct dns_shared *held = dns_cache_get(c, STR("a.test"), DNS_A, 0);
	put(c, "a.test", DNS_A, 2, 1000);
	assert_int_equal(get(c, "a.test", DNS_A, 0), 2);
	assert_int_equal(dns_cache_count(c), 1);
	assert_int_equal(held->answer.ttl_s, 1); /* still ours */
	dns_answer_put(held);
	dns_cache_free(c);
}

static void what_was_not_asked_for_longest_goes_first(void **state)
{
	(void)state;
	struct dns_cache *c = dns_cache_new(3);
	put(c, "a", DNS_A, 1, 1000);
	put(c, "b", DNS_A, 2, 1000);
	put(c, "c", DNS_A, 3, 1000);
	assert_int_equal(get(c, "a", DNS_A, 0), 1);
	put(c, "d", DNS_A, 4, 1000);
	assert_int_equal(get(c, "b", DNS_A, 0), 0);
	assert_int_equal(get(c, "a", DNS_A, 0), 1);
	assert_int_equal(get(c, "c", DNS_A, 0), 3);
	assert_int_equal(get(c, "d", DNS_A, 0), 4);
	dns_cache_free(c);
}

static void big_answers_count_by_their_bytes(void **state)
{
	(void)state;
	struct dns_cache *c = dns_cache_new(100); /* 100 kB */
	static char text[30000];
	const struct dns_record record = { .text = { text, sizeof(text) } };
	char name[8];
	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		struct dns_shared *s = dns_answer_new(&(struct dns_answer){ .count = 1, .records = &record });
		dns_cache_put(c, str_of(name), DNS_TXT, s, 1000);
		dns_answer_put(s);
		assert_in_range(dns_cache_count(c), 1, 3);
	}
	put(c, "small", DNS_A, 1, 1000);
	assert_int_equal(get(c, "small", DNS_A, 0), 1);
	dns_cache_free(c);
}

static void thousands_are_found_and_cleared(void **state)
{
	(void)state;
	enum { COUNT = 5000 };
	struct dns_cache *c = dns_cache_new(COUNT);
	char name[16];
	for (uint32_t i = 1; i <= COUNT + 100; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		put(c, name, DNS_A, i, 1000);
	}
	assert_int_equal(dns_cache_count(c), COUNT);
	for (uint32_t i = 1; i <= COUNT + 100; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		assert_int_equal(get(c, name, DNS_A, 0), i <= 100 ? 0 : i);
	}
	dns_cache_clear(c);
	assert_int_equal(dns_cache_count(c), 0);
	assert_int_equal(get(c, name, DNS_A, 0), 0);
	put(c, name, DNS_A, 7, 1000);
	assert_int_equal(get(c, name, DNS_A, 0), 7);
	dns_cache_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_types_are_kept_apart),
		cmocka_unit_test(an_entry_ends_with_its_time),
		cmocka_unit_test(a_newer_answer_replaces),
		cmocka_unit_test(what_was_not_asked_for_longest_goes_first),
		cmocka_unit_test(big_answers_count_by_their_bytes),
		cmocka_unit_test(thousands_are_found_and_cleared),
	};
	return RUN_TESTS(tests);
}

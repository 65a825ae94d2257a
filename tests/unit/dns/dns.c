#include "../test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/diag.h"
#include "dns/dns.h"

struct fixture {
	struct arena *arena;
	struct diags *diags;
	struct dns *dns;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	f->arena = arena_new();
	f->diags = diags_new();
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	arena_free(f->arena);
	dns_close(f->dns);
	diags_free(f->diags);
	free(f);
	return 0;
}

static void open_with(struct fixture *f, const char *zone, const struct dns_settings *settings)
{
	f->dns = dns_open_zone_text(str_of(zone), "zone", settings, NULL, f->diags);
	if (f->dns == NULL)
		diags_print(f->diags, stderr);
	assert_non_null(f->dns);
}

static const struct dns_answer *ask_for(struct fixture *f, const char *name, enum dns_type type, int wait_ms)
{
	return dns_ask(f->dns, str_of(name), type, clock_mono_ms() + wait_ms, f->arena);
}

static const struct dns_answer *ask(struct fixture *f, const char *name, enum dns_type type)
{
	return ask_for(f, name, type, 10000);
}

static void answers_are_asked_once_and_kept(void **state)
{
	struct fixture *f = *state;
	open_with(f, "example.org TXT \"x\"\n", NULL);
	assert_str(ask(f, "example.org", DNS_TXT)->records[0].text, "x");
	assert_str(ask(f, "Example.ORG.", DNS_TXT)->records[0].text, "x");
	assert_int_equal(ask(f, "nothing.test", DNS_A)->status, DNS_NXDOMAIN);
	assert_int_equal(ask(f, "nothing.test", DNS_A)->status, DNS_NXDOMAIN);
	assert_int_equal(ask(f, "example.org", DNS_A)->status, DNS_NODATA);
	struct dns_counters c = dns_counters(f->dns);
	assert_int_equal(c.asked, 5);
	assert_int_equal(c.sent, 3);
	assert_int_equal(c.from_cache, 2);
	assert_int_equal(c.by_status[DNS_OK], 1);
	assert_int_equal(c.by_status[DNS_NXDOMAIN], 1);
}

static void names_that_cannot_exist_are_never_asked(void **state)
{
	struct fixture *f = *state;
	char label_64[66 + 1], name_254[254 + 1];
	memset(label_64, 'a', sizeof(label_64));
	strcpy(label_64 + 64, ".b");
	for (size_t i = 0; i < sizeof(name_254); i++)
		name_254[i] = i % 2 == 0 ? 'a' : '.';
	name_254[253] = 'a';
	name_254[254] = 0;
	open_with(f, "* * SERVFAIL", NULL);
	static const struct str bad[] = {
		{ "", 0 }, { ".", 1 }, { "..", 2 }, { ".a", 2 }, { "a..b", 4 }, { "a..", 3 }, { "a\0b", 3 },
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(dns_ask(f->dns, bad[i], DNS_A, 0, f->arena)->status, DNS_BAD_NAME);
	assert_int_equal(ask(f, label_64, DNS_A)->status, DNS_BAD_NAME);
	assert_int_equal(ask(f, label_64 + 1, DNS_A)->status, DNS_SERVFAIL);
	assert_int_equal(ask(f, name_254, DNS_A)->status, DNS_BAD_NAME);
	name_254[253] = '.'; /* 253 bytes and a dot that means nothing */
	assert_int_equal(ask(f, name_254, DNS_A)->status, DNS_SERVFAIL);
	assert_int_equal(ask(f, "two words \xff.test", DNS_A)->status, DNS_SERVFAIL);
	assert_int_equal(dns_counters(f->dns).sent, 3);
}

static void a_deadline_ends_the_waiting_and_not_the_question(void **state)
{
	struct fixture *f = *state;
	open_with(f, "slow.test A DELAY 150ms\nslow.test A 192.0.2.1\n", NULL);
	int64_t began_ms = clock_mono_ms();
	assert_int_equal(ask_for(f, "slow.test", DNS_A, 20)->status, DNS_TIMEOUT);
	assert_int_equal(ask_for(f, "slow.test", DNS_A, -5)->status, DNS_TIMEOUT);
	assert_in_range(clock_mono_ms() - began_ms, 20, 120);
	assert_int_equal(ask(f, "slow.test", DNS_A)->status, DNS_OK);
	assert_int_equal(ask_for(f, "slow.test", DNS_A, -5)->status, DNS_OK);
	assert_int_equal(dns_counters(f->dns).sent, 1);
	assert_int_equal(dns_counters(f->dns).joined, 2);
}

static void silence_is_a_timeout_and_a_late_answer_is_kept(void **state)
{
	struct fixture *f = *state;
	const struct dns_settings settings = { .timeout_ms = 60, .cache_entries = 100 };
	open_with(f, "dead.test * TIMEOUT\nlate.test A DELAY 200ms\nlate.test A 192.0.2.1\n", &settings);
	dns_prefetch(f->dns, STR("late.test"), DNS_A);
	assert_int_equal(ask(f, "dead.test", DNS_A)->status, DNS_TIMEOUT);
	assert_int_equal(ask(f, "late.test", DNS_A)->status, DNS_TIMEOUT);
	assert_int_equal(ask(f, "late.test", DNS_A)->status, DNS_TIMEOUT);
	assert_int_equal(dns_counters(f->dns).sent, 2);
	usleep(250 * 1000);
	assert_int_equal(ask(f, "late.test", DNS_A)->status, DNS_OK);
	assert_int_equal(dns_counters(f->dns).sent, 2);
	assert_int_equal(dns_counters(f->dns).by_status[DNS_TIMEOUT], 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answers_are_asked_once_and_kept),
		TEST(names_that_cannot_exist_are_never_asked),
		TEST(a_deadline_ends_the_waiting_and_not_the_question),
		TEST(silence_is_a_timeout_and_a_late_answer_is_kept),
	};
	return RUN_TESTS(tests);
}

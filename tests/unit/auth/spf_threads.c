/* Many mail threads check at once, over one resolver: for ThreadSanitizer. */
#include "../test.h"

#include <pthread.h>
#include <stdio.h>

#include "spf_zone.h"

enum { THREADS = 6, ROUNDS = 40, DOMAINS = 8 };

struct worker {
	pthread_t thread;
	struct dns *dns;
	unsigned number;
	unsigned wrong;
};

static void *work(void *arg)
{
	struct worker *w = arg;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct arena *a = arena_new();
		char sender[40];
		unsigned domain = (w->number + round) % DOMAINS;
		bool is_permitted = round % 2 == 0;
		snprintf(sender, sizeof(sender), "u@d%u.example", domain);
		struct spf_check c = { .helo = STR("h.example"), .mail_from = str_of(sender) };
		ip_parse(is_permitted ? STR("192.0.2.1") : STR("198.51.100.1"), &c.client);
		spf_prefetch(w->dns, str_of(sender + 2), c.client);
		const struct spf_verdict *v = spf_check_mailfrom(w->dns, &c, clock_mono_ms() + 20000, a);
		char expected[60];
		snprintf(expected, sizeof(expected), "198.51.100.1 at d%u.example", domain);
		w->wrong += is_permitted ? v->result != RESULT_PASS || !str_eq(v->mechanism, STR("include:i.example"))
					 : v->result != RESULT_FAIL || !str_eq(v->explanation, str_of(expected));
		arena_free(a);
	}
	return NULL;
}

static void checks_do_not_disturb_each_other(void **state)
{
	(void)state;
	char zone[2000];
	size_t n = (size_t)snprintf(
		zone, sizeof(zone),
		"i.example TXT \"v=spf1 a:gone.example mx:m.example -all\"\n"
		"m.example MX 10 h1.example\nm.example MX 20 h2.example\n"
		"h1.example A 192.0.2.9\nh2.example A 192.0.2.1\nwhy.example TXT \"%%{i} at %%{d}\"\n");
	for (unsigned i = 0; i < DOMAINS; i++)
		n += (size_t)snprintf(
			zone + n, sizeof(zone) - n,
			"d%u.example TXT \"v=spf1 ip4:203.0.113.0/24 include:i.example exp=why.example -all\"\n", i);
	struct fixture f = fixture_of(zone);
	struct worker workers[THREADS] = { 0 };
	for (unsigned i = 0; i < THREADS; i++) {
		workers[i].dns = f.dns;
		workers[i].number = i;
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(workers[i].thread, NULL);
		assert_int_equal(workers[i].wrong, 0);
	}
	fixture_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(checks_do_not_disturb_each_other) };
	return RUN_TESTS(tests);
}

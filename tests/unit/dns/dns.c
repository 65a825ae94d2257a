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
#include "log/log.h"

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

/* Follows --------------------------------------------------------------------------------------------------- */

struct trail {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int calls;
	char text[512]; /* "name TYPE status;" for each call */
	bool goes_on;
	pthread_t thread;
};

static void note(struct dns *dns, struct str name, enum dns_type type, const struct dns_answer *answer, void *context)
{
	struct trail *t = context;
	if (t->goes_on && type == DNS_MX)
		for (size_t i = 0; i < answer->count; i++)
			dns_prefetch_then(dns, answer->records[i].text, DNS_A, note, t);
	pthread_mutex_lock(&t->lock);
	size_t n = strlen(t->text);
	snprintf(t->text + n, sizeof(t->text) - n, "%.*s %s %s;", STR_ARG(name), dns_type_word(type),
		 dns_status_words[answer->status]);
	t->calls++;
	t->thread = pthread_self();
	pthread_cond_signal(&t->changed);
	pthread_mutex_unlock(&t->lock);
}

static struct trail *trail_new(void)
{
	struct trail *t = calloc(1, sizeof(*t));
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->changed, NULL);
	return t;
}

static void trail_wait(struct trail *t, int calls)
{
	pthread_mutex_lock(&t->lock);
	while (t->calls < calls)
		pthread_cond_wait(&t->changed, &t->lock);
	assert_int_equal(t->calls, calls);
	pthread_mutex_unlock(&t->lock);
}

static void an_answer_may_lead_to_more_questions(void **state)
{
	struct fixture *f = *state;
	open_with(f, "example.org MX 10 a.example.org\nexample.org MX 20 b.example.org\n"
		     "a.example.org A 192.0.2.1\n", NULL);
	struct trail *t = trail_new();
	t->goes_on = true;
	dns_prefetch_then(f->dns, STR("Example.org."), DNS_MX, note, t);
	trail_wait(t, 3);
	assert_string_equal(t->text, "example.org MX ok;a.example.org A ok;b.example.org A nxdomain;");
	assert_false(pthread_equal(t->thread, pthread_self()));
	assert_int_equal(ask(f, "b.example.org", DNS_A)->status, DNS_NXDOMAIN);
	assert_int_equal(dns_counters(f->dns).sent, 3);
	free(t);
}

static void what_is_known_is_told_at_once(void **state)
{
	struct fixture *f = *state;
	open_with(f, "example.org A 192.0.2.1\n", NULL);
	struct trail *t = trail_new();
	ask(f, "example.org", DNS_A);
	dns_prefetch_then(f->dns, STR("EXAMPLE.org"), DNS_A, note, t);
	assert_int_equal(t->calls, 1);
	dns_prefetch_then(f->dns, STR("bad..name"), DNS_A, note, t);
	assert_string_equal(t->text, "example.org A ok;bad..name A bad-name;");
	assert_true(pthread_equal(t->thread, pthread_self()));
	free(t);
}

static void everyone_who_joined_is_told_once(void **state)
{
	struct fixture *f = *state;
	open_with(f, "example.org A 192.0.2.1\nexample.org A DELAY 50ms\n", NULL);
	struct trail *t = trail_new();
	for (int i = 0; i < 5; i++)
		dns_prefetch_then(f->dns, STR("example.org"), DNS_A, note, t);
	trail_wait(t, 5);
	struct dns_counters c = dns_counters(f->dns);
	assert_int_equal(c.sent, 1);
	assert_int_equal(c.joined, 4);
	free(t);
}

static void closing_waits_for_follows(void **state)
{
	struct fixture *f = *state;
	open_with(f, "example.org A 192.0.2.1\nexample.org A DELAY 80ms\n", NULL);
	struct trail *t = trail_new();
	dns_prefetch_then(f->dns, STR("example.org"), DNS_A, note, t);
	dns_close(f->dns);
	f->dns = NULL;
	assert_int_equal(t->calls, 1);
	free(t);
}

static void closing_does_not_wait_for_what_comes_too_late(void **state)
{
	struct fixture *f = *state;
	const struct dns_settings settings = { .timeout_ms = 50, .cache_entries = 100 };
	open_with(f, "late.test A DELAY 30s\nlate.test A 192.0.2.1\n", &settings);
	assert_int_equal(ask(f, "late.test", DNS_A)->status, DNS_TIMEOUT);
	int64_t began_ms = clock_mono_ms();
	dns_close(f->dns);
	f->dns = NULL;
	assert_in_range(clock_mono_ms() - began_ms, 0, 5000);
}

/* Bounds ---------------------------------------------------------------------------------------------------- */

static void too_much_in_flight_fails_at_once(void **state)
{
	struct fixture *f = *state;
	const struct dns_settings settings = { .timeout_ms = 1500, .cache_entries = 20000 };
	char name[32];
	struct trail *t = trail_new();
	open_with(f, "* * TIMEOUT", &settings);
	for (int i = 0; i < 8192; i++) {
		snprintf(name, sizeof(name), "n%d.test", i);
		dns_prefetch(f->dns, str_of(name), DNS_A);
	}
	assert_int_equal(dns_counters(f->dns).sent, 8192);
	assert_int_equal(ask(f, "one.more.test", DNS_A)->status, DNS_SERVFAIL);
	dns_prefetch_then(f->dns, STR("one.more.test"), DNS_A, note, t);
	assert_string_equal(t->text, "one.more.test A servfail;");
	assert_int_equal(ask(f, "n8191.test", DNS_A)->status, DNS_TIMEOUT);
	assert_int_equal(ask(f, "one.more.test", DNS_A)->status, DNS_TIMEOUT);
	free(t);
}

static void trouble_is_most_questions_failing(void **state)
{
	struct fixture *f = *state;
	const struct dns_settings settings = { .timeout_ms = 1000, .cache_entries = 100, .breaker_percent = 50 };
	char name[32], path[] = "/tmp/gatepost-log-XXXXXX", target[64], logged[1024] = "";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	snprintf(target, sizeof(target), "file:%s", path);
	const struct log_settings log_settings = { .target = target, .level = LEVEL_INFO };
	struct log *log = log_open(&log_settings, f->diags);
	assert_non_null(log);
	f->dns = dns_open_zone_text(STR("*.bad.test * SERVFAIL\n*.good.test * NODATA\n"), "zone", &settings, log, f->diags);
	for (int i = 0; i < 19; i++) {
		snprintf(name, sizeof(name), "n%d.bad.test", i);
		ask(f, name, DNS_A);
		ask(f, "cached.bad.test", DNS_A);
		assert_false(dns_is_in_trouble(f->dns) && i < 18);
	}
	assert_true(dns_is_in_trouble(f->dns)); /* 20 different ones */
	for (int i = 0; i < 20; i++) {
		assert_true(dns_is_in_trouble(f->dns));
		snprintf(name, sizeof(name), "n%d.good.test", i);
		ask(f, name, DNS_A);
	}
	usleep(1200 * 1000);
	assert_true(dns_is_in_trouble(f->dns)); /* 20 of 40 */
	ask(f, "one.more.good.test", DNS_A);
	for (int i = 0; i < 100 && dns_is_in_trouble(f->dns); i++)
		usleep(20 * 1000);
	assert_false(dns_is_in_trouble(f->dns));

	dns_close(f->dns);
	f->dns = NULL;
	log_close(log);
	assert_true(read(fd, logged, sizeof(logged) - 1) > 0);
	const char *began = strstr(logged, "at least 50% of the questions of the last 30 s failed; dns.trouble is true");
	assert_non_null(began);
	assert_non_null(strstr(began, "dns.trouble is false"));
	assert_null(strstr(began + 1, "at least"));
	close(fd);
	unlink(path);
}

/* Reload ---------------------------------------------------------------------------------------------------- */

static void write_zone(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void a_reload_forgets_the_old_content(void **state)
{
	struct fixture *f = *state;
	char path[] = "/tmp/gatepost-zone-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	const struct dns_settings settings = { .zone_file = path, .timeout_ms = 2000, .cache_entries = 100 };
	write_zone(path, "a.test TXT \"old\"\nslow.test TXT \"old\"\nslow.test TXT DELAY 100ms\n");
	f->dns = dns_open(&settings, NULL, f->diags);
	assert_non_null(f->dns);
	assert_str(ask(f, "a.test", DNS_TXT)->records[0].text, "old");
	assert_int_equal(ask(f, "b.test", DNS_TXT)->status, DNS_NXDOMAIN);
	dns_prefetch(f->dns, STR("slow.test"), DNS_TXT);
	assert_int_equal(ask_for(f, "slow.test", DNS_TXT, 10)->status, DNS_TIMEOUT); /* begun with the old zone */

	write_zone(path, "a.test TXT broken\"\n");
	assert_false(dns_reload_zone(f->dns, f->diags));
	assert_int_equal(diags_errors(f->diags), 1);
	assert_str(ask(f, "a.test", DNS_TXT)->records[0].text, "old");

	write_zone(path, "a.test TXT \"new\"\nb.test TXT \"new\"\nslow.test TXT \"new\"\n");
	assert_true(dns_reload_zone(f->dns, f->diags));
	assert_str(ask(f, "a.test", DNS_TXT)->records[0].text, "new");
	assert_str(ask(f, "b.test", DNS_TXT)->records[0].text, "new");
	assert_str(ask(f, "slow.test", DNS_TXT)->records[0].text, "new");
	usleep(150 * 1000);
	assert_str(ask(f, "slow.test", DNS_TXT)->records[0].text, "new");
	unlink(path);
	assert_false(dns_reload_zone(f->dns, f->diags));
	assert_str(ask(f, "a.test", DNS_TXT)->records[0].text, "new");
}

static void a_zone_may_be_given_as_text(void **state)
{
	struct fixture *f = *state;
	assert_null(dns_open_zone_text(STR("a.test A x\n"), "case", NULL, NULL, f->diags));
	assert_string_equal(diag_line(f->diags, diags_at(f->diags, 0)), "case:1: error: \"x\" is no IPv4 address");
	open_with(f, "", NULL);
	assert_int_equal(ask(f, "a.test", DNS_A)->status, DNS_NXDOMAIN);
	assert_true(dns_reload_zone(f->dns, f->diags));
}

/* Threads --------------------------------------------------------------------------------------------------- */

enum { THREADS = 8, ROUNDS = 400 };

static void count_call(struct dns *dns, struct str name, enum dns_type type, const struct dns_answer *answer,
		       void *context)
{
	(void)dns, (void)name, (void)type, (void)answer;
	atomic_fetch_add((atomic_int *)context, 1);
}

static void *use_everything(void *arg)
{
	struct fixture *f = arg;
	struct arena *arena = arena_new();
	char name[32];
	atomic_int calls = 0;
	uintptr_t wrong = 0;
	for (int i = 0; i < ROUNDS; i++) {
		snprintf(name, sizeof(name), "n%d.test", i % 300);
		dns_prefetch(f->dns, str_of(name), DNS_TXT);
		dns_prefetch_then(f->dns, str_of(name), DNS_A, count_call, &calls);
		int64_t deadline_ms = clock_mono_ms() + (i % 10 == 0 ? 0 : 10000);
		const struct dns_answer *a = dns_ask(f->dns, str_of(name), DNS_TXT, deadline_ms, arena);
		wrong += a->status == DNS_OK ? !str_eq(a->records[0].text, STR("text")) : a->status != DNS_TIMEOUT;
		if (i % 16 == 0)
			arena_reset(arena);
		if (i % 50 == 0)
			dns_reload_zone(f->dns, f->diags);
		dns_is_in_trouble(f->dns);
	}
	while (atomic_load(&calls) < ROUNDS)
		usleep(1000);
	arena_free(arena);
	return (void *)wrong;
}

static void all_functions_may_be_called_by_all_threads(void **state)
{
	struct fixture *f = *state;
	char path[] = "/tmp/gatepost-zone-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	write_zone(path, "*.test TXT \"text\"\n*.test A 192.0.2.1\n*.test A DELAY 1ms\n");
	const struct dns_settings settings = {
		.zone_file = path, .timeout_ms = 10000, .cache_entries = 100, .breaker_percent = 50
	};
	f->dns = dns_open(&settings, NULL, f->diags);
	assert_non_null(f->dns);
	pthread_t threads[THREADS];
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, use_everything, f), 0);
	for (int i = 0; i < THREADS; i++) {
		void *wrong;
		pthread_join(threads[i], &wrong);
		assert_null(wrong);
	}
	unlink(path);
	struct dns_counters c = dns_counters(f->dns);
	assert_int_equal(c.asked, THREADS * ROUNDS * 3);
	assert_int_equal(c.from_cache + c.joined + c.sent, c.asked);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answers_are_asked_once_and_kept),
		TEST(names_that_cannot_exist_are_never_asked),
		TEST(a_deadline_ends_the_waiting_and_not_the_question),
		TEST(silence_is_a_timeout_and_a_late_answer_is_kept),
		TEST(an_answer_may_lead_to_more_questions),
		TEST(what_is_known_is_told_at_once),
		TEST(everyone_who_joined_is_told_once),
		TEST(closing_waits_for_follows),
		TEST(closing_does_not_wait_for_what_comes_too_late),
		TEST(too_much_in_flight_fails_at_once),
		TEST(trouble_is_most_questions_failing),
		TEST(a_reload_forgets_the_old_content),
		TEST(a_zone_may_be_given_as_text),
		TEST(all_functions_may_be_called_by_all_threads),
	};
	return RUN_TESTS(tests);
}

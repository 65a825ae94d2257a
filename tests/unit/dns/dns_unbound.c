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
#include "lib/dns_server.h"

enum { TYPE_CNAME = 5, TIMEOUT_MS = 700, BIG_BYTES = 4200, HUGE_BYTES = 64000 };

static atomic_bool is_down;

static void answer(const struct dns_server_query *q, struct dns_server_reply *r)
{
	static char text[HUGE_BYTES];
	struct str first, rest;
	str_cut(str_of(q->name), '.', &first, &rest);
	memset(text, 'x', sizeof(text));
	if (atomic_load(&is_down) || str_eq(first, STR("silent"))) {
		reply_never(r);
	} else if (str_eq(first, STR("servfail"))) {
		reply_rcode(r, 2);
	} else if (str_eq(first, STR("refused"))) {
		reply_rcode(r, 5);
	} else if (str_eq(first, STR("nx"))) {
		reply_rcode(r, 3);
		reply_soa(r, "example.org", 900, 600);
	} else if (str_eq(first, STR("nodata"))) {
		reply_soa(r, "example.org", 900, 100000);
	} else if (str_eq(first, STR("slow"))) {
		reply_address(r, NULL, 300, "192.0.2.9");
		reply_after(r, 300);
	} else if (str_eq(first, STR("alias"))) {
		reply_host(r, NULL, TYPE_CNAME, 50, "target.example.org");
		reply_address(r, "target.example.org", 300, "192.0.2.3");
	} else if (str_eq(first, STR("dangling"))) {
		reply_rcode(r, 3);
		reply_host(r, NULL, TYPE_CNAME, 50, "nx.example.org");
		reply_soa(r, "example.org", 900, 600);
	} else if (str_eq(first, STR("garbage"))) {
		reply_record(r, NULL, DNS_A, 300, "abc", 3);
	} else if (q->type == DNS_TXT && str_eq(first, STR("big"))) {
		reply_text(r, 300, text, BIG_BYTES);
	} else if (q->type == DNS_TXT && str_eq(first, STR("huge"))) {
		reply_text(r, 300, text, HUGE_BYTES);
	} else if (q->type == DNS_TXT) {
		reply_text(r, 300, "one", 3);
		reply_text(r, 300, "\0two\xff", 5);
	} else if (q->type == DNS_MX) {
		reply_record(r, NULL, DNS_MX, 300, "\0\012\2Mx\7example\3NET", 18);
		reply_record(r, NULL, DNS_MX, 300, "\0\0", 3);
	} else if (q->type == DNS_PTR) {
		reply_host(r, NULL, DNS_PTR, 300, "host.example.org");
	} else {
		reply_address(r, NULL, 300, q->type == DNS_A ? "192.0.2.1" : "2001:db8::1");
	}
}

struct fixture {
	struct arena *arena;
	struct diags *diags;
	struct dns_server *server;
	struct dns *dns;
};

static void open_resolver(struct fixture *f, int timeout_ms)
{
	struct str server = str_of(dns_server_address(f->server));
	const struct dns_settings settings = {
		.servers = &server, .server_count = 1, .timeout_ms = timeout_ms, .cache_entries = 100000
	};
	f->dns = dns_open(&settings, NULL, f->diags);
	if (f->dns == NULL)
		diags_print(f->diags, stderr);
	assert_non_null(f->dns);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	f->arena = arena_new();
	f->diags = diags_new();
	f->server = dns_server_open(answer);
	open_resolver(f, TIMEOUT_MS);
	atomic_store(&is_down, false);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	arena_free(f->arena);
	dns_close(f->dns);
	dns_server_close(f->server);
	diags_free(f->diags);
	free(f);
	return 0;
}

static const struct dns_answer *ask(struct fixture *f, const char *name, enum dns_type type)
{
	return dns_ask(f->dns, str_of(name), type, clock_mono_ms() + 20000, f->arena);
}

static void assert_status(struct fixture *f, const char *name, enum dns_type type, enum dns_status status)
{
	const struct dns_answer *a = ask(f, name, type);
	assert_string_equal(dns_status_words[a->status], dns_status_words[status]);
	assert_int_equal(a->count > 0, status == DNS_OK);
}

static void every_type_of_record_arrives(void **state)
{
	struct fixture *f = *state;
	char text[IP_TEXT_MAX];
	assert_string_equal(ip_print(ask(f, "A.example.org.", DNS_A)->records[0].ip, text), "192.0.2.1");
	assert_string_equal(ip_print(ask(f, "a.example.org", DNS_AAAA)->records[0].ip, text), "2001:db8::1");
	const struct dns_answer *mx = ask(f, "a.example.org", DNS_MX);
	assert_int_equal(mx->count, 2);
	assert_int_equal(mx->records[0].preference, 10);
	assert_str(mx->records[0].text, "Mx.example.NET");
	assert_str(mx->records[1].text, "");
	assert_str(ask(f, "1.2.0.192.in-addr.arpa", DNS_PTR)->records[0].text, "host.example.org");
	const struct dns_answer *txt = ask(f, "a.example.org", DNS_TXT);
	assert_int_equal(txt->count, 2);
	assert_str(txt->records[0].text, "one");
	assert_int_equal(txt->records[1].text.n, 5);
	assert_memory_equal(txt->records[1].text.p, "\0two\xff", 5);
	assert_in_range(txt->ttl_s, 298, 300);
	assert_false(txt->is_secure);
}

static void failures_are_told_apart(void **state)
{
	struct fixture *f = *state;
	assert_status(f, "nx.example.org", DNS_A, DNS_NXDOMAIN);
	assert_in_range(ask(f, "nx.example.org", DNS_A)->ttl_s, 598, 600);
	assert_status(f, "nodata.example.org", DNS_A, DNS_NODATA);
	assert_in_range(ask(f, "nodata.example.org", DNS_A)->ttl_s, 898, 900);
	assert_status(f, "servfail.example.org", DNS_A, DNS_SERVFAIL);
	assert_status(f, "refused.example.org", DNS_A, DNS_SERVFAIL);
	assert_status(f, "garbage.example.org", DNS_A, DNS_SERVFAIL);
	assert_status(f, "dangling.example.org", DNS_A, DNS_NXDOMAIN);
	int64_t began_ms = clock_mono_ms();
	assert_status(f, "silent.example.org", DNS_A, DNS_TIMEOUT);
	assert_in_range(clock_mono_ms() - began_ms, TIMEOUT_MS, TIMEOUT_MS + 300);
	int asked = dns_server_udp_queries(f->server);
	assert_status(f, "servfail.example.org", DNS_A, DNS_SERVFAIL);
	assert_status(f, "silent.example.org", DNS_A, DNS_TIMEOUT);
	assert_int_equal(dns_counters(f->dns).sent, 7);
	assert_in_range(dns_server_udp_queries(f->server) - asked, 0, 1);
}

static void aliases_lead_to_the_last_name(void **state)
{
	struct fixture *f = *state;
	const struct dns_answer *a = ask(f, "alias.example.org", DNS_A);
	assert_int_equal(a->status, DNS_OK);
	assert_int_equal(a->ttl_s, 50);
	assert_int_equal(a->count, 1);
}

static void long_texts_come_over_tcp(void **state)
{
	struct fixture *f = *state;
	const struct dns_answer *a = ask(f, "big.example.org", DNS_TXT);
	assert_int_equal(a->status, DNS_OK);
	assert_int_equal(a->records[0].text.n, BIG_BYTES);
	assert_int_equal(dns_server_tcp_queries(f->server), 1);
	a = ask(f, "huge.example.org", DNS_TXT);
	assert_int_equal(a->status, DNS_OK);
	assert_int_equal(a->records[0].text.n, HUGE_BYTES);
	assert_int_equal(dns_server_tcp_queries(f->server), 2);
	for (size_t i = 0; i < HUGE_BYTES; i++)
		assert_true(a->records[0].text.p[i] == 'x');
}

static void a_slow_answer_is_waited_for_and_asked_once(void **state)
{
	struct fixture *f = *state;
	dns_prefetch(f->dns, STR("slow.example.org"), DNS_A);
	const struct dns_answer *a =
		dns_ask(f->dns, STR("slow.example.org"), DNS_A, clock_mono_ms() + 30, f->arena);
	assert_int_equal(a->status, DNS_TIMEOUT);
	assert_status(f, "slow.example.org", DNS_A, DNS_OK);
	assert_int_equal(dns_server_udp_queries(f->server), 1);
	assert_int_equal(dns_counters(f->dns).joined, 2);
}

static void special_names_are_asked_like_any_other(void **state)
{
	struct fixture *f = *state;
	static const char *const names[] = { "a.test",     "a.invalid", "a.onion", "a.home.arpa",
					     "a.internal", "a.local",   "test",    "_dmarc.a-b.test" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_status(f, names[i], DNS_TXT, DNS_OK);
	assert_status(f, "1.0.0.10.in-addr.arpa", DNS_PTR, DNS_OK);
	assert_status(f, "1.1.168.192.in-addr.arpa", DNS_PTR, DNS_OK);
	assert_status(f, "1.2.0.192.in-addr.arpa", DNS_PTR, DNS_OK);
	assert_status(f, "8.b.d.0.1.0.0.2.ip6.arpa", DNS_PTR, DNS_OK);
	assert_status(f, "strange \\ \"name\" \xff(*).example.org", DNS_TXT, DNS_OK);
}

static void a_resolver_that_comes_back_is_used_again(void **state)
{
	struct fixture *f = *state;
	char name[64];
	assert_status(f, "before.example.org", DNS_A, DNS_OK);
	atomic_store(&is_down, true);
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "down%d.example.org", i);
		dns_prefetch(f->dns, str_of(name), DNS_A);
	}
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "down%d.example.org", i);
		assert_true(dns_is_temporary(ask(f, name, DNS_A)->status));
	}
	atomic_store(&is_down, false);
	int64_t back_ms = clock_mono_ms();
	enum dns_status status;
	int tries = 0;
	do {
		snprintf(name, sizeof(name), "up%d.example.org", tries++);
		status = ask(f, name, DNS_A)->status;
	} while (status != DNS_OK && clock_mono_ms() - back_ms < 15000);
	print_message("answers again after %d ms and %d questions\n", (int)(clock_mono_ms() - back_ms), tries);
	assert_int_equal(status, DNS_OK);
}

enum { THREADS = 16, QUESTIONS = 1000, BURST = 2000 };

static void *ask_many(void *arg)
{
	struct fixture *f = arg;
	struct arena *arena = arena_new();
	char name[64];
	uintptr_t failed = 0;
	for (int i = 0; i < QUESTIONS; i++) {
		snprintf(name, sizeof(name), "n%d.example.org", i);
		const struct dns_answer *a =
			dns_ask(f->dns, str_of(name), DNS_A, clock_mono_ms() + 20000, arena);
		failed += a->status != DNS_OK;
	}
	arena_free(arena);
	return (void *)failed;
}

static void many_threads_share_the_questions(void **state)
{
	struct fixture *f = *state;
	pthread_t threads[THREADS];
	dns_close(f->dns);
	open_resolver(f, 20000);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask_many, f), 0);
	for (int i = 0; i < THREADS; i++) {
		void *failed;
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	struct dns_counters c = dns_counters(f->dns);
	assert_int_equal(c.asked, THREADS * QUESTIONS);
	assert_int_equal(c.sent, QUESTIONS);
	assert_int_equal(c.from_cache + c.joined + c.sent, c.asked);
}

static void thousands_at_once_are_all_answered(void **state)
{
	struct fixture *f = *state;
	char name[64];
	dns_close(f->dns);
	open_resolver(f, 20000);
	int64_t began_ms = clock_mono_ms();
	for (int i = 0; i < BURST; i++) {
		snprintf(name, sizeof(name), "p%d.example.org", i);
		dns_prefetch(f->dns, str_of(name), DNS_A);
	}
	size_t answered = 0;
	for (int i = 0; i < BURST; i++) {
		snprintf(name, sizeof(name), "p%d.example.org", i);
		answered += ask(f, name, DNS_A)->status == DNS_OK;
	}
	print_message("%zu answers in %d ms\n", answered, (int)(clock_mono_ms() - began_ms));
	/* A packet may get lost when the machine is busy; libunbound asks again, but not for ever. */
	assert_in_range(answered, BURST - BURST / 50, BURST);
}

static void closing_does_not_wait_for_what_is_timed_out(void **state)
{
	struct fixture *f = *state;
	assert_status(f, "silent.example.org", DNS_A, DNS_TIMEOUT);
	dns_prefetch(f->dns, STR("silent.example.com"), DNS_A);
	int64_t began_ms = clock_mono_ms();
	dns_close(f->dns);
	assert_in_range(clock_mono_ms() - began_ms, TIMEOUT_MS - 50, TIMEOUT_MS + 500);
	f->dns = NULL;
}

static void settings_that_cannot_work_are_named(void **state)
{
	struct fixture *f = *state;
	const struct str servers[] = { STR("192.0.2.1"), STR("resolver.example"), STR("192.0.2.1@x") };
	const struct dns_settings settings = {
		.servers = servers, .server_count = 3, .timeout_ms = 100, .cache_entries = 100, .dnssec = true,
		.trust_anchor_file = "/nonexistent/root.key",
	};
	assert_null(dns_open(&settings, NULL, f->diags));
	assert_int_equal(diags_errors(f->diags), 3);
	assert_string_equal(diags_at(f->diags, 0)->at.setting, "dns.servers");
	assert_string_equal(diags_at(f->diags, 2)->at.setting, "dns.trust_anchor_file");
}

static void system_resolvers_need_no_setting(void **state)
{
	struct fixture *f = *state;
	const struct dns_settings settings = { .timeout_ms = 100, .cache_entries = 100 };
	if (access("/etc/resolv.conf", R_OK) != 0)
		skip();
	dns_close(f->dns);
	f->dns = dns_open(&settings, NULL, f->diags);
	assert_non_null(f->dns);
}

static void dnssec_needs_an_anchor(void **state)
{
	struct fixture *f = *state;
	const struct dns_settings settings = { .timeout_ms = 100, .cache_entries = 100, .dnssec = true };
	assert_null(dns_open(&settings, NULL, f->diags));
	assert_string_equal(diags_at(f->diags, diags_count(f->diags) - 1)->text, "is needed for dns.dnssec");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_type_of_record_arrives),
		TEST(failures_are_told_apart),
		TEST(aliases_lead_to_the_last_name),
		TEST(long_texts_come_over_tcp),
		TEST(a_slow_answer_is_waited_for_and_asked_once),
		TEST(special_names_are_asked_like_any_other),
		TEST(a_resolver_that_comes_back_is_used_again),
		TEST(many_threads_share_the_questions),
		TEST(thousands_at_once_are_all_answered),
		TEST(closing_does_not_wait_for_what_is_timed_out),
		TEST(settings_that_cannot_work_are_named),
		TEST(system_resolvers_need_no_setting),
		TEST(dnssec_needs_an_anchor),
	};
	return RUN_TESTS(tests);
}

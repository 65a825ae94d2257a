/* resources [--whole] - messages that are made to cost, sent to a daemon with the shipped policies over its socket.
 *
 * Each must be answered as the limits say, within the budget for one message (conf/README.md, "What a message may
 * cost"), while a well-behaved neighbour's mail goes on. --whole: with the default deadline for DNS, each attack five
 * times, and then all of them from eight connections at once. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attacks/messages.h"
#include "attacks/name_server.h"
#include "attacks/victim.h"
#include "base/clock.h"
#include "base/fail.h"

/* The budget of one message. */
enum {
	CPU_US = 250 * 1000,
	CPU_US_PER_MB = 40 * 1000,
	WALL_MS = 5000,            /* mostly the machine's other work */
	WALL_MS_PER_MB = 200,
	WALL_DNS_MS = 1000,        /* besides the deadline, where DNS is waited for */
	MEMORY_KB = 16 * 1024,
	QUICK_DEADLINE_MS = 1000,
	DEADLINE_MS = 20000,
	NEIGHBOUR_MS = 250,        /* its median, beside any attack */
	REPLY_MS = 300 * 1000,
	WHOLE_ROUNDS = 5,
	WHOLE_ATTACKERS = 8,
	SLACK_MAX = 30,
};

struct cost {
	int64_t cpu_us, wall_us;
	long memory_kb;
	struct latency neighbour;
};

static int deadline_ms = QUICK_DEADLINE_MS;
static int failed, passed;

static struct milter_client *attacker_new(const struct victim *v)
{
	struct milter_client *c = milter_client_new(REPLY_MS);
	struct ip ip;
	BUG_IF(!ip_parse(STR("198.51.100.66"), &ip));
	if (!milter_client_dial(c, v->socket) || !milter_client_negotiate(c) ||
	    !milter_goes_on(milter_client_connect(c, "unknown", ip, 25)) ||
	    !milter_goes_on(milter_client_helo(c, "attack.example")))
		fprintf(stderr, "no attack possible: %s\n", milter_client_failure(c));
	return c;
}

static bool is_expected(const struct attack *a, struct milter_answer answer)
{
	if (a->code == BROKEN_OFF)
		return answer.kind == MILTER_BROKEN;
	return a->code == 0 ? answer.kind == MILTER_ACCEPT : answer.kind == MILTER_REPLY && answer.code == a->code;
}

static void complain(const struct attack *a, const char *what, long got, long limit)
{
	fprintf(stderr, "FAIL %s: %s %ld, at most %ld\n", a->name, what, got, limit);
}

static bool is_within_budget(const struct victim *v, const struct attack *a, const struct cost *c)
{
	long cpu_us = (CPU_US + a->megabytes * CPU_US_PER_MB) * (long)v->slack;
	long wall_ms = a->waits_for_dns ? deadline_ms + WALL_DNS_MS * (long)v->slack
				       : (WALL_MS + a->megabytes * WALL_MS_PER_MB) * (long)v->slack;
	long memory_kb = MEMORY_KB * (long)v->slack, neighbour_ms = NEIGHBOUR_MS * (long)v->slack;
	bool is_good = true;
	if (c->cpu_us > cpu_us)
		complain(a, "CPU us", c->cpu_us, cpu_us), is_good = false;
	if (c->wall_us / 1000 > wall_ms)
		complain(a, "wall ms", c->wall_us / 1000, wall_ms), is_good = false;
	if (c->memory_kb > memory_kb)
		complain(a, "memory KB", c->memory_kb, memory_kb), is_good = false;
	if (c->neighbour.median_us / 1000 > neighbour_ms)
		complain(a, "neighbour's median ms", c->neighbour.median_us / 1000, neighbour_ms), is_good = false;
	return is_good;
}

/* The neighbour's own CPU time is part of what is measured; it is small, and the budget is of the whole. */
static void attack_once(struct victim *v, const struct attack *a)
{
	struct milter_client *c = attacker_new(v);
	neighbour_latency(v);
	victim_forget_peak(v);
	struct usage before = victim_usage(v);
	int64_t start_us = clock_mono_us();
	struct milter_answer answer = a->send(c);
	struct cost cost = { .wall_us = clock_mono_us() - start_us };
	struct usage after = victim_usage(v);
	cost.cpu_us = after.cpu_us - before.cpu_us;
	cost.memory_kb = after.peak_kb - before.memory_kb;
	cost.neighbour = neighbour_latency(v);
	bool is_right = is_expected(a, answer), is_alive = victim_is_alive(v);
	if (!is_right)
		fprintf(stderr, "FAIL %s: answered with %s %d, not with %d: %.*s %s\n", a->name,
			milter_answer_words[answer.kind], answer.code, a->code, STR_ARG(answer.text),
			milter_client_failure(c));
	if (!is_alive)
		fprintf(stderr, "FAIL %s: the daemon has died\n", a->name);
	bool is_good = is_within_budget(v, a, &cost) && is_right && is_alive;
	printf("| %-44s | %6s %4d | %6.0f | %6.0f | %6.1f | %5.1f | %5.0f |%s\n", a->name,
	       milter_answer_words[answer.kind], answer.code, (double)cost.cpu_us / 1000, (double)cost.wall_us / 1000,
	       (double)cost.memory_kb / 1024, (double)cost.neighbour.median_us / 1000,
	       (double)cost.neighbour.worst_us / 1000, is_good ? "" : " FAIL");
	fflush(stdout);
	passed += is_good;
	failed += !is_good;
	milter_client_quit(c);
	milter_client_free(c);
}

static void show_heading(struct victim *v)
{
	struct latency alone = neighbour_latency(v);
	printf("| %-44s | %-11s | CPU ms | all ms |     MB | others' median, worst ms |\n| --- | --- | --- | --- | --- | --- | --- |\n"
	       "| %-44s | %6s %4s | %6s | %6s | %6s | %5.1f | %5.0f |\n", "attack", "answer", "(none)", "", "", "", "", "",
	       (double)alone.median_us / 1000, (double)alone.worst_us / 1000);
}

static void *attack_with_all(void *context)
{
	const struct victim *v = context;
	for (size_t i = 0; i < attack_count; i++) {
		struct milter_client *c = attacker_new(v);
		attacks[i].send(c);
		milter_client_quit(c);
		milter_client_free(c);
	}
	return NULL;
}

/* All at once: nothing is measured but that the daemon lives, and that its memory is bounded. */
static void attack_from_all_sides(struct victim *v)
{
	pthread_t threads[WHOLE_ATTACKERS];
	victim_forget_peak(v);
	struct usage before = victim_usage(v);
	for (int i = 0; i < WHOLE_ATTACKERS; i++)
		BUG_IF(pthread_create(&threads[i], NULL, attack_with_all, v) != 0);
	for (int i = 0; i < WHOLE_ATTACKERS; i++)
		pthread_join(threads[i], NULL);
	struct usage after = victim_usage(v);
	bool is_good = victim_is_alive(v) &&
		       after.peak_kb - before.memory_kb < (long)WHOLE_ATTACKERS * MEMORY_KB * v->slack;
	printf("%d connections with all attacks: peak %+.1f MB, at rest %+.1f MB, %+d files%s\n", WHOLE_ATTACKERS,
	       (double)(after.peak_kb - before.memory_kb) / 1024, (double)(after.memory_kb - before.memory_kb) / 1024,
	       after.files - before.files, is_good ? "" : " FAIL");
	passed += is_good;
	failed += !is_good;
}

int main(int argc, char **argv)
{
	bool is_whole = argc > 1 && strcmp(argv[1], "--whole") == 0;
	struct victim v;
	char options[128];
	if (is_whole)
		deadline_ms = DEADLINE_MS;
	struct dns_server *dns = dns_server_open(name_server_answer);
	snprintf(options, sizeof(options), "breaker_percent = 0; };\ndeadline = \"%dms\";\n", deadline_ms);
	if (!victim_start(&v, dns, options))
		return 1;
	if (v.slack >= SLACK_MAX) {
		victim_stop(&v);
		dns_server_close(dns);
		puts("costs say nothing under ThreadSanitizer: skipped");
		return 77;
	}
	neighbour_begin(&v);
	show_heading(&v);
	for (int round = 0; round < (is_whole ? WHOLE_ROUNDS : 1); round++)
		for (size_t i = 0; i < attack_count; i++)
			if (argc < 2 || is_whole || strstr(attacks[i].name, argv[1]) != NULL)
				attack_once(&v, &attacks[i]);
	if (is_whole)
		attack_from_all_sides(&v);
	bool is_well = neighbour_end(&v);
	is_well = victim_stop(&v) && is_well;
	passed += is_well;
	failed += !is_well;
	dns_server_close(dns);
	printf("%d passed, %d failed\n", passed, failed);
	return failed == 0 ? 0 : 1;
}

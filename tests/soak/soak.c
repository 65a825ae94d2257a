/* soak [SECONDS] - mixed mail through the milter socket for so long (30 s), and what the daemon takes for it.
 *
 * Clients send plain, signed, large, broken, refused and signed-by-us messages, hang up anywhere, while DNS fails now and
 * then and the configuration is reloaded, also a wrong one. After each round all is quiet and memory, open files and
 * threads are looked at: after the first third of the rounds none of them may grow. $GATEPOST is the daemon; one that runs
 * under an instrument may grow $SOAK_SLACK times as much. */
#include <glob.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attacks/name_server.h"
#include "attacks/victim.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/fail.h"
#include "dns/dns.h"
#include "lib/milter_client.h"

enum {
	CLIENTS = 6,
	ROUNDS_MAX = 400,
	REPLY_MS = 60000,
	SETTLE_MS = 1500,
	DOMAINS = 3000,           /* more than the cache of answers holds */
	TTL_S = 30,
	SERVFAIL = 2,
	NXDOMAIN = 3,
	GROWTH_KB = 3072,         /* what the allocator may still spread out, */
	GROWTH_PERCENT = 4,       /* or this much of what is there */
};

static struct victim victim;
static char folder[] = "/tmp/gatepost-soak-XXXXXX";
static struct arena *forever;

static void shell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void shell(const char *format, ...)
{
	char command[2048];
	va_list args;
	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	if (system(command) != 0) {
		fprintf(stderr, "failed: %s\n", command);
		victim_stop(&victim);
		exit(1);
	}
}

static struct str slurp(const char *path)
{
	FILE *f = fail_if_null(fopen(path, "re"));
	char *text = arena_alloc(forever, 1 << 20);
	size_t n = fread(text, 1, 1 << 20, f);
	fclose(f);
	return (struct str){ text, n };
}

/* ---- DNS ---------------------------------------------------------------------------------------------------- */

enum dns_mood { DNS_ANSWERS, DNS_FAILS, DNS_IS_SILENT };

static _Atomic enum dns_mood dns_mood;
static struct str zone; /* lines: NAME TXT "..." "..." */

/* The texts of the line that begins with the name; false if there is none. */
static bool zone_text(const char *name, char *out, size_t room)
{
	struct str rest = zone, line, owner, strings;
	while (str_next(&rest, '\n', &line)) {
		if (!str_cut(line, ' ', &owner, &strings) || !str_eq(owner, str_of(name)))
			continue;
		size_t n = 0;
		bool is_inside = false;
		for (size_t i = 0; i < strings.n && n + 1 < room; i++)
			if (strings.p[i] == '"')
				is_inside = !is_inside;
			else if (is_inside)
				out[n++] = strings.p[i];
		out[n] = '\0';
		return n > 0;
	}
	return false;
}

static void answer(const struct dns_server_query *q, struct dns_server_reply *r)
{
	char text[4096] = "";
	enum dns_mood mood = atomic_load(&dns_mood);
	if (mood == DNS_FAILS)
		reply_rcode(r, SERVFAIL);
	else if (mood == DNS_IS_SILENT)
		reply_never(r);
	else if (q->type == DNS_TXT && zone_text(q->name, text, sizeof(text)))
		reply_text(r, TTL_S, text, strlen(text));
	else if (q->type == DNS_TXT && q->name[0] == 'd' && strstr(q->name, ".soak.example") != NULL)
		reply_text(r, TTL_S, "v=spf1 ip4:192.0.2.0/24 -all", 28);
	else if (q->type == DNS_TXT && strncmp(q->name, "_dmarc.d", 8) == 0)
		reply_text(r, TTL_S, "v=DMARC1; p=quarantine", 22);
	else if (q->type == DNS_PTR)
		reply_host(r, NULL, DNS_PTR, TTL_S, "mx.soak.example");
	else if (q->type == DNS_A && strcmp(q->name, "mx.soak.example") == 0)
		reply_address(r, NULL, TTL_S, "192.0.2.1");
	else
		name_server_answer(q, r);
}

/* ---- clients ------------------------------------------------------------------------------------------------ */

static atomic_bool is_pausing, is_ending;
static atomic_int busy;
static _Atomic long messages, refused, signed_here, dropped, broken;
static struct str samples[200];
static size_t sample_count;

struct client {
	pthread_t thread;
	unsigned seed;
	struct milter_client *milter;
	bool may_sign;
};

static unsigned pick(struct client *c, unsigned below)
{
	return (unsigned)rand_r(&c->seed) % below;
}

static bool say(struct client *c, struct milter_answer a)
{
	if (a.kind == MILTER_BROKEN) {
		fprintf(stderr, "broken: %s\n", milter_client_failure(c->milter));
		atomic_fetch_add(&broken, 1);
	}
	return milter_goes_on(a);
}

static bool field(struct client *c, const char *name, const char *value)
{
	return say(c, milter_client_header(c->milter, str_of(name), str_of(value)));
}

static bool finish(struct client *c)
{
	struct milter_answer a = milter_client_end(c->milter);
	say(c, a);
	atomic_fetch_add(&messages, 1);
	atomic_fetch_add(&refused, a.kind == MILTER_REPLY);
	for (size_t i = 0; i < milter_client_edit_count(c->milter); i++)
		atomic_fetch_add(&signed_here, str_eq(milter_client_edit_at(c->milter, i)->name, STR("DKIM-Signature")));
	return a.kind != MILTER_BROKEN;
}

static bool envelope(struct client *c, const char *sender, unsigned recipients)
{
	struct str from = str_of(sender);
	char text[64];
	unsigned taken = 0;
	if (!say(c, milter_client_mail(c->milter, &from, 1)))
		return false;
	for (unsigned i = 0; i < recipients; i++) {
		snprintf(text, sizeof(text), "<b%u@example.com>", i);
		struct str to = str_of(text);
		taken += say(c, milter_client_rcpt(c->milter, &to, 1));
	}
	return taken > 0 && say(c, milter_client_data(c->milter));
}

static char body_lines[1 << 19];

static void fill_body(void)
{
	for (size_t i = 0; i < sizeof(body_lines); i++)
		body_lines[i] = i % 72 == 70 ? '\r' : i % 72 == 71 ? '\n' : 'x';
}

static bool body(struct client *c, size_t size)
{
	struct milter_answer a = milter_client_body(c->milter, (struct str){ body_lines, size });
	return a.kind == MILTER_SKIP || say(c, a);
}

static bool plain(struct client *c, unsigned fields, unsigned recipients, size_t body_bytes)
{
	char sender[64], from[80];
	unsigned domain = pick(c, DOMAINS);
	snprintf(sender, sizeof(sender), "<a@d%u.soak.example>", domain);
	snprintf(from, sizeof(from), " Somebody <a@d%u.soak.example>", domain);
	if (!envelope(c, sender, recipients) || !field(c, "From", from) || !field(c, "Subject", " soak"))
		return true;
	for (unsigned i = 0; i < fields; i++)
		if (!field(c, i % 7 == 0 ? "Authentication-Results" : "X-Filler", " mx.example.com; dmarc=pass\n\tfolded"))
			return true;
	return !say(c, milter_client_headers_end(c->milter)) || !body(c, body_bytes) || finish(c);
}

/* A file as it is: header lines, an empty one, the body. */
static bool sample(struct client *c)
{
	struct str rest = samples[pick(c, (unsigned)sample_count)], line, name, value;
	if (!envelope(c, "<a@example.org>", 1))
		return true;
	struct arena *a = arena_new();
	bool goes_on = true;
	while (goes_on && str_next(&rest, '\n', &line) && line.n > 0 && line.p[0] != '\r') {
		while (rest.n > 0 && (rest.p[0] == ' ' || rest.p[0] == '\t')) { /* folded: one field */
			struct str more;
			str_next(&rest, '\n', &more);
			line.n = (size_t)(more.p + more.n - line.p);
		}
		if (line.p[line.n - 1] == '\r')
			line.n--;
		if (str_cut(line, ':', &name, &value) && memchr(line.p, '\0', line.n) == NULL)
			goes_on = say(c, milter_client_header(c->milter, name, value));
	}
	arena_free(a);
	if (!goes_on || !say(c, milter_client_headers_end(c->milter)))
		return true;
	struct milter_answer sent = rest.n == 0 ? (struct milter_answer){ 0 } : milter_client_body(c->milter, rest);
	return (sent.kind != MILTER_SKIP && !say(c, sent)) || finish(c);
}

/* Mail of a workflow, to be signed by the daemon. */
static bool submission(struct client *c)
{
	milter_client_macro(c->milter, "{auth_authen}", "news");
	milter_client_macro(c->milter, "{tls_version}", "TLSv1.3");
	bool goes_on = !envelope(c, "<bounce@news.example>", 1) || !field(c, "From", " <news@news.example>") ||
		       !field(c, "Subject", " news") || !say(c, milter_client_headers_end(c->milter)) || !body(c, 2000) ||
		       finish(c);
	milter_client_macro(c->milter, "{auth_authen}", NULL);
	milter_client_macro(c->milter, "{tls_version}", NULL);
	return goes_on;
}

static bool two_authors(struct client *c)
{
	return !envelope(c, "<a@d1.soak.example>", 1) || !field(c, "From", " a@d1.soak.example") ||
	       !field(c, "From", " b@bank.example") || !say(c, milter_client_headers_end(c->milter)) || !body(c, 100) || finish(c);
}

/* As far as chance will have it. */
static bool torn(struct client *c)
{
	unsigned steps = pick(c, 6);
	bool goes_on = steps < 1 || envelope(c, "<a@d2.soak.example>", 2);
	for (unsigned i = 0; goes_on && i < steps; i++)
		goes_on = field(c, "From", " a@d2.soak.example");
	if (goes_on && steps > 3)
		goes_on = say(c, milter_client_headers_end(c->milter)) && body(c, 70000);
	atomic_fetch_add(&dropped, 1);
	return false;
}

static bool hard_name(struct client *c)
{
	static const char *const senders[] = { "<a@silent.example>", "<a@loop.example>", "<a@huge.example>", "<a@wide.example>",
					       "<a@slow.example>", "<>" };
	return !envelope(c, senders[pick(c, 6)], 1) || !field(c, "From", " a@loop.example") ||
	       !say(c, milter_client_headers_end(c->milter)) || !body(c, 100) || finish(c);
}

/* False: the connection is not to be used again, and is dropped. */
static bool one_message(struct client *c)
{
	switch (pick(c, 24)) {
	case 0:
		return torn(c);
	case 1:
		return two_authors(c);
	case 2:
		return plain(c, 60, 3, 100);
	case 3:
		return plain(c, 0, 100, 100);
	case 4:
		return plain(c, 0, 1, 400000);
	case 5:
		return pick(c, 4) != 0 || hard_name(c);
	case 6:
	case 7:
	case 8:
		return submission(c);
	case 9:
	case 10:
	case 11:
	case 12:
	case 13:
		return sample(c);
	default:
		return plain(c, 4, 1, 3000);
	}
}

/* One connection of a few messages. */
static void connection(struct client *c)
{
	struct ip ip;
	char address[32];
	snprintf(address, sizeof(address), "%s.%u", pick(c, 8) == 0 ? "203.0.113" : "192.0.2", pick(c, 250) + 1);
	BUG_IF(!ip_parse(str_of(address), &ip));
	if (!milter_client_dial(c->milter, victim.socket) || !milter_client_negotiate(c->milter)) {
		say(c, (struct milter_answer){ .kind = MILTER_BROKEN });
		return;
	}
	bool goes_on = say(c, milter_client_connect(c->milter, "mx.soak.example", ip, 25)) &&
		       say(c, milter_client_helo(c->milter, "mx.soak.example"));
	for (unsigned left = pick(c, 8) + 1; goes_on && left > 0; left--) {
		goes_on = one_message(c);
		if (goes_on)
			milter_client_abort(c->milter);
	}
	if (goes_on)
		milter_client_quit(c->milter);
	else
		milter_client_drop(c->milter);
}

static void *live(void *context)
{
	struct client *c = context;
	while (!atomic_load(&is_ending)) {
		atomic_fetch_add(&busy, 1);
		if (!atomic_load(&is_pausing)) {
			c->milter = milter_client_new(REPLY_MS);
			connection(c);
			milter_client_free(c->milter);
		}
		atomic_fetch_sub(&busy, 1);
		usleep(1000);
	}
	return NULL;
}

/* ---- the daemon's configuration ----------------------------------------------------------------------------- */

static struct str plain_config;

/* 0: as it was started; 1: with a workflow that signs; 2: wrong. */
static void write_config(int variant)
{
	FILE *f = fail_if_null(fopen(victim.config, "we"));
	struct str rest = plain_config, line;
	while (str_next(&rest, '\n', &line)) {
		if (variant != 0 && str_starts(line, STR("policies = ")))
			fprintf(f, "policies = \"%s/policies\";\nkeys = \"%s/keys\";\n", folder, folder);
		else
			fprintf(f, "%.*s\n", STR_ARG(line));
	}
	if (variant == 2)
		fprintf(f, "what_is_this = 1;\n");
	BUG_IF(fclose(f) != 0);
}

static void reload(int variant)
{
	bool is_new = false;
	write_config(variant);
	if (!daemon_reload(&victim.daemon, &is_new) || is_new != (variant != 2)) {
		fprintf(stderr, "reload %d: %s\n", variant, victim.daemon.failure);
		atomic_fetch_add(&broken, 1);
	}
}

static void make_workflow(void)
{
	const char *top = getenv("srcdir"), *build = getenv("builddir");
	char path[128];
	BUG_IF(mkdtemp(folder) == NULL);
	top = top == NULL ? "." : top;
	shell("mkdir -m 700 %s/keys %s/policies && cp %s/policies/*.conf %s/policies/*.txt %s/policies/", folder, folder, top, top,
	      folder);
	snprintf(path, sizeof(path), "%s/policies/60-soak.conf", folder);
	FILE *f = fail_if_null(fopen(path, "we"));
	fputs("workflows = (\n  { name = \"news\"; match = { auth = { login = \"news\"; }; };\n"
	      "    identity = { mail_from = [ \"*@news.example\" ]; from = [ \"*@news.example\" ]; };\n"
	      "    sign = ( { domain = \"news.example\"; key = \"soak\"; } );\n"
	      "    limits = { messages = \"1000000/1h\"; }; suppression = \"news\"; } );\n", f);
	BUG_IF(fclose(f) != 0);
	write_config(1);
	shell("%s/gatepost key -c %s new soak --domain news.example --selector s1 >/dev/null 2>&1", build == NULL ? "." : build, victim.config);
	/* On one line. */
	shell("(cat %s/tests/suites/dkim/keys.zone; %s/gatepost key -c %s show soak | grep -v '^;' | tr -d '\\n\\t' |"
	      " sed 's/\\. IN TXT (/ TXT /') > %s/zone", top, build == NULL ? "." : build,
	      victim.config, folder);
	snprintf(path, sizeof(path), "%s/zone", folder);
	zone = slurp(path);
	shell("%s/gatepost key -c %s check soak >/dev/null", build == NULL ? "." : build, victim.config); /* now it signs */
}

static void load_samples(void)
{
	const char *top = getenv("srcdir");
	char pattern[4096];
	glob_t found;
	snprintf(pattern, sizeof(pattern), "%s/tests/suites/dkim/*.eml", top == NULL ? "." : top);
	BUG_IF(glob(pattern, 0, NULL, &found) != 0);
	for (size_t i = 0; i < found.gl_pathc && sample_count < sizeof(samples) / sizeof(samples[0]); i++)
		samples[sample_count++] = slurp(found.gl_pathv[i]);
	globfree(&found);
}

/* ---- rounds ------------------------------------------------------------------------------------------------- */

static void sleep_ms(int64_t ms)
{
	usleep((useconds_t)(ms * 1000));
}

/* What is seen when all is quiet. */
static struct usage play_round(int64_t round_ms, int number)
{
	atomic_store(&is_pausing, false);
	sleep_ms(round_ms * 3 / 10);
	atomic_store(&dns_mood, number % 2 == 0 ? DNS_FAILS : DNS_IS_SILENT);
	sleep_ms(round_ms / 10);
	atomic_store(&dns_mood, DNS_ANSWERS);
	sleep_ms(round_ms * 2 / 10);
	reload(number % 3);
	sleep_ms(round_ms * 3 / 10);
	reload(1);
	sleep_ms(round_ms / 10);
	atomic_store(&is_pausing, true);
	for (int64_t end_ms = clock_mono_ms() + REPLY_MS; atomic_load(&busy) > 0 && clock_mono_ms() < end_ms;)
		sleep_ms(5);
	sleep_ms(SETTLE_MS);
	return victim_usage(&victim);
}

static long mean_kb(const struct usage *rounds, int from, int to)
{
	long sum = 0;
	for (int i = from; i < to; i++)
		sum += rounds[i].memory_kb;
	return sum / (to - from);
}

static int most(const struct usage *rounds, int from, int to, bool of_threads)
{
	int value = 0;
	for (int i = from; i < to; i++) {
		int here = of_threads ? rounds[i].threads : rounds[i].files;
		value = here > value ? here : value;
	}
	return value;
}

static int failures;

static void judge(bool is_good, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void judge(bool is_good, const char *format, ...)
{
	va_list args;
	printf(is_good ? "ok    " : "FAIL  ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	failures += !is_good;
}

static void judge_growth(const char *what, long before, long after, long allowed)
{
	judge(after - before <= allowed, "%s: %ld before, %ld in the last third (at most %ld more)", what, before, after,
	      allowed);
}

static void judge_rounds(const struct usage *rounds, int count)
{
	int third = count / 3;
	long middle_kb = mean_kb(rounds, third, 2 * third), last_kb = mean_kb(rounds, count - third, count);
	long allowed_kb = middle_kb * GROWTH_PERCENT / 100 > GROWTH_KB ? middle_kb * GROWTH_PERCENT / 100 : GROWTH_KB;
	judge_growth("KB of memory", middle_kb, last_kb, allowed_kb * victim.slack);
	judge_growth("open files", most(rounds, 0, 2 * third, false), most(rounds, count - third, count, false), 2);
	judge_growth("threads", most(rounds, 0, 2 * third, true), most(rounds, count - third, count, true), 2);
	judge(atomic_load(&broken) == 0, "every answer came and was of the protocol");
	judge(atomic_load(&signed_here) > 0, "mail of the workflow was signed");
	judge(atomic_load(&refused) * 5 < atomic_load(&messages), "most messages were accepted");
}

int main(int argc, char **argv)
{
	static struct client clients[CLIENTS];
	static struct usage rounds[ROUNDS_MAX];
	int64_t seconds = argc > 1 ? atoi(argv[1]) : 30;
	int count = seconds < 180 ? 9 : seconds / 20 < ROUNDS_MAX ? (int)(seconds / 20) : ROUNDS_MAX;
	setenv("ASAN_OPTIONS", "quarantine_size_mb=4", 0); /* or what was freed would be memory in use for long */
	forever = arena_new();
	struct dns_server *dns = dns_server_open(answer);
	if (!victim_start(&victim, dns, "timeout_ms = 500; cache_entries = 1000; };\ndeadline = \"2s\";\n"))
		return 1;
	if (getenv("SOAK_SLACK") != NULL)
		victim.slack = atoi(getenv("SOAK_SLACK"));
	plain_config = slurp(victim.config);
	make_workflow();
	load_samples();
	fill_body();
	reload(1);
	struct usage first = victim_usage(&victim);
	printf("%4s %9s %8s %6s %8s\n", "s", "messages", "KB", "files", "threads");
	printf("%4d %9d %8ld %6d %8d\n", 0, 0, first.memory_kb, first.files, first.threads);
	atomic_store(&is_pausing, true);
	for (size_t i = 0; i < CLIENTS; i++) {
		clients[i].seed = (unsigned)i + 1;
		BUG_IF(pthread_create(&clients[i].thread, NULL, live, &clients[i]) != 0);
	}
	int64_t began_ms = clock_mono_ms(), round_ms = seconds * 1000 / count - SETTLE_MS;
	for (int i = 0; i < count && victim_is_alive(&victim); i++) {
		rounds[i] = play_round(round_ms, i);
		printf("%4d %9ld %8ld %6d %8d\n", (int)((clock_mono_ms() - began_ms) / 1000), atomic_load(&messages),
		       rounds[i].memory_kb, rounds[i].files, rounds[i].threads);
		fflush(stdout);
	}
	atomic_store(&is_ending, true);
	for (size_t i = 0; i < CLIENTS; i++)
		pthread_join(clients[i].thread, NULL);
	struct usage last = victim_usage(&victim);
	printf("%ld messages in %d s, %ld refused, %ld signed, %ld connections dropped; %ld KB at most, %.2f ms of CPU a message\n",
	       atomic_load(&messages), (int)((clock_mono_ms() - began_ms) / 1000), atomic_load(&refused), atomic_load(&signed_here),
	       atomic_load(&dropped), last.peak_kb, (double)last.cpu_us / 1000 / (double)(atomic_load(&messages) + 1));
	judge_rounds(rounds, count);
	failures += !victim_stop(&victim);
	dns_server_close(dns);
	arena_free(forever);
	shell("rm -rf %s", folder);
	printf("%d passed, %d failed\n", failures == 0, failures);
	return failures == 0 ? 0 : 1;
}

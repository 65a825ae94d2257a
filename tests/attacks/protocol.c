/* protocol [--whole | WORD] - an MTA that has gone mad, or somebody else at the milter socket.
 *
 * After each attack the daemon is there, answers others as before, and has given back what it took. --whole: larger
 * numbers. */
#include <arpa/inet.h>
#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "attacks/name_server.h"
#include "attacks/recorded.h"
#include "attacks/victim.h"
#include "base/clock.h"
#include "base/fail.h"
#include "lib/milter_client.h"

enum {
	SETTLE_MS = 10000,      /* within this time everything is given back */
	KEPT_KB = 48 * 1024,    /* the C library may keep so much for the next time */
	PEAK_KB = 400 * 1024,
	NEIGHBOUR_MS = 250,     /* its median, beside any attack */
	CONNECTIONS = 2000,
	SESSIONS = 500,         /* all with a message; --whole: CONNECTIONS */
};

static bool is_whole;
static struct recorded good;
static unsigned dice = 1;

static unsigned throw_dice(unsigned sides)
{
	dice = dice * 1103515245 + 12345; /* the same every time */
	return (dice >> 16) % sides;
}

/* One connection: some pieces, then the end, gracefully or not. The daemon must hang up. */
static bool play(struct victim *v, const struct str *pieces, size_t count, bool is_rude)
{
	int fd = raw_dial(v->socket);
	for (size_t i = 0; i < count && raw_send(fd, pieces[i]); i++)
		;
	if (is_rude)
		close(fd);
	return fd >= 0 && (is_rude || raw_finish(fd));
}

/* A session that begins well and goes on after one packet of another kind. */
static bool play_with(struct victim *v, size_t before, uint32_t length, char command, struct str data)
{
	int fd = raw_dial(v->socket);
	for (size_t i = 0; i < before; i++)
		raw_send(fd, good.packets[i]);
	raw_packet(fd, length, command, data);
	for (size_t i = before + 1; i < good.count; i++)
		raw_send(fd, good.packets[i]);
	return fd >= 0 && raw_finish(fd);
}

/* ---- packets -------------------------------------------------------------------------------------------- */

static bool odd_lengths(struct victim *v)
{
	static const uint32_t lengths[] = { 0, 1, 2, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff, 1u << 20, 1u << 24 };
	static const char commands[] = { SMFIC_OPTNEG, SMFIC_CONNECT, SMFIC_HELO, SMFIC_MAIL, SMFIC_HEADER, SMFIC_BODY,
					 SMFIC_MACRO, SMFIC_BODYEOB, SMFIC_QUIT, SMFIC_ABORT, 0 };
	bool is_good = true;
	for (size_t before = 0; before < 7; before += 3)
		for (size_t l = 0; l < sizeof(lengths) / sizeof(lengths[0]); l++)
			for (size_t c = 0; c < sizeof(commands); c++)
				is_good = play_with(v, before, lengths[l], commands[c],
						    STR("some data that no length speaks of")) && is_good;
	return is_good;
}

/* Every command, known or not, with nothing, without a NUL and with too many. */
static bool every_command(struct victim *v)
{
	static const struct str datas[] = { { "", 0 }, { "x", 1 }, { "C", 1 }, { "C\0\0\0\0\0\0", 7 }, { "no end", 6 } };
	bool is_good = true;
	for (size_t before = 0; before < 13; before += 4)
		for (unsigned command = 0; command < 256; command += is_whole ? 1 : 3)
			for (size_t d = 0; d < sizeof(datas) / sizeof(datas[0]); d++)
				is_good = play_with(v, before, (uint32_t)datas[d].n + 1, (char)command, datas[d]) && is_good;
	return is_good;
}

/* Each packet of the good session with its arguments cut off at each byte: the length says so, the NULs are missing. */
static bool cut_arguments(struct victim *v)
{
	bool is_good = true;
	for (size_t i = 0; i < good.count; i++)
		for (size_t n = 5; n < good.packets[i].n; n++)
			is_good = play_with(v, i, (uint32_t)(n - 4), good.packets[i].p[4],
					    str_sub(good.packets[i], 5, n - 5)) && is_good;
	return is_good;
}

static bool cut_anywhere(struct victim *v)
{
	for (size_t n = 0; n <= good.bytes.n; n++) {
		struct str part = str_sub(good.bytes, 0, n);
		if (!play(v, &part, 1, true) || !play(v, &part, 1, false))
			return false;
	}
	return true;
}

static bool changed_bytes(struct victim *v)
{
	char bytes[4096];
	BUG_IF(good.bytes.n > sizeof(bytes));
	for (size_t i = 0; i < good.bytes.n * (is_whole ? 32 : 2); i++) {
		memcpy(bytes, good.bytes.p, good.bytes.n);
		for (unsigned changes = 1 + throw_dice(3); changes > 0; changes--)
			bytes[throw_dice((unsigned)good.bytes.n)] = (char)throw_dice(256);
		struct str changed = { bytes, good.bytes.n };
		if (!play(v, &changed, 1, false))
			return false;
	}
	return true;
}

static bool wrong_order(struct victim *v)
{
	struct str pieces[RECORDED_PACKETS_MAX];
	for (int round = 0; round < (is_whole ? 5000 : 500); round++) {
		size_t count = 1 + throw_dice(RECORDED_PACKETS_MAX - 1);
		pieces[0] = good.packets[round % 4 == 0 ? throw_dice((unsigned)good.count) : 0];
		for (size_t i = 1; i < count; i++)
			pieces[i] = good.packets[throw_dice((unsigned)good.count)];
		if (!play(v, pieces, count, false))
			return false;
	}
	return true;
}

static bool odd_negotiations(struct victim *v)
{
	static const uint32_t words[] = { 0, 1, 2, 3, 4, 5, 6, 7, 0x7fffffff, 0x80000000, 0xffffffff };
	enum { COUNT = sizeof(words) / sizeof(words[0]) };
	for (size_t version = 0; version < COUNT; version++)
		for (size_t actions = 0; actions < COUNT; actions++)
			for (size_t steps = 0; steps < COUNT; steps++) {
				uint32_t offer[3] = { htonl(words[version]), htonl(words[actions]), htonl(words[steps]) };
				struct str data = { (const char *)offer, sizeof(offer) - (steps == 0 ? version : 0) };
				if (!play_with(v, actions == steps ? 1 : 0, (uint32_t)data.n + 1, SMFIC_OPTNEG, data))
					return false;
			}
	return true;
}

/* ---- macros --------------------------------------------------------------------------------------------- */

static bool hostile_macros(struct victim *v)
{
	static char large[1024 * 1024 + 32 * 1024];
	static const struct str few[] = {
		{ "", 0 }, { "M", 1 }, { "M{", 2 }, { "M{auth_authen}", 14 }, { "M{auth_authen}\0", 15 },
		{ "M\0\0\0\0", 5 }, { "M{}\0x\0", 6 }, { "\xff{auth_authen}\0x\0", 17 },
		{ "M{auth_authen}\0a\r\n\"{\\\x1b[31m\x80\xff%n%s\0", 34 }, { "Mi\0" "4\nfake: record\0", 18 },
		{ "C{daemon_port}\0-1\0", 18 }, { "C{daemon_port}\0" "99999999999999999999\0", 36 },
		{ "C{client_ptr}\0..a..\0", 20 }, { "M{cert_subject}\0/CN=\0\0", 22 },
	};
	for (size_t i = 0; i < sizeof(few) / sizeof(few[0]); i++) {
		if (!play_with(v, 1, (uint32_t)few[i].n + 1, SMFIC_MACRO, few[i]) ||
		    !play_with(v, 5, (uint32_t)few[i].n + 1, SMFIC_MACRO, few[i]))
			return false;
	}
	/* One value of a megabyte, and a hundred thousand macros, at each of the stages that have some. */
	for (const char *stage = "CHMRTNE"; *stage != 0; stage++)
		for (int is_many = 0; is_many < 2; is_many++) {
			memset(large, 'x', sizeof(large));
			if (is_many)
				for (size_t at = 0; at + 4 < sizeof(large); at += 4)
					memcpy(large + at, "i\0x\0", 4);
			else
				memcpy(large, "M{auth_authen}\0", 15);
			large[0] = *stage;
			large[sizeof(large) - 1] = 0;
			int fd = raw_dial(v->socket);
			if (fd < 0)
				return false;
			raw_send(fd, good.packets[0]);
			for (int times = 0; times < 10; times++)
				raw_packet(fd, sizeof(large) + 1, SMFIC_MACRO, (struct str){ large, sizeof(large) });
			for (size_t after = 2; after < good.count; after++)
				if (good.packets[after].p[4] != SMFIC_MACRO)
					raw_send(fd, good.packets[after]);
			if (!raw_finish(fd))
				return false;
		}
	return true;
}

/* ---- many ----------------------------------------------------------------------------------------------- */

/* That many connections that say this much and no more, while the neighbour's mail goes on. */
static bool many_that_stop(struct victim *v, int count, struct str said)
{
	int *fds = fail_if_null(calloc((size_t)count, sizeof(*fds)));
	bool is_good = true;
	for (int i = 0; i < count; i++) {
		fds[i] = raw_dial(v->socket);
		is_good = is_good && fds[i] >= 0;
		if (fds[i] >= 0)
			raw_send(fds[i], said);
	}
	neighbour_latency(v);
	usleep(200 * 1000);
	struct latency beside = neighbour_latency(v);
	if (beside.median_us / 1000 > NEIGHBOUR_MS * v->slack) {
		fprintf(stderr, "beside %d connections mail takes %ld ms\n", count, (long)(beside.median_us / 1000));
		is_good = false;
	}
	for (int i = 0; i < count; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(fds);
	return is_good;
}

static bool idle_connections(struct victim *v)
{
	return many_that_stop(v, CONNECTIONS, STR_EMPTY);
}

static bool half_packets(struct victim *v)
{
	return many_that_stop(v, 500, str_sub(good.bytes, 0, 12)) &&
	       many_that_stop(v, 500, STR("\0\x0f\xff\xffLhalf a header field")) && many_that_stop(v, 100, STR("\0"));
}

/* Answers are never read. */
static bool deaf_connections(struct victim *v)
{
	struct buf much;
	buf_init(&much, 0);
	for (int i = 0; i < 2000; i++)
		for (size_t p = i == 0 ? 0 : 6; p < 20; p++)
			buf_add(&much, good.packets[p]);
	bool is_good = true;
	int fds[10];
	for (int i = 0; i < 10; i++) {
		fds[i] = raw_dial(v->socket);
		is_good = is_good && fds[i] >= 0;
		for (struct str s = buf_str(&much); s.n > 0; s = str_skip(s, 65536))
			if (!raw_send(fds[i], str_sub(s, 0, 65536)))
				break;
	}
	neighbour_latency(v);
	is_good = is_good && neighbour_latency(v).median_us / 1000 < NEIGHBOUR_MS * v->slack;
	for (int i = 0; i < 10; i++)
		close(fds[i]);
	buf_fini(&much);
	return is_good;
}

static bool goes_on(struct milter_client *c, struct milter_answer a)
{
	if (milter_goes_on(a))
		return true;
	fprintf(stderr, "%s %d %.*s %s\n", milter_answer_words[a.kind], a.code, STR_ARG(a.text), milter_client_failure(c));
	return false;
}

/* All are there at the same time, and each message of each is judged. */
static bool many_sessions(struct victim *v)
{
	int count = is_whole ? CONNECTIONS : SESSIONS;
	struct milter_client **c = fail_if_null(calloc((size_t)count, sizeof(struct milter_client *)));
	struct str mail = STR("<a@neighbour.example>"), rcpt = STR("<b@example.com>");
	struct ip ip;
	bool is_good = ip_parse(STR("192.0.2.1"), &ip);
	for (int i = 0; i < count; i++) {
		c[i] = milter_client_new(60000);
		is_good = is_good && milter_client_dial(c[i], v->socket) && milter_client_negotiate(c[i]) &&
			  goes_on(c[i], milter_client_connect(c[i], "mx.neighbour.example", ip, 25)) &&
			  goes_on(c[i], milter_client_helo(c[i], "mx.neighbour.example"));
	}
	for (int i = 0; i < count && is_good; i++)
		is_good = goes_on(c[i], milter_client_mail(c[i], &mail, 1)) && goes_on(c[i], milter_client_rcpt(c[i], &rcpt, 1));
	for (int i = 0; i < count && is_good; i++)
		is_good = goes_on(c[i], milter_client_header(c[i], STR("From"), STR(" a@neighbour.example"))) &&
			  goes_on(c[i], milter_client_headers_end(c[i]));
	for (int i = 0; i < count && is_good; i++)
		is_good = milter_client_end(c[i]).kind == MILTER_ACCEPT;
	for (int i = 0; i < count; i++) {
		milter_client_quit(c[i]);
		milter_client_free(c[i]);
	}
	free(c);
	return is_good;
}

/* Each with a header of a megabyte behind it, and another message that may come. */
static bool idle_after_large_messages(struct victim *v)
{
	enum { COUNT = 100, EACH_KB = 200 };
	static char value[1000 * 1000];
	struct milter_client *c[COUNT];
	struct str mail = STR("<a@neighbour.example>"), rcpt = STR("<b@example.com>");
	struct ip ip;
	memset(value, 'x', sizeof(value));
	bool is_good = ip_parse(STR("192.0.2.1"), &ip);
	long before_kb = victim_usage(v).memory_kb;
	for (int i = 0; i < COUNT; i++) {
		c[i] = milter_client_new(60000);
		is_good = is_good && milter_client_dial(c[i], v->socket) && milter_client_negotiate(c[i]) &&
			  goes_on(c[i], milter_client_connect(c[i], "mx.neighbour.example", ip, 25)) &&
			  goes_on(c[i], milter_client_mail(c[i], &mail, 1)) && goes_on(c[i], milter_client_rcpt(c[i], &rcpt, 1)) &&
			  goes_on(c[i], milter_client_header(c[i], STR("From"), STR(" a@neighbour.example"))) &&
			  goes_on(c[i], milter_client_header(c[i], STR("X"), (struct str){ value, sizeof(value) })) &&
			  goes_on(c[i], milter_client_headers_end(c[i])) && milter_client_end(c[i]).kind == MILTER_ACCEPT;
	}
	long kept_kb = victim_usage(v).memory_kb - before_kb;
	for (int i = 0; i < COUNT; i++) {
		milter_client_quit(c[i]);
		milter_client_free(c[i]);
	}
	/* Sanitizers keep what was freed. */
	if (kept_kb <= COUNT * EACH_KB || v->slack > 1)
		return is_good;
	fprintf(stderr, "%d idle connections keep %ld KB\n", COUNT, kept_kb);
	return false;
}

/* A session that comes byte by byte, each in a packet of its own on the wire. */
static bool drop_by_drop(struct victim *v)
{
	int fds[50];
	for (int i = 0; i < 50; i++)
		fds[i] = raw_dial(v->socket);
	for (size_t n = 0; n < good.bytes.n; n++)
		for (int i = 0; i < 50; i++)
			raw_send(fds[i], str_sub(good.bytes, n, 1));
	bool is_good = true;
	for (int i = 0; i < 50; i++)
		is_good = raw_finish(fds[i]) && is_good;
	return is_good;
}

/* ---- all of it ------------------------------------------------------------------------------------------ */

static const struct {
	const char *name;
	bool (*run)(struct victim *);
} attacks[] = {
	{ "packet lengths that are wrong", odd_lengths },
	{ "every command in every state", every_command },
	{ "arguments cut off", cut_arguments },
	{ "disconnects at every byte", cut_anywhere },
	{ "changed bytes", changed_bytes },
	{ "packets in any order", wrong_order },
	{ "negotiations that nobody makes", odd_negotiations },
	{ "macros with hostile content", hostile_macros },
	{ "2,000 idle connections", idle_connections },
	{ "500 half packets, 500 half fields", half_packets },
	{ "10 that do not read", deaf_connections },
	{ "50 that send byte by byte", drop_by_drop },
	{ "100 idle after a large message", idle_after_large_messages },
	{ "500 or 2,000 sessions at once", many_sessions },
};

/* What connections cost is given back when they have ended; the C library and libmilter's idle threads may keep some. */
static bool has_settled(const struct victim *v, const struct usage *before, struct usage *after)
{
	for (int64_t end_ms = clock_mono_ms() + SETTLE_MS * v->slack; clock_mono_ms() < end_ms; usleep(50 * 1000)) {
		*after = victim_usage(v);
		if (after->files <= before->files && after->memory_kb <= before->memory_kb + KEPT_KB * (long)v->slack)
			return true;
	}
	return false;
}

static bool run_attack(struct victim *v, size_t i)
{
	struct usage before, after = { 0 };
	neighbour_latency(v);
	before = victim_usage(v);
	victim_forget_peak(v);
	int64_t start_ms = clock_mono_ms();
	bool is_played = attacks[i].run(v);
	int64_t took_ms = clock_mono_ms() - start_ms;
	bool is_alive = victim_is_alive(v), is_settled = is_alive && has_settled(v, &before, &after);
	struct latency beside = neighbour_latency(v);
	bool is_good = is_played && is_settled && beside.count > 0 && !v->neighbour.is_broken &&
		       after.peak_kb - before.memory_kb < PEAK_KB * (long)v->slack;
	if (!is_alive)
		fprintf(stderr, "FAIL %s: the daemon has died\n", attacks[i].name);
	printf("| %-34s | %6ld | %7.1f | %7.1f | %5d | %5d | %5.1f | %5.0f |%s\n", attacks[i].name, (long)took_ms,
	       (double)(after.peak_kb - before.memory_kb) / 1024, (double)(after.memory_kb - before.memory_kb) / 1024,
	       after.files - before.files, after.threads - before.threads, (double)beside.median_us / 1000,
	       (double)beside.worst_us / 1000, is_good ? "" : " FAIL");
	fflush(stdout);
	return is_good;
}

/* Two thousand connections need as many files, here and there. */
static void take_all_files(void)
{
	struct rlimit limit;
	BUG_IF(getrlimit(RLIMIT_NOFILE, &limit) != 0);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
	struct victim v;
	int passed = 0, failed = 0;
	is_whole = argc > 1 && strcmp(argv[1], "--whole") == 0;
	take_all_files();
	recorded_init(&good);
	struct dns_server *dns = dns_server_open(name_server_answer);
	if (!victim_start(&v, dns, "};\n"))
		return 1;
	neighbour_begin(&v);
	printf("| %-34s | all ms | peak MB | kept MB | files | thrds | others' median, worst ms |\n"
	       "| --- | --- | --- | --- | --- | --- | --- | --- |\n", "attack");
	for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
		if (argc > 1 && !is_whole && strstr(attacks[i].name, argv[1]) == NULL)
			continue;
		bool is_good = run_attack(&v, i);
		passed += is_good;
		failed += !is_good;
	}
	bool is_well = neighbour_end(&v);
	is_well = victim_stop(&v) && is_well;
	passed += is_well;
	failed += !is_well;
	dns_server_close(dns);
	recorded_fini(&good);
	printf("%d passed, %d failed\n", passed, failed);
	return failed == 0 ? 0 : 1;
}

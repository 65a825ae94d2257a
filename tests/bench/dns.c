/* tests/bench/dns - a name server on loopback that knows a list of records, answers late if told so, and counts.
 *
 * usage: dns PORT RECORDS        (port 0: a free one; it is the first line of the output)
 *
 * RECORDS has one record a line: NAME TYPE TEXT, with TYPE one of A, AAAA, PTR, TXT. What is not there does not exist.
 * Commands on standard input, each answered by one line: "delay MS"; "count": the questions since the last count as
 * JSON, those that were asked before within that time as "again". */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/arena.h"
#include "base/fail.h"
#include "base/map.h"
#include "dns/dns.h"
#include "eval/case.h"
#include "lib/dns_server.h"

enum { RECORDS_BYTES_MAX = 64 << 20, TTL_S = 3600 };

struct record {
	struct record *next; /* of the same name */
	enum dns_type type;
	struct str text;
};

static struct map *records;

/* What the handler shares with the commands. */
static struct {
	pthread_mutex_t lock;
	int delay_ms;
	unsigned long asked, again;
	struct arena *arena;
	struct map *seen;
} now = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void count(const struct dns_server_query *q)
{
	struct str key = str_printf(now.arena, "%u %s", (unsigned)q->type, q->name);
	now.asked++;
	if (map_has(now.seen, key))
		now.again++;
	else
		map_add(now.seen, key, now.seen);
}

static void add(struct dns_server_reply *r, const struct record *record)
{
	char text[256];
	snprintf(text, sizeof(text), "%.*s", STR_ARG(record->text));
	if (record->type == DNS_TXT)
		reply_text(r, TTL_S, record->text.p, record->text.n);
	else if (record->type == DNS_PTR)
		reply_host(r, NULL, DNS_PTR, TTL_S, text);
	else
		reply_address(r, NULL, TTL_S, text);
}

static void answer(const struct dns_server_query *q, struct dns_server_reply *r)
{
	pthread_mutex_lock(&now.lock);
	count(q);
	int delay_ms = now.delay_ms;
	pthread_mutex_unlock(&now.lock);
	reply_after(r, delay_ms);
	const struct record *first = map_get(records, str_of(q->name));
	bool has_answer = false;
	for (const struct record *record = first; record != NULL; record = record->next) {
		if ((unsigned)record->type != q->type)
			continue;
		add(r, record);
		has_answer = true;
	}
	if (has_answer)
		return;
	if (first == NULL)
		reply_rcode(r, 3);
	reply_soa(r, "", TTL_S, TTL_S);
}

static void read_record(struct arena *a, struct str line)
{
	struct str name, type, text;
	struct record *record = ARENA_NEW(a, struct record);
	str_cut(line, ' ', &name, &text);
	str_cut(text, ' ', &type, &text);
	if (!dns_type_parse(type, &record->type) || text.n == 0) {
		fprintf(stderr, "dns: no record: %.*s\n", STR_ARG(line));
		exit(EX_DATAERR);
	}
	record->text = text;
	struct record *first = map_get(records, name);
	if (first == NULL) {
		map_add(records, name, record);
	} else {
		record->next = first->next;
		first->next = record;
	}
}

static void begin_count(void)
{
	arena_free(now.arena);
	now.arena = arena_new();
	now.seen = map_new(now.arena);
	now.asked = now.again = 0;
}

static void obey(struct str command)
{
	struct str word, number;
	uint64_t delay_ms;
	str_cut(command, ' ', &word, &number);
	pthread_mutex_lock(&now.lock);
	if (str_eq(word, STR("delay")) && str_to_u64(number, &delay_ms)) {
		now.delay_ms = (int)delay_ms;
		printf("ok\n");
	} else if (str_eq(word, STR("count"))) {
		printf("{\"asked\": %lu, \"again\": %lu}\n", now.asked, now.again);
		begin_count();
	} else {
		printf("unknown command\n");
	}
	pthread_mutex_unlock(&now.lock);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct arena *a = arena_new();
	struct str text, line;
	char command[64];
	uint64_t port;
	if (argc != 3 || !str_to_u64(str_of(argv[1]), &port) || port > UINT16_MAX) {
		fprintf(stderr, "usage: dns PORT RECORDS\n");
		return EX_USAGE;
	}
	if (!case_slurp(a, argv[2], RECORDS_BYTES_MAX, &text)) {
		fprintf(stderr, "dns: %s cannot be read\n", argv[2]);
		return EX_NOINPUT;
	}
	records = map_new(a);
	while (str_next(&text, '\n', &line))
		if (line.n > 0)
			read_record(a, line);
	begin_count();
	struct dns_server *server = dns_server_open_at(answer, (uint16_t)port);
	printf("%s\n", dns_server_address(server));
	fflush(stdout);
	while (fgets(command, sizeof(command), stdin) != NULL)
		obey(str_trim(str_of(command)));
	dns_server_close(server);
	arena_free(now.arena);
	arena_free(a);
	return EX_OK;
}

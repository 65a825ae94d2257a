/* tests/bench/load - an MTA that sends messages to one filter, or through several, as fast as they answer.
 *
 * usage: load [-c CONNECTIONS] [-k MESSAGES-A-CONNECTION] [-n MESSAGES] [-o connect|end] LIST SOCKET...
 *
 * Each connection is one SMTP session: its messages one after the other, each through all filters in turn, the later
 * ones seeing what the earlier ones added. With -o every connection stops before that step, "held" is written, and the
 * rest follows when standard input ends. The result is one line of JSON; the exit code is 1 if a message got a
 * verdict other than LIST expects. */
#include <errno.h>
#include <libmilter/mfdef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/fail.h"
#include "bench/message_set.h"
#include "lib/milter_steps.h"

enum {
	FILTERS_MAX = 3,
	ADDED_MAX = 16,
	FLUSH_BYTES = 64 * 1024,
	SILENCE_MS = 60000,
};

/* In the order of a session. A message begins at AT_MAIL, for the first of a connection at AT_START. */
enum at { AT_START, AT_NEGOTIATED, AT_HELO, AT_MAIL, AT_RCPT, AT_DATA, AT_HEADER, AT_HEADERS_END, AT_BODY, AT_END, AT_ANSWER };

struct filter {
	struct milter_link link;
	struct milter_terms terms;
	bool is_open, is_negotiated, is_watched_for_room;
};

struct session {
	struct filter filters[FILTERS_MAX];
	const struct mail *mail;       /* NULL: nothing left to do */
	size_t left;                   /* messages, this one included */
	size_t filter;                 /* that has the message now */
	enum at at;
	size_t place;                  /* of the next header field, or byte of the body */
	bool is_waiting;               /* for the answer to what was sent last */
	bool is_held;
	int64_t start_us;
	struct arena *arena;           /* of this message: */
	struct field added[ADDED_MAX]; /* by the filters, the uppermost first */
	size_t added_count, signatures;
	struct str results;
};

static struct {
	int connections, per_connection, messages;
	bool has_hold;
	enum at hold;
	const char *sockets[FILTERS_MAX];
	size_t filters;
} job = { .connections = 1, .per_connection = 1, .messages = 1 };

static struct {
	struct message_set set;
	struct session *sessions;
	int events;
	int begun, done, wrong, held;
	uint32_t steps;                /* that the last filter agreed to */
	int64_t *waits_us;
	char first_wrong[512];
} all;

/* ---- one message ---------------------------------------------------------------------------------------- */

static struct filter *current(struct session *s)
{
	return &s->filters[s->filter];
}

static void dial(struct session *s, struct filter *f)
{
	link_init(&f->link, SILENCE_MS);
	terms_init(&f->terms);
	f->is_open = link_dial(&f->link, job.sockets[f - s->filters]);
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = s };
	if (f->is_open)
		BUG_IF(epoll_ctl(all.events, EPOLL_CTL_ADD, f->link.fd, &e) != 0);
}

static void macro(struct filter *f, const char *name, struct str value)
{
	char text[256];
	snprintf(text, sizeof(text), "%.*s", STR_ARG(value));
	terms_macro(&f->terms, name, value.n == 0 ? NULL : text);
}

static void set_macros(struct session *s, struct filter *f)
{
	const struct mail *m = s->mail;
	char id[32];
	snprintf(id, sizeof(id), "4B%08X", (unsigned)all.begun);
	macro(f, "i", str_of(id));
	macro(f, "j", STR("mx.example.com"));
	macro(f, "v", STR("Postfix 3.7.11"));
	macro(f, "_", m->client_text);
	macro(f, "{daemon_name}", STR("smtpd"));
	macro(f, "{daemon_port}", m->login.n > 0 ? STR("587") : STR("25"));
	macro(f, "{client_addr}", m->client_text);
	macro(f, "{auth_type}", m->login.n > 0 ? STR("PLAIN") : STR_EMPTY);
	macro(f, "{auth_authen}", m->login);
	macro(f, "{mail_addr}", m->sender);
	macro(f, "{rcpt_addr}", m->recipient);
}

static bool begin_message(struct session *s)
{
	s->mail = NULL;
	if (all.begun == job.messages)
		return false;
	s->mail = &all.set.mails[(size_t)all.begun % all.set.count];
	all.begun++;
	s->filter = 0;
	s->added_count = s->signatures = 0;
	s->results = STR_EMPTY;
	s->start_us = clock_mono_us();
	arena_reset(s->arena);
	return true;
}

static void hang_up(struct session *s)
{
	for (size_t i = 0; i < job.filters; i++) {
		struct filter *f = &s->filters[i];
		if (f->is_open && f->link.fd >= 0) {
			packet_begin(&f->link, SMFIC_QUIT);
			packet_end(&f->link);
			link_flush(&f->link);
		}
		link_fini(&f->link);
		terms_fini(&f->terms);
	}
	memset(s->filters, 0, sizeof(s->filters));
}

static bool begin_session(struct session *s)
{
	if (!begin_message(s))
		return false;
	s->left = (size_t)job.per_connection;
	s->at = AT_START;
	for (size_t i = 0; i < job.filters; i++)
		dial(s, &s->filters[i]);
	return true;
}

static void note_wrong(struct session *s, const char *what)
{
	const char *failure = current(s)->link.failure;
	if (all.wrong++ == 0)
		snprintf(all.first_wrong, sizeof(all.first_wrong), "%.*s to %s: %s%s%s", STR_ARG(s->mail->sender),
			 job.sockets[s->filter], what, failure[0] == '\0' ? "" : ", ", failure);
}

/* False: the session is over, and there is no other. */
static bool next_message(struct session *s, bool may_stay)
{
	all.waits_us[all.done++] = clock_mono_us() - s->start_us;
	s->is_waiting = false;
	if (may_stay && --s->left > 0 && begin_message(s)) {
		s->at = AT_MAIL;
		return true;
	}
	hang_up(s);
	return begin_session(s);
}

/* The message has an end that is none of the expected ones. */
static bool give_up(struct session *s, const char *what)
{
	note_wrong(s, what);
	return next_message(s, false);
}

static bool end_message(struct session *s)
{
	char room[128], text[192];
	if (s->filter + 1 < job.filters) {
		s->filter++;
		s->is_waiting = false;
		s->at = current(s)->is_negotiated ? AT_MAIL : AT_START;
		return true;
	}
	const char *missing = mail_missing(s->mail, s->results, s->signatures, room);
	if (missing != NULL) {
		snprintf(text, sizeof(text), "no %s", missing);
		note_wrong(s, text);
	}
	return next_message(s, true);
}

/* ---- sending -------------------------------------------------------------------------------------------- */

static bool texts(struct filter *f, const struct milter_step *step, const struct str *list, size_t count)
{
	if (!step_begin(&f->terms, &f->link, step))
		return false;
	for (size_t i = 0; i < count; i++)
		packet_add_text(&f->link, list[i]);
	packet_end(&f->link);
	return (f->terms.steps & step->no_reply) == 0;
}

static bool send_connect(struct session *s, struct filter *f)
{
	if (!step_begin(&f->terms, &f->link, &step_connect))
		return false;
	step_add_client(&f->link, "mx.example.net", s->mail->client, 40000);
	packet_end(&f->link);
	return (f->terms.steps & step_connect.no_reply) == 0;
}

static const struct field *field_at(const struct session *s, size_t i)
{
	return i < s->added_count ? &s->added[i] : &s->mail->content->fields[i - s->added_count];
}

static bool send_field(struct session *s, struct filter *f)
{
	const struct field *h = field_at(s, s->place);
	struct str pair[] = { h->name, step_header_value(&f->terms, h->value) };
	if (++s->place == s->added_count + s->mail->content->field_count)
		s->at = AT_HEADERS_END;
	return texts(f, &step_header, pair, 2);
}

static bool send_chunk(struct session *s, struct filter *f)
{
	struct str chunk = str_sub(s->mail->content->body, s->place, MILTER_CHUNK_SIZE);
	s->place += chunk.n;
	if (s->place == s->mail->content->body.n)
		s->at = AT_END;
	if (chunk.n == 0 || !step_begin(&f->terms, &f->link, &step_body))
		return false;
	buf_add(&f->link.out, chunk);
	packet_end(&f->link);
	return (f->terms.steps & step_body.no_reply) == 0;
}

/* Sends the next step. True if it has an answer. */
static bool send_next(struct session *s)
{
	struct filter *f = current(s);
	switch (s->at) {
	case AT_START:
		set_macros(s, f);
		terms_offer(&f->terms, &f->link);
		s->at = AT_NEGOTIATED;
		return true;
	case AT_NEGOTIATED:
		s->at = AT_HELO;
		return send_connect(s, f);
	case AT_HELO:
		s->at = AT_MAIL;
		return texts(f, &step_helo, &s->mail->helo, 1);
	case AT_MAIL:
		set_macros(s, f);
		s->at = AT_RCPT;
		return texts(f, &step_mail, &s->mail->sender, 1);
	case AT_RCPT:
		s->at = AT_DATA;
		return texts(f, &step_rcpt, &s->mail->recipient, 1);
	case AT_DATA:
		s->at = AT_HEADER;
		s->place = 0;
		return texts(f, &step_data, NULL, 0);
	case AT_HEADER:
		return send_field(s, f);
	case AT_HEADERS_END:
		s->at = AT_BODY;
		s->place = 0;
		return texts(f, &step_headers_end, NULL, 0);
	case AT_BODY:
		return send_chunk(s, f);
	case AT_END:
		s->at = AT_ANSWER;
		return texts(f, &step_end, NULL, 0);
	case AT_ANSWER:
		break;
	}
	BUG_IF(true);
}

/* ---- answers -------------------------------------------------------------------------------------------- */

static void take_added(struct session *s, struct packet p)
{
	uint32_t index;
	struct str name, value;
	if (p.command == SMFIR_INSHEADER && !take_u32(&p.data, &index))
		return;
	if (!take_text(&p.data, &name) || !take_text(&p.data, &value) || s->added_count == ADDED_MAX)
		return;
	value = str_starts(value, STR(" ")) ? str_dup(s->arena, value)
					    : str_printf(s->arena, " %.*s", STR_ARG(value));
	memmove(s->added + 1, s->added, s->added_count * sizeof(s->added[0]));
	s->added[0] = (struct field){ str_dup(s->arena, name), value };
	s->added_count++;
	s->signatures += str_eq_nocase(name, STR("DKIM-Signature"));
	if (str_eq_nocase(name, STR("Authentication-Results")))
		s->results = str_printf(s->arena, "%.*s%.*s\n", STR_ARG(s->results), STR_ARG(value));
}

/* False: the session is over, and there is no other. */
static bool take_answer(struct session *s, struct packet p)
{
	struct filter *f = current(s);
	bool is_end = s->at == AT_ANSWER;
	if (p.command == SMFIC_OPTNEG) {
		if (!terms_take(&f->terms, &f->link, p))
			return give_up(s, "negotiation");
		f->is_negotiated = true;
		all.steps = f->terms.steps;
		s->is_waiting = false;
		return true;
	}
	switch (p.command) {
	case SMFIR_PROGRESS:
	case SMFIR_CHGHEADER:
		return true;
	case SMFIR_ADDHEADER:
	case SMFIR_INSHEADER:
		take_added(s, p);
		return true;
	case SMFIR_SKIP:
		s->at = AT_END;
		s->is_waiting = false;
		return true;
	case SMFIR_CONTINUE:
		s->is_waiting = false;
		return is_end ? end_message(s) : true;
	case SMFIR_ACCEPT:
		return is_end ? end_message(s) : give_up(s, "accepted before its end");
	default:
		return give_up(s, str_printf(s->arena, "answer '%c' %.*s", p.command, STR_ARG(p.data)).p);
	}
}

/* ---- the event loop ------------------------------------------------------------------------------------- */

static void watch_for_room(struct session *s, struct filter *f, bool is_wanted)
{
	struct epoll_event e = { .events = is_wanted ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = s };
	if (f->is_watched_for_room != is_wanted)
		BUG_IF(epoll_ctl(all.events, EPOLL_CTL_MOD, f->link.fd, &e) != 0);
	f->is_watched_for_room = is_wanted;
}

/* Writes as much as goes. False: the rest must wait for room. */
static bool write_out(struct session *s)
{
	struct filter *f = current(s);
	if (!link_write_some(&f->link))
		return true; /* the next read says so */
	watch_for_room(s, f, f->link.out.n > 0);
	return f->link.out.n == 0;
}

static bool is_to_hold(struct session *s)
{
	if (!job.has_hold || s->is_held || s->at != job.hold || s->is_waiting)
		return s->is_held;
	s->is_held = true;
	all.held++;
	return true;
}

/* Until it has to wait. */
static void advance(struct session *s)
{
	while (s->mail != NULL) {
		struct packet p;
		bool is_here;
		if (!s->is_waiting) {
			if (is_to_hold(s)) {
				write_out(s);
				return;
			}
			s->is_waiting = send_next(s);
			if ((s->is_waiting || current(s)->link.out.n > FLUSH_BYTES) && !write_out(s))
				return;
			continue;
		}
		if (current(s)->link.out.n > 0 && !write_out(s))
			return;
		if (!packet_poll(&current(s)->link, &p, &is_here)) {
			give_up(s, "connection lost");
			continue;
		}
		if (!is_here)
			return;
		take_answer(s, p);
	}
}

static void run_until(const int *count, int target)
{
	struct epoll_event events[256];
	while (*count < target) {
		int n = epoll_wait(all.events, events, 256, SILENCE_MS);
		if (n == 0 || (n < 0 && errno != EINTR)) {
			fprintf(stderr, "load: no answer for %d s, %d of %d messages are done\n", SILENCE_MS / 1000, all.done,
				job.messages);
			exit(EX_UNAVAILABLE);
		}
		for (int i = 0; i < n; i++)
			advance(events[i].data.ptr);
	}
}

static void release_held(void)
{
	char ignored[64];
	printf("held\n");
	fflush(stdout);
	while (read(STDIN_FILENO, ignored, sizeof(ignored)) > 0)
		;
	job.has_hold = false;
	for (int i = 0; i < job.connections; i++) {
		all.sessions[i].is_held = false;
		advance(&all.sessions[i]);
	}
}

/* ---- the result ----------------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static long long percentile(int percent)
{
	return all.done == 0 ? 0 : (long long)all.waits_us[(size_t)(all.done - 1) * (size_t)percent / 100];
}

static void print_result(int64_t elapsed_us)
{
	qsort(all.waits_us, (size_t)all.done, sizeof(*all.waits_us), by_size);
	for (char *p = all.first_wrong; *p != '\0'; p++)
		if (!char_is_printable(*p) || *p == '"' || *p == '\\')
			*p = ' ';
	printf("{\"messages\": %d, \"wrong\": %d, \"first_wrong\": \"%s\", \"elapsed_us\": %lld, \"steps\": %u, "
	       "\"wait_us\": {\"p50\": %lld, \"p95\": %lld, \"p99\": %lld, \"max\": %lld}}\n",
	       all.done, all.wrong, all.first_wrong, (long long)elapsed_us, all.steps, percentile(50), percentile(95),
	       percentile(99), percentile(100));
}

static int usage(void)
{
	fprintf(stderr, "usage: load [-c CONNECTIONS] [-k MESSAGES-A-CONNECTION] [-n MESSAGES] [-o connect|end] "
			"LIST SOCKET...\n");
	return EX_USAGE;
}

static bool read_options(int argc, char **argv)
{
	for (int c; (c = getopt(argc, argv, "c:k:n:o:")) != -1;) {
		switch (c) {
		case 'c':
			job.connections = atoi(optarg);
			break;
		case 'k':
			job.per_connection = atoi(optarg);
			break;
		case 'n':
			job.messages = atoi(optarg);
			break;
		case 'o':
			job.has_hold = true;
			job.hold = strcmp(optarg, "connect") == 0 ? AT_MAIL : AT_END;
			break;
		default:
			return false;
		}
	}
	job.filters = (size_t)(argc - optind - 1);
	if (optind + 2 > argc || job.filters > FILTERS_MAX || job.connections < 1 || job.per_connection < 1)
		return false;
	for (size_t i = 0; i < job.filters; i++)
		job.sockets[i] = argv[optind + 1 + (int)i];
	return job.messages >= job.connections;
}

int main(int argc, char **argv)
{
	struct rlimit files;
	if (!read_options(argc, argv))
		return usage();
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	message_set_read(&all.set, argv[optind]);
	all.waits_us = fail_if_null(calloc((size_t)job.messages, sizeof(*all.waits_us)));
	all.sessions = fail_if_null(calloc((size_t)job.connections, sizeof(*all.sessions)));
	all.events = epoll_create1(EPOLL_CLOEXEC);

	int64_t start_us = clock_mono_us();
	for (int i = 0; i < job.connections; i++) {
		all.sessions[i].arena = arena_new();
		if (begin_session(&all.sessions[i]))
			advance(&all.sessions[i]);
	}
	if (job.has_hold) {
		run_until(&all.held, job.connections);
		release_held();
	}
	run_until(&all.done, job.messages);
	print_result(clock_mono_us() - start_us);
	return all.wrong == 0 ? EX_OK : 1;
}

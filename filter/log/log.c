/* Whoever reads the log may stop reading: a full pipe, a syslog daemon that hangs, a file system that is frozen. Mail
 * must not wait for that, so one thread writes, and callers wait for it only while it gets on. They do wait then, so that
 * what a client was told stands in the log before it is told, even if the process is killed a moment later. */
#include "log/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/fail.h"
#include "base/thread.h"
#include "log/sink.h"

enum {
	MESSAGE_MAX_BYTES = 4096, /* before escaping; the rest is cut. Records are as long as they are. */
	QUEUE_BYTES_MAX = 16 << 20,
	WAIT_MS = 250,            /* for one line; then nobody waits until a line gets through */
	CLOSE_MS = 2000,
};

/* What the writer is to do, in order: write a line, or open the file again. Its texts stand behind it. */
struct task {
	struct task *next;
	size_t size_bytes;
	bool is_reopen;
	struct sink_line line;
	char bytes[];
};

struct log {
	struct sink *sink;
	enum log_format format;
	enum log_level level;
	char *who;                     /* "inbound: ", or "" */
	bool has_writer;
	pthread_t writer;
	pthread_mutex_t lock;          /* over all below */
	pthread_cond_t wake, done;     /* for the writer; for who waits for a line */
	struct task *first, **end;
	size_t queued_bytes;           /* with what is being written */
	uint64_t tasks, tasks_done;    /* so far */
	uint64_t lost_told;
	bool is_stuck;                 /* a line took longer than WAIT_MS, and still does */
	bool is_closing;
	_Atomic uint64_t lost_lines;
};

/* ---- the writer --------------------------------------------------------------------------------------------- */

/* In the writer, which cannot wait for itself. */
static void __attribute__((format(printf, 3, 4)))
write_own(struct log *l, enum log_level level, const char *format, ...)
{
	char text[MESSAGE_MAX_BYTES];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	sink_write(l->sink, &(struct sink_line){ .unix_ms = clock_unix_ms(), .level = level, .text = str_of(text) });
}

static void reopen(struct log *l)
{
	const char *wrong = sink_reopen(l->sink);
	if (wrong != NULL)
		write_own(l, LEVEL_ERROR, "%s cannot be opened again: %s", sink_path(l->sink), wrong);
}

/* A line that is lost is counted, and told as soon as one gets through. */
static void write_line(struct log *l, const struct sink_line *line)
{
	if (!sink_write(l->sink, line)) {
		atomic_fetch_add(&l->lost_lines, 1);
		return;
	}
	uint64_t lost = atomic_load(&l->lost_lines);
	if (lost > l->lost_told)
		write_own(l, LEVEL_WARN, "log: %ju lines could not be written and are lost",
			  (uintmax_t)(lost - l->lost_told));
	l->lost_told = lost;
}

/* NULL: the log is closing and nothing is left. */
static struct task *next_task(struct log *l)
{
	while (l->first == NULL && !l->is_closing)
		pthread_cond_wait(&l->wake, &l->lock);
	struct task *t = l->first;
	if (t != NULL && (l->first = t->next) == NULL)
		l->end = &l->first;
	return t;
}

static void do_task(struct log *l, const struct task *t)
{
	if (t->is_reopen)
		reopen(l);
	else
		write_line(l, &t->line);
}

static void *work(void *context)
{
	struct log *l = context;
	struct task *t;
	pthread_mutex_lock(&l->lock);
	while ((t = next_task(l)) != NULL) {
		pthread_mutex_unlock(&l->lock);
		do_task(l, t);
		pthread_mutex_lock(&l->lock);
		l->queued_bytes -= t->size_bytes;
		l->tasks_done++;
		l->is_stuck = false;
		pthread_cond_broadcast(&l->done);
		free(t);
	}
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

/* ---- the queue ---------------------------------------------------------------------------------------------- */

/* Held. False when that time has come first. */
static bool wait_until_done(struct log *l, uint64_t number, int64_t wait_ms)
{
	int64_t until_ms = clock_mono_ms() + wait_ms;
	bool is_early = true;
	while (l->tasks_done < number && is_early && !l->is_stuck)
		is_early = condition_wait_until(&l->done, &l->lock, until_ms);
	return l->tasks_done >= number;
}

static void put(struct log *l, struct task *t)
{
	if (!l->has_writer) {
		do_task(l, t);
		free(t);
		return;
	}
	pthread_mutex_lock(&l->lock);
	if (l->queued_bytes + t->size_bytes > QUEUE_BYTES_MAX) {
		atomic_fetch_add(&l->lost_lines, 1);
		free(t);
	} else {
		*l->end = t;
		l->end = &t->next;
		l->queued_bytes += t->size_bytes;
		pthread_cond_signal(&l->wake);
		if (!wait_until_done(l, ++l->tasks, WAIT_MS))
			l->is_stuck = true;
	}
	pthread_mutex_unlock(&l->lock);
}

static struct task *task_new(struct sink_line line)
{
	size_t size = sizeof(struct task) + line.text.n + line.json.n;
	struct task *t = fail_if_null(malloc(size));
	*t = (struct task){ .size_bytes = size, .line = line };
	t->line.text.p = memcpy(t->bytes, line.text.p, line.text.n);
	t->line.json.p = memcpy(t->bytes + line.text.n, line.json.p, line.json.n);
	return t;
}

static void add_escaped(struct buf *b, struct str s)
{
	size_t plain = 0; /* nearly always all of it */
	while (plain < s.n && char_is_printable(s.p[plain]))
		plain++;
	buf_add(b, str_sub(s, 0, plain));
	for (size_t i = plain; i < s.n; i++) {
		if (char_is_printable(s.p[i]))
			buf_add_char(b, s.p[i]);
		else
			buf_printf(b, "\\x%02x", (unsigned char)s.p[i]);
	}
}

static void put_line(struct log *l, struct sink_line line)
{
	struct buf escaped;
	buf_init(&escaped, 0);
	add_escaped(&escaped, line.text);
	line.text = buf_str(&escaped);
	line.unix_ms = clock_unix_ms();
	put(l, task_new(line));
	buf_fini(&escaped);
}

/* ---- opening and closing ------------------------------------------------------------------------------------ */

struct log *log_open(const struct log_settings *s, struct diags *diags)
{
	const char *wrong;
	struct sink *sink = sink_open(s, &wrong);
	if (sink == NULL) {
		diag_error(diags, (struct place){ .setting = "log.target" }, "\"%s\": %s", s->target, wrong);
		return NULL;
	}
	struct log *l = fail_if_null(calloc(1, sizeof(*l)));
	l->sink = sink;
	l->format = s->format;
	l->level = s->level;
	l->end = &l->first;
	l->has_writer = !s->is_threadless;
	if (asprintf(&l->who, "%s%s", s->who == NULL ? "" : s->who, s->who == NULL ? "" : ": ") < 0)
		fail_out_of_memory();
	pthread_mutex_init(&l->lock, NULL);
	condition_init(&l->wake);
	condition_init(&l->done);
	if (l->has_writer)
		l->writer = thread_start(work, l);
	return l;
}

void log_close(struct log *l)
{
	if (l == NULL)
		return;
	pthread_mutex_lock(&l->lock);
	l->is_closing = true;
	l->is_stuck = false; /* once more, for what is left */
	pthread_cond_signal(&l->wake);
	bool is_done = wait_until_done(l, l->tasks, CLOSE_MS);
	pthread_mutex_unlock(&l->lock);
	if (!is_done) { /* the writer hangs in a call that nothing can end but the end of the process */
		pthread_detach(l->writer);
		return;
	}
	if (l->has_writer)
		pthread_join(l->writer, NULL);
	pthread_cond_destroy(&l->wake);
	pthread_cond_destroy(&l->done);
	pthread_mutex_destroy(&l->lock);
	sink_close(l->sink);
	free(l->who);
	free(l);
}

void log_reopen(struct log *l)
{
	if (l == NULL)
		return;
	struct task *t = task_new((struct sink_line){ .text = STR_EMPTY, .json = STR_EMPTY });
	t->is_reopen = true;
	put(l, t);
}

/* ---- what is logged ----------------------------------------------------------------------------------------- */

static void __attribute__((format(printf, 3, 0)))
message(struct log *l, enum log_level level, const char *format, va_list args)
{
	char text[MESSAGE_MAX_BYTES];
	if (l == NULL || level > l->level)
		return;
	int n = snprintf(text, sizeof(text), "%s", l->who);
	vsnprintf(text + n, sizeof(text) - (size_t)n, format, args);
	put_line(l, (struct sink_line){ .level = level, .text = str_of(text), .json = STR_EMPTY });
}

void log_error(struct log *l, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	message(l, LEVEL_ERROR, format, args);
	va_end(args);
}

void log_warn(struct log *l, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	message(l, LEVEL_WARN, format, args);
	va_end(args);
}

void log_info(struct log *l, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	message(l, LEVEL_INFO, format, args);
	va_end(args);
}

void log_debug(struct log *l, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	message(l, LEVEL_DEBUG, format, args);
	va_end(args);
}

void log_record(struct log *l, struct str text_line, struct str json_line)
{
	if (l != NULL)
		put_line(l, (struct sink_line){ .level = LEVEL_INFO, .is_record = true, .text = text_line,
						.json = json_line });
}

enum log_format log_format(const struct log *l)
{
	return l == NULL ? FORMAT_TEXT : l->format;
}

uint64_t log_lost_lines(const struct log *l)
{
	return l == NULL ? 0 : atomic_load(&l->lost_lines);
}

#include "log/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>
#define SD_JOURNAL_SUPPRESS_LOCATION /* every entry would come from this file */
#include <systemd/sd-journal.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/fail.h"

enum { MESSAGE_MAX_BYTES = 4096 }; /* before escaping; the rest is cut. Records are as long as they are. */

enum sink { SINK_NONE, SINK_FD, SINK_SYSLOG, SINK_JOURNAL };

struct log {
	enum sink sink;
	enum log_format format;
	enum log_level level;
	char *ident;
	char *path;             /* of a file target, else NULL */
	int fd;                 /* with SINK_FD */
	bool is_journal_stream; /* the fd leads to journald, which has its own clock and wants "<N>" */
	pthread_mutex_t lock;   /* one line at a time, and none while the file is changed */
	bool is_torn;           /* the last line could not be written to its end */
	_Atomic uint64_t lost_lines;
};

static const struct {
	const char *word;
	int priority;
} levels[] = {
	[LEVEL_ERROR] = { "error", LOG_ERR },
	[LEVEL_WARN] = { "warn", LOG_WARNING },
	[LEVEL_INFO] = { "info", LOG_INFO },
	[LEVEL_DEBUG] = { "debug", LOG_DEBUG },
};

static int open_file(const char *path)
{
	return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
}

/* systemd.exec(5): the variable holds device and inode of the stream that journald listens to. */
static bool leads_to_journal(int fd)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat st;
	char actual[64];
	if (stream == NULL || fstat(fd, &st) != 0)
		return false;
	snprintf(actual, sizeof(actual), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return strcmp(stream, actual) == 0;
}

/* NULL if good, else what is wrong. */
static const char *open_fd(struct log *l, int fd)
{
	l->sink = SINK_FD;
	l->fd = fd;
	l->is_journal_stream = fd >= 0 && leads_to_journal(fd);
	return fd < 0 ? strerrordesc_np(errno) : NULL;
}

static const char *open_journal(struct log *l)
{
	l->sink = SINK_JOURNAL;
	int stream = sd_journal_stream_fd(l->ident, LOG_INFO, false);
	if (stream < 0)
		return "journald cannot be reached";
	close(stream);
	return NULL;
}

static const char *open_target(struct log *l, struct str target)
{
	if (str_eq(target, STR("none")))
		return NULL;
	if (str_eq(target, STR("stderr")))
		return open_fd(l, STDERR_FILENO);
	if (str_eq(target, STR("stdout")))
		return open_fd(l, STDOUT_FILENO);
	if (str_eq(target, STR("journal")))
		return open_journal(l);
	if (str_starts(target, STR("file:"))) {
		l->path = fail_if_null(strdup(target.p + STR("file:").n));
		return open_fd(l, open_file(l->path));
	}
	if (!str_eq(target, STR("syslog")))
		return "unknown target: stderr, stdout, syslog, journal, none or file:PATH";
	l->sink = SINK_SYSLOG;
	openlog(l->ident, LOG_PID | LOG_NDELAY, LOG_MAIL);
	return NULL;
}

struct log *log_open(const struct log_settings *s, struct diags *diags)
{
	struct log *l = fail_if_null(calloc(1, sizeof(*l)));
	l->format = s->format;
	l->level = s->level;
	l->fd = -1;
	l->ident = fail_if_null(strdup(s->syslog_ident == NULL ? "gatepost" : s->syslog_ident));
	pthread_mutex_init(&l->lock, NULL);
	const char *wrong = open_target(l, str_of(s->target));
	if (wrong == NULL)
		return l;
	diag_error(diags, (struct place){ .setting = "log.target" }, "\"%s\": %s", s->target, wrong);
	log_close(l);
	return NULL;
}

void log_close(struct log *l)
{
	if (l == NULL)
		return;
	if (l->path != NULL && l->fd >= 0)
		close(l->fd);
	if (l->sink == SINK_SYSLOG)
		closelog();
	pthread_mutex_destroy(&l->lock);
	free(l->path);
	free(l->ident);
	free(l);
}

void log_reopen(struct log *l)
{
	if (l == NULL || l->path == NULL)
		return;
	int fd = open_file(l->path);
	if (fd < 0) {
		log_error(l, "%s cannot be opened again: %s", l->path, strerrordesc_np(errno));
		return;
	}
	pthread_mutex_lock(&l->lock);
	int old = l->fd;
	l->fd = fd;
	l->is_torn = false;
	pthread_mutex_unlock(&l->lock);
	close(old);
}

/* A line that is lost is counted; what was left of it ends before the next line begins. */
static void write_line(struct log *l, struct buf *line)
{
	struct str rest = buf_str(line);
	pthread_mutex_lock(&l->lock);
	if (!l->is_torn)
		rest = str_skip(rest, 1);
	while (rest.n > 0) {
		ssize_t n = write(l->fd, rest.p, rest.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		l->is_torn = true;
		rest = str_skip(rest, (size_t)n);
	}
	if (rest.n == 0)
		l->is_torn = false;
	else
		atomic_fetch_add(&l->lost_lines, 1);
	pthread_mutex_unlock(&l->lock);
}

/* RFC 3339 with milliseconds. */
static void add_time(struct buf *b)
{
	int64_t now_ms = clock_unix_ms();
	time_t now_s = (time_t)(now_ms / 1000);
	struct tm utc;
	char text[32];
	gmtime_r(&now_s, &utc);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
	buf_printf(b, "%s.%03dZ", text, (int)(now_ms % 1000));
}

static void add_escaped(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (char_is_printable(s.p[i]))
			buf_add_char(b, s.p[i]);
		else
			buf_printf(b, "\\x%02x", (unsigned char)s.p[i]);
	}
}

static void add_message_json(struct buf *b, enum log_level level, struct str escaped)
{
	struct buf time;
	buf_init(&time, 0);
	add_time(&time);
	json_t *object = json_pack("{s:s%,s:s,s:s%}", "time", time.p, time.n, "level", levels[level].word, "message",
				   escaped.p, escaped.n);
	char *text = json_dumps(fail_if_null(object), JSON_COMPACT);
	buf_add(b, str_of(fail_if_null(text)));
	free(text);
	json_decref(object);
	buf_fini(&time);
}

static void write_fd(struct log *l, enum log_level level, struct str escaped, const struct str *record_json)
{
	struct buf line;
	buf_init(&line, 0);
	buf_add_char(&line, '\n'); /* only behind a torn line */
	if (l->is_journal_stream)
		buf_printf(&line, "<%d>", levels[level].priority);
	if (l->format == FORMAT_JSON) {
		if (record_json == NULL)
			add_message_json(&line, level, escaped);
		else
			buf_add(&line, *record_json);
	} else {
		if (!l->is_journal_stream) {
			add_time(&line);
			buf_add_char(&line, ' ');
		}
		if (record_json == NULL)
			buf_printf(&line, "%s: ", levels[level].word);
		buf_add(&line, escaped);
	}
	buf_add_char(&line, '\n');
	write_line(l, &line);
	buf_fini(&line);
}

static struct iovec field(struct buf *b)
{
	return (struct iovec){ .iov_base = b->p, .iov_len = b->n };
}

static void send_journal(struct log *l, enum log_level level, struct str escaped, const struct str *record_json)
{
	bool has_record = record_json != NULL && l->format == FORMAT_JSON;
	struct buf message, priority, ident, record;
	buf_init(&message, 0);
	buf_init(&priority, 0);
	buf_init(&ident, 0);
	buf_init(&record, 0);
	buf_add(&message, STR("MESSAGE="));
	buf_add(&message, escaped);
	buf_printf(&priority, "PRIORITY=%d", levels[level].priority);
	buf_printf(&ident, "SYSLOG_IDENTIFIER=%s", l->ident);
	buf_add(&record, STR("GATEPOST_RECORD="));
	buf_add(&record, has_record ? *record_json : STR_EMPTY);
	struct iovec fields[] = { field(&message), field(&priority), field(&ident), field(&record) };
	if (sd_journal_sendv(fields, has_record ? 4 : 3) < 0)
		atomic_fetch_add(&l->lost_lines, 1);
	buf_fini(&message);
	buf_fini(&priority);
	buf_fini(&ident);
	buf_fini(&record);
}

/* record_json is NULL for messages. */
static void emit(struct log *l, enum log_level level, struct str raw, const struct str *record_json)
{
	struct buf escaped;
	buf_init(&escaped, 0);
	add_escaped(&escaped, raw);
	struct str text = buf_str(&escaped);
	switch (l->sink) {
	case SINK_NONE:
		break;
	case SINK_FD:
		write_fd(l, level, text, record_json);
		break;
	case SINK_SYSLOG:
		syslog(levels[level].priority, "%.*s", STR_ARG(text));
		if (record_json != NULL && l->format == FORMAT_JSON)
			syslog(levels[level].priority, "%.*s", STR_ARG(*record_json));
		break;
	case SINK_JOURNAL:
		send_journal(l, level, text, record_json);
		break;
	}
	buf_fini(&escaped);
}

static void __attribute__((format(printf, 3, 0)))
message(struct log *l, enum log_level level, const char *format, va_list args)
{
	char text[MESSAGE_MAX_BYTES];
	if (l == NULL || level > l->level)
		return;
	vsnprintf(text, sizeof(text), format, args);
	emit(l, level, str_of(text), NULL);
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
		emit(l, LEVEL_INFO, text_line, &json_line);
}

enum log_format log_format(const struct log *l)
{
	return l == NULL ? FORMAT_TEXT : l->format;
}

uint64_t log_lost_lines(const struct log *l)
{
	return l == NULL ? 0 : atomic_load(&l->lost_lines);
}

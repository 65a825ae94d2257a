#include "log/sink.h"

#include <errno.h>
#include <fcntl.h>
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
#include "base/fail.h"
#include "log/syslog_socket.h"

enum kind { SINK_NONE, SINK_FD, SINK_SYSLOG, SINK_JOURNAL };

struct sink {
	enum kind kind;
	enum log_format format;
	char *ident;
	char *path;             /* of a file target, else NULL */
	int fd;                 /* with SINK_FD */
	bool is_journal_stream; /* the fd leads to journald, which has its own clock and wants "<N>" */
	bool is_torn;           /* the last line could not be written to its end */
	struct syslog_socket *syslog; /* with SINK_SYSLOG */
	char *journal_path;           /* with SINK_JOURNAL */
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

/* ---- opening ------------------------------------------------------------------------------------------------ */

/* A pipe that nobody reads yet is no reason to wait. Opened for both directions it fills up; then lines are lost until
 * somebody reads. */
static int open_file(const char *path)
{
	const int flags = O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	int fd = open(path, O_WRONLY | flags, 0640);
	if (fd < 0 && errno == ENXIO)
		fd = open(path, O_RDWR | flags, 0640);
	if (fd >= 0)
		fcntl(fd, F_SETFL, O_APPEND);
	return fd;
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
static const char *open_fd(struct sink *s, int fd)
{
	s->kind = SINK_FD;
	s->fd = fd;
	s->is_journal_stream = fd >= 0 && leads_to_journal(fd);
	return fd < 0 ? strerrordesc_np(errno) : NULL;
}

static const char *open_journal(struct sink *s, const char *path)
{
	s->kind = SINK_JOURNAL;
	s->journal_path = fail_if_null(strdup(path == NULL ? "/run/systemd/journal/socket" : path));
	int stream = sd_journal_stream_fd(s->ident, LOG_INFO, false);
	if (stream < 0)
		return "journald cannot be reached";
	close(stream);
	return NULL;
}

static const char *open_target(struct sink *s, const struct log_settings *settings)
{
	const struct str target = str_of(settings->target);
	if (str_eq(target, STR("none")))
		return NULL;
	if (str_eq(target, STR("stderr")))
		return open_fd(s, STDERR_FILENO);
	if (str_eq(target, STR("stdout")))
		return open_fd(s, STDOUT_FILENO);
	if (str_eq(target, STR("journal")))
		return open_journal(s, settings->journal_path);
	if (str_starts(target, STR("file:"))) {
		s->path = fail_if_null(strdup(target.p + STR("file:").n));
		return open_fd(s, open_file(s->path));
	}
	if (!str_eq(target, STR("syslog")))
		return "unknown target: stderr, stdout, syslog, journal, none or file:PATH";
	s->kind = SINK_SYSLOG;
	s->syslog = syslog_socket_open(settings->syslog_path == NULL ? _PATH_LOG : settings->syslog_path, s->ident);
	openlog(s->ident, LOG_PID, LOG_MAIL); /* for what libraries say */
	return NULL;
}

struct sink *sink_open(const struct log_settings *settings, const char **wrong)
{
	struct sink *s = fail_if_null(calloc(1, sizeof(*s)));
	s->format = settings->format;
	s->fd = -1;
	s->ident = fail_if_null(strdup(settings->syslog_ident == NULL ? "gatepost" : settings->syslog_ident));
	*wrong = open_target(s, settings);
	if (*wrong == NULL)
		return s;
	sink_close(s);
	return NULL;
}

void sink_close(struct sink *s)
{
	if (s->path != NULL && s->fd >= 0)
		close(s->fd);
	syslog_socket_close(s->syslog);
	if (s->kind == SINK_SYSLOG)
		closelog();
	free(s->journal_path);
	free(s->path);
	free(s->ident);
	free(s);
}

const char *sink_reopen(struct sink *s)
{
	if (s->path == NULL)
		return NULL;
	int fd = open_file(s->path);
	if (fd < 0)
		return strerrordesc_np(errno);
	close(s->fd);
	s->fd = fd;
	s->is_torn = false;
	return NULL;
}

const char *sink_path(const struct sink *s)
{
	return s->path;
}

/* ---- writing ------------------------------------------------------------------------------------------------ */

/* What was left of a torn line ends before the next one begins. */
static bool write_fd(struct sink *s, struct buf *line)
{
	struct str rest = buf_str(line);
	if (!s->is_torn)
		rest = str_skip(rest, 1);
	while (rest.n > 0) {
		ssize_t n = write(s->fd, rest.p, rest.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		s->is_torn = true;
		rest = str_skip(rest, (size_t)n);
	}
	s->is_torn = false;
	return true;
}

/* RFC 3339 with milliseconds. */
static void add_time(struct buf *b, int64_t unix_ms)
{
	time_t now_s = (time_t)(unix_ms / 1000);
	struct tm utc;
	char text[32];
	gmtime_r(&now_s, &utc);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
	buf_printf(b, "%s.%03dZ", text, (int)(unix_ms % 1000));
}

static void add_message_json(struct buf *b, const struct sink_line *line)
{
	struct buf time;
	buf_init(&time, 0);
	add_time(&time, line->unix_ms);
	json_t *object = json_pack("{s:s%,s:s,s:s%}", "time", time.p, time.n, "level", levels[line->level].word,
				   "message", line->text.n == 0 ? "" : line->text.p, line->text.n);
	char *text = json_dumps(fail_if_null(object), JSON_COMPACT);
	buf_add(b, str_of(fail_if_null(text)));
	free(text);
	json_decref(object);
	buf_fini(&time);
}

static bool write_stream(struct sink *s, const struct sink_line *line)
{
	struct buf b;
	buf_init(&b, 0);
	buf_add_char(&b, '\n'); /* only behind a torn line */
	if (s->is_journal_stream)
		buf_printf(&b, "<%d>", levels[line->level].priority);
	if (s->format == FORMAT_JSON && line->is_record) {
		buf_add(&b, line->json);
	} else if (s->format == FORMAT_JSON) {
		add_message_json(&b, line);
	} else {
		if (!s->is_journal_stream) {
			add_time(&b, line->unix_ms);
			buf_add_char(&b, ' ');
		}
		if (!line->is_record)
			buf_printf(&b, "%s: ", levels[line->level].word);
		buf_add(&b, line->text);
	}
	buf_add_char(&b, '\n');
	bool is_written = write_fd(s, &b);
	buf_fini(&b);
	return is_written;
}

static struct iovec field(struct buf *b)
{
	return (struct iovec){ .iov_base = b->p, .iov_len = b->n };
}

static bool send_journal(struct sink *s, const struct sink_line *line)
{
	bool has_record = line->is_record && s->format == FORMAT_JSON;
	struct buf message, priority, ident, record;
	buf_init(&message, 0);
	buf_init(&priority, 0);
	buf_init(&ident, 0);
	buf_init(&record, 0);
	buf_add(&message, STR("MESSAGE="));
	buf_add(&message, line->text);
	buf_printf(&priority, "PRIORITY=%d", levels[line->level].priority);
	buf_printf(&ident, "SYSLOG_IDENTIFIER=%s", s->ident);
	buf_add(&record, STR("GATEPOST_RECORD="));
	buf_add(&record, line->json);
	struct iovec fields[] = { field(&message), field(&priority), field(&ident), field(&record) };
	/* To sd-journal a socket that is not there is no failure. */
	bool is_written = sd_journal_sendv(fields, has_record ? 4 : 3) >= 0 && access(s->journal_path, F_OK) == 0;
	buf_fini(&message);
	buf_fini(&priority);
	buf_fini(&ident);
	buf_fini(&record);
	return is_written;
}

static bool send_syslog(struct sink *s, const struct sink_line *line)
{
	int priority = LOG_MAIL | levels[line->level].priority;
	bool is_written = syslog_socket_write(s->syslog, priority, line->unix_ms, line->text);
	if (line->is_record && s->format == FORMAT_JSON)
		is_written = syslog_socket_write(s->syslog, priority, line->unix_ms, line->json) && is_written;
	return is_written;
}

bool sink_write(struct sink *s, const struct sink_line *line)
{
	switch (s->kind) {
	case SINK_NONE:
		break;
	case SINK_FD:
		return write_stream(s, line);
	case SINK_SYSLOG:
		return send_syslog(s, line);
	case SINK_JOURNAL:
		return send_journal(s, line);
	}
	return true;
}

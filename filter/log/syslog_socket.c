#include "log/syslog_socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fail.h"

struct syslog_socket {
	struct sockaddr_un address;
	char *ident;
	int fd;         /* -1: not connected */
	bool is_stream;
};

static void disconnect(struct syslog_socket *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

static bool connect_as(struct syslog_socket *s, int type)
{
	disconnect(s);
	s->is_stream = type == SOCK_STREAM;
	s->fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	return s->fd >= 0 && connect(s->fd, (struct sockaddr *)&s->address, sizeof(s->address)) == 0;
}

/* Nearly every daemon takes datagrams; to one that takes a stream the connection says EPROTOTYPE. */
static bool connect_anew(struct syslog_socket *s)
{
	bool is_connected = connect_as(s, SOCK_DGRAM) || (errno == EPROTOTYPE && connect_as(s, SOCK_STREAM));
	if (!is_connected)
		disconnect(s);
	return is_connected;
}

struct syslog_socket *syslog_socket_open(const char *path, const char *ident)
{
	struct syslog_socket *s = fail_if_null(calloc(1, sizeof(*s)));
	s->address.sun_family = AF_UNIX;
	BUG_IF(strlen(path) >= sizeof(s->address.sun_path));
	strcpy(s->address.sun_path, path);
	s->ident = fail_if_null(strdup(ident));
	s->fd = -1;
	connect_anew(s); /* before the process gives rights away; if it fails each line tries again */
	return s;
}

void syslog_socket_close(struct syslog_socket *s)
{
	if (s == NULL)
		return;
	disconnect(s);
	free(s->ident);
	free(s);
}

/* The NUL at the end of the line is for streams. */
static bool send_whole(const struct syslog_socket *s, const struct buf *line)
{
	size_t size = s->is_stream ? line->n : line->n - 1;
	return s->fd >= 0 && send(s->fd, line->p, size, MSG_NOSIGNAL) == (ssize_t)size;
}

bool syslog_socket_write(struct syslog_socket *s, int priority, int64_t unix_ms, struct str text)
{
	time_t now_s = (time_t)(unix_ms / 1000);
	struct tm local;
	char stamp[32];
	struct buf line;
	buf_init(&line, 0);
	strftime(stamp, sizeof(stamp), "%b %e %T", localtime_r(&now_s, &local));
	buf_printf(&line, "<%d>%s %s[%d]: ", priority, stamp, s->ident, (int)getpid());
	buf_add(&line, text);
	buf_add_char(&line, '\0');
	bool is_written = send_whole(s, &line) || (connect_anew(s) && send_whole(s, &line));
	buf_fini(&line);
	return is_written;
}

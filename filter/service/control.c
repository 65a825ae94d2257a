#include "service/control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	ANSWER_MAX_BYTES = 4 << 20,
	WAIT_S = 90, /* a reload may take long */
};

/* "unix:/path" of http.listen without its scheme, or NULL. */
static const struct str *socket_of(const struct options *o, struct str *path)
{
	for (size_t i = 0; i < o->http_listen.count; i++)
		if (str_starts(o->http_listen.items[i], STR("unix:"))) {
			*path = str_skip(o->http_listen.items[i], STR("unix:").n);
			return path;
		}
	return NULL;
}

static int connect_to(struct str path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct timeval wait = { .tv_sec = WAIT_S };
	if (path.n >= sizeof(address.sun_path))
		return -1;
	memcpy(address.sun_path, path.p, path.n);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) == 0 &&
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* HTTP/1.0: the answer ends with the connection. */
static bool exchange(int fd, const char *method, const char *path, struct buf *all)
{
	char bytes[8192];
	int n = snprintf(bytes, sizeof(bytes), "%s %s HTTP/1.0\r\nHost: localhost\r\nGatepost-Control: 1\r\n\r\n", method, path);
	if (send(fd, bytes, (size_t)n, MSG_NOSIGNAL) != n)
		return false;
	for (;;) {
		ssize_t got = read(fd, bytes, sizeof(bytes));
		if (got == 0)
			return true;
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 || !buf_add(all, (struct str){ bytes, (size_t)got }))
			return false;
	}
}

/* "HTTP/1.1 200 OK", fields, an empty line, the body. */
static bool take_apart(struct str all, struct str *body, bool *is_good)
{
	const char *end = all.n == 0 ? NULL : memmem(all.p, all.n, "\r\n\r\n", 4);
	if (end == NULL || all.n < 12 || !str_starts(all, STR("HTTP/1.")))
		return false;
	*is_good = str_starts(str_skip(all, 9), STR("200"));
	*body = str_skip(all, (size_t)(end - all.p) + 4);
	return true;
}

bool control_ask(const char *who, const struct options *o, const char *method, const char *path, struct buf *answer,
		 bool *is_good)
{
	struct str socket_path, body;
	struct buf all;
	if (socket_of(o, &socket_path) == NULL) {
		fprintf(stderr, "gatepost %s: the daemon has no socket for this. In gatepost.conf, and then restart:\n"
			"  http = { listen = [ \"unix:/run/gatepost/control.sock\" ]; };\n", who);
		return false;
	}
	int fd = connect_to(socket_path);
	if (fd < 0) {
		fprintf(stderr, "gatepost %s: %.*s: %s%s\n", who, STR_ARG(socket_path), strerror(errno),
			errno == EACCES ? "; only root and the user who serves may" : "; is the daemon running?");
		return false;
	}
	buf_init(&all, ANSWER_MAX_BYTES);
	bool is_complete = exchange(fd, method, path, &all) && take_apart(buf_str(&all), &body, is_good);
	if (is_complete)
		buf_add(answer, body);
	else
		fprintf(stderr, "gatepost %s: %.*s: the daemon gave no whole answer\n", who, STR_ARG(socket_path));
	buf_fini(&all);
	close(fd);
	return is_complete;
}

#include "service/control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "option/listener.h"
#include "service/listen.h"

enum {
	ANSWER_MAX_BYTES = 4 << 20,
	RELOAD_MS = 90000,
};

/* The administrator's own; else any, for who only asks. */
static bool choose_socket(struct control_call *c)
{
	const struct strings *all = &c->options->http_listen;
	for (size_t i = 0; i < all->count; i++) {
		bool is_own = str_starts(all->items[i], STR("unix:"));
		if (is_own || (c->socket.n == 0 && strcmp(c->method, "GET") == 0))
			c->socket = all->items[i];
		if (is_own)
			break;
	}
	return c->socket.n > 0;
}

/* 0, or an errno. */
static int dial(const struct control_call *c, int *fd)
{
	struct arena *a = arena_new();
	struct listener listener = { .socket = c->socket, .setting = "http.listen" };
	bool is_unix, reaches_beyond;
	bool is_good = listener_socket_check(a, &listener, &is_unix, &reaches_beyond) == NULL;
	int error = is_good ? listen_dial(&listener, c->wait_ms, fd) : EINVAL;
	arena_free(a);
	return error;
}

/* HTTP/1.0: the answer ends with the connection. */
static bool exchange(int fd, const struct control_call *c, int64_t until_mono_ms, struct buf *all)
{
	char bytes[8192];
	int n = snprintf(bytes, sizeof(bytes), "%s %s HTTP/1.0\r\nHost: localhost\r\nGatepost-Control: 1\r\n\r\n", c->method,
			 c->path);
	if (send(fd, bytes, (size_t)n, MSG_NOSIGNAL) != n)
		return false;
	while (clock_mono_ms() < until_mono_ms) {
		ssize_t got = read(fd, bytes, sizeof(bytes));
		if (got == 0)
			return true;
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 || !buf_add(all, (struct str){ bytes, (size_t)got }))
			return false;
	}
	return false;
}

bool control_take_apart(struct str all, struct str *body, bool *is_good)
{
	const char *end = all.n == 0 ? NULL : memmem(all.p, all.n, "\r\n\r\n", 4);
	if (end == NULL || all.n < 12 || !str_starts(all, STR("HTTP/1.")))
		return false;
	*is_good = str_starts(str_skip(all, 9), STR("200"));
	*body = str_skip(all, (size_t)(end - all.p) + 4);
	return true;
}

enum control_outcome control_try(struct control_call *c, struct buf *answer)
{
	int64_t until_mono_ms = clock_mono_ms() + c->wait_ms;
	struct str body;
	struct buf all;
	int fd;
	if (!choose_socket(c))
		return CONTROL_NO_SOCKET;
	c->error = dial(c, &fd);
	if (c->error != 0)
		return CONTROL_UNREACHABLE;
	buf_init(&all, ANSWER_MAX_BYTES);
	bool is_complete = exchange(fd, c, until_mono_ms, &all) && control_take_apart(buf_str(&all), &body, &c->is_good);
	if (is_complete)
		buf_add(answer, body);
	buf_fini(&all);
	close(fd);
	return is_complete ? CONTROL_TOLD : CONTROL_NO_ANSWER;
}

bool control_ask(const char *who, const struct options *o, const char *method, const char *path, struct buf *answer,
		 bool *is_good)
{
	struct control_call call = { .options = o, .method = method, .path = path, .wait_ms = RELOAD_MS };
	enum control_outcome outcome = control_try(&call, answer);
	*is_good = call.is_good;
	switch (outcome) {
	case CONTROL_TOLD:
		break;
	case CONTROL_NO_SOCKET:
		fprintf(stderr, "gatepost %s: the daemon has no socket for this. In gatepost.conf, and then restart:\n"
			"  http = { listen = [ \"unix:/run/gatepost/control.sock\" ]; };\n", who);
		break;
	case CONTROL_UNREACHABLE:
		fprintf(stderr, "gatepost %s: %.*s: %s%s\n", who, STR_ARG(call.socket), strerror(call.error),
			call.error == EACCES ? "; only root and the user who serves may" :
					       ": the daemon is not running, or with another configuration. Type: systemctl start "
					       "gatepost");
		break;
	case CONTROL_NO_ANSWER:
		fprintf(stderr, "gatepost %s: %.*s: the daemon gave no whole answer\n", who, STR_ARG(call.socket));
		break;
	}
	return outcome == CONTROL_TOLD;
}

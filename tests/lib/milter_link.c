#include "lib/milter_link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/ip.h"

void link_init(struct milter_link *l, int timeout_ms)
{
	*l = (struct milter_link){ .fd = -1, .timeout_ms = timeout_ms, .in_room = 4096 };
	buf_init(&l->out, 0);
	l->in = fail_if_null(malloc(l->in_room));
}

void link_fini(struct milter_link *l)
{
	link_drop(l);
	buf_fini(&l->out);
	free(l->in);
}

void link_drop(struct milter_link *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

bool link_fail(struct milter_link *l, const char *format, ...)
{
	if (l->failure[0] == '\0') {
		va_list args;
		va_start(args, format);
		vsnprintf(l->failure, sizeof(l->failure), format, args);
		va_end(args);
	}
	link_drop(l);
	return false;
}

static bool wait_for(struct milter_link *l, short what, int64_t deadline_ms)
{
	for (;;) {
		int64_t left_ms = deadline_ms - clock_mono_ms();
		if (left_ms <= 0)
			return link_fail(l, "timeout: the filter did not %s within %d ms",
				    what == POLLIN ? "answer" : "read", l->timeout_ms);
		struct pollfd p = { .fd = l->fd, .events = what };
		int n = poll(&p, 1, (int)left_ms);
		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			return link_fail(l, "poll: %s", strerror(errno));
	}
}

bool link_write_some(struct milter_link *l)
{
	struct str left = buf_str(&l->out);
	while (left.n > 0) {
		if (l->fd < 0)
			return link_fail(l, "not connected");
		ssize_t n = send(l->fd, left.p, left.n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0)
			left = str_skip(left, (size_t)n);
		else if (errno == EAGAIN)
			break;
		else if (errno != EINTR)
			return link_fail(l, "send: %s", strerror(errno));
	}
	if (left.n > 0)
		memmove(l->out.p, left.p, left.n);
	l->out.n = left.n;
	return true;
}

bool link_flush(struct milter_link *l)
{
	int64_t deadline_ms = clock_mono_ms() + l->timeout_ms;
	while (link_write_some(l)) {
		if (l->out.n == 0)
			return true;
		if (!wait_for(l, POLLOUT, deadline_ms))
			return false;
	}
	return false;
}

/* Room for that many bytes behind in_taken. */
static void make_room(struct milter_link *l, size_t wanted)
{
	if (l->in_taken == l->in_have)
		l->in_taken = l->in_have = 0;
	if (l->in_taken + wanted <= l->in_room)
		return;
	memmove(l->in, l->in + l->in_taken, l->in_have - l->in_taken);
	l->in_have -= l->in_taken;
	l->in_taken = 0;
	if (wanted > l->in_room) {
		l->in_room = wanted;
		l->in = fail_if_null(realloc(l->in, l->in_room));
	}
}

/* Reads what is there, until there are that many bytes behind in_taken. False: the link has failed. */
static bool read_some(struct milter_link *l, size_t wanted, bool *is_enough)
{
	make_room(l, wanted);
	while (l->in_have - l->in_taken < wanted) {
		ssize_t n = recv(l->fd, l->in + l->in_have, l->in_room - l->in_have, MSG_DONTWAIT);
		if (n > 0)
			l->in_have += (size_t)n;
		else if (n == 0)
			return link_fail(l, "the filter closed the connection");
		else if (errno == EAGAIN)
			break;
		else if (errno != EINTR)
			return link_fail(l, "recv: %s", strerror(errno));
	}
	*is_enough = l->in_have - l->in_taken >= wanted;
	return true;
}

bool packet_poll(struct milter_link *l, struct packet *p, bool *is_here)
{
	uint32_t length;
	*is_here = false;
	if (l->fd < 0)
		return link_fail(l, "not connected");
	if (!read_some(l, sizeof(length), is_here) || !*is_here)
		return l->fd >= 0;
	memcpy(&length, l->in + l->in_taken, sizeof(length));
	length = ntohl(length);
	if (length == 0 || length > PACKET_MAX)
		return link_fail(l, "the filter sent a packet of %u bytes", length);
	if (!read_some(l, sizeof(length) + length, is_here) || !*is_here)
		return l->fd >= 0;
	l->in_taken += sizeof(length);
	p->command = l->in[l->in_taken];
	p->data = (struct str){ l->in + l->in_taken + 1, length - 1 };
	l->in_taken += length;
	return true;
}

bool packet_read(struct milter_link *l, struct packet *p, int64_t deadline_ms)
{
	bool is_here;
	while (packet_poll(l, p, &is_here)) {
		if (is_here)
			return true;
		if (!wait_for(l, POLLIN, deadline_ms))
			return false;
	}
	return false;
}

void packet_begin(struct milter_link *l, char command)
{
	l->packet_start = l->out.n;
	buf_add(&l->out, (struct str){ "\0\0\0\0", 4 });
	buf_add_char(&l->out, command);
}

void packet_add_text(struct milter_link *l, struct str text)
{
	buf_add(&l->out, text);
	buf_add_char(&l->out, '\0');
}

void packet_end(struct milter_link *l)
{
	uint32_t length = htonl((uint32_t)(l->out.n - l->packet_start - sizeof(uint32_t)));
	memcpy(l->out.p + l->packet_start, &length, sizeof(length));
}

bool take_u32(struct str *data, uint32_t *value)
{
	if (data->n < sizeof(*value))
		return false;
	memcpy(value, data->p, sizeof(*value));
	*value = ntohl(*value);
	*data = str_skip(*data, sizeof(*value));
	return true;
}

bool take_text(struct str *data, struct str *text)
{
	return data->n > 0 && str_cut(*data, '\0', text, data);
}

static bool dial_unix(struct milter_link *l, const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(sun.sun_path))
		return link_fail(l, "socket path is too long: %s", path);
	strcpy(sun.sun_path, path);
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0 || connect(l->fd, (struct sockaddr *)&sun, sizeof(sun)) != 0)
		return link_fail(l, "connect %s: %s", path, strerror(errno));
	return true;
}

static bool dial_inet(struct milter_link *l, const char *port_at_host)
{
	struct str port, host;
	uint64_t number;
	struct ip ip;
	if (!str_cut(str_of(port_at_host), '@', &port, &host) || !str_to_u64(port, &number) || number > 65535 ||
	    !ip_parse(host, &ip))
		return link_fail(l, "not PORT@ADDRESS: %s", port_at_host);
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)number) };
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons((uint16_t)number) };
	memcpy(&sin.sin_addr, ip.b, sizeof(sin.sin_addr));
	memcpy(&sin6.sin6_addr, ip.b, sizeof(sin6.sin6_addr));
	bool is_v4 = ip.family == IP_V4;
	int on = 1;
	l->fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0 || connect(l->fd, is_v4 ? (struct sockaddr *)&sin : (struct sockaddr *)&sin6,
				 is_v4 ? sizeof(sin) : sizeof(sin6)) != 0)
		return link_fail(l, "connect inet:%s: %s", port_at_host, strerror(errno));
	setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return true;
}

bool link_dial(struct milter_link *l, const char *socket_name)
{
	link_drop(l);
	l->failure[0] = '\0';
	l->in_have = l->in_taken = 0;
	buf_clear(&l->out);
	struct str scheme, rest;
	str_cut(str_of(socket_name), ':', &scheme, &rest);
	if (str_eq(scheme, STR("unix")) || str_eq(scheme, STR("local")))
		return dial_unix(l, rest.p);
	if (str_eq(scheme, STR("inet")) || str_eq(scheme, STR("inet6")))
		return dial_inet(l, rest.p);
	return link_fail(l, "socket %s is neither unix: nor inet:", socket_name);
}

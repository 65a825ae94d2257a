#include "lib/dns_server.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"

enum { HEADER_BYTES = 12, UDP_BYTES_MAX = 1232, MESSAGE_BYTES_MAX = 65535, CONNECTIONS_MAX = 64, TICK_MS = 5 };

struct dns_server_reply {
	struct dns_server_reply *next;
	int64_t due_mono_ms;
	bool is_silent;
	int fd; /* TCP, or -1 */
	struct sockaddr_in to;
	size_t question_end;
	size_t n;
	uint8_t p[MESSAGE_BYTES_MAX];
};

struct connection {
	int fd; /* -1: free */
	size_t n;
	uint8_t p[2 + 512];
};

struct dns_server {
	dns_server_handler *handler;
	int udp_fd, tcp_fd;
	char address[32];
	pthread_t thread;
	atomic_bool is_closing;
	atomic_int udp_queries, tcp_queries;
	struct dns_server_reply *waiting;
	struct connection connections[CONNECTIONS_MAX];
};

/* Building a reply -------------------------------------------------------------------------------------------- */

static void put(struct dns_server_reply *r, const void *data, size_t n)
{
	BUG_IF(n > sizeof(r->p) - r->n);
	memcpy(r->p + r->n, data, n);
	r->n += n;
}

static void put_u16(struct dns_server_reply *r, unsigned value)
{
	put(r, (uint8_t[]){ (uint8_t)(value >> 8), (uint8_t)value }, 2);
}

static void put_u32(struct dns_server_reply *r, uint32_t value)
{
	put_u16(r, value >> 16);
	put_u16(r, value & 0xffff);
}

static void put_name(struct dns_server_reply *r, const char *name)
{
	if (name == NULL) {
		put_u16(r, 0xc000 | HEADER_BYTES);
		return;
	}
	while (*name != 0) {
		size_t n = strcspn(name, ".");
		put(r, (uint8_t[]){ (uint8_t)n }, 1);
		put(r, name, n);
		name += n + (name[n] == '.');
	}
	put(r, "", 1);
}

static void count_record(struct dns_server_reply *r, size_t counter_at)
{
	if (++r->p[counter_at + 1] == 0)
		r->p[counter_at]++;
}

static void put_record(struct dns_server_reply *r, const char *owner, uint16_t type, uint32_t ttl_s, const void *data,
		       size_t n)
{
	put_name(r, owner);
	put_u16(r, type);
	put_u16(r, 1);
	put_u32(r, ttl_s);
	put_u16(r, (unsigned)n);
	put(r, data, n);
}

void reply_rcode(struct dns_server_reply *r, int rcode)
{
	r->p[3] = (uint8_t)((r->p[3] & 0xf0) | rcode);
}

void reply_after(struct dns_server_reply *r, int delay_ms)
{
	r->due_mono_ms = clock_mono_ms() + delay_ms;
}

void reply_never(struct dns_server_reply *r)
{
	r->is_silent = true;
}

void reply_record(struct dns_server_reply *r, const char *owner, uint16_t type, uint32_t ttl_s, const void *data,
		  size_t n)
{
	put_record(r, owner, type, ttl_s, data, n);
	count_record(r, 6);
}

void reply_address(struct dns_server_reply *r, const char *owner, uint32_t ttl_s, const char *address)
{
	uint8_t b[16];
	bool is_v4 = inet_pton(AF_INET, address, b) == 1;
	BUG_IF(!is_v4 && inet_pton(AF_INET6, address, b) != 1);
	reply_record(r, owner, is_v4 ? 1 : 28, ttl_s, b, is_v4 ? 4 : 16);
}

void reply_host(struct dns_server_reply *r, const char *owner, uint16_t type, uint32_t ttl_s, const char *host)
{
	struct dns_server_reply *data = fail_if_null(calloc(1, sizeof(*data)));
	put_name(data, host);
	reply_record(r, owner, type, ttl_s, data->p, data->n);
	free(data);
}

void reply_text(struct dns_server_reply *r, uint32_t ttl_s, const char *text, size_t text_bytes)
{
	struct dns_server_reply *data = fail_if_null(calloc(1, sizeof(*data)));
	do {
		size_t n = text_bytes < 255 ? text_bytes : 255;
		put(data, (uint8_t[]){ (uint8_t)n }, 1);
		put(data, text, n);
		text += n;
		text_bytes -= n;
	} while (text_bytes > 0);
	reply_record(r, NULL, 16, ttl_s, data->p, data->n);
	free(data);
}

void reply_soa(struct dns_server_reply *r, const char *owner, uint32_t ttl_s, uint32_t minimum_s)
{
	uint8_t data[2 + 20] = { 0 };
	for (int i = 0; i < 4; i++)
		data[18 + i] = (uint8_t)(minimum_s >> (24 - 8 * i));
	put_record(r, owner, 6, ttl_s, data, sizeof(data));
	count_record(r, 8);
}

/* Sockets ----------------------------------------------------------------------------------------------------- */

static void send_reply(struct dns_server *s, struct dns_server_reply *r)
{
	if (r->fd < 0) {
		if (r->n > UDP_BYTES_MAX) {
			r->p[2] |= 0x02; /* TC */
			memset(r->p + 6, 0, 6);
			r->n = r->question_end;
		}
		sendto(s->udp_fd, r->p, r->n, 0, (struct sockaddr *)&r->to, sizeof(r->to));
		return;
	}
	uint8_t *framed = fail_if_null(malloc(2 + r->n));
	framed[0] = (uint8_t)(r->n >> 8);
	framed[1] = (uint8_t)r->n;
	memcpy(framed + 2, r->p, r->n);
	for (size_t sent = 0; sent < 2 + r->n;) {
		ssize_t n = send(r->fd, framed + sent, 2 + r->n - sent, MSG_NOSIGNAL);
		if (n <= 0)
			break;
		sent += (size_t)n;
	}
	free(framed);
}

/* Until the next reply is due; short, so that a close is noticed. */
static int wait_ms(const struct dns_server *s)
{
	int64_t now_ms = clock_mono_ms(), first_ms = now_ms + TICK_MS;
	for (const struct dns_server_reply *r = s->waiting; r != NULL; r = r->next)
		if (r->due_mono_ms < first_ms)
			first_ms = r->due_mono_ms;
	return first_ms > now_ms ? (int)(first_ms - now_ms) : 0;
}

static void send_due(struct dns_server *s)
{
	for (struct dns_server_reply **at = &s->waiting; *at != NULL;) {
		struct dns_server_reply *r = *at;
		if (r->due_mono_ms > clock_mono_ms()) {
			at = &r->next;
			continue;
		}
		*at = r->next;
		send_reply(s, r);
		free(r);
	}
}

/* Copies header and question, lets the handler add the rest. */
static void answer(struct dns_server *s, const uint8_t *p, size_t n, int fd, const struct sockaddr_in *from)
{
	char name[256] = "";
	size_t at = HEADER_BYTES, out = 0;
	for (; at < n && p[at] != 0 && p[at] < 64 && at + 1 + p[at] < n; at += 1u + p[at]) {
		if (out > 0)
			name[out++] = '.';
		for (size_t i = 1; i <= p[at] && out < sizeof(name) - 2; i++)
			name[out++] = (char)tolower(p[at + i]);
	}
	if (at + 5 > n)
		return;
	struct dns_server_reply *r = fail_if_null(calloc(1, sizeof(*r)));
	r->fd = fd;
	r->to = *from;
	put(r, p, at + 5);
	r->question_end = r->n;
	r->p[2] = 0x84 | (p[2] & 0x01); /* QR, AA, RD as asked */
	r->p[3] = 0x80;                 /* RA */
	memset(r->p + 6, 0, 6);
	int number = atomic_load(&s->udp_queries) + atomic_load(&s->tcp_queries) + 1;
	atomic_fetch_add(fd < 0 ? &s->udp_queries : &s->tcp_queries, 1);
	struct dns_server_query q = { name, (uint16_t)(p[at + 1] << 8 | p[at + 2]), fd >= 0, number };
	s->handler(&q, r);
	if (r->is_silent) {
		free(r);
	} else {
		r->next = s->waiting;
		s->waiting = r;
	}
}

static void read_udp(struct dns_server *s)
{
	uint8_t p[512];
	struct sockaddr_in from;
	socklen_t from_bytes = sizeof(from);
	ssize_t n;
	while ((n = recvfrom(s->udp_fd, p, sizeof(p), MSG_DONTWAIT, (struct sockaddr *)&from, &from_bytes)) > 0)
		answer(s, p, (size_t)n, -1, &from);
}

static void drop_replies_to(struct dns_server *s, int fd)
{
	for (struct dns_server_reply **at = &s->waiting; *at != NULL;) {
		struct dns_server_reply *r = *at;
		if (r->fd != fd) {
			at = &r->next;
			continue;
		}
		*at = r->next;
		free(r);
	}
}

static void read_tcp(struct dns_server *s, struct connection *c)
{
	static const struct sockaddr_in nobody;
	ssize_t n = recv(c->fd, c->p + c->n, sizeof(c->p) - c->n, 0);
	if (n <= 0) {
		drop_replies_to(s, c->fd);
		close(c->fd);
		c->fd = -1;
		return;
	}
	c->n += (size_t)n;
	while (c->n >= 2) {
		size_t message = (size_t)(c->p[0] << 8 | c->p[1]);
		BUG_IF(message > sizeof(c->p) - 2);
		if (c->n < 2 + message)
			break;
		answer(s, c->p + 2, message, c->fd, &nobody);
		c->n -= 2 + message;
		memmove(c->p, c->p + 2 + message, c->n);
	}
}

static void take_connection(struct dns_server *s)
{
	int fd = accept4(s->tcp_fd, NULL, NULL, SOCK_CLOEXEC);
	for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
		if (s->connections[i].fd < 0) {
			s->connections[i] = (struct connection){ .fd = fd };
			return;
		}
	}
	close(fd);
}

static void *run(void *arg)
{
	struct dns_server *s = arg;
	while (!atomic_load(&s->is_closing)) {
		struct pollfd fds[2 + CONNECTIONS_MAX] = { { s->udp_fd, POLLIN, 0 }, { s->tcp_fd, POLLIN, 0 } };
		for (size_t i = 0; i < CONNECTIONS_MAX; i++)
			fds[2 + i] = (struct pollfd){ s->connections[i].fd, POLLIN, 0 };
		poll(fds, 2 + CONNECTIONS_MAX, wait_ms(s));
		if (fds[0].revents != 0)
			read_udp(s);
		for (size_t i = 0; i < CONNECTIONS_MAX; i++)
			if (fds[2 + i].revents != 0)
				read_tcp(s, &s->connections[i]);
		if (fds[1].revents != 0)
			take_connection(s);
		send_due(s);
	}
	return NULL;
}

/* The same port for both; 0: a free one. */
static bool bind_both(struct dns_server *s, uint16_t port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t sa_bytes = sizeof(sa);
	s->tcp_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	s->udp_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	BUG_IF(s->tcp_fd < 0 || s->udp_fd < 0);
	BUG_IF(bind(s->tcp_fd, (struct sockaddr *)&sa, sizeof(sa)) != 0 || listen(s->tcp_fd, 64) != 0);
	BUG_IF(getsockname(s->tcp_fd, (struct sockaddr *)&sa, &sa_bytes) != 0);
	int room = 1024 * 1024;
	setsockopt(s->udp_fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	snprintf(s->address, sizeof(s->address), "127.0.0.1@%u", ntohs(sa.sin_port));
	if (bind(s->udp_fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return true;
	close(s->tcp_fd);
	close(s->udp_fd);
	return false;
}

struct dns_server *dns_server_open(dns_server_handler *handler)
{
	return dns_server_open_at(handler, 0);
}

struct dns_server *dns_server_open_at(dns_server_handler *handler, uint16_t port)
{
	struct dns_server *s = fail_if_null(calloc(1, sizeof(*s)));
	s->handler = handler;
	for (int tries = 0; !bind_both(s, port); tries++)
		BUG_IF(tries == 20);
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		s->connections[i].fd = -1;
	BUG_IF(pthread_create(&s->thread, NULL, run, s) != 0);
	return s;
}

void dns_server_close(struct dns_server *s)
{
	if (s == NULL)
		return;
	atomic_store(&s->is_closing, true);
	pthread_join(s->thread, NULL);
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		if (s->connections[i].fd >= 0)
			close(s->connections[i].fd);
	close(s->udp_fd);
	close(s->tcp_fd);
	while (s->waiting != NULL) {
		struct dns_server_reply *next = s->waiting->next;
		free(s->waiting);
		s->waiting = next;
	}
	free(s);
}

const char *dns_server_address(const struct dns_server *s)
{
	return s->address;
}

int dns_server_udp_queries(const struct dns_server *s)
{
	return atomic_load(&s->udp_queries);
}

int dns_server_tcp_queries(const struct dns_server *s)
{
	return atomic_load(&s->tcp_queries);
}

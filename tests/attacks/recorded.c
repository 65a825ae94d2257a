#include "attacks/recorded.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"

enum { SEND_MS = 500, CLOSE_MS = 20000 };

static void add(struct recorded *r, char command, const char *data, size_t bytes)
{
	packet_begin(&r->link, command);
	buf_add(&r->link.out, (struct str){ data, bytes });
	packet_end(&r->link);
	r->packets[r->count++] = (struct str){ NULL, 5 + bytes };
}

#define ADD(command, data) add(r, command, data, sizeof(data) - 1)

void recorded_init(struct recorded *r)
{
	*r = (struct recorded){ 0 };
	link_init(&r->link, SEND_MS);
	uint32_t offer[] = { htonl(6), htonl(SMFI_CURR_ACTS), htonl(SMFI_CURR_PROT) };
	add(r, SMFIC_OPTNEG, (const char *)offer, sizeof(offer));
	ADD(SMFIC_MACRO, "C{daemon_port}\0" "25\0{client_ptr}\0mx.example.org\0");
	ADD(SMFIC_CONNECT, "mx.example.org\0" "4\0\x19" "192.0.2.7\0");
	ADD(SMFIC_MACRO, "H{tls_version}\0TLSv1.3\0");
	ADD(SMFIC_HELO, "mx.example.org\0");
	ADD(SMFIC_MACRO, "Mi\0" "4ABC\0{auth_authen}\0alice\0");
	ADD(SMFIC_MAIL, "<a@example.org>\0SIZE=100\0");
	ADD(SMFIC_MACRO, "Ri\0" "4ABC\0");
	ADD(SMFIC_RCPT, "<b@example.com>\0NOTIFY=NEVER\0");
	ADD(SMFIC_MACRO, "Ti\0" "4ABC\0");
	ADD(SMFIC_DATA, "");
	ADD(SMFIC_HEADER, "From\0 a@example.org\0");
	ADD(SMFIC_HEADER, "Authentication-Results\0 mx.example.com; spf=pass\0");
	ADD(SMFIC_HEADER, "Subject\0 hello\n\tworld\0");
	ADD(SMFIC_MACRO, "Ni\0" "4ABC\0");
	ADD(SMFIC_EOH, "");
	ADD(SMFIC_BODY, "Hi\r\n");
	ADD(SMFIC_MACRO, "Ei\0" "4ABC\0");
	ADD(SMFIC_BODYEOB, "");
	ADD(SMFIC_ABORT, "");
	ADD(SMFIC_UNKNOWN, "XYZZY\0");
	ADD(SMFIC_QUIT_NC, "");
	ADD(SMFIC_CONNECT, "mx.example.org\0" "6\0\x19" "IPv6:2001:db8::7\0");
	ADD(SMFIC_QUIT, "");
	r->bytes = buf_str(&r->link.out);
	size_t at = 0;
	for (size_t i = 0; i < r->count; i++) {
		r->packets[i].p = r->bytes.p + at;
		at += r->packets[i].n;
	}
	BUG_IF(at != r->bytes.n);
}

void recorded_fini(struct recorded *r)
{
	link_fini(&r->link);
}

int raw_dial(const char *socket_name)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	BUG_IF(strncmp(socket_name, "unix:", 5) != 0 || strlen(socket_name) - 5 >= sizeof(sun.sun_path));
	strcpy(sun.sun_path, socket_name + 5);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static bool wait_for(int fd, short what, int64_t until_ms)
{
	int64_t left_ms = until_ms - clock_mono_ms();
	struct pollfd p = { .fd = fd, .events = what };
	return left_ms > 0 && poll(&p, 1, (int)left_ms) > 0;
}

bool raw_send(int fd, struct str bytes)
{
	int64_t until_ms = clock_mono_ms() + SEND_MS;
	while (bytes.n > 0) {
		ssize_t n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0)
			bytes = str_skip(bytes, (size_t)n);
		else if (errno != EAGAIN || !wait_for(fd, POLLOUT, until_ms))
			return false;
	}
	return true;
}

bool raw_finish(int fd)
{
	char bytes[4096];
	ssize_t n = 1;
	int64_t until_ms = clock_mono_ms() + CLOSE_MS;
	shutdown(fd, SHUT_WR);
	while (n > 0 && wait_for(fd, POLLIN, until_ms))
		n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	close(fd);
	return n <= 0;
}

bool raw_packet(int fd, uint32_t length, char command, struct str data)
{
	char head[5];
	length = htonl(length);
	memcpy(head, &length, sizeof(length));
	head[4] = command;
	return raw_send(fd, (struct str){ head, sizeof(head) }) && raw_send(fd, data);
}

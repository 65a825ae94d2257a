/* One connection to the milter socket: packets as no MTA would send them, through libmilter to the session.
 *
 * A line is a packet: its first byte is the command, the rest the data, with \0 \n \\ and \xHH. A line that begins with !
 * is sent as it is, without length and command. Whatever comes: the connection ends soon after we have sent all, what is
 * answered are packets of the protocol, and nothing of the connection is left. */
#include "fuzz/fuzz.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "fuzz/gate.h"
#include "milter/milter.h"
#include "option/options.h"

enum { PATIENCE_MS = 10000, ANSWER_BYTES_MAX = 1 << 20 };

static struct gate gate;
static struct sockaddr_un address = { .sun_family = AF_UNIX };
static char folder[] = "/tmp/gatepost-fuzz-XXXXXX";

static void *serve(void *unused)
{
	(void)unused;
	milter_run();
	return NULL;
}

static void clean_up(void)
{
	unlink(address.sun_path);
	rmdir(folder);
}

static void open_once(void)
{
	if (gate.dns != NULL)
		return;
	gate_open(&gate);
	BUG_IF(mkdtemp(folder) == NULL);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", folder);
	static char text[sizeof(address.sun_path) + 8];
	snprintf(text, sizeof(text), "unix:%s", address.sun_path);
	const struct listener listener = { .socket = str_of(text) };
	struct diags *diags = diags_new();
	BUG_IF(!milter_open(&gate, &listener, diags));
	diags_free(diags);
	pthread_t thread;
	BUG_IF(pthread_create(&thread, NULL, serve, NULL) != 0);
	pthread_detach(thread);
	atexit(clean_up);
}

static int hex_digit(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : isxdigit((unsigned char)c) ? (c | 0x20) - 'a' + 10 : -1;
}

static void add_unescaped(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char next = i + 1 < s.n ? s.p[i + 1] : 'x';
		if (s.p[i] != '\\') {
			buf_add_char(b, s.p[i]);
		} else if (next == 'x' && i + 3 < s.n && hex_digit(s.p[i + 2]) >= 0 && hex_digit(s.p[i + 3]) >= 0) {
			buf_add_char(b, (char)(hex_digit(s.p[i + 2]) * 16 + hex_digit(s.p[i + 3])));
			i += 3;
		} else {
			buf_add_char(b, next == '0' ? '\0' : next == 'n' ? '\n' : next);
			i++;
		}
	}
}

/* All packets as they go over the wire. */
static void build(struct buf *wire, struct str input)
{
	struct str line;
	struct buf data;
	buf_init(&data, 0);
	while (input.n > 0 && str_next(&input, '\n', &line)) {
		buf_clear(&data);
		add_unescaped(&data, line.n > 0 && line.p[0] == '!' ? str_skip(line, 1) : line);
		uint32_t size = htonl((uint32_t)data.n);
		if (line.n > 0 && line.p[0] != '!')
			buf_add(wire, (struct str){ (const char *)&size, sizeof(size) });
		buf_add(wire, buf_str(&data));
	}
	buf_fini(&data);
}

static int dial(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	BUG_IF(fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0);
	return fd;
}

/* Sends while it is taken, reads until the end. */
static void talk(int fd, struct str out, struct buf *in)
{
	char bytes[65536];
	ssize_t got = 1;
	for (int64_t end_ms = clock_mono_ms() + PATIENCE_MS; got > 0;) {
		ssize_t sent = out.n == 0 ? 0 : send(fd, out.p, out.n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0 && errno != EAGAIN)
			out.n = 0; /* it has hung up */
		else if (sent > 0)
			out = str_skip(out, (size_t)sent);
		if (out.n == 0)
			shutdown(fd, SHUT_WR);
		struct pollfd wait = { .fd = fd, .events = (short)(POLLIN | (out.n > 0 ? POLLOUT : 0)) };
		poll(&wait, 1, PATIENCE_MS);
		BUG_IF(clock_mono_ms() >= end_ms); /* it hangs */
		if (wait.revents & (POLLIN | POLLHUP | POLLERR)) {
			got = recv(fd, bytes, sizeof(bytes), 0);
			if (got > 0)
				buf_add(in, (struct str){ bytes, (size_t)got });
		}
		BUG_IF(in->n > ANSWER_BYTES_MAX);
	}
}

static void check_answers(struct str in)
{
	while (in.n >= 5) {
		uint32_t size;
		memcpy(&size, in.p, sizeof(size));
		size = ntohl(size);
		BUG_IF(size == 0 || strchr("O+-2345acdefhimpqrstyCL", in.p[4]) == NULL);
		if (size + 4 > in.n)
			return; /* hung up in the middle, as we have */
		BUG_IF(in.p[4] == 'y' && (size < 6 || (in.p[5] != '4' && in.p[5] != '5')));
		in = str_skip(in, size + 4);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf out, in;
	open_once();
	buf_init(&out, 0);
	buf_init(&in, 0);
	build(&out, (struct str){ (const char *)data, size });
	int fd = dial();
	talk(fd, buf_str(&out), &in);
	close(fd);
	check_answers(buf_str(&in));
	for (int64_t end_ms = clock_mono_ms() + PATIENCE_MS; atomic_load(&gate.connections) > 0; usleep(100))
		BUG_IF(clock_mono_ms() >= end_ms);
	BUG_IF(atomic_load(&gate.messages) != 0);
	buf_fini(&out);
	buf_fini(&in);
	return 0;
}

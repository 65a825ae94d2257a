#include "milter/inbox.h"

#include <dlfcn.h>
#include <endian.h>
#include <errno.h>
#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/fail.h"
#include "milter/packet.h"

/* libmilter calls this, of its own, through the dynamic linker; the name of the same here takes its place. */
typedef char *read_packet(int socket, struct timeval *timeout, char *command, size_t *bytes, char *name);
read_packet mi_rd_cmd;

enum {
	LENGTH_BYTES = 4,
	HEAD_BYTES = LENGTH_BYTES + 1, /* with the command */
	READ_AHEAD_BYTES = 8 * 1024,   /* larger packets are read to where they go */
};

/* What libmilter takes for a command when there is none. */
enum { ENDED_BY_TIMEOUT = 1, ENDED_BY_ERROR = 4, ENDED_BY_PEER = 5, ENDED_BY_SIZE = 7 };

/* What has come for the connection that this thread serves. libmilter keeps a connection on its thread as long as there is
 * something to read, and asks the socket for that before each packet. So the last byte of what is whole here stays in the
 * socket until its packet is asked for: the connection is neither taken for idle nor given to another thread while
 * something lies here. */
static _Thread_local struct inbox {
	int socket;
	char last_command;
	size_t begin, end;
	char bytes[READ_AHEAD_BYTES];
} inbox;

static size_t max_data_bytes;

bool inbox_open(size_t max_bytes)
{
	max_data_bytes = max_bytes;
	return dlsym(RTLD_NEXT, "mi_rd_cmd") != NULL &&
	       dlsym(RTLD_DEFAULT, "mi_rd_cmd") == (void *)(uintptr_t)&mi_rd_cmd;
}

void inbox_close(void)
{
	if (inbox.last_command != SMFIC_QUIT_NC) /* that ends what is known of one client; the next follows in the same socket */
		inbox.begin = inbox.end = 0;
}

/* ---- the socket --------------------------------------------------------------------------------------------- */

/* As recv(2), and waits if nothing is there. False: *ended says how the connection ended, else it stays as it is. */
static bool receive(void *to, size_t *bytes, int flags, int timeout_ms, char *ended)
{
	struct pollfd can_read = { .fd = inbox.socket, .events = POLLIN };
	ssize_t n;
	while ((n = recv(inbox.socket, to, *bytes, flags | MSG_DONTWAIT)) < 0 && (errno == EAGAIN || errno == EINTR)) {
		if (errno == EAGAIN && poll(&can_read, 1, timeout_ms) == 0) {
			*ended = ENDED_BY_TIMEOUT;
			return false;
		}
	}
	if (n <= 0) {
		*ended = n == 0 ? ENDED_BY_PEER : ENDED_BY_ERROR;
		return false;
	}
	*bytes = (size_t)n;
	return true;
}

/* ---- what lies here ----------------------------------------------------------------------------------------- */

/* Of the packet there, with its length; SIZE_MAX: it has not come so far. */
static size_t packet_bytes(size_t at, size_t end)
{
	uint32_t length;
	if (end - at < HEAD_BYTES)
		return SIZE_MAX;
	memcpy(&length, inbox.bytes + at, sizeof(length));
	return LENGTH_BYTES + (size_t)be32toh(length);
}

/* Up to where bytes are taken from the socket that hold more than one packet: all but the last. See above. */
static size_t end_to_take(size_t end)
{
	size_t whole = 0, at = inbox.begin, bytes;
	for (; (bytes = packet_bytes(at, end)) <= end - at && bytes >= HEAD_BYTES; at += bytes)
		whole++;
	return whole == 0 ? end : whole == 1 ? at : at - 1;
}

static bool fill(int timeout_ms, char *ended)
{
	memmove(inbox.bytes, inbox.bytes + inbox.begin, inbox.end - inbox.begin);
	inbox.end -= inbox.begin;
	inbox.begin = 0;
	size_t taken = sizeof(inbox.bytes) - inbox.end;
	if (packet_bytes(0, inbox.end) == inbox.end + 1) { /* only the byte that was left there */
		taken = 1;
	} else {
		if (!receive(inbox.bytes + inbox.end, &taken, MSG_PEEK, timeout_ms, ended))
			return false;
		taken = end_to_take(inbox.end + taken) - inbox.end;
	}
	if (!receive(inbox.bytes + inbox.end, &taken, 0, timeout_ms, ended))
		return false;
	inbox.end += taken;
	return true;
}

/* Of the packet at inbox.begin, for libmilter to free; what is still in the socket is read to where it goes. NULL: there is
 * none, or the connection has ended. */
static char *take_data(size_t bytes, int timeout_ms, char *ended)
{
	size_t come = inbox.end - inbox.begin - HEAD_BYTES;
	come = come < bytes ? come : bytes;
	const char *here = inbox.bytes + inbox.begin + HEAD_BYTES;
	inbox.begin += HEAD_BYTES + come;
	if (bytes == 0)
		return NULL;
	char *data = memcpy(fail_if_null(malloc(bytes)), here, come);
	for (size_t n; come < bytes; come += n) {
		n = bytes - come;
		if (!receive(data + come, &n, 0, timeout_ms, ended)) {
			free(data);
			return NULL;
		}
	}
	return data;
}

static bool has_packet(void)
{
	size_t bytes = packet_bytes(inbox.begin, inbox.end);
	return bytes <= inbox.end - inbox.begin || (bytes != SIZE_MAX && bytes > sizeof(inbox.bytes));
}

/* NULL and a command: the packet has no data. */
static char *next_packet(int timeout_ms, char *command, size_t *bytes)
{
	while (!has_packet())
		if (!fill(timeout_ms, command))
			return NULL;
	size_t length = packet_bytes(inbox.begin, inbox.end);
	if (length < HEAD_BYTES || length - HEAD_BYTES > max_data_bytes) {
		*command = length < HEAD_BYTES ? ENDED_BY_ERROR : ENDED_BY_SIZE;
		return NULL;
	}
	*command = inbox.bytes[inbox.begin + LENGTH_BYTES];
	*bytes = length - HEAD_BYTES;
	return take_data(*bytes, timeout_ms, command);
}

char *mi_rd_cmd(int socket, struct timeval *timeout, char *command, size_t *bytes, char *name)
{
	(void)name;
	if (socket != inbox.socket)
		inbox.begin = inbox.end = 0;
	inbox.socket = socket;
	*bytes = 0;
	char *data = next_packet((int)timeout->tv_sec * 1000, command, bytes);
	inbox.last_command = *command;
	if (packet_is_sound(*command, (struct str){ data, *bytes }))
		return data;
	free(data);
	*bytes = 0;
	*command = ENDED_BY_ERROR;
	return NULL;
}

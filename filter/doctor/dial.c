#include "doctor/dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmilter/mfdef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/arena.h"
#include "service/listen.h"

enum {
	ACTIONS = 0x1ff, STEPS = 0x1fffff,   /* what Postfix offers */
	OPTION_BYTES = 3 * sizeof(uint32_t), /* version, actions, steps */
	PACKET_MAX = 4096,
};

static bool read_whole(int fd, void *to, size_t n)
{
	for (char *p = to; n > 0;) {
		ssize_t got = recv(fd, p, n, 0);
		if (got <= 0)
			return false;
		p += got;
		n -= (size_t)got;
	}
	return true;
}

/* SMFIC_OPTNEG there, SMFIC_OPTNEG back, SMFIC_QUIT. */
static bool negotiate(int fd)
{
	uint32_t length = htonl(1 + OPTION_BYTES);
	uint32_t options[] = { htonl(SMFI_PROT_VERSION), htonl(ACTIONS), htonl(STEPS) };
	char hello[sizeof(length) + 1 + OPTION_BYTES], answer[PACKET_MAX];
	memcpy(hello, &length, sizeof(length));
	hello[sizeof(length)] = SMFIC_OPTNEG;
	memcpy(hello + sizeof(length) + 1, options, OPTION_BYTES);
	if (send(fd, hello, sizeof(hello), MSG_NOSIGNAL) != sizeof(hello) || !read_whole(fd, &length, sizeof(length)))
		return false;
	length = ntohl(length);
	if (length < 1 + OPTION_BYTES || length > sizeof(answer) || !read_whole(fd, answer, length))
		return false;
	send(fd, "\0\0\0\1Q", 5, MSG_NOSIGNAL);
	return answer[0] == SMFIC_OPTNEG;
}

enum dialled dial(struct arena *a, const struct listener *l, int timeout_ms, struct str *why)
{
	int fd, error = listen_dial(l, timeout_ms, &fd);
	*why = STR_EMPTY;
	if (error != 0) {
		*why = str_dup(a, str_of(strerror(error)));
		return error == EACCES || error == EPERM ? DIALLED_NOT_ALLOWED : DIALLED_NOT_THERE;
	}
	bool ok = negotiate(fd);
	close(fd);
	if (!ok)
		*why = STR("no answer of the milter protocol");
	return ok ? DIALLED_WELL : DIALLED_NO_MILTER;
}

/* tests/lib/milter_link.h - a socket with packets of the milter protocol: four bytes of length, a command, data.
 *
 * What is written is kept until link_flush.
 * Owns:    the socket and its buffers.
 * Threads: one at a time.
 * Fails:   false; `failure` keeps the first reason and the socket is closed. Every wait is bounded. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum { PACKET_MAX = 1 << 20 };

struct milter_link {
	int fd, timeout_ms;
	struct buf out;
	size_t packet_start;           /* in out: of the packet being written */
	char *in;
	size_t in_have, in_taken, in_room;
	char failure[256];             /* empty: none */
};

struct packet {
	char command;
	struct str data;               /* until the next packet is read */
};

void link_init(struct milter_link *, int timeout_ms);
void link_fini(struct milter_link *);
/* "unix:/path", "inet:PORT@HOST", "inet6:PORT@HOST" with numeric hosts. */
bool link_dial(struct milter_link *, const char *socket);
void link_drop(struct milter_link *);
/* Keeps the reason and closes; answers false. */
bool link_fail(struct milter_link *, const char *format, ...) __attribute__((format(printf, 2, 3)));

void packet_begin(struct milter_link *, char command);
void packet_add_text(struct milter_link *, struct str); /* and its NUL */
void packet_end(struct milter_link *);
bool link_flush(struct milter_link *);
bool packet_read(struct milter_link *, struct packet *, int64_t deadline_ms);
/* For event loops: what goes without waiting. out.n tells what is left; *is_here whether there was a whole packet. */
bool link_write_some(struct milter_link *);
bool packet_poll(struct milter_link *, struct packet *, bool *is_here);

/* Off the front of data. */
bool take_u32(struct str *data, uint32_t *value);
bool take_text(struct str *data, struct str *text); /* up to its NUL */

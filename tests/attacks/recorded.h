/* tests/attacks/recorded.h - a good session as an MTA sends it, byte by byte, and sockets for what becomes of it.
 *
 * Fails: aborts the test program if the machine gives no socket. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "lib/milter_link.h"

enum { RECORDED_PACKETS_MAX = 64 };

struct recorded {
	struct milter_link link;     /* never connected: its buffer holds the session */
	struct str bytes;
	struct str packets[RECORDED_PACKETS_MAX];
	size_t count;
};

/* Negotiation, connect to end of message with their macros, quit. */
void recorded_init(struct recorded *);
void recorded_fini(struct recorded *);

/* Connected to "unix:PATH", or -1. */
int raw_dial(const char *socket);
/* False if the other side has closed, or reads no more. */
bool raw_send(int fd, struct str bytes);
/* Sends no more, reads to the end and closes. False if the other side did not hang up in time. */
bool raw_finish(int fd);
/* A packet of any length field, command and data. */
bool raw_packet(int fd, uint32_t length, char command, struct str data);

/* milter/inbox.h - packets from the MTA's socket to libmilter, read ahead.
 *
 * libmilter asks the kernel five times for each packet, and a message is some
 * twenty. Here two reads bring all that has come, and each packet is found
 * sound (milter/packet.h) before libmilter takes it apart.
 * Shapes:  packet = length (4 bytes, big-endian, of all behind it), command, data.
 * Owns:    one buffer for each thread that serves connections. Threads: any.
 * Fails:   a packet that is too large, or that no MTA sends, ends its
 *          connection, and the MTA defers the message. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Does libmilter read its packets here? Before milter_run; max_bytes is the most that the data of one may have. */
bool inbox_open(size_t max_bytes);
/* The connection that this thread serves has ended. */
void inbox_close(void);

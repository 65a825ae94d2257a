/* log/syslog_socket.h - lines to the host's syslog daemon, of which none is lost unnoticed.
 *
 * syslog(3) does not tell whether anybody took the line. This speaks the same protocol (RFC 3164) to the same socket,
 * and connects again when the daemon behind it was stopped or started anew.
 * Owns:    the connection.
 * Threads: one at a time. Writing blocks while the daemon reads nothing.
 * Fails:   by telling that a line was not taken; not being there yet is no failure to open. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct syslog_socket;

struct syslog_socket *syslog_socket_open(const char *path, const char *ident);
void syslog_socket_close(struct syslog_socket *);
/* The priority is facility and level, as in syslog(3). */
bool syslog_socket_write(struct syslog_socket *, int priority, int64_t unix_ms, struct str text);

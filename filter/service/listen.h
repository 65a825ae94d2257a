/* service/listen.h - the milter socket, before and after libmilter opens it.
 *
 * libmilter creates a UNIX socket with whatever the umask leaves and knows
 * nothing of folders, owners and groups. So: listen_prepare, then
 * smfi_opensocket(false) or listen_open, then listen_finish. In between the umask is 0777,
 * so nobody can connect before group and mode are right; no other thread
 * may create files meanwhile.
 * Owns:    nothing. Threads: at start, before any other.
 * Fails:   false after a diagnostic that names path, mode and owner. */
#pragma once

#include <stdbool.h>

struct account;
struct diags;
struct listener;

/* Can it work here: does its group exist. For `gatepost check`; changes nothing. */
bool listen_check(const struct listener *, struct diags *);
/* UNIX: makes a missing last folder (0750, of the account that will serve), refuses one in which others could
 * replace the socket, removes a socket at which nobody answers. inet: the port is free. */
bool listen_prepare(const struct listener *, const struct account *serves, struct diags *);
/* For who does not leave that to libmilter: between the two. -1 if it cannot be opened. */
int listen_open(const struct listener *);
/* Gives the socket its owner, group and mode and the umask its value back. Call it even if opening failed:
 * only the umask is then put right. */
bool listen_finish(const struct listener *, const struct account *serves, bool is_open, struct diags *);
/* Connects once and hangs up: libmilter looks every five seconds whether it should stop, or when somebody comes. */
void listen_wake(const struct listener *);
/* As an MTA: *fd is the caller's, with that time for each step. 0, or an errno. */
int listen_dial(const struct listener *, int timeout_ms, int *fd);

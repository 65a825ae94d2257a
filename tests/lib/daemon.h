/* tests/lib/daemon.h - a `gatepost run` in a child process.
 *
 * The binary is $GATEPOST, else $builddir/gatepost.
 * Owns:    the child; daemon_stop ends it, by force if it must.
 * Threads: one at a time.
 * Fails:   false with a text; every wait is bounded. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct daemon {
	pid_t pid;            /* 0: not running */
	const char *log;      /* what log.target says, a file */
	char failure[512];
};

/* Waits until the log says that it is ready. Its stderr goes to the file of that name (may be NULL: ours). */
bool daemon_start(struct daemon *, const char *config, const char *log, const char *stderr_path);
/* SIGHUP. *is_new tells if the new configuration was taken. */
bool daemon_reload(struct daemon *, bool *is_new);
/* SIGTERM; true if it ended with exit code 0 in time. */
bool daemon_stop(struct daemon *);

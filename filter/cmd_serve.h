/* cmd_serve.h - one listener served: order of start and stop, nothing else. For cmd_run.c.
 *
 * Owns:    everything that the process has. Threads: the main thread, before any other; once in a process.
 * Fails:   with an exit code and words on stderr, or in the log once it is open. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct board;
struct buckets;

struct serve_plan {
	const char *config_path;
	size_t listener;     /* its index */
	const char *who;     /* before each message in the log; NULL: nothing */
	bool is_supervised;
	struct buckets *buckets; /* in which all listeners count limits; NULL: it is the only one */
	struct board *board; /* on which it is the process of that index */
};

/* Until SIGTERM. Rights are those of the start; signals are blocked. */
int serve_listener(const struct serve_plan *);

/* service/supervise.h - several processes that serve as one.
 *
 * libmilter serves one socket per process, so each listener has a child of its
 * own. The supervisor starts them, starts again what dies, passes reload and
 * stop on, and is ready when all are. It is to its children what systemd is to
 * it, in the same words (sd_notify(3)). It serves nobody and has one thread, so
 * that it can fork at any time.
 *
 * A reload is tried first in a process that does nothing else. Only if all is
 * right the children are asked, and each has to confirm.
 * Owns:    the children; none outlives it. Threads: the main thread, before any other.
 * Fails:   a child that ends before all were ready for the first time ends all. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct board;
struct diags;
struct log;

struct supervise_plan {
	const char *const *names; /* of the children, for the log */
	size_t count;
	/* In the child, which speaks by notify.h: serves until SIGTERM. Answers its exit code. */
	int (*serve)(void *context, size_t index);
	/* In a process of its own: would the children take the configuration as it is now? */
	bool (*check)(void *context, struct diags *);
	/* In the supervisor, when a reload begins. */
	void (*reload)(void *context);
	void *context;
	struct log *log;
	struct board *board;      /* is told what becomes of the children, which stand there in the same order */
};

/* What check says, asked in a process of its own, which ends. Everything that it complains about is in the diags. */
bool supervise_check(const struct supervise_plan *, struct diags *);
/* Until SIGTERM, or until a start fails. Signals are blocked (signals.h). Answers the exit code. */
int supervise(const struct supervise_plan *);

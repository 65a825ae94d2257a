/* service/checker.h - a question that is answered by a process of its own.
 *
 * What it loads to find the answer (keys, library state) is gone with it.
 * Owns:    the process and a pipe, until checker_end. Threads: one, and no other in the process: it forks.
 * Fails:   a process that cannot be made, or dies, has complained. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"

struct diags;

typedef bool checker_fn(void *context, struct diags *);

struct checker {
	pid_t pid;
	int fd;          /* to poll: readable when there is something to take */
	struct buf said;
};

void checker_begin(struct checker *, checker_fn *, void *context);
/* Takes what there is, or waits for it. False: it has said all, checker_end is due. */
bool checker_take(struct checker *);
/* Adds what it said. Its answer. */
bool checker_end(struct checker *, struct diags *);

/* doctor/spawn.h - a program's output, and the eyes of another user.
 *
 * Owns:    nothing; texts live in the arena. Threads: the main thread; they start processes.
 * Fails:   false and why. */
#pragma once

#include <stdbool.h>

#include "base/str.h"

struct arena;

struct spawned {
	int code;              /* exit code; -1: a signal ended it */
	struct str out, err;   /* at most 4 MB each */
};

/* Runs it, found by PATH or in /usr/sbin, and waits. False: it cannot be started. */
bool spawn(struct arena *, const char *const *argv, struct spawned *);

enum access_wanted { MAY_READ, MAY_CONNECT };

/* May that user, with his groups, open this path, which he comes to from a chroot if root is not NULL (and the path begins with
 * it). Only the superuser can find out. False: *object is the first folder on the way that he may not enter, or the path itself,
 * and *why an errno. */
bool user_may(struct arena *, const char *user, const char *root, const char *path, enum access_wanted,
	      struct str *object, int *why);

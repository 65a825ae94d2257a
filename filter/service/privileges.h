/* service/privileges.h - from root to the account that serves.
 *
 * Order: privileges_begin before the first thread; sockets, then
 * privileges_drop; store, logs and keys after it, as the account.
 * Owns:    nothing. Threads: at start, the main thread.
 * Fails:   false after a diagnostic; the daemon must not go on. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/str.h"

struct diags;

enum { PRIVILEGES_UMASK = 0027 };

struct account {
	uid_t uid;
	gid_t gid;
};

/* No program started from here gains rights by set-user-id bits, and new files are not for others. The kernel
 * keeps the former per thread, hence "before the first". */
void privileges_begin(void);
/* Of the user named; empty: who runs us. */
bool privileges_find(struct str user, struct account *, struct diags *);
/* Acts as the user from here on, but can go back: for a supervisor, whose children open sockets as root again. */
bool privileges_lower(struct str user, struct diags *);
/* In the child: what privileges_lower took. */
void privileges_raise(void);
/* Becomes the user for good, with its groups. Empty: stays, with a warning if that is root. */
bool privileges_drop(struct str user, struct diags *);

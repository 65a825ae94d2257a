/* store/redis_url.h - where Redis is and how to get in: what stands behind "redis:".
 *
 *     redis:/run/redis/redis.sock    redis://HOST:PORT    redis://[::1]:6379
 * with parameters behind a question mark, joined by "&":
 *     user, password_file (its first line), database, prefix (of every key).
 * Owns:    nothing; texts live in the arena. Threads: any.
 * Fails:   with diagnostics. */
#pragma once

#include <stdbool.h>

#include "base/str.h"

struct arena;
struct diags;

struct redis_url {
	struct str path; /* of a UNIX socket; empty: TCP */
	struct str host;
	int port;
	struct str user, password_file, prefix;
	int database;
	struct str shown; /* without parameters, for messages */
};

/* Warns of what is open to others. False after an error. */
bool redis_url_parse(struct arena *, struct str place, struct redis_url *, struct diags *);
/* Empty without a password file. False, with a word about it, if there should be one. */
bool redis_password_read(struct arena *, const struct redis_url *, struct str *password, struct str *why);

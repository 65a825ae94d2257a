/* store/redis_pool.h - connections to one Redis, and what happens when it goes away.
 *
 * Mail never connects: a thread of the pool does, tries every connection now
 * and then, and after a failure opens all of them anew. Until that succeeds
 * every question is answered at once with "no". A question in use of a
 * connection waits for so long as it says and no longer.
 * Owns:    the connections. Threads: any but new and free.
 * Fails:   as a value; trouble is logged when it begins and when it ends. */
#pragma once

#include <hiredis/hiredis.h>

#include "store/redis_url.h"

struct log;
struct redis_pool;

struct redis_command {
	const struct str *args;
	size_t count;
};

enum { REDIS_ARGS_MAX = 24, REDIS_MAIL_MS = 250, REDIS_WORK_MS = 5000 };

/* NULL and a diagnostic if Redis does not let us in, holds what we do not understand, or is not there while it must be; else that is a warning. */
struct redis_pool *redis_pool_new(const struct redis_url *, size_t connections, bool must_be_there, struct log *,
				  struct diags *);
void redis_pool_free(struct redis_pool *);

/* Sends all commands in one go and fills in as many replies, of which none is an error. False without any. */
bool redis_ask(struct redis_pool *, const struct redis_command *, size_t count, redisReply **replies, int64_t wait_ms);
void redis_free(redisReply **replies, size_t count);
/* One command. NULL without a reply; freeReplyObject frees. */
redisReply *redis_ask_one(struct redis_pool *, const struct str *args, size_t count, int64_t wait_ms);

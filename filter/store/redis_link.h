/* store/redis_link.h - one connection to Redis: logged in, and to data in a format that we know.
 *
 * Owns: nothing. Threads: any; waits some seconds at most.
 * Fails: with an outcome and the reason. */
#pragma once

#include <hiredis/hiredis.h>

#include "store/redis_url.h"

enum link_outcome { LINK_OPEN, LINK_NOT_THERE, LINK_NOT_LET_IN, LINK_NOT_UNDERSTOOD };
enum { REDIS_WHY_MAX = 200 };

/* NULL unless it is open; redisFree closes. */
redisContext *redis_link_open(const struct redis_url *, enum link_outcome *, char why[static REDIS_WHY_MAX]);
/* As it stands between the name of the store and the reason: "does not answer". */
const char *link_outcome_word(enum link_outcome);

/* feedback/when.h - points of time as people write them: "2026-11-23T10:12:00Z", UTC.
 *
 * Owns:    nothing; texts live in the arena. Threads: any. Fails: a value. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct arena;

struct str when_print(struct arena *, int64_t unix_s);
/* The same, or a day alone, which begins at 00:00:00. From 1970 to 9999. */
bool when_parse(struct str, int64_t *unix_s);

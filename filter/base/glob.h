/* base/glob.h - patterns with '*' (any run of bytes, also none).
 *
 * No other character is special. Case does not matter (ASCII).
 * Threads: any. Fails: never; the time is bounded by pattern times text. */
#pragma once

#include <stdbool.h>

#include "base/str.h"

bool glob_match(struct str pattern, struct str text);
/* True if some text matches both patterns. Patterns of more than GLOB_COMPARED_MAX bytes are taken to. */
bool glob_meets(struct str, struct str);
enum { GLOB_COMPARED_MAX = 1024 };
/* True if the pattern holds a '*'. */
bool glob_is_pattern(struct str);

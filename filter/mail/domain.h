/* mail/domain.h - domain names as mail uses them.
 *
 * One spelling for every comparison and look-up: lower case, A-labels
 * (RFC 5890), no trailing dot.
 * Owns:    nothing; results live in the arena. Threads: any.
 * Fails:   false leaves *out untouched. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct arena;

/* From what a peer wrote (U-labels allowed, trailing dot allowed). False unless every label is 1 to 63
 * bytes of letters, digits, '-' or '_' without a '-' at an end, the whole is at most 253 bytes, and IDN
 * conversion (UTS 46 non-transitional) succeeds. One label is enough. */
bool domain_normalize(struct arena *, struct str, struct str *out);

size_t domain_labels(struct str);
/* The name without its first label; empty for one label. */
struct str domain_parent(struct str);
/* Equal, or below. Both normalized. */
bool domain_is_at_or_below(struct str name, struct str ancestor);
/* The last n labels of a name with at least n. */
struct str domain_last_labels(struct str, size_t n);

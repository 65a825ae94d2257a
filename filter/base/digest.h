/* base/digest.h - have two readings of some texts found the same.
 *
 * SHA-256 over the texts in the order in which they were added.
 * Owns:    nothing. Threads: one at a time. Fails: never. */
#pragma once

#include "base/str.h"

/* All zero: nothing was added. */
struct digest {
	unsigned char bytes[32];
};

void digest_add(struct digest *, struct str text);
/* As hexadecimal digits, as many as fit. */
void digest_print(const struct digest *, char *out, size_t size);

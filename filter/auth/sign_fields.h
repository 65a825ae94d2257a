/* auth/sign_fields.h - what of a header section is signed, and how often it is named.
 *
 * Owns:    nothing; the list is in the arena, its fields are the message's.
 * Threads: any.
 * Fails:   with the reason, if a signature would not hold or not protect the author. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct arena;
struct header;
struct header_list;

enum {
	SIGN_FIELDS_MAX = 200,             /* fields of one message that are signed */
	SIGN_NAME_BYTES_MAX = 2000,        /* of their names; verifiers read 4000 bytes of h= and more */
	SIGN_PROFILES = 1 << 10,           /* by which PRESENT fields there are */
};

struct sign_fields {
	const struct header **items;       /* in order of the message */
	size_t count;
	unsigned profile;                  /* below SIGN_PROFILES: which names are to be named once more */
};

bool sign_fields_choose(struct arena *, const struct header_list *, struct sign_fields *, struct str *why_not);
/* The names that a profile names once more, NULL behind the last. */
enum { SIGN_OVERSIGNED_MAX = 16 };
void sign_fields_oversigned(unsigned profile, const char *names[static SIGN_OVERSIGNED_MAX]);

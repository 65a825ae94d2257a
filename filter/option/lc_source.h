/* option/lc_source.h - the text of a configuration file, checked for what libconfig gets wrong.
 *
 * libconfig wraps numbers that do not fit, reads 0660 as decimal, ends the
 * process when it includes a folder and the text at a NUL, and leaks what a
 * missing quote leaves open. All of that is found here, before it sees the text.
 * Owns:    nothing; the text lives in the arena.
 * Threads: any.
 * Fails:   false after a diagnostic for everything that is wrong. */
#pragma once

#include <stdbool.h>

#include "base/diag.h"
#include "base/digest.h"

struct arena;

enum { LC_SOURCE_MAX_BYTES = 16 * 1024 * 1024, LC_SOURCE_MAX_FILES = 256 };

/* The whole of a regular file that not everybody may write; added to the digest. */
bool lc_source_read(struct arena *, const char *path, struct diags *, struct digest *, struct str *text);
/* The same, and its numbers and @includes, each relative to the folder, are good. The text is zero-terminated. */
bool lc_source_read_checked(struct arena *, const char *path, struct str folder, struct diags *, struct digest *,
			    struct str *text);

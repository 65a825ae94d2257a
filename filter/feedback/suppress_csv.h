/* feedback/suppress_csv.h - suppressed recipients as CSV (RFC 4180), for import and export.
 *
 * The first line names the columns: scope, address, reason, source, created,
 * expires, in any order; address is needed. An entry is one line: no text of an
 * entry has line ends.
 * Owns:    nothing; entries point into the text and into the arena. Threads: one at a time.
 * Fails:   with a diagnostic for each bad line. */
#pragma once

#include <stdio.h>

#include "base/str.h"

struct arena;
struct diags;
struct suppression;

enum { SUPPRESS_LINE_MAX = 4096, SUPPRESS_ENTRIES_MAX = 1000000 };

/* What an entry has where its column is missing or empty: scope, source, created. False after an error. */
bool suppress_csv_read(struct arena *, struct str text, const char *file, const struct suppression *missing,
		       const struct suppression **entries, size_t *count, struct diags *);
void suppress_csv_write_header(FILE *);
void suppress_csv_write(FILE *, const struct suppression *);

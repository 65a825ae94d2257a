/* record/line.h - a record as one line that people read, and what they look for in it.
 *
 * A line has the shape of the log's own (record_text), with the time in front
 * and recipients by name: "TIME QUEUEID: reject: stage=mail ... to=<b@example.com> id=...".
 * Owns:    nothing. Threads: any. Fails: never. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/str.h"

struct buf;

/* A value that a peer may have chosen. Blanks would end it, "=" begin another field, brackets pretend an address, a
 * backslash pretend an escape: these and all that is not printable ASCII are \xNN. "-" for an empty one. */
void line_add_safe(struct buf *, struct str value);

/* With the colours of a terminal if asked. */
void line_print(const json_t *record, bool is_coloured, FILE *out);

enum line_filter {
#define FILTER(id, name, kind, members) FILTER_##id,
#include "record/filter_table.def"
#undef FILTER
	FILTER_COUNT
};

extern const char *const line_filter_names[FILTER_COUNT];

/* The pattern is glob.h's. */
bool line_fits(const json_t *record, enum line_filter, struct str pattern);
/* The words that decisions have. */
const char *const *line_decisions(size_t *count);

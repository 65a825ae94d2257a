/* record/member.h - what is in a stored record, read back.
 *
 * Owns:    nothing. Threads: any. Fails: never; what is not there is NULL or "". */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/str.h"

/* The record; NULL if this is none. The caller frees it with json_decref. */
json_t *member_read_record(struct str json);
/* The value behind a path like "spf.result". */
const json_t *member_at(const json_t *from, const char *path);
/* The text there, "" if it is none. */
const char *member_text(const json_t *from, const char *path);
bool member_is(const json_t *from, const char *path, const char *word);

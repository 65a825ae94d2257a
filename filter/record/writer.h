/* record/writer.h - JSON from texts that anyone may have chosen, within limits.
 *
 * Owns:    nothing; values belong to the object or array they were put into.
 * Threads: one at a time. Fails: never; out of memory aborts. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/str.h"

struct arena;

/* How much is told. */
struct writer_limits {
	size_t text_bytes; /* of one text in the JSON line, escapes included */
	size_t list, signatures, effects, recipients;
};

struct writer {
	struct arena *arena;
	struct writer_limits limits;
	bool is_cut;       /* something was left out */
};

void writer_put(json_t *object, const char *name, json_t *value);
void writer_append(json_t *array, json_t *value);
/* Any bytes: what is not UTF-8, and DEL, becomes U+FFFD. */
json_t *writer_text(struct writer *, struct str);
json_t *writer_text_or_null(struct writer *, struct str);
/* A text of ours. */
json_t *writer_word(const char *);
json_t *writer_texts(struct writer *, const struct str *items, size_t count);
/* How many of count entries are told under this limit: the first ones. */
size_t writer_told(struct writer *, size_t count, size_t limit);

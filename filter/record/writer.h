/* record/writer.h - JSON from texts that anyone may have chosen, within limits.
 *
 * Members come in the order of the calls; a name may be given once in its object, which the caller sees to. An object or
 * a list that would be empty is left out.
 * Owns:    the values, until writer_fini. Lines live in the arena.
 * Threads: one at a time. Fails: never; out of memory aborts. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct arena;

enum { WRITER_DEPTH = 8 };

/* How much is told. */
struct writer_limits {
	size_t text_bytes; /* of one text in the JSON line, escapes included */
	size_t list, signatures, effects, recipients;
};

/* An object or a list that has not ended. */
struct writer_level {
	const char *name;
	bool is_list;
	json_t *value; /* NULL: empty until now */
};

struct writer {
	struct arena *arena;
	struct writer_limits limits;
	struct writer_level open[WRITER_DEPTH]; /* the whole first */
	size_t depth;
	json_t *whole;
	bool is_cut; /* something was left out */
};

void writer_init(struct writer *, struct arena *, const struct writer_limits *);
void writer_fini(struct writer *);
/* The whole, when it has ended, as one line. Empty if that would be over max_bytes. */
struct str writer_line(const struct writer *, size_t max_bytes);

/* name: of the member, plain ASCII; NULL: the value is an element of a list, or the whole. */
void writer_object(struct writer *, const char *name);
void writer_list(struct writer *, const char *name);
/* Of what was begun last. */
void writer_end(struct writer *);

/* Any bytes: what is not UTF-8, and DEL, becomes U+FFFD. */
void writer_text(struct writer *, const char *name, struct str);
void writer_text_if_any(struct writer *, const char *name, struct str);
void writer_texts(struct writer *, const char *name, const struct str *items, size_t count);
/* A short ASCII text of ours. */
void writer_word(struct writer *, const char *name, const char *);
void writer_int(struct writer *, const char *name, int64_t);
void writer_bool(struct writer *, const char *name, bool);

/* How many of count entries are told under this limit: the first ones. */
size_t writer_told(struct writer *, size_t count, size_t limit);

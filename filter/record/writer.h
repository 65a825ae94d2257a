/* record/writer.h - JSON from texts that anyone may have chosen, within limits.
 *
 * Members come in the order of the calls; a name may be given once in its object, which the caller sees to.
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

struct writer {
	struct arena *arena;
	struct writer_limits limits;
	struct {
		const char *name;
		json_t *value;
	} open[WRITER_DEPTH]; /* objects and lists that have not ended, the whole first */
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
void writer_object_end(struct writer *);
/* The same, but an object with nothing in it is left out. */
void writer_group_end(struct writer *);
void writer_list(struct writer *, const char *name);
void writer_list_end(struct writer *);

/* Any bytes: what is not UTF-8, and DEL, becomes U+FFFD. */
void writer_text(struct writer *, const char *name, struct str);
/* null if it is empty. */
void writer_text_or_null(struct writer *, const char *name, struct str);
void writer_texts(struct writer *, const char *name, const struct str *items, size_t count);
/* A text of ours; NULL gives null. */
void writer_word(struct writer *, const char *name, const char *);
void writer_int(struct writer *, const char *name, int64_t);
/* With three decimals. */
void writer_thousandths(struct writer *, const char *name, int64_t);
void writer_bool(struct writer *, const char *name, bool);
void writer_null(struct writer *, const char *name);

/* How many of count entries are told under this limit: the first ones. */
size_t writer_told(struct writer *, size_t count, size_t limit);

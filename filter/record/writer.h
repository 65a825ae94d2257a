/* record/writer.h - JSON written as it comes, from texts that anyone may have chosen, within limits.
 *
 * A record is written for every message; building it as a tree first cost more than verifying a signature. Members are
 * written in the order of the calls; a name may be given once in its object, which the caller sees to.
 * Owns:    its buffer; writer_fini frees it.
 * Threads: one at a time. Fails: over the size, is_full of `out`; out of memory aborts. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct arena;

/* How much is told. */
struct writer_limits {
	size_t text_bytes; /* of one text in the JSON line, escapes included */
	size_t list, signatures, effects, recipients;
};

struct writer {
	struct arena *arena;
	struct writer_limits limits;
	struct buf out;
	bool has_sibling;  /* a comma comes before the next value */
	bool is_cut;       /* something was left out */
};

void writer_init(struct writer *, struct arena *, const struct writer_limits *, size_t max_bytes);
void writer_fini(struct writer *);

/* name: of the member, plain ASCII; NULL: the value is an element of a list, or the whole. */
void writer_object(struct writer *, const char *name);
void writer_object_end(struct writer *);
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

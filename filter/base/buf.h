/* base/buf.h - a growing byte buffer with a cap.
 *
 * Owns:    its heap memory; buf_fini frees it.
 * Threads: one at a time.
 * Fails:   an append that would pass the cap is dropped whole and
 *          sets is_full; out of memory aborts. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct buf {
	char *p;
	size_t n;
	size_t room;
	size_t cap_bytes; /* 0: no cap */
	bool is_full;
};

void buf_init(struct buf *, size_t cap_bytes);
void buf_fini(struct buf *);
void buf_clear(struct buf *);
bool buf_add(struct buf *, struct str);
bool buf_add_char(struct buf *, char);
bool buf_printf(struct buf *, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Valid until the next change. */
struct str buf_str(const struct buf *);

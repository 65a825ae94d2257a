/* base/arena.h - memory that is freed all at once.
 *
 * A bump allocator with a list of clean-ups. One arena per lifetime:
 * connection, message, snapshot.
 * Owns:    everything allocated from it; foreign handles register with
 *          arena_defer and are released in reverse order of registration.
 * Threads: one at a time.
 * Fails:   never; out of memory aborts (callers bound what they ask for). */
#pragma once

#include <stddef.h>

struct arena;

struct arena *arena_new(void);
/* NULL is allowed. Runs the clean-ups first. */
void arena_free(struct arena *);
/* Back to empty, keeping the first chunk: for the next message. */
void arena_reset(struct arena *);

/* Zeroed and aligned for any type. */
void *arena_alloc(struct arena *, size_t size_bytes);
/* Like calloc: the product is checked. */
void *arena_array(struct arena *, size_t count, size_t size_bytes);
#define ARENA_NEW(arena, type) ((type *)arena_alloc((arena), sizeof(type)))

void arena_defer(struct arena *, void (*cleanup)(void *), void *arg);

/* Bytes handed out since the last reset, and the most ever. */
size_t arena_used_bytes(const struct arena *);
size_t arena_peak_bytes(const struct arena *);

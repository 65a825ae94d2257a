/* base/vec.h - an array that grows in an arena.
 *
 * Owns:    nothing; what it outgrew stays in the arena until that goes.
 * Threads: one at a time.
 * Fails:   never. */
#pragma once

#include <string.h>

#include "base/arena.h"

/* Zeroed is empty. */
#define VEC(type)                                                                                  \
	struct {                                                                                   \
		type *items;                                                                       \
		size_t count, room;                                                                \
	}

#define VEC_PUSH(arena, vec, ...)                                                                  \
	do {                                                                                       \
		if ((vec)->count == (vec)->room)                                                   \
			(vec)->items = vec_grown((arena), (vec)->items, (vec)->count, &(vec)->room, \
						 sizeof(*(vec)->items));                           \
		(vec)->items[(vec)->count++] = (__VA_ARGS__);                                      \
	} while (0)

static inline void *vec_grown(struct arena *a, const void *items, size_t count, size_t *room, size_t size_bytes)
{
	*room = *room == 0 ? 4 : *room * 2;
	void *grown = arena_array(a, *room, size_bytes);
	if (count > 0)
		memcpy(grown, items, count * size_bytes);
	return grown;
}

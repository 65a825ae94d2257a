/* base/map.h - text to pointer.
 *
 * A seeded hash table (SipHash), so that names chosen by an attacker cannot
 * make it slow. Keys compare byte for byte: lower them first where case does
 * not matter.
 * Owns:    nothing; keys are copied into the arena, values stay the caller's.
 * Threads: one writer; many readers once nothing is written any more.
 * Fails:   never. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct arena;
struct map;

struct map *map_new(struct arena *);
/* False if the key is there already; the old value stays. */
bool map_add(struct map *, struct str key, void *value);
/* NULL if absent. */
void *map_get(const struct map *, struct str key);
bool map_has(const struct map *, struct str key);
size_t map_count(const struct map *);

/* The keyed hash itself, for tables that own their memory. */
uint64_t map_hash(struct str key);

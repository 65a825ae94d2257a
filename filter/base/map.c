#include "base/map.h"

#include <string.h>

#include "base/arena.h"
#include "base/rand.h"

struct entry {
	struct entry *next;
	uint64_t hash;
	struct str key;
	void *value;
};

struct map {
	struct arena *arena;
	struct entry **slots;
	size_t slot_count; /* power of two */
	size_t count;
};

static inline uint64_t rotl(uint64_t x, int b)
{
	return (x << b) | (x >> (64 - b));
}

#define SIP_ROUND                                                                                  \
	do {                                                                                       \
		v0 += v1; v1 = rotl(v1, 13); v1 ^= v0; v0 = rotl(v0, 32);                          \
		v2 += v3; v3 = rotl(v3, 16); v3 ^= v2;                                             \
		v0 += v3; v3 = rotl(v3, 21); v3 ^= v0;                                             \
		v2 += v1; v1 = rotl(v1, 17); v1 ^= v2; v2 = rotl(v2, 32);                          \
	} while (0)

/* SipHash-1-3 with a key drawn once per process. */
uint64_t map_hash(struct str s)
{
	const uint64_t *key = rand_hash_key();
	uint64_t v0 = 0x736f6d6570736575 ^ key[0], v1 = 0x646f72616e646f6d ^ key[1];
	uint64_t v2 = 0x6c7967656e657261 ^ key[0], v3 = 0x7465646279746573 ^ key[1];
	uint64_t last = (uint64_t)s.n << 56;
	size_t i = 0;
	for (; i + 8 <= s.n; i += 8) {
		uint64_t m;
		memcpy(&m, s.p + i, 8);
		v3 ^= m;
		SIP_ROUND;
		v0 ^= m;
	}
	for (size_t shift = 0; i < s.n; i++, shift += 8)
		last |= (uint64_t)(unsigned char)s.p[i] << shift;
	v3 ^= last;
	SIP_ROUND;
	v0 ^= last;
	v2 ^= 0xff;
	SIP_ROUND;
	SIP_ROUND;
	SIP_ROUND;
	return v0 ^ v1 ^ v2 ^ v3;
}

struct map *map_new(struct arena *a)
{
	struct map *m = ARENA_NEW(a, struct map);
	m->arena = a;
	m->slot_count = 16;
	m->slots = arena_array(a, m->slot_count, sizeof(*m->slots));
	return m;
}

static struct entry *find(const struct map *m, struct str key, uint64_t hash)
{
	struct entry *e = m->slots[hash & (m->slot_count - 1)];
	while (e != NULL && !(e->hash == hash && str_eq(e->key, key)))
		e = e->next;
	return e;
}

static void grow(struct map *m)
{
	size_t bigger = m->slot_count * 4;
	struct entry **slots = arena_array(m->arena, bigger, sizeof(*slots));
	for (size_t i = 0; i < m->slot_count; i++) {
		for (struct entry *e = m->slots[i], *next; e != NULL; e = next) {
			next = e->next;
			e->next = slots[e->hash & (bigger - 1)];
			slots[e->hash & (bigger - 1)] = e;
		}
	}
	m->slots = slots;
	m->slot_count = bigger;
}

bool map_add(struct map *m, struct str key, void *value)
{
	uint64_t hash = map_hash(key);
	if (find(m, key, hash) != NULL)
		return false;
	if (m->count >= m->slot_count)
		grow(m);
	struct entry *e = ARENA_NEW(m->arena, struct entry);
	e->hash = hash;
	e->key = str_dup(m->arena, key);
	e->value = value;
	e->next = m->slots[hash & (m->slot_count - 1)];
	m->slots[hash & (m->slot_count - 1)] = e;
	m->count++;
	return true;
}

void *map_get(const struct map *m, struct str key)
{
	struct entry *e = find(m, key, map_hash(key));
	return e == NULL ? NULL : e->value;
}

bool map_has(const struct map *m, struct str key)
{
	return find(m, key, map_hash(key)) != NULL;
}

size_t map_count(const struct map *m)
{
	return m->count;
}

/* base/bits.h - a small fixed set of bits, for need-sets of facts and probes. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define BITS_MAX 192

struct bits {
	uint64_t word[BITS_MAX / 64];
};

static inline void bits_add(struct bits *b, unsigned i)
{
	b->word[i / 64] |= (uint64_t)1 << (i % 64);
}

static inline bool bits_has(const struct bits *b, unsigned i)
{
	return (b->word[i / 64] >> (i % 64)) & 1;
}

static inline void bits_add_all(struct bits *b, const struct bits *more)
{
	for (unsigned w = 0; w < BITS_MAX / 64; w++)
		b->word[w] |= more->word[w];
}

static inline bool bits_is_empty(const struct bits *b)
{
	for (unsigned w = 0; w < BITS_MAX / 64; w++)
		if (b->word[w] != 0)
			return false;
	return true;
}

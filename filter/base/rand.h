/* base/rand.h - the only source of randomness.
 *
 * Threads: any.
 * Fails:   never; without a kernel random source the process aborts. */
#pragma once

#include <stddef.h>
#include <stdint.h>

void rand_bytes(void *out, size_t size_bytes);
/* Two words, drawn once per process: the key of every hash table. */
const uint64_t *rand_hash_key(void);

/* Tests: every later draw comes from a sequence that starts at seed. 0 ends that. */
void rand_set_sequence(uint64_t seed);

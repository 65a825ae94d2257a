/* auth/key_cache.h - parsed public keys, kept beneath libopendkim.
 *
 * The library parses the key of every signature anew, which costs more than
 * the verification itself. This file defines d2i_PUBKEY_bio(); the definition
 * in the executable is the one that the shared library finds, and it hands
 * out a reference to a key that was parsed before. Anybody else who calls the
 * function gets what OpenSSL's own would give.
 * Owns:    up to KEY_CACHE_MAX keys, for the life of the process; the one
 *          unused for the longest time makes room.
 * Threads: any (one lock inside, never held while parsing).
 * Fails:   never; what is not kept is parsed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	KEY_CACHE_MAX = 1024,
	KEY_CACHE_DER_MAX = 1024, /* bytes of one key; longer ones are not kept */
};

struct key_cache_counters {
	uint64_t hits;
	uint64_t misses;
	size_t kept;
};

/* False if the program was linked so that libraries do not find the definition here. */
bool key_cache_is_effective(void);
struct key_cache_counters key_cache_counters(void);
/* Forgets all keys; those in use live on until their users free them. */
void key_cache_clear(void);

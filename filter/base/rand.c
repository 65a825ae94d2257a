#include "base/rand.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>

#include "base/fail.h"

static _Atomic uint64_t sequence; /* 0: the kernel's randomness */

void rand_set_sequence(uint64_t seed)
{
	atomic_store(&sequence, seed);
}

/* splitmix64 */
static uint64_t next_of_sequence(void)
{
	uint64_t z = atomic_fetch_add(&sequence, 0x9e3779b97f4a7c15) + 0x9e3779b97f4a7c15;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

void rand_bytes(void *out, size_t size)
{
	unsigned char *p = out;
	while (size > 0) {
		size_t n = size;
		if (atomic_load(&sequence) != 0) {
			uint64_t word = next_of_sequence();
			n = n < sizeof(word) ? n : sizeof(word);
			memcpy(p, &word, n);
		} else {
			/* Up to 256 bytes come whole or not at all, see getrandom(2). */
			n = n < 256 ? n : 256;
			BUG_IF(getrandom(p, n, 0) != (ssize_t)n);
		}
		p += n;
		size -= n;
	}
}

static uint64_t hash_key[2];

static void draw_hash_key(void)
{
	BUG_IF(getrandom(hash_key, sizeof(hash_key), 0) != (ssize_t)sizeof(hash_key));
}

const uint64_t *rand_hash_key(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, draw_hash_key);
	return hash_key;
}

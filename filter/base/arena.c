#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

/* With AddressSanitizer, whatever is not handed out is poisoned, and so is a gap behind every piece. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ADDRESS_SANITIZER
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define HAS_ADDRESS_SANITIZER
#endif
#ifdef HAS_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#define POISON(p, n) ASAN_POISON_MEMORY_REGION(p, n)
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
enum { GAP_BYTES = 32 };
#else
#define POISON(p, n) ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
enum { GAP_BYTES = 0 };
#endif

enum {
	FIRST_CHUNK_BYTES = 8 * 1024,
	CHUNK_BYTES = 32 * 1024,
	ALIGNMENT = _Alignof(max_align_t),
};

struct chunk {
	struct chunk *next;
	size_t size;
	size_t used;
	_Alignas(max_align_t) unsigned char data[];
};

struct cleanup {
	struct cleanup *next;
	void (*run)(void *);
	void *arg;
};

struct arena {
	struct chunk *first;    /* kept by arena_reset */
	struct chunk *current;
	struct cleanup *cleanups;
	size_t used_bytes;
	size_t peak_bytes;
};

static struct chunk *chunk_new(size_t size)
{
	struct chunk *c = fail_if_null(malloc(sizeof(*c) + size));
	c->next = NULL;
	c->size = size;
	c->used = 0;
	POISON(c->data, c->size);
	return c;
}

struct arena *arena_new(void)
{
	struct arena *a = fail_if_null(calloc(1, sizeof(*a)));
	a->first = a->current = chunk_new(FIRST_CHUNK_BYTES);
	return a;
}

static void run_cleanups(struct arena *a)
{
	while (a->cleanups != NULL) {
		struct cleanup *c = a->cleanups;
		a->cleanups = c->next;
		c->run(c->arg);
	}
}

static void free_chunks(struct chunk *c)
{
	while (c != NULL) {
		struct chunk *next = c->next;
		UNPOISON(c->data, c->size);
		free(c);
		c = next;
	}
}

void arena_reset(struct arena *a)
{
	run_cleanups(a);
	free_chunks(a->first->next);
	a->first->next = NULL;
	a->first->used = 0;
	POISON(a->first->data, a->first->size);
	a->current = a->first;
	a->used_bytes = 0;
}

void arena_free(struct arena *a)
{
	if (a == NULL)
		return;
	run_cleanups(a);
	free_chunks(a->first);
	free(a);
}

void *arena_alloc(struct arena *a, size_t size)
{
	if (size > SIZE_MAX / 2)
		fail_out_of_memory();
	size_t rounded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT + GAP_BYTES;
	struct chunk *c = a->current;
	if (c->size - c->used < rounded) {
		struct chunk *fresh = chunk_new(rounded > CHUNK_BYTES ? rounded : CHUNK_BYTES);
		c->next = fresh;
		a->current = c = fresh;
	}
	void *p = c->data + c->used;
	c->used += rounded;
	a->used_bytes += rounded - GAP_BYTES;
	if (a->used_bytes > a->peak_bytes)
		a->peak_bytes = a->used_bytes;
	UNPOISON(p, size);
	return memset(p, 0, size);
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
	size_t bytes;
	if (__builtin_mul_overflow(count, size, &bytes))
		fail_out_of_memory();
	return arena_alloc(a, bytes);
}

void arena_defer(struct arena *a, void (*run)(void *), void *arg)
{
	struct cleanup *c = ARENA_NEW(a, struct cleanup);
	c->run = run;
	c->arg = arg;
	c->next = a->cleanups;
	a->cleanups = c;
}

size_t arena_used_bytes(const struct arena *a)
{
	return a->used_bytes;
}

size_t arena_peak_bytes(const struct arena *a)
{
	return a->peak_bytes;
}

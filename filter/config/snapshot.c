#include "config/snapshot.h"

#include <pthread.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/fail.h"
#include "config/load.h"

/* What others see, first, and what keeps it alive. */
struct counted {
	struct snapshot seen;
	struct arena *arena; /* holds this object too */
	atomic_uint references;
};

static pthread_mutex_t current_lock = PTHREAD_MUTEX_INITIALIZER;
static struct counted *current; /* owns one reference */
static unsigned next_generation = 1;

static struct snapshot *load(const char *config_path, size_t listener, enum load_for purpose,
			     const struct snapshot *running, struct diags *diags)
{
	size_t errors_before = diags_errors(diags);
	struct arena *a = arena_new();
	struct counted *c = ARENA_NEW(a, struct counted);
	c->arena = a;
	atomic_init(&c->references, 1);
	config_fill(a, config_path, listener, purpose, running, diags, &c->seen);
	if (diags_errors(diags) == errors_before)
		return &c->seen;
	arena_free(a);
	return NULL;
}

struct snapshot *snapshot_load(const char *config_path, const struct snapshot *running, struct diags *diags)
{
	return load(config_path, EVERY_LISTENER, LOAD_TO_CHECK, running, diags);
}

struct snapshot *snapshot_load_for(const char *config_path, size_t listener, const struct snapshot *running,
				   struct diags *diags)
{
	return load(config_path, listener, running == NULL ? LOAD_TO_START : LOAD_TO_CHECK, running, diags);
}

const struct snapshot *snapshot_get(void)
{
	pthread_mutex_lock(&current_lock);
	struct counted *c = current;
	if (c != NULL)
		atomic_fetch_add(&c->references, 1);
	pthread_mutex_unlock(&current_lock);
	return c == NULL ? NULL : &c->seen;
}

static void put(struct counted *c)
{
	if (c == NULL)
		return;
	unsigned before = atomic_fetch_sub(&c->references, 1);
	BUG_IF(before == 0);
	if (before == 1)
		arena_free(c->arena);
}

/* Readers have no business with the count, hence const for all but this one. */
static struct counted *counted_of(const struct snapshot *s)
{
	return (struct counted *)(uintptr_t)s;
}

void snapshot_put(const struct snapshot *s)
{
	put(counted_of(s));
}

void snapshot_publish(struct snapshot *next)
{
	pthread_mutex_lock(&current_lock);
	struct counted *old = current;
	if (next != NULL)
		next->generation = next_generation++;
	else
		next_generation = 1;
	current = counted_of(next);
	pthread_mutex_unlock(&current_lock);
	put(old);
}

void snapshot_continue_at(unsigned generation)
{
	pthread_mutex_lock(&current_lock);
	next_generation = generation;
	pthread_mutex_unlock(&current_lock);
}

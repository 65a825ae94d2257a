#include "store/buckets.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/map.h"

enum {
	FIRST_SLOTS = 256,
	SWEEP = 64, /* entries looked at when there is no room */
};

struct entry {
	struct entry *next;
	uint64_t hash;
	int64_t full_at_us;
	struct entry *next_change, **change_at; /* change_at NULL: no change */
	size_t key_bytes;
	char key[];
};

struct buckets {
	pthread_mutex_t lock;
	struct entry **slots;
	size_t slot_count; /* power of two */
	size_t count, max;
	size_t sweep_at;   /* slot where the next sweep begins */
	bool is_kept;      /* elsewhere too: changes are noted */
	bool is_told;
	struct entry *changes;
	size_t change_count;
};

static int64_t now_us(void)
{
	return clock_unix_ms() * 1000;
}

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

int64_t bucket_cost_us(const struct store_bucket *b, int64_t amount)
{
	BUG_IF(amount < 0 || b->capacity <= 0 || b->per_ms <= 0);
	__int128 cost = (__int128)amount * b->per_ms * 1000 / b->capacity;
	BUG_IF(cost > INT64_MAX / 2);
	return larger((int64_t)cost, amount);
}

struct buckets *buckets_new(size_t max, bool is_kept)
{
	struct buckets *all = fail_if_null(calloc(1, sizeof(*all)));
	pthread_mutex_init(&all->lock, NULL);
	all->slot_count = FIRST_SLOTS;
	all->slots = fail_if_null(calloc(all->slot_count, sizeof(*all->slots)));
	all->max = max;
	all->is_kept = is_kept;
	return all;
}

void buckets_free(struct buckets *all)
{
	if (all == NULL)
		return;
	for (size_t i = 0; i < all->slot_count; i++)
		for (struct entry *e = all->slots[i], *next; e != NULL; e = next) {
			next = e->next;
			free(e);
		}
	pthread_mutex_destroy(&all->lock);
	free(all->slots);
	free(all);
}

/* ---- the table: everything below is called with the lock held ---------------------------------------------- */

/* Where the pointer to it is, or would be. */
static struct entry **find(const struct buckets *all, struct str key, uint64_t hash)
{
	struct entry **at = &all->slots[hash & (all->slot_count - 1)];
	while (*at != NULL && !((*at)->hash == hash && str_eq((struct str){ (*at)->key, (*at)->key_bytes }, key)))
		at = &(*at)->next;
	return at;
}

static void note_change(struct buckets *all, struct entry *e)
{
	if (!all->is_kept || e->change_at != NULL)
		return;
	e->next_change = all->changes;
	e->change_at = &all->changes;
	if (e->next_change != NULL)
		e->next_change->change_at = &e->next_change;
	all->changes = e;
	all->change_count++;
}

static void forget_change(struct buckets *all, struct entry *e)
{
	if (e->change_at == NULL)
		return;
	*e->change_at = e->next_change;
	if (e->next_change != NULL)
		e->next_change->change_at = e->change_at;
	e->change_at = NULL;
	all->change_count--;
}

static void take_out(struct buckets *all, struct entry **at)
{
	struct entry *e = *at;
	forget_change(all, e);
	*at = e->next;
	all->count--;
	free(e);
}

static void grow(struct buckets *all)
{
	size_t bigger = all->slot_count * 4;
	struct entry **slots = fail_if_null(calloc(bigger, sizeof(*slots)));
	for (size_t i = 0; i < all->slot_count; i++)
		for (struct entry *e = all->slots[i], *next; e != NULL; e = next) {
			next = e->next;
			e->next = slots[e->hash & (bigger - 1)];
			slots[e->hash & (bigger - 1)] = e;
		}
	free(all->slots);
	all->slots = slots;
	all->slot_count = bigger;
	all->sweep_at = 0;
}

/* Among some entries, what is full may go, once it is kept; if there must be room, the one that is full first. */
static void sweep(struct buckets *all, bool must_go)
{
	struct entry **first = NULL;
	int64_t now = now_us();
	for (size_t seen = 0, slots = 0; seen < SWEEP && slots < all->slot_count; slots++) {
		struct entry **at = &all->slots[all->sweep_at++ & (all->slot_count - 1)];
		while (*at != NULL) {
			seen++;
			if ((*at)->full_at_us <= now && (*at)->change_at == NULL) {
				must_go = false;
				take_out(all, at);
				continue;
			}
			if (first == NULL || (*at)->full_at_us < (*first)->full_at_us)
				first = at;
			at = &(*at)->next;
		}
	}
	if (must_go && first != NULL)
		take_out(all, first);
}

static struct entry *add(struct buckets *all, struct str key)
{
	uint64_t hash = map_hash(key);
	struct entry **at = find(all, key, hash);
	if (*at != NULL)
		return *at;
	sweep(all, all->count >= all->max);
	if (all->count >= all->slot_count)
		grow(all);
	struct entry *e = fail_if_null(calloc(1, sizeof(*e) + key.n));
	e->hash = hash;
	e->key_bytes = key.n;
	if (key.n > 0)
		memcpy(e->key, key.p, key.n);
	at = &all->slots[hash & (all->slot_count - 1)];
	e->next = *at;
	*at = e;
	all->count++;
	return e;
}

static void change(struct buckets *all, struct entry *e, int64_t full_at_us)
{
	e->full_at_us = full_at_us;
	note_change(all, e);
}

/* When it would be full again after that. */
static int64_t full_after(const struct buckets *all, const struct store_bucket *b, int64_t amount, int64_t now)
{
	const struct entry *e = *find(all, b->key, map_hash(b->key));
	int64_t full_at_us = e == NULL ? now : larger(now, e->full_at_us), empty_us = now + b->per_ms * 1000;
	return (full_at_us < empty_us ? full_at_us : empty_us) + bucket_cost_us(b, amount);
}

/* ---- taking ------------------------------------------------------------------------------------------------ */

bool buckets_take(struct buckets *all, const struct store_bucket *b, size_t count, const int64_t *amounts,
		  int64_t *wait_ms, size_t *which)
{
	int64_t after_us[STORE_BUCKETS_MAX], wait_us = 0, now = now_us();
	BUG_IF(count > STORE_BUCKETS_MAX);
	pthread_mutex_lock(&all->lock);
	for (size_t i = 0; i < count; i++) {
		after_us[i] = full_after(all, &b[i], amounts[i], now);
		int64_t over_us = after_us[i] - now - b[i].per_ms * 1000;
		if (over_us > wait_us) {
			wait_us = over_us;
			*which = i;
		}
	}
	for (size_t i = 0; wait_us == 0 && i < count; i++)
		change(all, add(all, b[i].key), after_us[i]);
	pthread_mutex_unlock(&all->lock);
	*wait_ms = (wait_us + 999) / 1000;
	return wait_us == 0;
}

void buckets_give_back(struct buckets *all, const struct store_bucket *b, size_t count, const int64_t *amounts)
{
	pthread_mutex_lock(&all->lock);
	for (size_t i = 0; i < count; i++) {
		struct entry *e = *find(all, b[i].key, map_hash(b[i].key));
		if (e != NULL)
			change(all, e, e->full_at_us - bucket_cost_us(&b[i], amounts[i]));
	}
	pthread_mutex_unlock(&all->lock);
}

/* ---- keeping them ------------------------------------------------------------------------------------------ */

bool buckets_has_news(struct buckets *all)
{
	pthread_mutex_lock(&all->lock);
	bool is_news = all->changes != NULL && !all->is_told;
	all->is_told = all->is_told || is_news;
	pthread_mutex_unlock(&all->lock);
	return is_news;
}

const struct bucket_state *buckets_changes(struct buckets *all, struct arena *a, size_t *count)
{
	size_t n = 0;
	pthread_mutex_lock(&all->lock);
	struct bucket_state *list = arena_array(a, all->change_count, sizeof(*list));
	for (struct entry *e; (e = all->changes) != NULL; forget_change(all, e)) {
		struct str key = str_dup(a, (struct str){ e->key, e->key_bytes });
		list[n++] = (struct bucket_state){ key, e->full_at_us };
	}
	all->is_told = false;
	pthread_mutex_unlock(&all->lock);
	*count = n;
	return list;
}

void buckets_keep_as_changes(struct buckets *all, const struct bucket_state *list, size_t count)
{
	pthread_mutex_lock(&all->lock);
	for (size_t i = 0; i < count; i++) {
		struct entry *e = *find(all, list[i].key, map_hash(list[i].key));
		if (e != NULL)
			note_change(all, e);
	}
	all->is_told = true; /* who could not keep them tries again by itself */
	pthread_mutex_unlock(&all->lock);
}

void buckets_restore(struct buckets *all, const struct bucket_state *s)
{
	pthread_mutex_lock(&all->lock);
	add(all, s->key)->full_at_us = s->full_at_us;
	pthread_mutex_unlock(&all->lock);
}

size_t buckets_count(struct buckets *all)
{
	pthread_mutex_lock(&all->lock);
	size_t count = all->count;
	pthread_mutex_unlock(&all->lock);
	return count;
}

#include "store/buckets.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/fail.h"
#include "base/map.h"
#include "base/shared.h"

enum {
	SLOTS = 1 << 18,
	KEY_BYTES = 177,  /* so that an entry has 192 */
	HASH_DIGITS = 32, /* at the end of a key that is longer */
	SWEEP = 64,       /* entries looked at when one is added */
	WORD_BITS = 64,
	NOBODY = 0,       /* entries are numbered from one */
};

struct entry {
	int64_t full_at_us;
	uint32_t next;            /* in its slot, or of the free ones */
	unsigned char key_bytes;
	_Atomic bool is_used;     /* set when the key is whole; all but the entries can be made anew from them */
	char key[KEY_BYTES];
};

/* Shared by processes. Those that take mail from strangers write here too: what they left is checked when it is used. */
struct table {
	pthread_mutex_t lock;
	uint32_t touched;         /* entries ever used, the first ones */
	uint32_t free;            /* the first of these that is free */
	uint32_t random;
	size_t count;
	bool is_noted, is_changed;
	uint64_t changed[(BUCKETS_MAX + WORD_BITS - 1) / WORD_BITS];
	uint32_t slots[SLOTS];
	struct entry entries[BUCKETS_MAX];
};

struct buckets {
	struct table *table;
	size_t max;
	bool is_told;             /* this process is going to keep the changes */
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

struct buckets *buckets_new(size_t max)
{
	BUG_IF(max == 0 || max > BUCKETS_MAX);
	struct buckets *all = fail_if_null(calloc(1, sizeof(*all)));
	all->max = max;
	all->table = shared_new(sizeof(*all->table));
	shared_lock_init(&all->table->lock);
	map_hash(STR_EMPTY); /* draws the key of the hash, which all have to have */
	return all;
}

void buckets_free(struct buckets *all)
{
	if (all == NULL)
		return;
	shared_free(all->table, sizeof(*all->table));
	free(all);
}

/* ---- the table: everything below is called with the lock held ---------------------------------------------- */

static struct entry *entry_of(const struct buckets *all, uint32_t number)
{
	BUG_IF(number == NOBODY || number > all->max);
	return &all->table->entries[number - 1];
}

static struct str key_of(const struct entry *e)
{
	BUG_IF(e->key_bytes > KEY_BYTES);
	return (struct str){ e->key, e->key_bytes };
}

static uint32_t *slot_of(const struct buckets *all, struct str key)
{
	return &all->table->slots[map_hash(key) & (SLOTS - 1)];
}

/* Where its number is, or would be. */
static uint32_t *find(const struct buckets *all, struct str key)
{
	uint32_t *at = slot_of(all, key);
	while (*at != NOBODY && !str_eq(key_of(entry_of(all, *at)), key))
		at = &entry_of(all, *at)->next;
	return at;
}

static void link_to(uint32_t *at, uint32_t number, struct entry *e)
{
	e->next = *at;
	*at = number;
}

static uint64_t *word_of(const struct buckets *all, uint32_t number)
{
	return &all->table->changed[(number - 1) / WORD_BITS];
}

static uint64_t bit_of(uint32_t number)
{
	return UINT64_C(1) << ((number - 1) % WORD_BITS);
}

static bool is_changed(const struct buckets *all, uint32_t number)
{
	return (*word_of(all, number) & bit_of(number)) != 0;
}

static void note_change(struct buckets *all, uint32_t number)
{
	if (!all->table->is_noted)
		return;
	*word_of(all, number) |= bit_of(number);
	all->table->is_changed = true;
}

static void take_out(struct buckets *all, uint32_t number)
{
	struct entry *e = entry_of(all, number);
	uint32_t *at = find(all, key_of(e));
	BUG_IF(*at != number);
	*word_of(all, number) &= ~bit_of(number);
	*at = e->next;
	atomic_store(&e->is_used, false);
	link_to(&all->table->free, number, e);
	all->table->count--;
}

/* Any of those that were ever used. */
static uint32_t draw(struct table *t)
{
	t->random = t->random * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)t->random * t->touched >> 32) + 1;
}

/* Among some entries, what is full may go, once it is kept; if there must be room, the one that is full first. */
static void sweep(struct buckets *all, bool must_go)
{
	struct table *t = all->table;
	uint32_t first = NOBODY;
	int64_t now = now_us();
	for (size_t seen = 0; seen < SWEEP && seen < t->touched; seen++) {
		uint32_t number = draw(t);
		struct entry *e = entry_of(all, number);
		if (!e->is_used)
			continue;
		if (e->full_at_us <= now && !is_changed(all, number)) {
			must_go = false;
			take_out(all, number);
		} else if (first == NOBODY || e->full_at_us < entry_of(all, first)->full_at_us) {
			first = number;
		}
	}
	if (must_go && first != NOBODY)
		take_out(all, first);
}

static uint32_t add(struct buckets *all, struct str key)
{
	struct table *t = all->table;
	uint32_t known = *find(all, key);
	if (known != NOBODY)
		return known;
	sweep(all, t->count >= all->max);
	if (t->free == NOBODY)
		link_to(&t->free, t->touched + 1, entry_of(all, t->touched + 1));
	uint32_t number = t->free;
	struct entry *e = entry_of(all, number);
	t->free = e->next;
	t->touched = number > t->touched ? number : t->touched;
	e->full_at_us = 0;
	e->key_bytes = (unsigned char)key.n;
	if (key.n > 0)
		memcpy(e->key, key.p, key.n);
	atomic_store(&e->is_used, true);
	link_to(slot_of(all, key), number, e);
	t->count++;
	return number;
}

static void change(struct buckets *all, uint32_t number, int64_t full_at_us)
{
	entry_of(all, number)->full_at_us = full_at_us;
	note_change(all, number);
}

/* After a process died in the middle of something. Each entry is whole or not used. */
static void make_anew(struct buckets *all)
{
	struct table *t = all->table;
	memset(t->slots, 0, sizeof(t->slots));
	t->free = NOBODY;
	t->count = 0;
	t->is_changed = t->is_noted;
	for (uint32_t number = 1; number <= t->touched; number++) {
		struct entry *e = entry_of(all, number);
		link_to(e->is_used ? slot_of(all, key_of(e)) : &t->free, number, e);
		t->count += e->is_used;
	}
}

static struct table *lock(struct buckets *all)
{
	if (shared_lock(&all->table->lock))
		make_anew(all);
	return all->table;
}

static void unlock(struct buckets *all)
{
	pthread_mutex_unlock(&all->table->lock);
}

/* ---- keys -------------------------------------------------------------------------------------------------- */

struct key {
	char text[KEY_BYTES];
};

/* As it stands in an entry. The text is the wanted one's, or k's. */
static struct str key_for(struct str wanted, struct key *k)
{
	char hex[HASH_DIGITS + 1];
	struct digest digest = { 0 };
	if (wanted.n <= KEY_BYTES)
		return wanted;
	digest_add(&digest, wanted);
	digest_print(&digest, hex, sizeof(hex));
	memcpy(k->text, wanted.p, KEY_BYTES - HASH_DIGITS);
	memcpy(k->text + KEY_BYTES - HASH_DIGITS, hex, HASH_DIGITS);
	return (struct str){ k->text, KEY_BYTES };
}

/* ---- taking ------------------------------------------------------------------------------------------------ */

/* When it would be full again after that. */
static int64_t full_after(const struct buckets *all, const struct store_bucket *b, struct str key, int64_t amount,
			  int64_t now)
{
	uint32_t number = *find(all, key);
	int64_t full_at_us = number == NOBODY ? now : larger(now, entry_of(all, number)->full_at_us);
	int64_t empty_us = now + b->per_ms * 1000;
	return (full_at_us < empty_us ? full_at_us : empty_us) + bucket_cost_us(b, amount);
}

bool buckets_take(struct buckets *all, const struct store_bucket *b, size_t count, const int64_t *amounts,
		  int64_t *wait_ms, size_t *which)
{
	int64_t after_us[STORE_BUCKETS_MAX], wait_us = 0, now = now_us();
	struct key room[STORE_BUCKETS_MAX];
	BUG_IF(count > STORE_BUCKETS_MAX);
	lock(all);
	for (size_t i = 0; i < count; i++) {
		after_us[i] = full_after(all, &b[i], key_for(b[i].key, &room[i]), amounts[i], now);
		int64_t over_us = after_us[i] - now - b[i].per_ms * 1000;
		if (over_us > wait_us) {
			wait_us = over_us;
			*which = i;
		}
	}
	for (size_t i = 0; wait_us == 0 && i < count; i++)
		change(all, add(all, key_for(b[i].key, &room[i])), after_us[i]);
	unlock(all);
	*wait_ms = (wait_us + 999) / 1000;
	return wait_us == 0;
}

void buckets_give_back(struct buckets *all, const struct store_bucket *b, size_t count, const int64_t *amounts)
{
	struct key room;
	lock(all);
	for (size_t i = 0; i < count; i++) {
		uint32_t number = *find(all, key_for(b[i].key, &room));
		if (number != NOBODY)
			change(all, number, entry_of(all, number)->full_at_us - bucket_cost_us(&b[i], amounts[i]));
	}
	unlock(all);
}

/* ---- keeping them ------------------------------------------------------------------------------------------ */

void buckets_note_changes(struct buckets *all)
{
	lock(all)->is_noted = true;
	unlock(all);
}

bool buckets_has_news(struct buckets *all)
{
	bool is_news = lock(all)->is_changed && !all->is_told;
	all->is_told = all->is_told || is_news;
	unlock(all);
	return is_news;
}

const struct bucket_state *buckets_changes(struct buckets *all, struct arena *a, size_t *count)
{
	size_t most = 0, n = 0;
	struct table *t = lock(all);
	for (size_t i = 0; i <= (all->max - 1) / WORD_BITS; i++)
		most += (size_t)__builtin_popcountll(t->changed[i]);
	struct bucket_state *list = arena_array(a, most, sizeof(*list));
	for (uint32_t number = 1; number <= t->touched && n < most; number++) {
		if (!is_changed(all, number))
			continue;
		const struct entry *e = entry_of(all, number);
		list[n++] = (struct bucket_state){ str_dup(a, key_of(e)), e->full_at_us };
	}
	memset(t->changed, 0, sizeof(t->changed));
	t->is_changed = all->is_told = false;
	unlock(all);
	*count = n;
	return list;
}

void buckets_keep_as_changes(struct buckets *all, const struct bucket_state *list, size_t count)
{
	struct key room;
	lock(all);
	for (size_t i = 0; i < count; i++) {
		uint32_t number = *find(all, key_for(list[i].key, &room));
		if (number != NOBODY)
			note_change(all, number);
	}
	all->is_told = true; /* who could not keep them tries again by itself */
	unlock(all);
}

void buckets_restore(struct buckets *all, const struct bucket_state *s)
{
	struct key room;
	struct str key = key_for(s->key, &room);
	lock(all);
	if (*find(all, key) == NOBODY)
		entry_of(all, add(all, key))->full_at_us = s->full_at_us;
	unlock(all);
}

size_t buckets_count(struct buckets *all)
{
	size_t count = lock(all)->count;
	unlock(all);
	return count;
}

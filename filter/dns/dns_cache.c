#include "dns/dns_cache.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/fail.h"
#include "base/map.h"

/* A domain may publish 64 KB of TXT: the average is bounded, not only the count. */
enum { MEAN_ENTRY_BYTES = 1024 };

struct entry {
	struct entry *next;
	TAILQ_ENTRY(entry) by_use;
	uint64_t hash;
	int64_t expires_ms;
	struct dns_shared *answer;
	enum dns_type type;
	size_t name_bytes;
	char name[];
};

struct dns_cache {
	struct entry **slots;
	size_t slot_count; /* power of two */
	size_t count, max_entries;
	size_t bytes, max_bytes;
	TAILQ_HEAD(entry_list, entry) by_use; /* latest first */
};

struct dns_cache *dns_cache_new(size_t max_entries)
{
	struct dns_cache *c = fail_if_null(calloc(1, sizeof(*c)));
	c->max_entries = max_entries == 0 ? 1 : max_entries;
	c->max_bytes = c->max_entries * MEAN_ENTRY_BYTES;
	c->slot_count = 16;
	while (c->slot_count < c->max_entries)
		c->slot_count *= 2;
	c->slots = fail_if_null(calloc(c->slot_count, sizeof(*c->slots)));
	TAILQ_INIT(&c->by_use);
	return c;
}

static size_t entry_bytes(const struct entry *e)
{
	return sizeof(*e) + e->name_bytes + e->answer->size_bytes;
}

static struct entry **find(struct dns_cache *c, uint64_t hash, struct str name, enum dns_type type)
{
	struct entry **at = &c->slots[hash & (c->slot_count - 1)];
	for (; *at != NULL; at = &(*at)->next) {
		struct entry *e = *at;
		if (e->hash == hash && e->type == type && str_eq((struct str){ e->name, e->name_bytes }, name))
			break;
	}
	return at;
}

static void drop(struct dns_cache *c, struct entry **at)
{
	struct entry *e = *at;
	*at = e->next;
	TAILQ_REMOVE(&c->by_use, e, by_use);
	c->count--;
	c->bytes -= entry_bytes(e);
	dns_answer_put(e->answer);
	free(e);
}

static void drop_least_used(struct dns_cache *c)
{
	struct entry *e = TAILQ_LAST(&c->by_use, entry_list);
	struct entry **at = &c->slots[e->hash & (c->slot_count - 1)];
	while (*at != e)
		at = &(*at)->next;
	drop(c, at);
}

void dns_cache_clear(struct dns_cache *c)
{
	while (c->count > 0)
		drop_least_used(c);
}

void dns_cache_free(struct dns_cache *c)
{
	if (c == NULL)
		return;
	dns_cache_clear(c);
	free(c->slots);
	free(c);
}

static uint64_t key_hash(struct str name, enum dns_type type)
{
	return map_hash(name) + (uint64_t)type * 0x9e3779b97f4a7c15;
}

struct dns_shared *dns_cache_get(struct dns_cache *c, struct str name, enum dns_type type, int64_t now_ms)
{
	struct entry **at = find(c, key_hash(name, type), name, type);
	struct entry *e = *at;
	if (e == NULL)
		return NULL;
	if (e->expires_ms <= now_ms) {
		drop(c, at);
		return NULL;
	}
	TAILQ_REMOVE(&c->by_use, e, by_use);
	TAILQ_INSERT_HEAD(&c->by_use, e, by_use);
	return dns_answer_get(e->answer);
}

void dns_cache_put(struct dns_cache *c, struct str name, enum dns_type type, struct dns_shared *answer,
		   int64_t expires_ms)
{
	uint64_t hash = key_hash(name, type);
	struct entry **at = find(c, hash, name, type);
	if (*at != NULL)
		drop(c, at);
	struct entry *e = fail_if_null(malloc(sizeof(*e) + name.n));
	*e = (struct entry){
		.next = c->slots[hash & (c->slot_count - 1)],
		.hash = hash,
		.expires_ms = expires_ms,
		.answer = dns_answer_get(answer),
		.type = type,
		.name_bytes = name.n,
	};
	memcpy(e->name, name.p, name.n);
	c->slots[hash & (c->slot_count - 1)] = e;
	TAILQ_INSERT_HEAD(&c->by_use, e, by_use);
	c->count++;
	c->bytes += entry_bytes(e);
	/* The new one stays, however big. */
	while (c->count > 1 && (c->count > c->max_entries || c->bytes > c->max_bytes))
		drop_least_used(c);
}

size_t dns_cache_count(const struct dns_cache *c)
{
	return c->count;
}

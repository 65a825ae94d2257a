#include "auth/key_cache.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/fail.h"
#include "base/map.h"

enum { SLOTS = 2 * KEY_CACHE_MAX };

struct entry {
	struct entry *next; /* in its slot */
	struct entry *newer, *older;
	uint64_t hash;
	EVP_PKEY *key;
	size_t size;
	unsigned char der[];
};

static struct {
	pthread_mutex_t lock;
	struct entry *slots[SLOTS];
	struct entry *newest, *oldest;
	struct key_cache_counters counters;
} cache = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void unlink_age(struct entry *e)
{
	*(e->newer != NULL ? &e->newer->older : &cache.newest) = e->older;
	*(e->older != NULL ? &e->older->newer : &cache.oldest) = e->newer;
}

static void link_newest(struct entry *e)
{
	e->newer = NULL;
	e->older = cache.newest;
	*(cache.newest != NULL ? &cache.newest->newer : &cache.oldest) = e;
	cache.newest = e;
}

static struct entry *find(const unsigned char *der, size_t size, uint64_t hash)
{
	struct entry *e = cache.slots[hash % SLOTS];
	while (e != NULL && !(e->hash == hash && e->size == size && memcmp(e->der, der, size) == 0))
		e = e->next;
	return e;
}

static void drop_oldest(void)
{
	struct entry *e = cache.oldest, **link = &cache.slots[e->hash % SLOTS];
	while (*link != e)
		link = &(*link)->next;
	*link = e->next;
	unlink_age(e);
	cache.counters.kept--;
	EVP_PKEY_free(e->key);
	free(e);
}

/* A reference for the caller, or NULL. */
static EVP_PKEY *get(const unsigned char *der, size_t size, uint64_t hash)
{
	EVP_PKEY *key = NULL;
	pthread_mutex_lock(&cache.lock);
	struct entry *e = find(der, size, hash);
	if (e != NULL) {
		unlink_age(e);
		link_newest(e);
		key = e->key;
		BUG_IF(!EVP_PKEY_up_ref(key));
		cache.counters.hits++;
	} else {
		cache.counters.misses++;
	}
	pthread_mutex_unlock(&cache.lock);
	return key;
}

static void put(const unsigned char *der, size_t size, uint64_t hash, EVP_PKEY *key)
{
	struct entry *e = fail_if_null(malloc(sizeof(*e) + size));
	e->hash = hash;
	e->key = key;
	e->size = size;
	memcpy(e->der, der, size);

	pthread_mutex_lock(&cache.lock);
	if (find(der, size, hash) != NULL) { /* another thread was faster */
		pthread_mutex_unlock(&cache.lock);
		free(e);
		return;
	}
	BUG_IF(!EVP_PKEY_up_ref(key));
	if (cache.counters.kept == KEY_CACHE_MAX)
		drop_oldest();
	e->next = cache.slots[hash % SLOTS];
	cache.slots[hash % SLOTS] = e;
	link_newest(e);
	cache.counters.kept++;
	pthread_mutex_unlock(&cache.lock);
}

/* The DER object at the read position of a memory BIO: its start, and its size or 0. */
static size_t object_in_memory(BIO *bio, const unsigned char **der)
{
	char *bytes;
	if (BIO_method_type(bio) != BIO_TYPE_MEM)
		return 0;
	long available = BIO_get_mem_data(bio, &bytes);
	if (available <= 0)
		return 0;
	const unsigned char *content = (const unsigned char *)bytes;
	long length;
	int tag, class;
	ERR_set_mark();
	int form = ASN1_get_object(&content, &length, &tag, &class, available);
	ERR_pop_to_mark();
	size_t size = (size_t)(content - (const unsigned char *)bytes) + (size_t)length;
	if ((form & 0x81) != 0 || size > KEY_CACHE_DER_MAX)
		return 0;
	*der = (const unsigned char *)bytes;
	return size;
}

EVP_PKEY *d2i_PUBKEY_bio(BIO *bio, EVP_PKEY **out)
{
	const unsigned char *der;
	size_t size = out == NULL ? object_in_memory(bio, &der) : 0;
	if (size == 0)
		return ASN1_d2i_bio_of(EVP_PKEY, EVP_PKEY_new, d2i_PUBKEY, bio, out);

	uint64_t hash = map_hash((struct str){ (const char *)der, size });
	EVP_PKEY *key = get(der, size, hash);
	if (key == NULL) {
		const unsigned char *p = der;
		key = d2i_PUBKEY(NULL, &p, (long)size);
		if (key != NULL)
			put(der, size, hash, key);
	}
	unsigned char read[KEY_CACHE_DER_MAX];
	BIO_read(bio, read, (int)size);
	return key;
}

bool key_cache_is_effective(void)
{
	return dlsym(RTLD_DEFAULT, "d2i_PUBKEY_bio") == (void *)(uintptr_t)&d2i_PUBKEY_bio;
}

struct key_cache_counters key_cache_counters(void)
{
	pthread_mutex_lock(&cache.lock);
	struct key_cache_counters counters = cache.counters;
	pthread_mutex_unlock(&cache.lock);
	return counters;
}

void key_cache_clear(void)
{
	pthread_mutex_lock(&cache.lock);
	while (cache.oldest != NULL)
		drop_oldest();
	pthread_mutex_unlock(&cache.lock);
}

#include "auth/lent_key.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/fail.h"

enum { SLOTS = 256 };

/* The library takes for PEM what begins with five hyphens. */
#define NAME_HEAD "-----lent key "

struct lent_key {
	struct lent_key *next; /* in its slot */
	uint64_t number;
	EVP_PKEY *key;
	char name[sizeof(NAME_HEAD) + 16];
};

static struct {
	pthread_mutex_t lock;
	uint64_t last_number; /* never used twice */
	struct lent_key *slots[SLOTS];
} lent = { .lock = PTHREAD_MUTEX_INITIALIZER };

struct lent_key *lent_key_new(EVP_PKEY *key)
{
	struct lent_key *l = fail_if_null(malloc(sizeof(*l)));
	BUG_IF(!EVP_PKEY_up_ref(key));
	l->key = key;
	pthread_mutex_lock(&lent.lock);
	l->number = ++lent.last_number;
	snprintf(l->name, sizeof(l->name), NAME_HEAD "%016" PRIx64, l->number);
	l->next = lent.slots[l->number % SLOTS];
	lent.slots[l->number % SLOTS] = l;
	pthread_mutex_unlock(&lent.lock);
	return l;
}

void lent_key_free(struct lent_key *l)
{
	if (l == NULL)
		return;
	pthread_mutex_lock(&lent.lock);
	struct lent_key **link = &lent.slots[l->number % SLOTS];
	while (*link != l)
		link = &(*link)->next;
	*link = l->next;
	pthread_mutex_unlock(&lent.lock);
	EVP_PKEY_free(l->key);
	free(l);
}

const char *lent_key_name(const struct lent_key *l)
{
	return l->name;
}

/* With a reference for the caller; NULL if that is no name, or nothing is lent under it. */
static EVP_PKEY *borrow(const char *name, size_t n)
{
	char digits[17] = "";
	if (n != sizeof(NAME_HEAD) - 1 + 16)
		return NULL;
	memcpy(digits, name + sizeof(NAME_HEAD) - 1, 16);
	uint64_t number = strtoull(digits, NULL, 16);
	EVP_PKEY *key = NULL;
	pthread_mutex_lock(&lent.lock);
	const struct lent_key *l = lent.slots[number % SLOTS];
	while (l != NULL && l->number != number)
		l = l->next;
	if (l != NULL && EVP_PKEY_up_ref(l->key))
		key = l->key;
	pthread_mutex_unlock(&lent.lock);
	return key;
}

EVP_PKEY *PEM_read_bio_PrivateKey(BIO *bio, EVP_PKEY **out, pem_password_cb *password, void *context)
{
	char *bytes;
	long n = out == NULL && BIO_method_type(bio) == BIO_TYPE_MEM ? BIO_get_mem_data(bio, &bytes) : 0;
	if (n > 0 && (size_t)n >= sizeof(NAME_HEAD) - 1 && memcmp(bytes, NAME_HEAD, sizeof(NAME_HEAD) - 1) == 0)
		return borrow(bytes, (size_t)n);
	return PEM_read_bio_PrivateKey_ex(bio, out, password, context, NULL, NULL);
}

bool lent_key_is_effective(void)
{
	return dlsym(RTLD_DEFAULT, "PEM_read_bio_PrivateKey") == (void *)(uintptr_t)&PEM_read_bio_PrivateKey;
}

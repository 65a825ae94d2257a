#include "auth/dkim_sign.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include "auth/dkim_feed.h"
#include "auth/lent_key.h"
#include "auth/private_key.h"
#include "auth/sign_fields.h"
#include "auth/signing_key.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/fail.h"
#include "mail/header.h"

/* Which names are to be named once more is an option of the library: one library for each set of names that
 * messages have asked for. */
struct auth_dkim_signer {
	atomic_uint refs;
	struct sign_settings settings;
	pthread_mutex_t lock;
	DKIM_LIB *libraries[SIGN_PROFILES];
};

struct item {
	const struct signing_key *key;
	EVP_PKEY *leaked;      /* the library does not give its reference back */
	DKIM *handle;
	struct dkim_body body;
};

struct auth_dkim_sign {
	struct auth_dkim_signer *signer;
	struct arena *arena;
	struct item items[SIGN_KEYS_MAX];
	size_t count;
	struct str failed;     /* empty: all is well */
};

/* The library only reads, but does not say so everywhere. */
static unsigned char *bytes_of(const char *text)
{
	return (unsigned char *)(uintptr_t)text;
}

/* What the library allocates for a message is the message's: what it loses track of, too. */
static void *allocate(void *arena, size_t size)
{
	return arena_alloc(arena, size);
}

static void leave_to_arena(void *arena, void *p)
{
	(void)arena;
	(void)p;
}

/* ---- a leak of the library ------------------------------------------------------------------------------ */

static pthread_once_t leak_once = PTHREAD_ONCE_INIT;
static bool leaks_ed25519; /* its reference to an Ed25519 key */

static void on_key_freed(void *parent, void *flag, CRYPTO_EX_DATA *data, int index, long argl, void *argp)
{
	(void)parent, (void)data, (void)index, (void)argl, (void)argp;
	if (flag != NULL)
		*(bool *)flag = true;
}

static void sign_something(struct lent_key *lent)
{
	DKIM_STAT status;
	static unsigned char from[] = "From: a@example.org";
	struct arena *a = arena_new();
	DKIM_LIB *lib = fail_if_null(dkim_init(allocate, leave_to_arena));
	DKIM *dkim = dkim_sign(lib, bytes_of("test"), a, bytes_of(lent_key_name(lent)), bytes_of("s"),
			       bytes_of("example.org"), DKIM_CANON_RELAXED, DKIM_CANON_SIMPLE, DKIM_SIGN_ED25519SHA256,
			       -1, &status);
	BUG_IF(dkim == NULL || dkim_header(dkim, from, sizeof(from) - 1) != DKIM_STAT_OK ||
	       dkim_eoh(dkim) != DKIM_STAT_OK || dkim_eom(dkim, NULL) != DKIM_STAT_OK);
	dkim_free(dkim);
	dkim_close(lib);
	arena_free(a);
}

/* libopendkim 2.11.0~beta2 keeps the reference for ever. Giving one back for a library in which that is repaired
 * would be one too many, so it is tried on a key that says when it goes. */
static void find_leak(void)
{
	bool is_freed = false;
	int index = EVP_PKEY_get_ex_new_index(0, NULL, NULL, NULL, on_key_freed);
	EVP_PKEY *key = private_key_generate(KEY_ED25519, 0);
	BUG_IF(index < 0 || !EVP_PKEY_set_ex_data(key, index, &is_freed));
	struct lent_key *lent = lent_key_new(key);
	sign_something(lent);
	lent_key_free(lent);
	EVP_PKEY_free(key);
	leaks_ed25519 = !is_freed;
	if (leaks_ed25519)
		EVP_PKEY_free(key);
	BUG_IF(!is_freed);
	CRYPTO_free_ex_index(CRYPTO_EX_INDEX_EVP_PKEY, index);
}

/* ---- the signer ----------------------------------------------------------------------------------------- */

static DKIM_LIB *library_new(const struct sign_settings *settings, unsigned profile)
{
	const char *names[SIGN_OVERSIGNED_MAX];
	uint64_t expires_s = (uint64_t)settings->expires_s;
	unsigned min_bits = PRIVATE_KEY_RSA_BITS_MIN;
	DKIM_LIB *lib = fail_if_null(dkim_init(allocate, leave_to_arena));
	sign_fields_oversigned(profile, names);
	BUG_IF(dkim_options(lib, DKIM_OP_SETOPT, DKIM_OPTS_OVERSIGNHDRS, names, sizeof(char **)) != DKIM_STAT_OK);
	BUG_IF(dkim_options(lib, DKIM_OP_SETOPT, DKIM_OPTS_SIGNATURETTL, &expires_s, sizeof(expires_s)) !=
	       DKIM_STAT_OK);
	BUG_IF(dkim_options(lib, DKIM_OP_SETOPT, DKIM_OPTS_MINKEYBITS, &min_bits, sizeof(min_bits)) != DKIM_STAT_OK);
	return lib;
}

static DKIM_LIB *library_for(struct auth_dkim_signer *s, unsigned profile)
{
	pthread_mutex_lock(&s->lock);
	if (s->libraries[profile] == NULL)
		s->libraries[profile] = library_new(&s->settings, profile);
	DKIM_LIB *lib = s->libraries[profile];
	pthread_mutex_unlock(&s->lock);
	return lib;
}

struct auth_dkim_signer *auth_dkim_signer_new(const struct sign_settings *settings)
{
	BUG_IF(!lent_key_is_effective());
	pthread_once(&leak_once, find_leak);
	struct auth_dkim_signer *s = fail_if_null(calloc(1, sizeof(*s)));
	atomic_init(&s->refs, 1);
	s->settings = *settings;
	pthread_mutex_init(&s->lock, NULL);
	return s;
}

void auth_dkim_signer_free(struct auth_dkim_signer *s)
{
	if (s == NULL || atomic_fetch_sub(&s->refs, 1) > 1)
		return;
	for (size_t i = 0; i < SIGN_PROFILES; i++)
		if (s->libraries[i] != NULL)
			dkim_close(s->libraries[i]);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* ---- a message ------------------------------------------------------------------------------------------ */

static void free_handles(void *arg)
{
	struct auth_dkim_sign *s = arg;
	for (size_t i = 0; i < s->count; i++) {
		if (s->items[i].handle != NULL)
			dkim_free(s->items[i].handle);
		EVP_PKEY_free(s->items[i].leaked);
	}
	auth_dkim_signer_free(s->signer);
}

static bool fail(struct auth_dkim_sign *s, const struct item *item, const char *what)
{
	const char *detail = item->handle == NULL ? NULL : dkim_geterror(item->handle);
	s->failed = str_printf(s->arena, "%s for %.*s%s%s", what, STR_ARG(item->key->record_name),
			       detail == NULL ? "" : ": ", detail == NULL ? "" : detail);
	return false;
}

static bool open_handle(struct auth_dkim_sign *s, struct item *item, DKIM_LIB *lib)
{
	DKIM_STAT status;
	const struct signing_key *key = item->key;
	item->handle = dkim_sign(lib, bytes_of("message"), s->arena, bytes_of(lent_key_name(key->lent)),
				 bytes_of(str_to_c(s->arena, key->selector)), bytes_of(str_to_c(s->arena, key->domain)),
				 DKIM_CANON_RELAXED,
				 s->signer->settings.is_body_simple ? DKIM_CANON_SIMPLE : DKIM_CANON_RELAXED,
				 key->type == KEY_RSA ? DKIM_SIGN_RSASHA256 : DKIM_SIGN_ED25519SHA256, -1, &status);
	return item->handle != NULL || fail(s, item, "libopendkim begins no signature");
}

static bool feed_header(struct auth_dkim_sign *s, struct item *item, const struct sign_fields *fields)
{
	struct buf scratch;
	bool is_fed = true;
	buf_init(&scratch, 0);
	for (size_t i = 0; i < fields->count && is_fed; i++)
		is_fed = auth_dkim_feed_field(item->handle, &scratch, fields->items[i]->name, fields->items[i]->value);
	buf_fini(&scratch);
	is_fed = is_fed && dkim_eoh(item->handle) == DKIM_STAT_OK;
	return is_fed || fail(s, item, "libopendkim did not take the header section");
}

struct auth_dkim_sign *auth_dkim_sign_begin(struct auth_dkim_signer *signer, const struct signing_key *const *keys,
					    size_t count, const struct header_list *headers, struct arena *arena,
					    struct str *why_not)
{
	struct sign_fields fields;
	BUG_IF(count == 0 || count > SIGN_KEYS_MAX);
	if (!sign_fields_choose(arena, headers, &fields, why_not))
		return NULL;
	struct auth_dkim_sign *s = ARENA_NEW(arena, struct auth_dkim_sign);
	s->signer = signer;
	s->arena = arena;
	s->count = count;
	atomic_fetch_add(&signer->refs, 1);
	arena_defer(arena, free_handles, s);
	DKIM_LIB *lib = library_for(signer, fields.profile);
	for (size_t i = 0; i < count && s->failed.n == 0; i++) {
		s->items[i].key = keys[i];
		if (open_handle(s, &s->items[i], lib))
			feed_header(s, &s->items[i], &fields);
	}
	*why_not = s->failed;
	return s->failed.n == 0 ? s : NULL;
}

static bool body_is_good(struct auth_dkim_sign *s, const struct item *item, bool is_fed)
{
	if (!is_fed)
		return fail(s, item, "libopendkim did not take the body");
	if (item->body.has_stray) {
		s->failed = STR("the body has a CR or LF that ends no line");
		return false;
	}
	if (item->body.has_long_line) {
		s->failed = STR("the body has a line that is too long to sign");
		return false;
	}
	return true;
}

bool auth_dkim_sign_body(struct auth_dkim_sign *s, const unsigned char *bytes, size_t count)
{
	for (size_t i = 0; i < s->count && s->failed.n == 0; i++) {
		struct item *item = &s->items[i];
		body_is_good(s, item, auth_dkim_feed_body(item->handle, &item->body, bytes, count));
	}
	return s->failed.n == 0;
}

/* A library that could not sign lets go of its key twice when it is freed; lost is only what the arena frees. */
static bool sign(struct auth_dkim_sign *s, struct item *item)
{
	if (!body_is_good(s, item, auth_dkim_feed_body_end(item->handle, &item->body)))
		return false;
	if (dkim_eom(item->handle, NULL) != DKIM_STAT_OK) {
		fail(s, item, "libopendkim made no signature");
		item->handle = NULL;
		return false;
	}
	if (item->key->type == KEY_ED25519 && leaks_ed25519)
		item->leaked = item->key->key;
	return true;
}

static bool take_value(struct auth_dkim_sign *s, struct item *item, struct str *value)
{
	unsigned char *text;
	size_t n;
	/* The column at which the value begins. */
	if (dkim_getsighdr_d(item->handle, sizeof("DKIM-Signature: ") - 1, &text, &n) != DKIM_STAT_OK)
		return fail(s, item, "libopendkim hands no signature out");
	char *lines = arena_alloc(s->arena, n + 1);
	value->p = lines;
	for (size_t i = 0; i < n; i++)
		if (text[i] != '\r')
			lines[value->n++] = (char)text[i];
	return true;
}

bool auth_dkim_sign_end(struct auth_dkim_sign *s, const struct str **values, size_t *count, struct str *why_not)
{
	struct str *list = arena_array(s->arena, s->count, sizeof(*list));
	for (size_t i = 0; i < s->count && s->failed.n == 0; i++)
		if (sign(s, &s->items[i]))
			take_value(s, &s->items[i], &list[i]);
	*values = list;
	*count = s->count;
	*why_not = s->failed;
	return s->failed.n == 0;
}

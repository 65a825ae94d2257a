#include "auth/signing_key.h"

#include <openssl/evp.h>

#include "auth/lent_key.h"
#include "auth/private_key.h"
#include "base/arena.h"
#include "base/fail.h"

const char *const published_words[PUBLISHED_COUNT] = {
	[PUBLISHED_UNKNOWN] = "unknown",
	[PUBLISHED_NOT] = "no",
	[PUBLISHED] = "yes",
};

static void let_go(void *arg)
{
	struct signing_key *k = arg;
	lent_key_free(k->lent);
	EVP_PKEY_free(k->key);
}

const struct signing_key *signing_key_new(struct arena *a, EVP_PKEY *key, struct str domain, struct str selector)
{
	struct signing_key *k = ARENA_NEW(a, struct signing_key);
	k->domain = str_dup(a, domain);
	k->selector = str_dup(a, selector);
	k->record_name = str_printf(a, "%.*s._domainkey.%.*s", STR_ARG(selector), STR_ARG(domain));
	k->record = private_key_record(a, key);
	k->type = private_key_type(key);
	k->bits = private_key_bits(key);
	k->key = key;
	k->lent = lent_key_new(key);
	BUG_IF(!EVP_PKEY_up_ref(key));
	arena_defer(a, let_go, k);
	return k;
}

enum published signing_key_compare(struct arena *a, const struct signing_key *k, const struct dns_answer *answer,
				   struct str *why)
{
	struct dkim_key found = auth_dkim_key_record(a, k->record_name, answer, k->type, PRIVATE_KEY_RSA_BITS_MIN);
	*why = found.why;
	if (found.result == RESULT_TEMPERROR)
		return PUBLISHED_UNKNOWN;
	if (found.result != RESULT_NONE)
		return PUBLISHED_NOT;
	if (!str_eq(found.text, k->record)) {
		*why = str_printf(a, "key %.*s: the record holds another key", STR_ARG(k->record_name));
		return PUBLISHED_NOT;
	}
	if (found.is_testing)
		*why = str_printf(a, "key %.*s: the record says t=y, so that receivers may ignore its signatures",
				  STR_ARG(k->record_name));
	return PUBLISHED;
}

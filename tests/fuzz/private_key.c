/* The file of a private key. What is taken prints as a key that is taken, and its record as one that is read. */
#include "fuzz/fuzz.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include "auth/private_key.h"
#include "base/arena.h"
#include "base/fail.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct str why = STR_EMPTY;
	char room[PRIVATE_KEY_BYTES_MAX];
	EVP_PKEY *key = private_key_parse(a, (struct str){ (const char *)data, size }, &why);
	BUG_IF((key == NULL) != (why.n > 0));
	BUG_IF(ERR_peek_error() != 0);
	if (key != NULL) {
		struct str printed = { room, private_key_print(key, room) };
		EVP_PKEY *again = private_key_parse(a, printed, &why);
		BUG_IF(again == NULL || EVP_PKEY_eq(key, again) != 1);
		BUG_IF(private_key_record(a, key).n > KEY_TEXT_MAX);
		EVP_PKEY_free(again);
		EVP_PKEY_free(key);
	}
	arena_free(a);
	return 0;
}

#include "base/digest.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "base/fail.h"

void digest_add(struct digest *d, struct str text)
{
	EVP_MD_CTX *c = fail_if_null(EVP_MD_CTX_new());
	BUG_IF(EVP_DigestInit_ex(c, EVP_sha256(), NULL) != 1 || EVP_DigestUpdate(c, d->bytes, sizeof(d->bytes)) != 1 ||
	       EVP_DigestUpdate(c, text.p, text.n) != 1 || EVP_DigestFinal_ex(c, d->bytes, NULL) != 1);
	EVP_MD_CTX_free(c);
}

void digest_print(const struct digest *d, char *out, size_t size)
{
	for (size_t i = 0; i < sizeof(d->bytes) && 2 * i + 2 < size; i++)
		snprintf(out + 2 * i, 3, "%02x", d->bytes[i]);
}

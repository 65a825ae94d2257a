/* The TXT records at a key's name, one in each line. What comes out, libopendkim must read as it is meant. */
#include "fuzz/fuzz.h"

#include <opendkim/dkim.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "auth/dkim_key_record.h"
#include "auth/dkim_tags.h"
#include "base/arena.h"
#include "base/fail.h"
#include "dns/dns.h"

enum { RECORDS_MAX = 8 };

static struct dkim_key key_of(struct arena *a, const struct dns_record *records, size_t count, enum key_type type)
{
	struct dns_answer answer = { .status = DNS_OK, .count = count, .records = records };
	return auth_dkim_key_record(a, STR("s._domainkey.example.org"), &answer, type, 1024);
}

/* The sizes that were promised are those that OpenSSL sees. */
static void check_rsa(struct arena *a, const struct dkim_key *key)
{
	struct tags tags;
	struct str der;
	BUG_IF(auth_dkim_tags_parse(key->text, &tags) != NULL);
	BUG_IF(!auth_dkim_base64(a, auth_dkim_tag_value(&tags, STR("p")), &der));
	const unsigned char *p = (const unsigned char *)der.p;
	EVP_PKEY *pkey = d2i_PUBKEY(NULL, &p, (long)der.n);
	if (pkey != NULL)
		BUG_IF(EVP_PKEY_get_base_id(pkey) != EVP_PKEY_RSA || EVP_PKEY_get_bits(pkey) != (int)key->bits);
	EVP_PKEY_free(pkey);
}

static void check_usable(struct arena *a, const struct dkim_key *key, enum key_type type)
{
	DKIM_STAT status;
	DKIM_LIB *lib = dkim_init(NULL, NULL);
	DKIM *handle = dkim_verify(lib, (const unsigned char *)"id", NULL, &status);
	BUG_IF(key->text.n == 0 || key->text.n > KEY_TEXT_MAX);
	BUG_IF(dkim_key_syntax(handle, (unsigned char *)str_to_c(a, key->text), key->text.n) != DKIM_STAT_OK);
	struct dns_record record = { .text = key->text };
	BUG_IF(!str_eq(key_of(a, &record, 1, type).text, key->text));
	BUG_IF(type == KEY_RSA && (key->bits < 1024 || key->bits > KEY_RSA_BITS_MAX));
	if (type == KEY_RSA)
		check_rsa(a, key);
	dkim_free(handle);
	dkim_close(lib);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct str rest = { (const char *)data, size };
	struct dns_record records[RECORDS_MAX] = { 0 };
	size_t count = 0;
	while (count < RECORDS_MAX && str_next(&rest, '\n', &records[count].text))
		count++;
	for (enum key_type type = KEY_RSA; count > 0 && type <= KEY_ED25519; type++) {
		struct dkim_key key = key_of(a, records, count, type);
		BUG_IF((key.result == RESULT_NONE) != (key.why.n == 0));
		if (key.result == RESULT_NONE)
			check_usable(a, &key, type);
	}
	arena_free(a);
	return 0;
}

#include "auth/dkim_key_record.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include "auth/dkim_tags.h"
#include "base/arena.h"
#include "base/fail.h"
#include "dns/dns.h"

const char *const key_type_words[KEY_TYPE_COUNT] = { [KEY_RSA] = "rsa", [KEY_ED25519] = "ed25519" };

static enum result refuse(struct dkim_key *key, enum result result, struct str why)
{
	key->why = why;
	return result;
}

static enum result refuse_record(struct dkim_key *key, const char *why)
{
	return refuse(key, RESULT_PERMERROR, str_of(why));
}

/* One DER element of that universal tag: its content, and *in behind it. No indefinite lengths. */
static bool der_take(struct str *in, int tag, struct str *content)
{
	const unsigned char *p = (const unsigned char *)in->p;
	long length;
	int got_tag = -1, got_class = -1; /* unset where it fails */
	ERR_set_mark();
	int form = ASN1_get_object(&p, &length, &got_tag, &got_class, (long)in->n);
	ERR_pop_to_mark();
	if ((form & 0x81) != 0 || got_tag != tag || got_class != V_ASN1_UNIVERSAL)
		return false;
	*content = (struct str){ (const char *)p, (size_t)length };
	*in = str_skip(*in, (size_t)((const char *)p - in->p) + (size_t)length);
	return true;
}

/* The RSAPublicKey inside a SubjectPublicKeyInfo, or the element itself if it is a bare one: RFC 6376 3.6.1
 * names the latter, everybody publishes the former. What follows the element is cut off *der. */
static bool find_rsa_public_key(struct str *der, struct str *public_key, bool *is_bare)
{
	static const char rsa_encryption[] = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
	struct str rest = *der, sequence, algorithm, oid, bits;
	if (!der_take(&rest, V_ASN1_SEQUENCE, &sequence))
		return false;
	der->n -= rest.n;
	*is_bare = !der_take(&sequence, V_ASN1_SEQUENCE, &algorithm);
	if (*is_bare) {
		*public_key = *der;
		return true;
	}
	if (!der_take(&algorithm, V_ASN1_OBJECT, &oid) || !str_eq(oid, str_of(rsa_encryption)))
		return false;
	if (!der_take(&sequence, V_ASN1_BIT_STRING, &bits) || bits.n < 1 || bits.p[0] != 0)
		return false;
	*public_key = str_skip(bits, 1);
	return true;
}

/* Bits of an INTEGER; 0 if it is even, which neither a modulus nor an exponent may be. */
static unsigned odd_integer_bits(struct str content)
{
	while (content.n > 0 && content.p[0] == 0)
		content = str_skip(content, 1);
	if (content.n == 0 || (content.p[content.n - 1] & 1) == 0)
		return 0;
	unsigned top = (unsigned char)content.p[0];
	return (unsigned)(8 * content.n) - (unsigned)(__builtin_clz(top) - 24);
}

/* SubjectPublicKeyInfo around a bare RSAPublicKey: the only form that the library reads. */
static struct str wrap_rsa_public_key(struct arena *a, struct str public_key)
{
	X509_PUBKEY *info = fail_if_null(X509_PUBKEY_new());
	unsigned char *copy = fail_if_null(OPENSSL_memdup(public_key.p, public_key.n));
	BUG_IF(!X509_PUBKEY_set0_param(info, OBJ_nid2obj(NID_rsaEncryption), V_ASN1_NULL, NULL, copy,
				       (int)public_key.n));
	unsigned char *der = NULL;
	int n = i2d_X509_PUBKEY(info, &der);
	BUG_IF(n <= 0);
	struct str wrapped = str_dup(a, (struct str){ (const char *)der, (size_t)n });
	OPENSSL_free(der);
	X509_PUBKEY_free(info);
	return wrapped;
}

static struct str base64_encode(struct arena *a, struct str bytes)
{
	unsigned char *text = arena_alloc(a, 4 * (bytes.n / 3 + 1) + 1);
	int n = EVP_EncodeBlock(text, (const unsigned char *)bytes.p, (int)bytes.n);
	return (struct str){ (const char *)text, (size_t)n };
}

static enum result check_rsa(struct arena *a, struct str *der, unsigned min_bits, struct dkim_key *key)
{
	struct str public_key, content, modulus, exponent;
	bool is_bare;
	if (!find_rsa_public_key(der, &public_key, &is_bare))
		return refuse_record(key, "p= is no RSA key");
	struct str inside = public_key;
	if (!der_take(&inside, V_ASN1_SEQUENCE, &content) || !der_take(&content, V_ASN1_INTEGER, &modulus) ||
	    !der_take(&content, V_ASN1_INTEGER, &exponent))
		return refuse_record(key, "p= is no RSA key");
	unsigned exponent_bits = odd_integer_bits(exponent);
	key->bits = odd_integer_bits(modulus);
	if (key->bits == 0 || exponent_bits < 2)
		return refuse_record(key, "p= holds numbers that no RSA key has");
	if (key->bits < min_bits) /* RFC 8301 3.2 */
		return refuse(key, RESULT_POLICY,
			      str_printf(a, "%u bits are too short, %u are needed", key->bits, min_bits));
	if (key->bits > KEY_RSA_BITS_MAX)
		return refuse(key, RESULT_POLICY,
			      str_printf(a, "%u bits are more than the %d supported", key->bits, KEY_RSA_BITS_MAX));
	if (exponent_bits > KEY_RSA_EXPONENT_BITS_MAX)
		return refuse(key, RESULT_POLICY, str_printf(a, "an exponent of %u bits is more than the %d supported",
							     exponent_bits, KEY_RSA_EXPONENT_BITS_MAX));
	if (is_bare)
		*der = wrap_rsa_public_key(a, public_key);
	return RESULT_NONE;
}

static enum result check_ed25519(struct str bytes, struct dkim_key *key)
{
	if (bytes.n != 32) /* RFC 8463 4.2 */
		return refuse_record(key, "p= is no Ed25519 key of 32 bytes");
	key->bits = 256;
	return RESULT_NONE;
}

static enum result check_public_key(struct arena *a, struct str p, enum key_type type, unsigned min_rsa_bits,
				    struct dkim_key *key)
{
	struct str bytes;
	if (p.n == 0)
		return refuse_record(key, "revoked");
	if (!auth_dkim_base64(a, p, &bytes))
		return refuse_record(key, "p= is no base64");
	enum result result = type == KEY_RSA ? check_rsa(a, &bytes, min_rsa_bits, key) : check_ed25519(bytes, key);
	if (result != RESULT_NONE)
		return result;
	key->text = str_printf(a, "v=DKIM1; k=%s; p=%.*s", key_type_words[type], STR_ARG(base64_encode(a, bytes)));
	if (key->text.n > KEY_TEXT_MAX)
		return refuse_record(key, "p= holds more than a key");
	return RESULT_NONE;
}

/* RFC 6376 3.6.1, tag by tag. */
static enum result check_record(struct arena *a, struct str text, enum key_type type, unsigned min_rsa_bits,
				struct dkim_key *key)
{
	struct tags tags;
	const char *wrong = auth_dkim_tags_parse(text, &tags);
	if (wrong != NULL)
		return refuse(key, RESULT_PERMERROR, str_printf(a, "the record is invalid: %s", wrong));
	const struct tag *v = auth_dkim_tag(&tags, STR("v")), *p = auth_dkim_tag(&tags, STR("p"));
	if (v != NULL && (v != &tags.items[0] || !str_eq(v->value, STR("DKIM1"))))
		return refuse_record(key, "v= is not DKIM1 or not the first tag");
	if (p == NULL)
		return refuse_record(key, "p= is missing");

	const struct tag *k = auth_dkim_tag(&tags, STR("k")), *h = auth_dkim_tag(&tags, STR("h")),
			 *s = auth_dkim_tag(&tags, STR("s"));
	struct str flags = auth_dkim_tag_value(&tags, STR("t"));
	key->is_testing = auth_dkim_list_has(flags, STR("y"));
	key->is_exact = auth_dkim_list_has(flags, STR("s"));
	if (!str_eq_nocase(k == NULL ? STR("rsa") : k->value, str_of(key_type_words[type])))
		return refuse_record(key, "k= does not fit the signature's a=");
	if (h != NULL && !auth_dkim_list_has(h->value, STR("sha256")))
		return refuse_record(key, "h= does not allow sha256");
	if (s != NULL && !auth_dkim_list_has(s->value, STR("email")) && !auth_dkim_list_has(s->value, STR("*")))
		return refuse_record(key, "s= does not allow email");
	return check_public_key(a, p->value, type, min_rsa_bits, key);
}

/* Other users of the name are told apart by their version tag, or by having no p=. */
static bool looks_like_key_record(struct str text)
{
	struct str rest = text, spec, name, value;
	for (bool is_first = true; str_next(&rest, ';', &spec); is_first = false) {
		str_cut(spec, '=', &name, &value);
		name = str_trim(name);
		if (is_first && str_eq(name, STR("v")))
			return str_starts_nocase(str_trim(value), STR("DKIM"));
		if (str_eq(name, STR("p")))
			return true;
	}
	return false;
}

/* RFC 6376 3.6.2.2: with several key records the result is undefined; here they are an error. */
static enum result choose_record(const struct dns_answer *answer, struct str *text, struct dkim_key *key)
{
	size_t found = 0;
	for (size_t i = 0; i < answer->count; i++) {
		if (!looks_like_key_record(answer->records[i].text))
			continue;
		*text = answer->records[i].text;
		found++;
	}
	if (found == 0)
		return refuse_record(key, "no key among its TXT records");
	if (found > 1)
		return refuse_record(key, "several key records");
	return RESULT_NONE;
}

static enum result check_answer(const struct dns_answer *answer, struct dkim_key *key)
{
	switch (answer->status) {
	case DNS_OK:
		return RESULT_NONE;
	case DNS_NODATA:
	case DNS_NXDOMAIN:
		return refuse_record(key, "no such record");
	case DNS_BAD_NAME:
		return refuse_record(key, "no valid name");
	case DNS_SERVFAIL:
	case DNS_TIMEOUT:
	case DNS_BOGUS:
	case DNS_STATUS_COUNT:
		break;
	}
	BUG_IF(!dns_is_temporary(answer->status));
	return refuse(key, RESULT_TEMPERROR, str_of(dns_status_words[answer->status]));
}

/* A key that was usable, with its text; the next message need not read the record again. */
struct read_key {
	enum key_type type;
	unsigned min_rsa_bits;
	struct dkim_key key;
	char text[];
};

static void keep(const struct dns_answer *answer, enum key_type type, unsigned min_rsa_bits, const struct dkim_key *key)
{
	struct read_key *r = fail_if_null(malloc(sizeof(*r) + key->text.n));
	r->type = type;
	r->min_rsa_bits = min_rsa_bits;
	r->key = *key;
	r->key.text.p = memcpy(r->text, key->text.p, key->text.n);
	if (!dns_note_put(answer, r))
		free(r);
}

struct dkim_key auth_dkim_key_record(struct arena *a, struct str key_name, const struct dns_answer *answer,
				     enum key_type type, unsigned min_rsa_bits)
{
	const struct read_key *known = dns_note_get(answer);
	if (known != NULL && known->type == type && known->min_rsa_bits == min_rsa_bits)
		return known->key;
	struct dkim_key key = { .result = RESULT_NONE };
	struct str text = STR_EMPTY;
	key.result = check_answer(answer, &key);
	if (key.result == RESULT_NONE)
		key.result = choose_record(answer, &text, &key);
	if (key.result == RESULT_NONE)
		key.result = check_record(a, text, type, min_rsa_bits, &key);
	if (key.result != RESULT_NONE)
		key.why = str_printf(a, "key %.*s: %.*s", STR_ARG(key_name), STR_ARG(key.why));
	else
		keep(answer, type, min_rsa_bits, &key);
	return key;
}

#include "../test.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/diag.h"
#include "dns/dns.h"
#include "dns/dns_name.h"
#include "lib/dns_server.h"

/* The zone signed.example, signed with Ed25519 (RFC 4034, RFC 8080) by a key made for the test. */
enum { TYPE_RRSIG = 46, TYPE_DNSKEY = 48, ALGORITHM = 15, TTL_S = 300, KEY_BYTES = 4 + 32 };

static EVP_PKEY *key;
static uint8_t dnskey[KEY_BYTES] = { 1, 1, 3, ALGORITHM }; /* zone key, entry point */

static void make_key(void)
{
	size_t n = KEY_BYTES - 4;
	key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	assert_non_null(key);
	assert_int_equal(EVP_PKEY_get_raw_public_key(key, dnskey + 4, &n), 1);
}

/* RFC 4034 appendix B */
static uint16_t key_tag(void)
{
	uint32_t sum = 0;
	for (size_t i = 0; i < KEY_BYTES; i++)
		sum += i % 2 == 0 ? (uint32_t)dnskey[i] << 8 : dnskey[i];
	return (uint16_t)(sum + (sum >> 16));
}

struct bytes {
	uint8_t p[512];
	size_t n;
};

static void put(struct bytes *b, const void *p, size_t n)
{
	memcpy(b->p + b->n, p, n);
	b->n += n;
}

static void put_number(struct bytes *b, uint32_t value, size_t n)
{
	while (n-- > 0)
		b->p[b->n++] = (uint8_t)(value >> (8 * n));
}

static void put_name(struct bytes *b, const char *name)
{
	struct dns_wire wire;
	dns_wire_of(str_of(name), &wire);
	put(b, wire.b, wire.n);
}

/* RFC 4034 3.1: signs the one record of this name and type. */
static struct bytes signature(const char *owner, uint16_t type, const void *data, size_t data_bytes)
{
	struct bytes rrsig = { .n = 0 }, to_sign;
	uint32_t labels = 1;
	for (const char *c = owner; *c != 0; c++)
		labels += *c == '.';
	put_number(&rrsig, type, 2);
	put_number(&rrsig, ALGORITHM, 1);
	put_number(&rrsig, labels, 1);
	put_number(&rrsig, TTL_S, 4);
	put_number(&rrsig, (uint32_t)time(NULL) + 3600, 4);
	put_number(&rrsig, (uint32_t)time(NULL) - 3600, 4);
	put_number(&rrsig, key_tag(), 2);
	put_name(&rrsig, "signed.example");
	to_sign = rrsig;
	put_name(&to_sign, owner);
	put_number(&to_sign, type, 2);
	put_number(&to_sign, 1, 2);
	put_number(&to_sign, TTL_S, 4);
	put_number(&to_sign, (uint32_t)data_bytes, 2);
	put(&to_sign, data, data_bytes);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t signature_bytes = sizeof(rrsig.p) - rrsig.n;
	assert_int_equal(EVP_DigestSignInit(ctx, NULL, NULL, NULL, key), 1);
	assert_int_equal(EVP_DigestSign(ctx, rrsig.p + rrsig.n, &signature_bytes, to_sign.p, to_sign.n), 1);
	rrsig.n += signature_bytes;
	EVP_MD_CTX_free(ctx);
	return rrsig;
}

static void reply_signed(const struct dns_server_query *q, struct dns_server_reply *r, const void *data, size_t n)
{
	struct bytes rrsig = signature(q->name, q->type, data, n);
	reply_record(r, NULL, q->type, TTL_S, data, n);
	reply_record(r, NULL, TYPE_RRSIG, TTL_S, rrsig.p, rrsig.n);
}

static void answer(const struct dns_server_query *q, struct dns_server_reply *r)
{
	static const uint8_t genuine[] = { 192, 0, 2, 1 }, forged[] = { 192, 0, 2, 66 };
	if (q->type == TYPE_DNSKEY && strcmp(q->name, "signed.example") == 0) {
		reply_signed(q, r, dnskey, sizeof(dnskey));
	} else if (strcmp(q->name, "good.signed.example") == 0 && q->type == DNS_A) {
		reply_signed(q, r, genuine, sizeof(genuine));
	} else if (strcmp(q->name, "forged.signed.example") == 0 && q->type == DNS_A) {
		struct bytes rrsig = signature(q->name, q->type, genuine, sizeof(genuine));
		reply_record(r, NULL, DNS_A, TTL_S, forged, sizeof(forged));
		reply_record(r, NULL, TYPE_RRSIG, TTL_S, rrsig.p, rrsig.n);
	} else if (q->type == DNS_A) {
		reply_record(r, NULL, DNS_A, TTL_S, genuine, sizeof(genuine));
	}
}

static void write_anchor(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void answers_are_validated(void **state)
{
	(void)state;
	char path[] = "/tmp/gatepost-anchor-XXXXXX", base64[64], line[128];
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	make_key();
	EVP_EncodeBlock((unsigned char *)base64, dnskey + 4, KEY_BYTES - 4);
	snprintf(line, sizeof(line), "signed.example. IN DNSKEY 257 3 15 %s\n", base64);
	write_anchor(path, line);

	struct arena *arena = arena_new();
	struct diags *diags = diags_new();
	struct dns_server *server = dns_server_open(answer);
	struct str address = str_of(dns_server_address(server));
	struct dns_settings settings = {
		.servers = &address, .server_count = 1, .timeout_ms = 5000, .cache_entries = 100, .dnssec = true,
		.trust_anchor_file = path,
	};
	struct dns *dns = dns_open(&settings, NULL, diags);
	diags_print(diags, stderr);
	assert_non_null(dns);
	int64_t deadline_ms = clock_mono_ms() + 20000;

	const struct dns_answer *a = dns_ask(dns, STR("good.signed.example"), DNS_A, deadline_ms, arena);
	assert_string_equal(dns_status_words[a->status], "ok");
	assert_true(a->is_secure);
	assert_int_equal(a->count, 1);
	a = dns_ask(dns, STR("forged.signed.example"), DNS_A, deadline_ms, arena);
	assert_string_equal(dns_status_words[a->status], "bogus");
	assert_int_equal(a->count, 0);
	a = dns_ask(dns, STR("stripped.signed.example"), DNS_A, deadline_ms, arena);
	assert_string_equal(dns_status_words[a->status], "bogus");
	a = dns_ask(dns, STR("plain.example.org"), DNS_A, deadline_ms, arena);
	assert_string_equal(dns_status_words[a->status], "ok");
	assert_false(a->is_secure);
	dns_close(dns);

	settings.dnssec = false;
	dns = dns_open(&settings, NULL, diags);
	a = dns_ask(dns, STR("forged.signed.example"), DNS_A, deadline_ms, arena);
	assert_string_equal(dns_status_words[a->status], "ok");
	assert_false(a->is_secure);
	dns_close(dns);

	arena_free(arena);
	dns_server_close(server);
	diags_free(diags);
	EVP_PKEY_free(key);
	unlink(path);
}

static void an_anchor_that_is_none_is_an_error(void **state)
{
	(void)state;
	char path[] = "/tmp/gatepost-anchor-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	write_anchor(path, "this is no key\n");
	struct diags *diags = diags_new();
	struct str address = STR("127.0.0.1@9");
	const struct dns_settings settings = {
		.servers = &address, .server_count = 1, .timeout_ms = 5000, .cache_entries = 100, .dnssec = true,
		.trust_anchor_file = path,
	};
	assert_null(dns_open(&settings, NULL, diags));
	assert_int_equal(diags_errors(diags), 1);
	diags_print(diags, stderr);
	diags_free(diags);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_validated),
		cmocka_unit_test(an_anchor_that_is_none_is_an_error),
	};
	return RUN_TESTS(tests);
}

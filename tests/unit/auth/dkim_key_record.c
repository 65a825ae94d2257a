#include "../test.h"

#include <opendkim/dkim.h>

#include "auth/dkim_key_record.h"
#include "base/arena.h"
#include "dns/dns_answer.h"

/* The keys of RFC 8463 A.2, and the first one as RFC 6376 3.6.1 writes it: RSAPublicKey without a wrapping. */
#define RSA_SPKI                                                                                           \
	"MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi" \
	"0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G" \
	"+2kryOTIKT+l/K4w3QIDAQAB"
#define RSA_BARE                                                                                           \
	"MIGJAoGBAOQeU5CgFPNZGIazlXo2k/eJ1jpaTTxrmqF1HrDLlt04pvaMtCJj8nXoliLRC/H9vJjMI1vdb3XLcW60AIN/PBD8" \
	"EL97/y4GwJH7LPUvGP48vqUe+owqszesbiGy1PlCO8c70/OjFnJVgvMF87YR4Lcincb7aSvI5MgpP6X8rjDdAgMBAAE="
#define ED25519 "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="

static struct arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static struct dkim_key key_of(const struct dns_answer *answer, enum key_type type)
{
	return auth_dkim_key_record(arena, STR("s._domainkey.d"), answer, type, 1024);
}

static struct dkim_key key_of_text(struct str text, enum key_type type)
{
	struct dns_record record = { .text = text };
	struct dns_answer answer = { .status = DNS_OK, .count = 1, .records = &record };
	return key_of(&answer, type);
}

static void a_good_record_is_written_anew(void **state)
{
	(void)state;
	static const char *const rsa[] = {
		"v=DKIM1; k=rsa; p=" RSA_SPKI, "p=" RSA_SPKI, "p=" RSA_BARE, " v = DKIM1 ; p = " RSA_SPKI " ; ",
		"v=DKIM1; g=*; h=sha256; n=note; s=email; t=y:s; zz=; p=" RSA_SPKI, "k=RSA; p=" RSA_SPKI,
		"v=DKIM1; n=gr\xc3\xbc\xc3\x9f; p=" RSA_SPKI, "p=" RSA_SPKI "; P=",
	};
	for (size_t i = 0; i < sizeof(rsa) / sizeof(rsa[0]); i++) {
		struct dkim_key key = key_of_text(str_of(rsa[i]), KEY_RSA);
		if (key.result != RESULT_NONE)
			fail_msg("%s: %.*s", rsa[i], STR_ARG(key.why));
		assert_str(key.text, "v=DKIM1; k=rsa; p=" RSA_SPKI);
		assert_int_equal(key.bits, 1024);
	}
	struct dkim_key key = key_of_text(STR("k=ed25519; p=" ED25519), KEY_ED25519);
	assert_int_equal(key.result, RESULT_NONE);
	assert_str(key.text, "v=DKIM1; k=ed25519; p=" ED25519);
	assert_int_equal(key.bits, 256);
}

static void flags_are_read(void **state)
{
	(void)state;
	struct dkim_key key = key_of_text(STR("t=Y : s; p=" RSA_SPKI), KEY_RSA);
	assert_true(key.is_testing && key.is_exact);
	key = key_of_text(STR("t=x; p=" RSA_SPKI), KEY_RSA);
	assert_false(key.is_testing || key.is_exact);
}

static void a_kept_answer_is_read_once(void **state)
{
	(void)state;
	struct dns_record record = { .text = STR("p=" RSA_SPKI) };
	struct dns_shared *shared = dns_answer_new(&(struct dns_answer){ .status = DNS_OK, .count = 1, .records = &record });
	struct dkim_key first = key_of(&shared->answer, KEY_RSA), second = key_of(&shared->answer, KEY_RSA),
			third = key_of(&shared->answer, KEY_RSA);
	assert_str(first.text, "v=DKIM1; k=rsa; p=" RSA_SPKI);
	assert_str(second.text, "v=DKIM1; k=rsa; p=" RSA_SPKI);
	assert_int_equal(second.bits, 1024);
	assert_ptr_equal(second.text.p, third.text.p);
	dns_answer_put(shared);
}

static void what_was_kept_holds_only_for_what_was_asked(void **state)
{
	(void)state;
	struct dns_record record = { .text = STR("p=" RSA_SPKI) };
	struct dns_shared *shared = dns_answer_new(&(struct dns_answer){ .status = DNS_OK, .count = 1, .records = &record });
	assert_int_equal(key_of(&shared->answer, KEY_RSA).result, RESULT_NONE);
	assert_int_equal(key_of(&shared->answer, KEY_ED25519).result, RESULT_PERMERROR);
	assert_int_equal(auth_dkim_key_record(arena, STR("k"), &shared->answer, KEY_RSA, 2048).result, RESULT_POLICY);
	dns_answer_put(shared);
}

struct bad {
	enum result result;
	enum key_type type;
	const char *why;
	const char *text;
};

static const struct bad bad[] = {
	{ RESULT_PERMERROR, KEY_RSA, "no key among", "" },
	{ RESULT_PERMERROR, KEY_RSA, "no key among", "v=spf1 -all" },
	{ RESULT_PERMERROR, KEY_RSA, "no key among", "v=DMARC1; p=none" },
	{ RESULT_PERMERROR, KEY_RSA, "no key among", "some text" },
	{ RESULT_PERMERROR, KEY_RSA, "v= is not", "v=dkim1; p=" RSA_SPKI },
	{ RESULT_PERMERROR, KEY_RSA, "v= is not", "v=DKIM2; p=" RSA_SPKI },
	{ RESULT_PERMERROR, KEY_RSA, "v= is not", "k=rsa; v=DKIM1; p=" RSA_SPKI },
	{ RESULT_PERMERROR, KEY_RSA, "p= is missing", "v=DKIM1; k=rsa" },
	{ RESULT_PERMERROR, KEY_RSA, "twice", "p=" RSA_SPKI "; p=" RSA_SPKI },
	{ RESULT_PERMERROR, KEY_RSA, "invalid", "v=DKIM1; ; p=" RSA_SPKI },
	{ RESULT_PERMERROR, KEY_RSA, "control", "v=DKIM1; n=\x02; p=" RSA_SPKI },
	{ RESULT_PERMERROR, KEY_RSA, "k= does not fit", "k=ed25519; p=" ED25519 },
	{ RESULT_PERMERROR, KEY_RSA, "k= does not fit", "k=; p=" RSA_SPKI },
	{ RESULT_PERMERROR, KEY_ED25519, "k= does not fit", "p=" ED25519 },
	{ RESULT_PERMERROR, KEY_ED25519, "k= does not fit", "k=rsa; p=" ED25519 },
	{ RESULT_PERMERROR, KEY_RSA, "h= does not", "h=sha1; p=" RSA_SPKI },
	{ RESULT_PERMERROR, KEY_RSA, "h= does not", "h=; p=" RSA_SPKI },
	{ RESULT_PERMERROR, KEY_RSA, "s= does not", "s=other; p=" RSA_SPKI },
	{ RESULT_PERMERROR, KEY_RSA, "s= does not", "s=; p=" RSA_SPKI },
	{ RESULT_PERMERROR, KEY_RSA, "revoked", "v=DKIM1; p=" },
	{ RESULT_PERMERROR, KEY_RSA, "base64", "p=A" RSA_SPKI },
	{ RESULT_PERMERROR, KEY_RSA, "base64", "p=" RSA_SPKI "\"" },
	{ RESULT_PERMERROR, KEY_RSA, "no RSA", "p=" ED25519 },
	{ RESULT_PERMERROR, KEY_RSA, "no RSA", "p=MIGf" },
	{ RESULT_PERMERROR, KEY_RSA, "no RSA", "p=MAA=" },                       /* an empty SEQUENCE */
	{ RESULT_PERMERROR, KEY_RSA, "no RSA", "p=MIAwgAAAAAA=" },               /* indefinite lengths */
	{ RESULT_PERMERROR, KEY_RSA, "no RSA",
	  "p=MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	  "AAAAAAAAAAAAAAAAAA==" },                                              /* an EC key */
	{ RESULT_PERMERROR, KEY_RSA, "numbers", "p=MAYCAQACAQA=" },              /* zero and zero */
	{ RESULT_PERMERROR, KEY_RSA, "numbers", "p=MAYCAQ8CAQE=" },              /* exponent one */
	{ RESULT_PERMERROR, KEY_RSA, "numbers", "p=MAYCAQ4CAQM=" },              /* an even modulus */
	{ RESULT_PERMERROR, KEY_RSA, "no RSA", "p=MAQCAgAP" },                   /* no exponent */
	{ RESULT_POLICY, KEY_RSA, "4 bits are too short", "p=MAYCAQ8CAQM=" },
	{ RESULT_PERMERROR, KEY_ED25519, "32 bytes", "k=ed25519; p=" RSA_SPKI },
	{ RESULT_PERMERROR, KEY_ED25519, "32 bytes", "k=ed25519; p=QUJD" },
};

static void what_is_wrong_has_its_result_and_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct dkim_key key = key_of_text(str_of(bad[i].text), bad[i].type);
		if (key.result != bad[i].result || memmem(key.why.p, key.why.n, bad[i].why, strlen(bad[i].why)) == NULL)
			fail_msg("%s: got %s, %.*s", bad[i].text, result_words[key.result], STR_ARG(key.why));
		assert_true(str_starts(key.why, STR("key s._domainkey.d: ")));
		assert_int_equal(key.text.n, 0);
	}
}

static void a_failing_zone_is_told_from_a_missing_key(void **state)
{
	(void)state;
	static const enum result results[DNS_STATUS_COUNT] = {
		[DNS_OK] = RESULT_PERMERROR,       [DNS_NODATA] = RESULT_PERMERROR,  [DNS_NXDOMAIN] = RESULT_PERMERROR,
		[DNS_SERVFAIL] = RESULT_TEMPERROR, [DNS_TIMEOUT] = RESULT_TEMPERROR, [DNS_BOGUS] = RESULT_TEMPERROR,
		[DNS_BAD_NAME] = RESULT_PERMERROR,
	};
	for (unsigned status = 0; status < DNS_STATUS_COUNT; status++) {
		struct dns_answer answer = { .status = status };
		assert_int_equal(key_of(&answer, KEY_RSA).result, results[status]);
	}
}

static void one_key_record_among_others_is_found(void **state)
{
	(void)state;
	struct dns_record records[] = {
		{ .text = STR("v=spf1 ip4:192.0.2.1 -all") }, { .text = STR("p=" RSA_SPKI) }, { .text = STR("p") },
		{ .text = STR_EMPTY }, { .text = STR("v=DKIM1; broken") },
	};
	struct dns_answer answer = { .status = DNS_OK, .count = 4, .records = records };
	assert_int_equal(key_of(&answer, KEY_RSA).result, RESULT_PERMERROR); /* "p" could be one */
	records[2].text = STR("x");
	assert_int_equal(key_of(&answer, KEY_RSA).result, RESULT_NONE);
	answer.count = 5;
	assert_int_equal(key_of(&answer, KEY_RSA).result, RESULT_PERMERROR);
}

/* What comes out must be read by the library as it was meant, and be its own fixed point. */
static void the_library_reads_what_was_written(void **state)
{
	(void)state;
	DKIM_LIB *lib = dkim_init(NULL, NULL);
	DKIM_STAT status;
	DKIM *handle = dkim_verify(lib, (const unsigned char *)"id", NULL, &status);
	struct dkim_key key = key_of_text(STR("n=\xff; p=" RSA_BARE), KEY_RSA);
	assert_int_equal(dkim_key_syntax(handle, (unsigned char *)str_to_c(arena, key.text), key.text.n), DKIM_STAT_OK);
	assert_true(str_eq(key_of_text(key.text, KEY_RSA).text, key.text));
	dkim_free(handle);
	dkim_close(lib);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_record_is_written_anew),
		cmocka_unit_test(flags_are_read),
		cmocka_unit_test(a_kept_answer_is_read_once),
		cmocka_unit_test(what_was_kept_holds_only_for_what_was_asked),
		cmocka_unit_test(what_is_wrong_has_its_result_and_reason),
		cmocka_unit_test(a_failing_zone_is_told_from_a_missing_key),
		cmocka_unit_test(one_key_record_among_others_is_found),
		cmocka_unit_test(the_library_reads_what_was_written),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}

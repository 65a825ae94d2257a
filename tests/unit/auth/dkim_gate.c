#include "../test.h"

#include "auth/dkim_gate.h"
#include "base/arena.h"

#define NOW INT64_C(1700000000)
#define HASH "bh=MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
#define FIRST " v=1; a=rsa-sha256; d=Example.org; s=S1; "
#define REST HASH "; b=QUJD\r\n\tREVG"

static struct arena *arena;
static struct dkim_signature sig;
static struct str why;

static enum result gate(struct str value)
{
	return auth_dkim_gate(arena, value, NOW, &sig, &why);
}

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

static void a_good_field_is_read(void **state)
{
	(void)state;
	assert_int_equal(gate(STR(FIRST "c=relaxed; i=j=6Fe@Mail.example.ORG; l=007; q=dns/txt; t=1; x=1800000000;\n "
				  "h=From : to:x-y; z=From:a; foo=1; " REST)),
			 RESULT_NONE);
	assert_str(why, "");
	assert_str(sig.domain, "example.org");
	assert_str(sig.selector, "s1");
	assert_str(sig.key_name, "s1._domainkey.example.org");
	assert_str(sig.identity, "joe@Mail.example.ORG");
	assert_str(sig.algorithm, "rsa-sha256");
	assert_str(sig.signature, "QUJDREVG");
	assert_int_equal(sig.key_type, KEY_RSA);
	assert_int_equal(sig.name_count, 3);
	assert_str(sig.names[0], "From");
	assert_str(sig.names[2], "x-y");
	assert_false(sig.is_body_relaxed); /* RFC 6376 3.5: one word is the header's */
	assert_true(sig.has_length);
	assert_int_equal(sig.length, 7);
	assert_true(sig.is_below);

	assert_int_equal(gate(STR("v=1;a=Ed25519-SHA256;d=example.org;s=a.b;h=from;" REST)), RESULT_NONE);
	assert_int_equal(sig.key_type, KEY_ED25519);
	assert_str(sig.key_name, "a.b._domainkey.example.org");
	assert_str(sig.identity, "");
	assert_false(sig.has_length);
	assert_false(sig.is_below);
}

struct bad {
	enum result result;
	const char *why;
	const char *value;
};

static const struct bad bad[] = {
	{ RESULT_PERMERROR, "twice", FIRST "h=from; " REST "; b=QUJD" },
	{ RESULT_PERMERROR, "\"=\"", FIRST "h=from;; " REST },
	{ RESULT_PERMERROR, "control", FIRST "h=from; foo=\x01; " REST },
	{ RESULT_PERMERROR, "fold", FIRST "h=from;\n" REST },
	{ RESULT_PERMERROR, "v= is missing", " a=rsa-sha256; d=example.org; s=s; h=from; " REST },
	{ RESULT_PERMERROR, "h= is missing", FIRST REST },
	{ RESULT_PERMERROR, "bh= is missing", FIRST "h=from; b=QUJD" },
	{ RESULT_PERMERROR, "b= is missing", FIRST "h=from; " HASH },
	{ RESULT_PERMERROR, "v= is not 1", " v=1.0; a=rsa-sha256; d=example.org; s=s; h=from; " REST },
	{ RESULT_PERMERROR, "v= is not 1", " v=; a=rsa-sha256; d=example.org; s=s; h=from; " REST },
	{ RESULT_PERMERROR, "obsolete", " v=1; a=rsa-sha1; d=example.org; s=s; h=from; " REST },
	{ RESULT_PERMERROR, "a= is unknown", " v=1; a=rsa - sha256; d=example.org; s=s; h=from; " REST },
	{ RESULT_PERMERROR, "d= is no", " v=1; a=rsa-sha256; d=org; s=s; h=from; " REST },
	{ RESULT_PERMERROR, "d= is no", " v=1; a=rsa-sha256; d=; s=s; h=from; " REST },
	{ RESULT_PERMERROR, "d= is no", " v=1; a=rsa-sha256; d=exam ple.org; s=s; h=from; " REST },
	{ RESULT_PERMERROR, "d= is no", " v=1; a=rsa-sha256; d=-x.org; s=s; h=from; " REST },
	{ RESULT_PERMERROR, "d= is no", " v=1; a=rsa-sha256; d=example.org.; s=s; h=from; " REST },
	{ RESULT_PERMERROR, "s= is no", " v=1; a=rsa-sha256; d=example.org; s=; h=from; " REST },
	{ RESULT_PERMERROR, "s= is no", " v=1; a=rsa-sha256; d=example.org; s=a..b; h=from; " REST },
	{ RESULT_PERMERROR, "s= is no", " v=1; a=rsa-sha256; d=example.org; s=s.; h=from; " REST },
	{ RESULT_PERMERROR, "s= is no",
	  " v=1; a=rsa-sha256; d=example.org; h=from; s=0123456789012345678901234567890123456789012345678901234567890123; "
	  REST },
	{ RESULT_PERMERROR, "c= is unknown", FIRST "c=relaxed/; h=from; " REST },
	{ RESULT_PERMERROR, "c= is unknown", FIRST "c=relaxed/simple/x; h=from; " REST },
	{ RESULT_PERMERROR, "c= is unknown", FIRST "c=; h=from; " REST },
	{ RESULT_PERMERROR, "no list", FIRST "h=; " REST },
	{ RESULT_PERMERROR, "no list", FIRST "h=from:; " REST },
	{ RESULT_PERMERROR, "no list", FIRST "h=:from; " REST },
	{ RESULT_PERMERROR, "no list", FIRST "h=from:to cc; " REST },
	{ RESULT_PERMERROR, "not name From", FIRST "h=to:from-x; " REST },
	{ RESULT_PERMERROR, "i= is no", FIRST "i=; h=from; " REST },
	{ RESULT_PERMERROR, "i= is no", FIRST "i=example.org; h=from; " REST },
	{ RESULT_PERMERROR, "i= is no", FIRST "i=a@b@example.org; h=from; " REST },
	{ RESULT_PERMERROR, "i= is no", FIRST "i=@example.org=; h=from; " REST },
	{ RESULT_PERMERROR, "i= is no", FIRST "i=@example.org=4; h=from; " REST },
	{ RESULT_PERMERROR, "i= is no", FIRST "i=x=GG@example.org; h=from; " REST },
	{ RESULT_PERMERROR, "i= is no", FIRST "i=x=00@example.org; h=from; " REST },
	{ RESULT_PERMERROR, "i= is no", FIRST "i=x@example.org=0D=0A; h=from; " REST },
	{ RESULT_PERMERROR, "not below", FIRST "i=@org; h=from; " REST },
	{ RESULT_PERMERROR, "not below", FIRST "i=@xexample.org; h=from; " REST },
	{ RESULT_PERMERROR, "l= is no", FIRST "l=; h=from; " REST },
	{ RESULT_PERMERROR, "l= is no", FIRST "l=-1; h=from; " REST },
	{ RESULT_PERMERROR, "l= is no", FIRST "l=+1; h=from; " REST },
	{ RESULT_PERMERROR, "l= is no", FIRST "l=0x10; h=from; " REST },
	{ RESULT_PERMERROR, "l= is no", FIRST "l=1 0; h=from; " REST },
	{ RESULT_PERMERROR, "l= is no", FIRST "l=9223372036854775808; h=from; " REST },
	{ RESULT_PERMERROR, "no time", FIRST "t=; h=from; " REST },
	{ RESULT_PERMERROR, "no time", FIRST "x=-1; h=from; " REST },
	{ RESULT_PERMERROR, "not after", FIRST "t=1800000000; x=1800000000; h=from; " REST },
	{ RESULT_PERMERROR, "expired", FIRST "x=1699999700; h=from; " REST },
	{ RESULT_PERMERROR, "future", FIRST "t=1700000301; h=from; " REST },
	{ RESULT_PERMERROR, "bh= is no", FIRST "h=from; bh=QUJD; b=QUJD" },
	{ RESULT_PERMERROR, "bh= is no", FIRST "h=from; bh=; b=QUJD" },
	{ RESULT_PERMERROR, "b= is no", FIRST "h=from; " HASH "; b=" },
	{ RESULT_PERMERROR, "b= is no", FIRST "h=from; " HASH "; b=*" },
	{ RESULT_NEUTRAL, "q=", FIRST "q=dns; h=from; " REST },
	{ RESULT_NEUTRAL, "q=", FIRST "q=; h=from; " REST },
	{ RESULT_NEUTRAL, "padding", FIRST "h=from; bh=MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE; b=QUJD" },
	{ RESULT_NEUTRAL, "UTF-8", FIRST "i=\xc3\xb6@example.org; h=from; " REST },
	{ RESULT_NEUTRAL, "ends in b", FIRST "h=from; xb=1; " REST },
	{ RESULT_NEUTRAL, "blank", FIRST "h=from; " HASH "; b =QUJD" },
	{ RESULT_NEUTRAL, "blank", FIRST "h=from; " HASH "; b\r\n\t=QUJD" },
	{ RESULT_NEUTRAL, "upper case", FIRST "h=from; B=QUJE; " REST },
	{ RESULT_NEUTRAL, "upper case", FIRST "h=from; bH=QUJE; " REST },
	{ RESULT_NEUTRAL, "upper case", FIRST "h=from; L=1; " REST },
};

static void what_is_wrong_has_its_result_and_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		enum result result = gate(str_of(bad[i].value));
		if (result != bad[i].result || memmem(why.p, why.n, bad[i].why, strlen(bad[i].why)) == NULL)
			fail_msg("%s: got %s, %.*s", bad[i].value, result_words[result], STR_ARG(why));
	}
}

static void a_refused_field_still_tells_who(void **state)
{
	(void)state;
	assert_int_equal(gate(STR(" v=2; a=rsa-sha1; d=b\xc3\xbc" "cher.Example; s=S1; h=x; " REST)), RESULT_NEUTRAL);
	assert_str(sig.domain, "xn--bcher-kva.example");
	assert_str(sig.selector, "s1");
	assert_str(sig.algorithm, "rsa-sha1");
	assert_str(sig.signature, "QUJDREVG");
	assert_int_equal(gate(STR("v=1; b=QUJD; d=example.org")), RESULT_PERMERROR);
	assert_str(sig.domain, "example.org");
	assert_str(sig.selector, "");
}

static void times_allow_for_clocks_that_differ(void **state)
{
	(void)state;
	assert_int_equal(gate(STR(FIRST "x=1699999701; h=from; " REST)), RESULT_NONE);
	assert_int_equal(gate(STR(FIRST "t=1700000300; h=from; " REST)), RESULT_NONE);
}

/* A field whose tag has a value of n times c between head and tail. */
static enum result gate_repeated(const char *head, char c, size_t n, const char *tail)
{
	struct str value = str_printf(arena, "%s%s%0*d%s%s", FIRST, head, (int)n, 0, tail, REST);
	char *p = str_to_c(arena, value);
	memset(p + strlen(FIRST) + strlen(head), c, n);
	return gate((struct str){ p, value.n });
}

static void sizes_are_bounded(void **state)
{
	(void)state;
	size_t around = strlen(FIRST "z=; h=from; " REST);
	assert_int_equal(gate_repeated("z=", 'x', GATE_FIELD_MAX - around, "; h=from; "), RESULT_NONE);
	assert_int_equal(gate_repeated("z=", 'x', GATE_FIELD_MAX - around + 1, "; h=from; "), RESULT_PERMERROR);
	assert_int_equal(gate_repeated("h=from:", 'x', GATE_NAMES_MAX - 5, "; "), RESULT_NONE);
	assert_int_equal(gate_repeated("h=from:", 'x', GATE_NAMES_MAX - 4, "; "), RESULT_PERMERROR);
	assert_int_equal(gate_repeated("i=", 'x', GATE_IDENTITY_MAX - 12, "@example.org; h=from; "), RESULT_NONE);
	assert_int_equal(gate_repeated("i=", 'x', GATE_IDENTITY_MAX - 11, "@example.org; h=from; "), RESULT_PERMERROR);
	assert_int_equal(gate_repeated("l=", '1', GATE_LENGTH_DIGITS_MAX, "; h=from; "), RESULT_NONE);
	assert_int_equal(gate_repeated("l=", '1', GATE_LENGTH_DIGITS_MAX + 1, "; h=from; "), RESULT_PERMERROR);
	assert_int_equal(gate_repeated("x=", '9', GATE_TIME_DIGITS_MAX, "; h=from; "), RESULT_NONE);
	assert_int_equal(gate_repeated("x=", '9', GATE_TIME_DIGITS_MAX + 1, "; h=from; "), RESULT_PERMERROR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_field_is_read),
		cmocka_unit_test(what_is_wrong_has_its_result_and_reason),
		cmocka_unit_test(a_refused_field_still_tells_who),
		cmocka_unit_test(times_allow_for_clocks_that_differ),
		cmocka_unit_test(sizes_are_bounded),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}

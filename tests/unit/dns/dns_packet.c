#include "../test.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "dns/dns_packet.h"

/* "example.org" stands at offset 12 of every message here. */
#define QUESTION(type) "\7Example\3org\0\0" type "\0\1"
#define HEADER(flags, answers, authorities) "\x12\x34" flags "\0\1\0" answers "\0" authorities "\0\0"
#define OWNER "\xc0\x0c"
#define RR(owner, type, ttl, length, data) owner "\0" type "\0\1" ttl length data
#define MINUTE "\0\0\0\x3c"

/* The message with nothing behind it: whoever reads on is stopped by the kernel. */
static struct dns_shared *parse(const char *message, size_t n, enum dns_type type)
{
	enum { ROOM = 64 * 1024, GUARD = 64 * 1024 };
	char *block = mmap(NULL, ROOM + GUARD, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(block != MAP_FAILED && n <= ROOM);
	assert_int_equal(mprotect(block + ROOM, GUARD, PROT_NONE), 0);
	char *exact = block + ROOM - n;
	memcpy(exact, message, n);
	struct dns_shared *s = dns_packet_answer(exact, n, STR("example.org"), type, false);
	munmap(block, ROOM + GUARD);
	return s;
}

#define PARSE(type, message) parse((message), sizeof(message) - 1, (type))

static void assert_parsed(struct dns_shared *s, enum dns_status status, size_t count)
{
	assert_string_equal(dns_status_words[s->answer.status], dns_status_words[status]);
	assert_int_equal(s->answer.count, count);
	dns_answer_put(s);
}

static const char one_address[] =
	HEADER("\x81\x80", "\1", "\0") QUESTION("\1") RR(OWNER, "\1", MINUTE, "\0\4", "\xc0\0\2\1");

static void records_of_the_name_asked_for_are_taken(void **state)
{
	(void)state;
	struct dns_shared *s = parse(one_address, sizeof(one_address) - 1, DNS_A);
	assert_int_equal(s->answer.ttl_s, 60);
	assert_int_equal(s->answer.records[0].ip.family, IP_V4);
	assert_memory_equal(s->answer.records[0].ip.b, "\xc0\0\2\1", 4);
	assert_parsed(s, DNS_OK, 1);

	s = PARSE(DNS_A, HEADER("\x81\x80", "\4", "\0") QUESTION("\1")
		  RR("\7eXample\3ORG\0", "\1", "\0\0\0\x3b", "\0\4", "\xc0\0\2\2") /* spelt out, another case */
		  RR(OWNER, "\x2e", MINUTE, "\0\2", "xx")                      /* another type */
		  RR("\5other\xc0\x14", "\1", MINUTE, "\0\4", "\xc0\0\2\3")      /* another name */
		  OWNER "\0\1\0\3" MINUTE "\0\4" "\xc0\0\2\4");                  /* another class */
	assert_int_equal(s->answer.ttl_s, 59);
	assert_memory_equal(s->answer.records[0].ip.b, "\xc0\0\2\2", 4);
	assert_parsed(s, DNS_OK, 1);
}

static void texts_are_joined(void **state)
{
	(void)state;
	struct dns_shared *s = PARSE(DNS_TXT, HEADER("\x81\x80", "\2", "\0") QUESTION("\x10")
				     RR(OWNER, "\x10", MINUTE, "\0\x0a", "\3v=s\0\4p\0f1")
				     RR(OWNER, "\x10", MINUTE, "\0\1", "\0"));
	assert_int_equal(s->answer.records[0].text.n, 7);
	assert_memory_equal(s->answer.records[0].text.p, "v=sp\0f1", 7);
	assert_int_equal(s->answer.records[1].text.n, 0);
	assert_parsed(s, DNS_OK, 2);
}

static void hosts_are_text_that_cannot_deceive(void **state)
{
	(void)state;
	struct dns_shared *s = PARSE(DNS_PTR, HEADER("\x81\x80", "\2", "\0") QUESTION("\x0c")
				     RR(OWNER, "\x0c", MINUTE, "\0\x0c", "\2Mx\4a.b\\\1\0\xc0\x0c")
				     RR(OWNER, "\x0c", MINUTE, "\0\1", "\0"));
	assert_str(s->answer.records[0].text, "Mx.a\\046b\\092.\\000.Example.org");
	assert_str(s->answer.records[1].text, "");
	assert_parsed(s, DNS_OK, 2);
	s = PARSE(DNS_MX, HEADER("\x81\x80", "\1", "\0") QUESTION("\x0f")
		  RR(OWNER, "\x0f", MINUTE, "\0\7", "\x01\x02\2mx\xc0\x0c"));
	assert_int_equal(s->answer.records[0].preference, 258);
	assert_str(s->answer.records[0].text, "mx.Example.org");
	assert_parsed(s, DNS_OK, 1);
}

#define ALIAS_1 RR(OWNER, "\5", "\0\0\0\x14", "\0\3", "\1a\0")
#define ALIAS_2 RR("\1a\0", "\5", "\0\0\0\x0a", "\0\3", "\1b\0")
#define TARGET RR("\1b\0", "\1", MINUTE, "\0\4", "\xc0\0\2\1")

static void aliases_are_followed_in_any_order(void **state)
{
	(void)state;
	struct dns_shared *s =
		PARSE(DNS_A, HEADER("\x81\x80", "\3", "\0") QUESTION("\1") ALIAS_1 ALIAS_2 TARGET);
	assert_int_equal(s->answer.ttl_s, 10);
	assert_parsed(s, DNS_OK, 1);
	assert_parsed(PARSE(DNS_A, HEADER("\x81\x80", "\3", "\0") QUESTION("\1") TARGET ALIAS_2 ALIAS_1), DNS_OK, 1);
	/* The last name is what counts (RFC 6604 3). */
	assert_parsed(PARSE(DNS_A, HEADER("\x81\x83", "\1", "\0") QUESTION("\1") ALIAS_1), DNS_NXDOMAIN, 0);
	assert_parsed(PARSE(DNS_A, HEADER("\x81\x80", "\2", "\0") QUESTION("\1") ALIAS_1 TARGET), DNS_NODATA, 0);
	/* A loop, and an alias beside data. */
	assert_parsed(PARSE(DNS_A, HEADER("\x81\x80", "\2", "\0") QUESTION("\1") ALIAS_1
			    RR("\1a\0", "\5", MINUTE, "\0\2", OWNER)), DNS_SERVFAIL, 0);
	assert_parsed(PARSE(DNS_A, HEADER("\x81\x80", "\2", "\0") QUESTION("\1")
			    RR(OWNER, "\1", MINUTE, "\0\4", "\xc0\0\2\1") ALIAS_1), DNS_SERVFAIL, 0);
}

/* "a" to the last letter, one alias each, then an address. */
static struct dns_shared *parse_chain(int aliases)
{
	char message[1024] = "\x12\x34\x81\x80\0\1\0\0\0\0\0\0" QUESTION("\1");
	size_t n = sizeof("\x12\x34\x81\x80\0\1\0\0\0\0\0\0" QUESTION("\1")) - 1;
	message[7] = (char)(aliases + 1);
	for (int i = 0; i <= aliases; i++) {
		static const char alias[] = "\0\5\0\1" MINUTE "\0\3\1", address[] = "\0\1\0\1" MINUTE "\0\4\xc0\0\2\1";
		char owner[] = { 1, (char)('a' + i - 1), 0 };
		memcpy(message + n, i == 0 ? OWNER : owner, i == 0 ? 2 : 3);
		n += i == 0 ? 2 : 3;
		memcpy(message + n, i < aliases ? alias : address, i < aliases ? sizeof(alias) - 1 : sizeof(address) - 1);
		n += i < aliases ? sizeof(alias) - 1 : sizeof(address) - 1;
		if (i < aliases) {
			message[n++] = (char)('a' + i);
			message[n++] = 0;
		}
	}
	return parse(message, n, DNS_A);
}

static void chains_of_aliases_are_bounded(void **state)
{
	(void)state;
	assert_parsed(parse_chain(1), DNS_OK, 1);
	assert_parsed(parse_chain(16), DNS_OK, 1);
	assert_parsed(parse_chain(17), DNS_SERVFAIL, 0);
}

#define SOA(ttl, minimum)                                                                          \
	"\xc0\x14\0\6\0\1\0\0\0" ttl "\0\x1a" "\2ns\xc0\x0c\0"                                  \
	"\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0" minimum

static void absence_is_kept_as_long_as_the_soa_says(void **state)
{
	(void)state;
	struct dns_shared *s = PARSE(DNS_A, HEADER("\x81\x83", "\0", "\1") QUESTION("\1") SOA("\x32", "\x3c"));
	assert_int_equal(s->answer.ttl_s, 50);
	assert_parsed(s, DNS_NXDOMAIN, 0);
	s = PARSE(DNS_A, HEADER("\x81\x80", "\0", "\1") QUESTION("\1") SOA("\x32", "\x1e"));
	assert_int_equal(s->answer.ttl_s, 30);
	assert_parsed(s, DNS_NODATA, 0);
	s = PARSE(DNS_A, HEADER("\x81\x83", "\1", "\1") QUESTION("\1") ALIAS_1 SOA("\x32", "\x1e"));
	assert_int_equal(s->answer.ttl_s, 20);
	assert_parsed(s, DNS_NXDOMAIN, 0);
	s = PARSE(DNS_A, HEADER("\x81\x80", "\0", "\0") QUESTION("\1"));
	assert_int_equal(s->answer.ttl_s, 0);
	assert_parsed(s, DNS_NODATA, 0);
}

static void what_is_no_answer_to_the_question_is_a_failure(void **state)
{
	(void)state;
	assert_parsed(PARSE(DNS_A, HEADER("\x01\x80", "\0", "\0") QUESTION("\1")), DNS_SERVFAIL, 0);   /* a question */
	assert_parsed(PARSE(DNS_A, HEADER("\x83\x80", "\0", "\0") QUESTION("\1")), DNS_SERVFAIL, 0);   /* truncated */
	assert_parsed(PARSE(DNS_A, HEADER("\x81\x82", "\0", "\0") QUESTION("\1")), DNS_SERVFAIL, 0);   /* SERVFAIL */
	assert_parsed(PARSE(DNS_A, HEADER("\x81\x85", "\0", "\0") QUESTION("\1")), DNS_SERVFAIL, 0);   /* REFUSED */
	assert_parsed(PARSE(DNS_A, HEADER("\x81\x80", "\0", "\0") QUESTION("\2")), DNS_SERVFAIL, 0);   /* another type */
	assert_parsed(PARSE(DNS_A, HEADER("\x81\x80", "\0", "\0") "\7examplf\3org\0\0\1\0\1"), DNS_SERVFAIL, 0);
	assert_parsed(PARSE(DNS_A, HEADER("\x81\x80", "\0", "\0") "\7example\3org\0\0\1\0\3"), DNS_SERVFAIL, 0);
	assert_parsed(PARSE(DNS_A, "\x12\x34\x81\x80\0\0\0\0\0\0\0\0"), DNS_SERVFAIL, 0);               /* none */
	assert_parsed(PARSE(DNS_A, "\x12\x34\x81\x80\0\2\0\0\0\0\0\0" QUESTION("\1") QUESTION("\1")), DNS_SERVFAIL, 0);
}

#define WRONG_DATA(type, length, data)                                                                        \
	assert_parsed(parse(HEADER("\x81\x80", "\1", "\0") QUESTION(type) RR(OWNER, type, MINUTE, length, data),  \
			    sizeof(HEADER("\x81\x80", "\1", "\0") QUESTION(type)                              \
					   RR(OWNER, type, MINUTE, length, data)) - 1, (enum dns_type)(type)[0]), \
		      DNS_SERVFAIL, 0)

static void malformed_data_is_a_failure(void **state)
{
	(void)state;
	WRONG_DATA("\1", "\0\3", "abc");
	WRONG_DATA("\1", "\0\5", "abcde");
	WRONG_DATA("\1", "\0\5", "abcd");
	WRONG_DATA("\x1c", "\0\4", "abcd");
	WRONG_DATA("\x10", "\0\0", "");
	WRONG_DATA("\x10", "\0\3", "\3ab");
	WRONG_DATA("\x0c", "\0\4", "\1a\0x");
	WRONG_DATA("\x0c", "\0\2", "\1a");
	WRONG_DATA("\x0f", "\0\1", "\0");
	WRONG_DATA("\x0f", "\0\2", "\0\0");
	WRONG_DATA("\x0c", "\0\2", "\xc0\x29"); /* points at itself */
	WRONG_DATA("\x0c", "\0\2", "\xc0\x2b"); /* points ahead */
	WRONG_DATA("\x0c", "\0\4", "\1a\xc0\x29"); /* runs in a circle */
	WRONG_DATA("\x0c", "\0\3", "\x40\x61\0");  /* reserved kind of label (RFC 1035 4.1.4) */
	WRONG_DATA("\x0c", "\0\3", "\x80\x61\0");
}

static void every_message_cut_short_is_a_failure(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(one_address) - 1; n++)
		assert_parsed(parse(one_address, n, DNS_A), DNS_SERVFAIL, 0);
}

/* 255 bytes with all lengths fit (RFC 1035 2.3.4), 256 do not. */
static void names_are_bounded(void **state)
{
	(void)state;
	static const char head[] = HEADER("\x81\x80", "\1", "\0") QUESTION("\x0c") OWNER "\0\x0c\0\1" MINUTE;
	char message[512];
	for (size_t last = 61; last <= 62; last++) {
		size_t n = sizeof(head) - 1;
		memcpy(message, head, n);
		size_t name = 3 * 64 + 1 + last + 1;
		message[n++] = (char)(name >> 8);
		message[n++] = (char)name;
		for (int label = 0; label < 4; label++) {
			size_t length = label < 3 ? 63 : last;
			message[n++] = (char)length;
			memset(message + n, 'a', length);
			n += length;
		}
		message[n++] = 0;
		struct dns_shared *s = parse(message, n, DNS_PTR);
		if (last == 61)
			assert_int_equal(s->answer.records[0].text.n, 253);
		assert_parsed(s, last == 61 ? DNS_OK : DNS_SERVFAIL, last == 61);
	}
}

static void records_are_bounded(void **state)
{
	(void)state;
	enum { COUNT = 1000, RR_BYTES = 16 };
	static const char head[] = "\x12\x34\x81\x80\0\1\x03\xe8\0\0\0\0" QUESTION("\1");
	static const char rr[] = RR(OWNER, "\1", MINUTE, "\0\4", "\xc0\0\2\1");
	char *message = malloc(sizeof(head) + COUNT * RR_BYTES);
	size_t n = sizeof(head) - 1;
	memcpy(message, head, n);
	for (int i = 0; i < COUNT; i++, n += RR_BYTES)
		memcpy(message + n, rr, RR_BYTES);
	assert_parsed(parse(message, n, DNS_A), DNS_OK, DNS_RECORDS_MAX);
	free(message);
}

static void a_ttl_with_the_highest_bit_is_zero(void **state)
{
	(void)state;
	struct dns_shared *s = PARSE(DNS_A, HEADER("\x81\x80", "\1", "\0") QUESTION("\1")
				     RR(OWNER, "\1", "\x80\0\0\1", "\0\4", "\xc0\0\2\1"));
	assert_int_equal(s->answer.ttl_s, 0);
	assert_parsed(s, DNS_OK, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_of_the_name_asked_for_are_taken),
		cmocka_unit_test(texts_are_joined),
		cmocka_unit_test(hosts_are_text_that_cannot_deceive),
		cmocka_unit_test(aliases_are_followed_in_any_order),
		cmocka_unit_test(chains_of_aliases_are_bounded),
		cmocka_unit_test(absence_is_kept_as_long_as_the_soa_says),
		cmocka_unit_test(what_is_no_answer_to_the_question_is_a_failure),
		cmocka_unit_test(malformed_data_is_a_failure),
		cmocka_unit_test(every_message_cut_short_is_a_failure),
		cmocka_unit_test(names_are_bounded),
		cmocka_unit_test(records_are_bounded),
		cmocka_unit_test(a_ttl_with_the_highest_bit_is_zero),
	};
	return RUN_TESTS(tests);
}

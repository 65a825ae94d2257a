#include "attacks/name_server.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "dns/dns.h"

enum { TTL_S = 60, NXDOMAIN = 3, SLOW_MS = 200, CNAME = 5, KEY_BYTES_MAX = 2500 };

static bool ends_in(const char *name, const char *tail)
{
	size_t n = strlen(name), m = strlen(tail);
	return n >= m && strcmp(name + n - m, tail) == 0;
}

static void text(struct dns_server_reply *r, const char *s)
{
	reply_text(r, TTL_S, s, strlen(s));
}

/* One DER element at p: tag, a length of two bytes, content. Gives its end. */
static unsigned char *element(unsigned char *p, unsigned char tag, const unsigned char *content, size_t n)
{
	memmove(p + 4, content, n);
	p[0] = tag;
	p[1] = 0x82;
	p[2] = (unsigned char)(n >> 8);
	p[3] = (unsigned char)n;
	return p + 4 + n;
}

/* An odd INTEGER of that many bits. Nobody has the private half of a key of such numbers. */
static unsigned char *odd_number(unsigned char *p, int bits)
{
	unsigned char bytes[KEY_BYTES_MAX];
	size_t n = (size_t)bits / 8 + 1;
	memset(bytes, 0xa5, n);
	bytes[0] = bits % 8 == 0 ? 0 : 1;
	return element(p, 0x02, bytes, n);
}

/* The text of a key record with a bare RSAPublicKey (RFC 6376 3.6.1). */
static char *key_record(int bits, int exponent_bits)
{
	unsigned char numbers[2 * KEY_BYTES_MAX], der[2 * KEY_BYTES_MAX];
	unsigned char *end = odd_number(odd_number(numbers, bits), exponent_bits);
	int n = (int)(element(der, 0x30, numbers, (size_t)(end - numbers)) - der);
	char *record = fail_if_null(calloc(1, 64 + 2 * (size_t)n));
	strcpy(record, "v=DKIM1; p=");
	EVP_EncodeBlock((unsigned char *)record + strlen(record), der, n);
	return record;
}

static void key(struct dns_server_reply *r, const char *name)
{
	static const struct {
		const char *selector;
		int bits, exponent_bits;
	} kinds[] = { { "giant", 16384, 17 }, { "exponent", 2048, 2040 }, { "good", 2048, 16 } };
	static char *records[sizeof(kinds) / sizeof(kinds[0])];
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strncmp(name, kinds[i].selector, strlen(kinds[i].selector)) != 0)
			continue;
		if (records[i] == NULL)
			records[i] = key_record(kinds[i].bits, kinds[i].exponent_bits);
		text(r, records[i]);
		return;
	}
	reply_rcode(r, NXDOMAIN);
}

/* As much as fits into a message over TCP. */
static void huge(struct dns_server_reply *r, const struct dns_server_query *q)
{
	static char record[60000];
	switch (q->type) {
	case DNS_TXT:
		memset(record, ' ', sizeof(record));
		memcpy(record, "v=spf1", 6);
		for (size_t at = 7; at + 12 < sizeof(record); at += 12)
			memcpy(record + at, "a:%{d2r-}.x ", 12);
		reply_text(r, TTL_S, record, sizeof(record));
		break;
	case DNS_MX:
		for (int i = 0; i < 1500; i++) {
			char data[32] = { 0, (char)(i % 100) };
			int n = snprintf(data + 3, sizeof(data) - 3, "h%05d", i);
			data[2] = (char)n;
			reply_record(r, NULL, DNS_MX, TTL_S, data, (size_t)n + 4);
		}
		break;
	case DNS_A:
	case DNS_AAAA:
		for (int i = 0; i < 1500; i++)
			reply_address(r, NULL, TTL_S, q->type == DNS_A ? "198.51.100.9" : "2001:db8::9");
		break;
	default:
		reply_rcode(r, NXDOMAIN);
	}
}

static void loop(struct dns_server_reply *r, const struct dns_server_query *q)
{
	if (q->type == DNS_TXT && strcmp(q->name, "loop.example") == 0)
		text(r, "v=spf1 include:loop.example a:a.loop.example mx:b.loop.example redirect=loop.example");
	else
		reply_host(r, NULL, CNAME, TTL_S, strncmp(q->name, "a.", 2) == 0 ? "b.loop.example" : "a.loop.example");
}

static void wide(struct dns_server_reply *r, const struct dns_server_query *q)
{
	if (q->type == DNS_TXT && strcmp(q->name, "wide.example") == 0) {
		text(r, "v=spf1 mx:1.wide.example mx:2.wide.example mx:3.wide.example mx:4.wide.example mx:5.wide.example "
			"mx:6.wide.example mx:7.wide.example mx:8.wide.example mx:9.wide.example mx:10.wide.example -all");
	} else if (q->type == DNS_MX) {
		for (int i = 0; i < 100; i++) {
			char data[64] = { 0, 10 };
			size_t n = 2;
			int label = snprintf(data + 3, 32, "h%d-%d", atoi(q->name), i);
			data[2] = (char)label;
			n += 1 + (size_t)label;
			memcpy(data + n, "\4wide\7example", 14);
			reply_record(r, NULL, DNS_MX, TTL_S, data, n + 14);
		}
	} else if (q->type == DNS_A && q->name[0] == 'h') {
		reply_address(r, NULL, TTL_S, "198.51.100.9");
	}
}

void name_server_answer(const struct dns_server_query *q, struct dns_server_reply *r)
{
	if (ends_in(q->name, "silent.example")) {
		reply_never(r);
	} else if (ends_in(q->name, "slow.example")) {
		reply_after(r, SLOW_MS);
		text(r, "v=spf1 include:1.slow.example include:2.slow.example include:3.slow.example "
			"include:4.slow.example include:5.slow.example include:6.slow.example -all");
	} else if (ends_in(q->name, "loop.example")) {
		loop(r, q);
	} else if (ends_in(q->name, "huge.example")) {
		huge(r, q);
	} else if (ends_in(q->name, "wide.example")) {
		wide(r, q);
	} else if (ends_in(q->name, "_domainkey.attack.example")) {
		key(r, q->name);
	} else if (strcmp(q->name, "neighbour.example") == 0 && q->type == DNS_TXT) {
		text(r, "v=spf1 ip4:192.0.2.1 -all");
	} else {
		reply_rcode(r, NXDOMAIN);
	}
}

#include "../test.h"

#include <libmilter/mfdef.h>

#include "milter/packet.h"

static void what_an_mta_sends_is_sound(void **state)
{
	static const struct {
		char command;
		struct str data;
	} cases[] = {
		{ SMFIC_OPTNEG, STR("\0\0\0\6\0\0\1\xff\0\x1f\xff\xff") },
		{ SMFIC_MACRO, STR("C") },
		{ SMFIC_MACRO, STR("Mi\0" "4ABC\0{auth_authen}\0\0") },
		{ SMFIC_CONNECT, STR("mx.example.org\0" "4\0\x19" "192.0.2.7\0") },
		{ SMFIC_CONNECT, STR("localhost\0U") },
		{ SMFIC_CONNECT, STR("localhost\0L\0\0/run/socket\0") },
		{ SMFIC_HELO, STR("mx.example.org\0") },
		{ SMFIC_HELO, STR("\0") },
		{ SMFIC_MAIL, STR("<a@example.org>\0SIZE=1\0") },
		{ SMFIC_RCPT, STR("<b@example.com>\0") },
		{ SMFIC_HEADER, STR("Subject\0\0") },
		{ SMFIC_UNKNOWN, STR("XYZZY\0") },
		{ SMFIC_BODY, STR("any\0thing") },
		{ SMFIC_BODYEOB, STR("") },
		{ SMFIC_EOH, STR("") },
		{ 'z', STR("libmilter knows that it does not know it") },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (!packet_is_sound(cases[i].command, cases[i].data))
			fail_msg("%zu: %c is not sound", i, cases[i].command);
}

static void what_libmilter_would_stumble_over_is_not(void **state)
{
	static const struct {
		char command;
		struct str data;
	} cases[] = {
		{ SMFIC_OPTNEG, STR("\0\0\0\6\0\0\1\xff\0\x1f\xff") },
		{ SMFIC_MACRO, STR("Mi\0") },
		{ SMFIC_MACRO, STR("Mi\0" "4ABC\0{auth_authen}\0") },
		{ SMFIC_MACRO, STR("Mi\0" "4ABC\0x") },
		{ SMFIC_CONNECT, STR("mx.example.org") },
		{ SMFIC_CONNECT, STR("mx.example.org\0") },
		{ SMFIC_CONNECT, STR("mx.example.org\0" "4") },
		{ SMFIC_CONNECT, STR("mx.example.org\0" "4\0\x19") },
		{ SMFIC_CONNECT, STR("mx.example.org\0" "4\0\x19" "192.0.2.7") },
		{ SMFIC_CONNECT, STR("mx.example.org\0" "4\0\x19" "192.0.2.7\0x\0") },
		{ SMFIC_HELO, STR("") },
		{ SMFIC_HELO, STR("mx") },
		{ SMFIC_HELO, STR("mx\0mx\0") },
		{ SMFIC_MAIL, STR("") },
		{ SMFIC_MAIL, STR("<a@example.org>\0SIZE=1") },
		{ SMFIC_RCPT, STR("<b@example.com>") },
		{ SMFIC_HEADER, STR("Subject\0") },
		{ SMFIC_HEADER, STR("Subject\0x") },
		{ SMFIC_HEADER, STR("From\0 a@bank.example\0, x\0") },
		{ SMFIC_DATA, STR("x") },
		{ SMFIC_ABORT, STR("x") },
		{ SMFIC_QUIT, STR("x") },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (packet_is_sound(cases[i].command, cases[i].data))
			fail_msg("%zu: %c is sound", i, cases[i].command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_an_mta_sends_is_sound),
		cmocka_unit_test(what_libmilter_would_stumble_over_is_not),
	};
	return RUN_TESTS(tests);
}

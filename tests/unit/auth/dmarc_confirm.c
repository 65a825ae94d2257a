#include "../test.h"

#include "auth/dmarc_confirm.h"

static void the_library_confirms_every_outcome(void **state)
{
	static const char *const names[] = { "example.org", "x.com", "com", "z", "a.b", "xn--bcher-kva.example",
					     "a.b.c.d.e.f.g.h.i.j.example.org", "co.uk", "_x.example.org" };
	(void)state;
	char longest[253 + 1];
	for (size_t i = 0; i < sizeof(longest) - 1; i++)
		longest[i] = i % 2 == 1 ? '.' : 'a';
	longest[253] = '\0';
	for (size_t i = 0; i <= sizeof(names) / sizeof(names[0]); i++) {
		struct str name = i < sizeof(names) / sizeof(names[0]) ? str_of(names[i]) : str_of(longest);
		for (enum dmarc_request p = REQUEST_NONE; p < REQUEST_COUNT; p++)
			for (int aligned = 0; aligned < 4; aligned++)
				if (!dmarc_confirm(name, p, aligned & 1, aligned & 2))
					fail_msg("%.*s p=%s aligned %d", STR_ARG(name), dmarc_request_words[p],
						 aligned);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_library_confirms_every_outcome),
	};
	return RUN_TESTS(tests);
}

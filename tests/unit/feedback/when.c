/* Points of time as people write them. */
#include "../test.h"

#include "base/arena.h"
#include "feedback/when.h"

static void times_are_read_and_printed(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t unix_s; /* -1: no time */
		const char *printed;
	} cases[] = {
		{ "1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z" },
		{ "2026-11-23T10:12:00Z", 1795428720, "2026-11-23T10:12:00Z" },
		{ "2028-02-29", 1835395200, "2028-02-29T00:00:00Z" },
		{ "9999-12-31T23:59:59Z", 253402300799, "9999-12-31T23:59:59Z" },
		{ "2027-02-29", -1, NULL },
		{ "2026-13-01", -1, NULL },
		{ "2026-00-01", -1, NULL },
		{ "2026-11-31", -1, NULL },
		{ "2026-11-23T24:00:00Z", -1, NULL },
		{ "2026-11-23T10:60:00Z", -1, NULL },
		{ "2026-11-23T10:12:60Z", -1, NULL },
		{ "1969-12-31", -1, NULL },
		{ "2026-11-23T10:12:00", -1, NULL },
		{ "2026-11-23 10:12:00Z", -1, NULL },
		{ "2026-11-23T10:12:00Zx", -1, NULL },
		{ "2026-1-1", -1, NULL },
		{ "26-11-23", -1, NULL },
		{ "2026-11-23T", -1, NULL },
		{ "2026-11-2", -1, NULL },
		{ "+026-11-23", -1, NULL },
		{ "", -1, NULL },
	};
	struct arena *a = arena_new();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t unix_s = -1;
		if (when_parse(str_of(cases[i].text), &unix_s) != (cases[i].printed != NULL))
			fail_msg("\"%s\"", cases[i].text);
		assert_int_equal(unix_s, cases[i].unix_s);
		if (cases[i].printed != NULL)
			assert_str(when_print(a, unix_s), cases[i].printed);
	}
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(times_are_read_and_printed) };
	return RUN_TESTS(tests);
}

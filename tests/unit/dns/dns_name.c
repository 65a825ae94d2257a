#include "../test.h"

#include "base/arena.h"
#include "dns/dns_name.h"

static void names_become_lower_case_without_trailing_dot(void **state)
{
	(void)state;
	char out[DNS_NAME_MAX + 1];
	struct str normal;
	assert_true(dns_name_normalise(STR("_DMARC.Example.ORG."), out, &normal));
	assert_str(normal, "_dmarc.example.org");
	assert_int_equal(out[normal.n], 0);
	assert_true(dns_name_normalise(STR("\xc3\x84"), out, &normal)); /* no letter of ASCII */
	assert_str(normal, "\xc3\x84");
	assert_true(dns_name_normalise(STR("a."), out, &normal));
	assert_str(normal, "a");
}

static void names_that_cannot_be_are_refused(void **state)
{
	(void)state;
	static const struct str bad[] = {
		{ "", 0 }, { ".", 1 }, { "..", 2 }, { ".a", 2 }, { "a..b", 4 }, { "a..", 3 }, { "a\0b", 3 },
	};
	char out[DNS_NAME_MAX + 1];
	struct str normal;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(dns_name_normalise(bad[i], out, &normal));
}

static void labels_and_names_are_bounded(void **state)
{
	(void)state;
	char name[256], out[DNS_NAME_MAX + 1];
	struct str normal;
	memset(name, 'a', sizeof(name));
	assert_true(dns_name_normalise((struct str){ name, 63 }, out, &normal));
	assert_false(dns_name_normalise((struct str){ name, 64 }, out, &normal));
	for (size_t i = 63; i < sizeof(name); i += 64)
		name[i] = '.';
	assert_true(dns_name_normalise((struct str){ name, 253 }, out, &normal));
	assert_false(dns_name_normalise((struct str){ name, 254 }, out, &normal));
	name[253] = '.';
	assert_true(dns_name_normalise((struct str){ name, 254 }, out, &normal));
	assert_int_equal(normal.n, 253);
}

static void unusual_bytes_are_escaped_for_the_library(void **state)
{
	(void)state;
	char out[DNS_ESCAPED_MAX + 1];
	assert_string_equal(dns_name_escape(STR("_a-b.c"), out), "_a-b.c");
	assert_string_equal(dns_name_escape(STR("a b\\.\"\xff\x01"), out), "a\\032b\\092.\\034\\255\\001");
	char longest[DNS_NAME_MAX];
	memset(longest, 0xff, sizeof(longest));
	assert_int_equal(strlen(dns_name_escape((struct str){ longest, sizeof(longest) }, out)), DNS_ESCAPED_MAX);
}

static void the_wire_form_leads_back_to_the_text(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	struct dns_wire wire, other;
	dns_wire_of(STR("a.example.org"), &wire);
	assert_int_equal(wire.n, 15);
	assert_memory_equal(wire.b, "\1a\7example\3org\0", 15);
	assert_str(dns_wire_text(arena, &wire), "a.example.org");
	dns_wire_of(STR("A.eXample.org"), &other);
	assert_true(dns_wire_eq(&wire, &other));
	dns_wire_of(STR("a.example.orh"), &other);
	assert_false(dns_wire_eq(&wire, &other));
	dns_wire_of(STR("example.org"), &other);
	assert_false(dns_wire_eq(&wire, &other));
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_become_lower_case_without_trailing_dot),
		cmocka_unit_test(names_that_cannot_be_are_refused),
		cmocka_unit_test(labels_and_names_are_bounded),
		cmocka_unit_test(unusual_bytes_are_escaped_for_the_library),
		cmocka_unit_test(the_wire_form_leads_back_to_the_text),
	};
	return RUN_TESTS(tests);
}

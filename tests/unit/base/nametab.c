#include "../test.h"

#include "base/arena.h"
#include "base/nametab.h"

static const char *const names[] = { "accept", "reject", NULL, "quarantine" };
enum { COUNT = sizeof(names) / sizeof(names[0]) };

static void names_are_found_with_their_case(void **state)
{
	(void)state;
	unsigned value = 9;
	assert_true(nametab_find(names, COUNT, STR("quarantine"), &value));
	assert_int_equal(value, 3);
	assert_false(nametab_find(names, COUNT, STR("Accept"), &value));
	assert_false(nametab_find(names, COUNT, STR("accep"), &value));
	assert_false(nametab_find(names, COUNT, STR(""), &value));
	assert_int_equal(value, 3);
}

static void a_slip_leads_to_the_closest_name(void **state)
{
	(void)state;
	assert_string_equal(nametab_closest(names, COUNT, STR("acept")), "accept");
	assert_string_equal(nametab_closest(names, COUNT, STR("ACCEPT")), "accept");
	assert_string_equal(nametab_closest(names, COUNT, STR("quarantaine")), "quarantine");
	assert_string_equal(nametab_closest(names, COUNT, STR("rejcet")), "reject");
	assert_null(nametab_closest(names, COUNT, STR("discard")));
	assert_null(nametab_closest(names, COUNT, STR("")));
	assert_null(nametab_closest(names, COUNT, STR("a name that is far longer than any that could be meant here")));
}

static void names_are_listed(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	assert_str(nametab_join(a, names, COUNT), "accept, reject or quarantine");
	assert_str(nametab_join(a, names, 2), "accept or reject");
	assert_str(nametab_join(a, names, 3), "accept or reject");
	assert_str(nametab_join(a, names, 1), "accept");
	assert_str(nametab_join(a, names, 0), "");
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_found_with_their_case),
		cmocka_unit_test(a_slip_leads_to_the_closest_name),
		cmocka_unit_test(names_are_listed),
	};
	return RUN_TESTS(tests);
}

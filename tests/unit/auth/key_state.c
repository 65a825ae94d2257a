#include "../test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/key_state.h"
#include "base/arena.h"
#include "base/diag.h"

static struct arena *a;
static struct diags *diags;
static char path[] = "/tmp/gatepost-state-XXXXXX";

static int set_up(void **state)
{
	(void)state;
	a = arena_new();
	diags = diags_new();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	diags_free(diags);
	arena_free(a);
	return 0;
}

static bool read_text(const char *text, struct key_state *out)
{
	FILE *f = fopen(path, "we");
	fputs(text, f);
	fclose(f);
	return key_state_read(a, path, STR("billing"), out, diags);
}

static const char whole[] =
	"# Written by `gatepost key`.\n"
	"domain = \"example.org\";\n"
	"versions = (\n"
	"\t{ selector = \"a\"; state = \"retiring\"; since = \"2026-01-01T00:00:00Z\"; until = \"2026-01-08T00:00:00Z\"; },\n"
	"\t{ selector = \"b.c\"; state = \"active\"; since = \"2026-01-01T00:00:00Z\"; },\n"
	"\t{ selector = \"s-1\"; state = \"pending\"; since = \"2026-02-28T23:59:59Z\"; }\n"
	");\n";

static void what_is_read_prints_the_same(void **state)
{
	(void)state;
	struct key_state s;
	assert_true(read_text(whole, &s));
	assert_str(s.name, "billing");
	assert_str(s.domain, "example.org");
	assert_int_equal(s.count, 3);
	assert_int_equal(s.versions[0].phase, KEY_RETIRING);
	assert_int_equal(s.versions[0].since_unix_s, 1767225600);
	assert_int_equal(s.versions[0].until_unix_s, 1767830400);
	assert_str(s.versions[1].selector, "b.c");
	assert_int_equal(s.versions[1].phase, KEY_ACTIVE);
	assert_int_equal(s.versions[1].until_unix_s, 0);
	assert_str(key_state_print(a, &s), whole);
}

static void mistakes_are_told_with_their_place(void **state)
{
	(void)state;
#define ONE "versions = ( { selector = \"a\"; state = \"active\"; since = \"2026-01-01T00:00:00Z\"; } );\n"
#define VERSIONS(text) "domain = \"example.org\";\nversions = (\n" text "\n);\n"
	static const struct { const char *text, *wrong; } mistakes[] = {
		{ "", "domain is missing" },
		{ ONE, "domain is missing" },
		{ "domain = \"example.org\";\n", "versions are missing" },
		{ "domain = \"Example.org\";\n" ONE, ":1: error: domain: \"Example.org\" is no name" },
		{ "domain = \"example.org.\";\n" ONE, "is no name" },
		{ "domain = 5;\n" ONE, ":1: error: domain: is a number" },
		{ "domian = \"example.org\";\n" ONE, "did you mean \"domain\"?" },
		{ VERSIONS(""), "holds 0 versions" },
		{ VERSIONS("{ }"), "selector is missing" },
		{ VERSIONS("{ selector = \"a\"; }"), ":3: error: versions[0]: state is missing" },
		{ VERSIONS("{ selector = \"a\"; state = \"old\"; since = \"2026-01-01T00:00:00Z\"; }"), "no state: pending" },
		{ VERSIONS("{ selector = \"../x\"; state = \"active\"; since = \"2026-01-01T00:00:00Z\"; }"), "is no name" },
		{ VERSIONS("{ selector = \"a\"; state = \"active\"; }"), "since is missing" },
		{ VERSIONS("{ selector = \"a\"; state = \"retiring\"; since = \"2026-01-01T00:00:00Z\"; }"),
		  "until is missing" },
		{ VERSIONS("{ selector = \"a\"; state = \"active\"; since = \"2026-02-30T00:00:00Z\"; }"), "is no time" },
		{ VERSIONS("{ selector = \"a\"; state = \"active\"; since = \"2026-01-01 00:00\"; }"), "is no time" },
		{ VERSIONS("{ selector = \"a\"; state = \"active\"; since = \"2026-01-01T00:00:00Zx\"; }"), "is no time" },
		{ VERSIONS("{ selector = \"a\"; state = \"active\"; since = \"2026-01-01T00:00:00Z\"; },\n"
			   "{ selector = \"b\"; state = \"active\"; since = \"2026-01-01T00:00:00Z\"; }"),
		  ":4: error: versions[1]: a second version is active" },
		{ VERSIONS("{ selector = \"a\"; state = \"pending\"; since = \"2026-01-01T00:00:00Z\"; },\n"
			   "{ selector = \"a\"; state = \"active\"; since = \"2026-01-01T00:00:00Z\"; }"),
		  "selector a is there twice" },
		{ VERSIONS("{ selector = \"a\"; state = \"active\"; since = \"2026-01-01T00:00:00Z\"; file = \"x\"; }"),
		  "unknown setting" },
	};
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		struct key_state s;
		bool is_told = false;
		assert_false(read_text(mistakes[i].text, &s));
		for (size_t d = 0; d < diags_count(diags); d++)
			is_told = is_told || strstr(diag_line(diags, diags_at(diags, d)), mistakes[i].wrong) != NULL;
		if (!is_told) {
			diags_print(diags, stderr);
			fail_msg("%s: not told: %s", mistakes[i].text, mistakes[i].wrong);
		}
		diags_free(diags);
		diags = diags_new();
	}
	struct key_state s;
	assert_false(key_state_read(a, "/no/such/file", STR("x"), &s, diags));
}

static void too_many_versions_are_refused(void **state)
{
	(void)state;
	struct str text = STR("domain = \"example.org\";\nversions = ( ");
	for (int i = 0; i <= KEY_VERSIONS_MAX; i++)
		text = str_printf(a, "%.*s%s{ selector = \"s%d\"; state = \"retiring\"; since = \"2026-01-01T00:00:00Z\"; "
				  "until = \"2026-01-01T00:00:00Z\"; }", STR_ARG(text), i == 0 ? "" : ", ", i);
	struct key_state s;
	assert_false(read_text(str_printf(a, "%.*s );", STR_ARG(text)).p, &s));
	assert_int_equal(s.count, KEY_VERSIONS_MAX);
}

static void a_version_goes_its_way(void **state)
{
	(void)state;
	struct key_state s = { .name = STR("billing"), .domain = STR("example.org") };
	key_state_add(&s, STR("a"), 1000);
	assert_int_equal(s.versions[0].phase, KEY_PENDING);
	key_state_promote(&s, 2000, 500);
	assert_int_equal(s.count, 1);
	assert_ptr_equal(key_state_in(&s, KEY_ACTIVE), &s.versions[0]);
	assert_int_equal(s.versions[0].since_unix_s, 2000);
	key_state_add(&s, STR("b"), 3000);
	assert_str(key_state_in(&s, KEY_ACTIVE)->selector, "a");
	key_state_promote(&s, 4000, 500);
	assert_str(key_state_in(&s, KEY_ACTIVE)->selector, "b");
	assert_null(key_state_in(&s, KEY_PENDING));
	struct key_version *old = key_state_find(&s, STR("a"));
	assert_int_equal(old->phase, KEY_RETIRING);
	assert_int_equal(old->since_unix_s, 4000);
	assert_int_equal(old->until_unix_s, 4500);
	key_state_drop(&s, old);
	assert_int_equal(s.count, 1);
	assert_str(s.versions[0].selector, "b");
	assert_null(key_state_find(&s, STR("a")));
}

static void names_are_file_names(void **state)
{
	(void)state;
	static const char *const good[] = { "a", "billing", "Billing-2_x", "0" };
	static const char *const bad[] = { "", "a.b", "../a", "a/b", "-a", "_a", "a b", "\xc3\xa4" };
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(key_name_is_good(str_of(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(key_name_is_good(str_of(bad[i])));
	char longest[KEY_NAME_MAX + 1];
	memset(longest, 'a', sizeof(longest));
	assert_true(key_name_is_good((struct str){ longest, KEY_NAME_MAX }));
	assert_false(key_name_is_good((struct str){ longest, KEY_NAME_MAX + 1 }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_read_prints_the_same, set_up, tear_down),
		cmocka_unit_test_setup_teardown(mistakes_are_told_with_their_place, set_up, tear_down),
		cmocka_unit_test_setup_teardown(too_many_versions_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_version_goes_its_way, set_up, tear_down),
		cmocka_unit_test_setup_teardown(names_are_file_names, set_up, tear_down),
	};
	close(mkstemp(path));
	int failed = RUN_TESTS(tests);
	unlink(path);
	return failed;
}

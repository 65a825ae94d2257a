#include "fixture.h"

#include "policy/lists.h"
#include "policy/text_set.h"

enum { MANY = 12000 };

static void write_many(struct fixture *f, const char *name, const char *format)
{
	FILE *file = fopen(str_printf(f->arena, "%s/%s", f->folder, name).p, "w");
	assert_non_null(file);
	fprintf(file, "# %d entries\n", MANY);
	for (int i = 0; i < MANY; i++) {
		for (const char *p = format; *p != 0; p++) {
			if (*p == '#')
				fprintf(file, "%d.%d", i / 256, i % 256);
			else
				fputc(*p, file);
		}
		fprintf(file, "%s", i % 3 == 0 ? "\r\n" : i % 3 == 1 ? "  # a comment\n" : "\n");
	}
	assert_int_equal(fclose(file), 0);
}

static enum action judge(struct fixture *f, enum fact_id id, const char *value)
{
	struct given_facts facts = stranger_facts(f);
	set_fact(fact_descs[id].scope == SCOPE_CONN ? facts.connection : facts.message, id, value);
	return policy_eval(f->policy, STAGE_MAIL, facts.message, NULL, 0, f->arena, NULL, NULL).action;
}

static void large_files_are_loaded_and_searched(void **state)
{
	struct fixture *f = *state;
	write_many(f, "nets.txt", "10.#.0/24");
	write_many(f, "domains.txt", ".d#.Example");
	write_many(f, "hosts.txt", "h#.example");
	write_many(f, "people.txt", "*@d#.example");
	write_many(f, "logins.txt", "User#");
	load_text(f, "lists = ( { name = \"nets\"; type = \"ip\"; file = \"nets.txt\"; }, { name = \"domains\"; type = \"domain\"; file = \"domains.txt\"; },\n"
		  "{ name = \"people\"; type = \"address\"; file = \"people.txt\"; }, { name = \"logins\"; type = \"string\"; file = \"logins.txt\"; },\n"
		  "{ name = \"hosts\"; type = \"domain\"; file = \"hosts.txt\"; } );\n"
		  "rules = ( { name = \"a\"; at = \"mail\"; when = { client = { ip = \"@nets\"; }; }; then = { action = \"accept\"; }; },\n"
		  "{ name = \"b\"; at = \"mail\"; when = { helo = { name = [ \"@hosts\", \"@domains\" ]; }; }; then = { action = \"reject\"; }; },\n"
		  "{ name = \"c\"; at = \"mail\"; when = { mail = { from = \"@people\"; }; }; then = { action = \"defer\"; }; },\n"
		  "{ name = \"d\"; at = \"mail\"; when = { auth = { login = \"@logins\"; }; }; then = { action = \"reject\"; }; } );");
	for (int i = 0; i < MANY; i += 7) {
		int high = i / 256, low = i % 256;
		assert_int_equal(judge(f, FACT_CLIENT_IP, str_printf(f->arena, "10.%d.%d.77", high, low).p), ACTION_ACCEPT);
		assert_int_equal(judge(f, FACT_HELO_NAME, str_printf(f->arena, "a.b.d%d.%d.example", high, low).p), ACTION_REJECT);
		assert_int_equal(judge(f, FACT_HELO_NAME, str_printf(f->arena, "H%d.%d.example", high, low).p), ACTION_REJECT);
		assert_int_equal(judge(f, FACT_MAIL_FROM, str_printf(f->arena, "x@d%d.%d.example", high, low).p), ACTION_DEFER);
		assert_int_equal(judge(f, FACT_AUTH_LOGIN, str_printf(f->arena, "uSER%d.%d", high, low).p), ACTION_REJECT);
	}
	assert_int_equal(judge(f, FACT_CLIENT_IP, "11.0.0.0"), ACTION_CONTINUE);
	assert_int_equal(judge(f, FACT_HELO_NAME, "d.example"), ACTION_CONTINUE);
	assert_int_equal(judge(f, FACT_HELO_NAME, "x.h1.1.example"), ACTION_CONTINUE);
	assert_int_equal(judge(f, FACT_MAIL_FROM, "d1.1.example@x.example"), ACTION_CONTINUE);
	assert_int_equal(judge(f, FACT_AUTH_LOGIN, "user"), ACTION_CONTINUE);
}

static void lists_serve_all_files_wherever_they_stand(void **state)
{
	struct fixture *f = *state;
	write_file(f, "entries.txt", "192.0.2.0/28\n");
	write_file(f, "1.conf", "rules = ( { name = \"a\"; at = \"mail\"; when = { client = { ip = [ \"@near\", \"@far\" ]; }; }; then = { action = \"accept\"; }; } );");
	write_file(f, "2.conf", "lists = ( { name = \"near\"; type = \"ip\"; file = \"entries.txt\"; } );");
	write_file(f, "3.conf", str_printf(f->arena, "lists = ( { name = \"far\"; type = \"ip\"; file = \"%s/far.txt\"; } );", f->folder).p);
	write_file(f, "far.txt", "2001:db8::/64");
	load_folder(f);
	assert_str(diags_text(f, f->folder), "");
	assert_int_equal(judge(f, FACT_CLIENT_IP, "192.0.2.15"), ACTION_ACCEPT);
	assert_int_equal(judge(f, FACT_CLIENT_IP, "192.0.2.16"), ACTION_CONTINUE);
	assert_int_equal(judge(f, FACT_CLIENT_IP, "2001:db8::1"), ACTION_ACCEPT);
	assert_int_equal(judge(f, FACT_CLIENT_IP, "2001:db8:0:1::1"), ACTION_CONTINUE);
}

static void an_empty_file_is_fine_and_matches_nothing(void **state)
{
	struct fixture *f = *state;
	write_file(f, "empty.txt", "# nobody at present\n\n");
	load_text(f, "lists = ( { name = \"nobody\"; type = \"ip\"; file = \"empty.txt\"; } );\n"
		  "rules = ( { name = \"a\"; at = \"mail\"; when = { client = { ip = \"@nobody\"; }; }; then = { action = \"accept\"; }; } );");
	assert_int_equal(judge(f, FACT_CLIENT_IP, "192.0.2.15"), ACTION_CONTINUE);
}

static void a_set_is_the_same_small_and_large(void **state)
{
	struct fixture *f = *state;
	for (size_t n = 1; n <= 20; n++) {
		struct text_set *set = text_set_new(f->arena, TEXT_DOMAIN);
		for (size_t i = 0; i < n; i++) {
			text_set_add(set, str_printf(f->arena, "x%zu.example", i));
			text_set_add(set, str_printf(f->arena, ".t%zu.example", i));
		}
		text_set_add(set, STR("*.p.example"));
		text_set_seal(set);
		assert_int_equal(text_set_count(set), 2 * n + 1);
		for (size_t i = 0; i < 25; i++) {
			assert_int_equal(text_set_has(set, str_printf(f->arena, "X%zu.example", i)), i < n);
			assert_int_equal(text_set_has(set, str_printf(f->arena, "t%zu.example", i)), i < n);
			assert_int_equal(text_set_has(set, str_printf(f->arena, "a.T%zu.example", i)), i < n);
			assert_false(text_set_has(set, str_printf(f->arena, "a.x%zu.example", i)));
		}
		assert_true(text_set_has(set, STR("a.P.example")));
		assert_false(text_set_has(set, STR("p.example")));
		assert_false(text_set_has(set, STR("")));
	}
}

static void texts_longer_than_any_literal_meet_only_patterns(void **state)
{
	struct fixture *f = *state;
	char *text = arena_alloc(f->arena, 2001), *domain = arena_alloc(f->arena, 2001);
	memset(text, 'x', 2000);
	memset(domain, 'x', 2000);
	memcpy(domain + 1990, ".t.example", 10);
	struct text_set *set = text_set_new(f->arena, TEXT_DOMAIN);
	text_set_add(set, STR(".t.example"));
	text_set_seal(set);
	assert_false(text_set_has(set, (struct str){ domain, 2000 }));
	set = text_set_new(f->arena, TEXT_STRING);
	text_set_add(set, STR("*xx"));
	text_set_seal(set);
	assert_true(text_set_has(set, (struct str){ text, 2000 }));
	struct str out;
	assert_non_null(text_literal_normalize(f->arena, TEXT_STRING, (struct str){ text, 513 }, &out));
	assert_null(text_literal_normalize(f->arena, TEXT_STRING, (struct str){ text, 512 }, &out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(large_files_are_loaded_and_searched),
		TEST(lists_serve_all_files_wherever_they_stand),
		TEST(an_empty_file_is_fine_and_matches_nothing),
		TEST(a_set_is_the_same_small_and_large),
		TEST(texts_longer_than_any_literal_meet_only_patterns),
	};
	return RUN_TESTS(tests);
}

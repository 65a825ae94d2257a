#include "fixture.h"

#include "policy/workflow.h"

/* Every file of tests/suites/policy says in "#= " lines what loading it must say: that and nothing else. */
static struct str expected_diags(struct arena *a, const char *path)
{
	FILE *file = fopen(path, "r");
	struct str all = STR_EMPTY;
	char *line = NULL;
	size_t room = 0;
	assert_non_null(file);
	while (getline(&line, &room, file) > 0)
		if (str_starts(str_of(line), STR("#= ")))
			all = str_printf(a, "%.*s%s", STR_ARG(all), line + 3);
	free(line);
	fclose(file);
	return all;
}

static void bad_files_give_exactly_their_diagnostics(void **state)
{
	struct fixture *f = *state;
	const char *folder = str_printf(f->arena, "%s/tests/suites/policy", getenv("srcdir")).p;
	size_t count, wrong = 0;
	const char *const *paths = policy_folder_files(f->arena, folder, f->diags, &count);
	assert_true(count >= 10);
	for (size_t i = 0; i < count; i++) {
		struct fixture one = { .arena = f->arena, .diags = diags_new() };
		policy_load_files(f->arena, &paths[i], 1, one.diags);
		struct str came = diags_text(&one, folder), expected = expected_diags(f->arena, paths[i]);
		if (!str_eq(came, expected)) {
			print_error("%s: came\n%.*sexpected\n%.*s", paths[i], STR_ARG(came), STR_ARG(expected));
			wrong++;
		}
		diags_free(one.diags);
	}
	assert_int_equal(wrong, 0);
}

static void files_are_read_in_name_order(void **state)
{
	struct fixture *f = *state;
	write_file(f, "20-b.conf", "rules = ( { name = \"b\"; when = { spf = { result = \"fail\"; }; }; then = { action = \"reject\"; }; } );");
	write_file(f, "10-a.conf", "rules = ( { name = \"a\"; when = { spf = { result = \"fail\"; }; }; unknown = \"skip\";"
				   " then = { action = \"defer\"; }; } );");
	write_file(f, "9-c.conf", "");
	write_file(f, ".hidden.conf", "nonsense");
	write_file(f, "readme.txt", "nonsense");
	write_file(f, "old.conf~", "nonsense");
	const struct policy *p = load_folder(f);
	assert_str(diags_text(f, f->folder), "");
	assert_int_equal(policy_file_count(p), 3);
	assert_string_equal(strrchr(policy_file_at(p, 0), '/'), "/10-a.conf");
	assert_string_equal(strrchr(policy_file_at(p, 1), '/'), "/20-b.conf");
	assert_string_equal(strrchr(policy_file_at(p, 2), '/'), "/9-c.conf");
	assert_int_equal(policy_rule_count(p), 2);
	struct given_facts facts = stranger_facts(f);
	facts_set_result(facts.message, FACT_SPF_RESULT, RESULT_FAIL);
	struct decision d = policy_eval(p, STAGE_END, facts.message, NULL, 0, f->arena, NULL, NULL);
	assert_string_equal(d.from.rule, "a");
}

static void names_are_one_space_over_all_files(void **state)
{
	struct fixture *f = *state;
	write_file(f, "1.conf", "rules = ( { name = \"x\"; when = { client = { ip = \"@nets\"; }; }; then = { action = \"accept\"; }; } );\n"
				"tests = ( { name = \"t\"; expect = { rule = \"y\"; }; } );");
	write_file(f, "2.conf", "lists = ( { name = \"nets\"; type = \"ip\"; items = [ \"192.0.2.1\" ]; } );\n"
				"rules = ( { name = \"x\"; at = \"mail\"; then = { action = \"accept\"; }; },\n"
				"          { name = \"y\"; at = \"helo\"; then = { action = \"accept\"; }; } );\n"
				"tests = ( { name = \"t\"; expect = { rule = \"x\"; }; } );\n"
				"limits = { per_client = { messages = \"1/1h\"; }; };");
	write_file(f, "3.conf", "lists = ( { name = \"nets\"; type = \"ip\"; items = [ \"192.0.2.1\" ]; } );\n"
				"limits = { per_client = { messages = \"1/1h\"; }; };");
	load_folder(f);
	assert_str(diags_text(f, f->folder),
		   "2.conf:2: error: rules[0].name: the rule \"x\" is already at 1.conf:1\n"
		   "2.conf:4: error: tests[0]: the test \"t\" is already at 1.conf:2\n"
		   "3.conf:1: error: lists[0].name: the list \"nets\" is already at 2.conf:1\n"
		   "3.conf:2: error: limits: there are limits for mail of no workflow already (2.conf:5)\n");
}

static void folders_that_are_missing_or_empty_are_told(void **state)
{
	struct fixture *f = *state;
	const struct policy *p = load_folder(f);
	assert_int_equal(policy_rule_count(p), 0);
	policy_load(f->arena, str_printf(f->arena, "%s/nowhere", f->folder).p, f->diags);
	struct str expected = str_printf(f->arena,
		"%s: warning: no *.conf file is in the folder: all mail is accepted\n"
		"nowhere: error: the folder cannot be read: No such file or directory\n", f->folder);
	assert_str(diags_text(f, f->folder), expected.p);
}

static void need_sets_name_what_rules_ask_stage_by_stage(void **state)
{
	struct fixture *f = *state;
	const struct policy *p = load_text(f,
		"rules = ( { name = \"a\"; when = { helo = { valid = false; }; }; then = { action = \"reject\"; reply = \"550 5.7.1 %{client.name}\"; }; },\n"
		"  { name = \"b\"; when = { has = [ \"spf.domain\" ]; }; unless = { dkim = { result = \"pass\"; }; };\n"
		"    then = { action = \"add_header\"; name = \"X-A\"; value = \"%{mail.from}\"; }; },\n"
		"  { name = \"c\"; at = \"mail\"; when = { iprev = { result = \"fail\"; }; }; observe = true; then = { action = \"reject\"; }; },\n"
		"  { name = \"d\"; recipients = \"any\"; when = { rcpt = { to = \"a@b.example\"; }; }; then = { action = \"discard\"; }; },\n"
		"  { name = \"e\"; when = { rcpt = { to = \"a@c.example\"; }; }; then = { action = \"reject\"; }; } );");
	static const struct {
		enum stage stage;
		enum fact_id id;
	} asked[] = {
		{ STAGE_HELO, FACT_HELO_VALID }, { STAGE_HELO, FACT_CLIENT_NAME }, { STAGE_END, FACT_SPF_DOMAIN },
		{ STAGE_END, FACT_DKIM_RESULT }, { STAGE_END, FACT_MAIL_FROM }, { STAGE_MAIL, FACT_IPREV_RESULT },
		{ STAGE_END, FACT_RCPT_TO }, { STAGE_RCPT, FACT_RCPT_TO },
	};
	struct bits expected[STAGE_COUNT] = { 0 }, all = { 0 };
	for (size_t i = 0; i < sizeof(asked) / sizeof(*asked); i++) {
		bits_add(&expected[asked[i].stage], asked[i].id);
		bits_add(&all, asked[i].id);
	}
	for (enum stage stage = 0; stage < STAGE_COUNT; stage++)
		assert_memory_equal(policy_facts_at(p, stage), &expected[stage], sizeof(struct bits));
	assert_memory_equal(policy_facts(p), &all, sizeof(struct bits));
	assert_true(policy_decides_at(p, STAGE_HELO));
	assert_true(policy_has_rules_at(p, STAGE_MAIL));
	assert_false(policy_decides_at(p, STAGE_MAIL)); /* its rule only watches */
	assert_true(policy_decides_at(p, STAGE_RCPT));
	assert_true(policy_decides_at(p, STAGE_END));
	assert_false(policy_decides_at(p, STAGE_CONNECT));
	assert_false(policy_decides_at(p, STAGE_DATA));
	assert_false(policy_decides_at(p, STAGE_HEADERS));
}

static void what_only_tags_decides_only_where_it_may_not_know(void **state)
{
	struct fixture *f = *state;
	const struct policy *p = load_text(f,
		"rules = ( { name = \"a\"; unknown = \"skip\"; when = { helo = { valid = false; }; }; then = { action = \"tag\"; tag = \"a\"; }; },\n"
		"  { name = \"b\"; at = \"data\"; when = { helo = { valid = false; }; }; then = { action = \"tag\"; tag = \"b\"; }; } );");
	assert_false(policy_decides_at(p, STAGE_HELO));
	assert_true(policy_decides_at(p, STAGE_DATA));
}

/* Warnings count, and so does a rule or workflow that no test names. */
static void assert_wholly_tested(struct fixture *f)
{
	assert_str(diags_text(f, f->folder), "");
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);
	struct policy_test_counts counts = policy_run_tests(f->policy, true, out);
	fclose(out);
	if (counts.failed > 0 || strstr(text, "no test names") != NULL)
		fail_msg("%s", text);
	assert_true(counts.passed >= policy_rule_count(f->policy) + policy_workflow_count(f->policy));
	free(text);
}

static void shipped_policies_are_good_and_wholly_tested(void **state)
{
	struct fixture *f = *state;
	f->policy = policy_load(f->arena, str_printf(f->arena, "%s/policies", getenv("srcdir")).p, f->diags);
	assert_wholly_tested(f);
}

/* As whoever copies the example will have them. */
static void shipped_policies_and_the_example_go_together(void **state)
{
	struct fixture *f = *state;
	size_t count;
	const char *folder = str_printf(f->arena, "%s/policies", getenv("srcdir")).p, *all[32];
	const char *const *shipped = policy_folder_files(f->arena, folder, f->diags, &count);
	assert_true(count < 32);
	memcpy(all, shipped, count * sizeof(*all));
	all[count] = str_printf(f->arena, "%s/examples/50-workflows.conf", folder).p;
	f->policy = policy_load_files(f->arena, all, count + 1, f->diags);
	assert_int_equal(policy_workflow_count(f->policy), 5);
	assert_wholly_tested(f);
}

/* The worked example: the first block of policies/README.md that begins with rules. */
static void the_example_in_the_readme_works(void **state)
{
	struct fixture *f = *state;
	FILE *readme = fopen(str_printf(f->arena, "%s/policies/README.md", getenv("srcdir")).p, "r");
	struct str text = STR_EMPTY;
	char *line = NULL;
	size_t room = 0;
	assert_non_null(readme);
	while (getline(&line, &room, readme) > 0) {
		if (text.n > 0 && strcmp(line, "```\n") == 0)
			break;
		if (text.n > 0 || strcmp(line, "rules = (\n") == 0)
			text = str_printf(f->arena, "%.*s%s", STR_ARG(text), line);
	}
	free(line);
	fclose(readme);
	load_text(f, text.p);
	struct policy_test_counts counts = policy_run_tests(f->policy, false, stderr);
	assert_int_equal(counts.passed, 2);
	assert_int_equal(counts.failed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bad_files_give_exactly_their_diagnostics),
		TEST(files_are_read_in_name_order),
		TEST(names_are_one_space_over_all_files),
		TEST(folders_that_are_missing_or_empty_are_told),
		TEST(need_sets_name_what_rules_ask_stage_by_stage),
		TEST(what_only_tags_decides_only_where_it_may_not_know),
		TEST(shipped_policies_are_good_and_wholly_tested),
		TEST(shipped_policies_and_the_example_go_together),
		TEST(the_example_in_the_readme_works),
	};
	return RUN_TESTS(tests);
}

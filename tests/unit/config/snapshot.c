#include "../test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/diag.h"
#include "config/snapshot.h"
#include "option/options.h"
#include "policy/policy.h"

/* FOLDER/gatepost.conf and FOLDER/policies/rules.conf */
struct fixture {
	struct arena *arena;
	struct diags *diags;
	const char *folder, *path, *policies, *rules;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char folder[] = "/tmp/gatepost-snapshot-XXXXXX";
	assert_non_null(mkdtemp(folder));
	f->arena = arena_new();
	f->diags = diags_new();
	f->folder = str_to_c(f->arena, str_of(folder));
	f->path = str_printf(f->arena, "%s/gatepost.conf", folder).p;
	f->policies = str_printf(f->arena, "%s/policies", folder).p;
	f->rules = str_printf(f->arena, "%s/rules.conf", f->policies).p;
	assert_int_equal(mkdir(f->policies, 0700), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	snapshot_publish(NULL);
	unlink(f->path);
	unlink(f->rules);
	rmdir(f->policies);
	rmdir(f->folder);
	diags_free(f->diags);
	arena_free(f->arena);
	free(f);
	return 0;
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* An option and as many rules: who sees both can tell whether they belong together. */
static void write_generation(struct fixture *f, int number)
{
	struct str rules = STR("rules = (\n");
	for (int i = 0; i < number; i++)
		rules = str_printf(f->arena, "%.*s%s{ name = \"rule-%d\"; when = { helo = { name = \"h%d.example\"; }; };\n"
				   "  then = { action = \"tag\"; tag = \"t%d\"; }; }", STR_ARG(rules), i == 0 ? "" : ",\n",
				   i, i, i);
	write_file(f->rules, str_printf(f->arena, "%.*s\n);\n", STR_ARG(rules)).p);
	write_file(f->path, str_printf(f->arena, "authserv_id = \"mx.example.org\";\nrecord_days = %d;\n", number).p);
}

static struct snapshot *load(struct fixture *f, const struct snapshot *running)
{
	diags_free(f->diags);
	f->diags = diags_new();
	return snapshot_load(f->path, running, f->diags);
}

static void assert_told(struct fixture *f, const char *part)
{
	for (size_t i = 0; i < diags_count(f->diags); i++)
		if (strstr(diag_line(f->diags, diags_at(f->diags, i)), part) != NULL)
			return;
	diags_print(f->diags, stderr);
	fail_msg("nothing says \"%s\"", part);
}

static void a_published_snapshot_is_what_one_gets(void **state)
{
	struct fixture *f = *state;
	assert_null(snapshot_get());
	write_generation(f, 3);
	struct snapshot *loaded = load(f, NULL);
	assert_non_null(loaded);
	assert_int_equal(diags_count(f->diags), 0);
	snapshot_publish(loaded);

	const struct snapshot *s = snapshot_get();
	assert_ptr_equal(s, loaded);
	assert_int_equal(s->generation, 1);
	assert_string_equal(s->config_path, f->path);
	assert_str(s->options->authserv_id, "mx.example.org");
	assert_int_equal(policy_rule_count(s->policy), 3);
	assert_non_null(s->dkim);
	snapshot_put(s);
}

static void one_that_is_held_outlives_its_successor(void **state)
{
	struct fixture *f = *state;
	write_generation(f, 1);
	snapshot_publish(load(f, NULL));
	const struct snapshot *old = snapshot_get();
	write_generation(f, 2);
	snapshot_publish(load(f, old));
	const struct snapshot *now = snapshot_get();
	assert_int_equal(old->options->record_days, 1);
	assert_int_equal(policy_rule_count(old->policy), 1);
	assert_int_equal(now->options->record_days, 2);
	assert_int_equal(now->generation, 2);
	snapshot_put(old);
	snapshot_publish(NULL);
	assert_null(snapshot_get());
	assert_int_equal(policy_rule_count(now->policy), 2);
	snapshot_put(now);
	snapshot_put(NULL);
}

static void workflows_behind_inbound_listeners_are_told(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *listen;
		size_t warnings;
	} rows[] = {
		{ "", 0 },
		{ "listen = ( { socket = \"unix:/run/x\"; role = \"inbound\"; } );", 1 },
		{ "listen = ( { socket = \"unix:/run/x\"; role = \"submission\"; } );", 0 },
	};
	write_file(f->rules, "workflows = ( { name = \"w\"; match = { auth = { login = \"x\"; }; }; identity = { from = \"x@example.org\"; };"
			     " unsigned = true; } );\n");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		write_file(f->path, str_printf(f->arena, "authserv_id = \"mx.example.org\";\n%s\n", rows[i].listen).p);
		struct snapshot *s = load(f, NULL);
		assert_non_null(s);
		assert_int_equal(diags_warnings(f->diags), rows[i].warnings);
		if (rows[i].warnings > 0)
			assert_told(f, "gatepost.conf: warning: listen: has the role inbound only");
		snapshot_put(s);
	}
}

static void errors_in_all_files_are_told_and_nothing_comes_of_it(void **state)
{
	struct fixture *f = *state;
	write_file(f->path, "authserv_id = \"mx example\";\ndeadlin = \"1s\";\n");
	write_file(f->rules, "rules = ( { name = \"x\"; then = { action = \"explode\"; }; } );\n");
	assert_null(load(f, NULL));
	assert_told(f, "gatepost.conf:2: error: deadlin");
	assert_told(f, "gatepost.conf:1: error: authserv_id: \"mx example\" is no host name");
	assert_told(f, "rules.conf:1: error: ");
}

/* Where the policies are is not known then, so nothing is said about them. */
static void a_file_with_a_syntax_error_is_the_only_one_told_about(void **state)
{
	struct fixture *f = *state;
	write_file(f->path, "policies = \"elsewhere\"\nstore = ;\n");
	assert_null(load(f, NULL));
	assert_int_equal(diags_count(f->diags), 1);
	unlink(f->path);
	assert_null(load(f, NULL));
	assert_int_equal(diags_count(f->diags), 1);
}

static void a_missing_policy_folder_is_an_error(void **state)
{
	struct fixture *f = *state;
	write_file(f->path, "authserv_id = \"mx.example.org\";\npolicies = \"elsewhere\";\n");
	assert_null(load(f, NULL));
	assert_told(f, "/elsewhere");
}

static void the_name_in_authentication_results_is_never_empty(void **state)
{
	struct fixture *f = *state;
	char host[256] = "";
	gethostname(host, sizeof(host) - 1);
	write_generation(f, 1);
	write_file(f->path, "");
	struct snapshot *s = load(f, NULL);
	assert_non_null(s);
	struct str id = s->options->authserv_id;
	assert_true(id.n > 0);
	/* Without a full name the host's bare one is used, with a warning. */
	assert_int_equal(diags_warnings(f->diags), str_find(id, '.') < 0);
	if (str_find(id, '.') < 0)
		assert_true(str_eq_nocase(id, str_of(host)));
	snapshot_put(s);
}

static void a_reload_keeps_what_needs_a_restart(void **state)
{
	struct fixture *f = *state;
	write_generation(f, 1);
	write_file(f->path, "authserv_id = \"a.example\";\nstore = \"sqlite:/old\";\n");
	snapshot_publish(load(f, NULL));
	write_file(f->path, "authserv_id = \"b.example\";\nstore = \"sqlite:/new\";\n");
	const struct snapshot *running = snapshot_get();
	struct snapshot *next = load(f, running);
	assert_non_null(next);
	snapshot_put(running);
	assert_told(f, "store: needs a restart; the old value stays in force");
	snapshot_publish(next); /* the old one, and its texts, are gone now */
	assert_str(next->options->store, "sqlite:/old");
	assert_str(next->options->authserv_id, "b.example");
}

enum { READERS = 4, GENERATIONS = 40 };

static atomic_bool is_over;
static atomic_int reads;

static void *read_again_and_again(void *arg)
{
	atomic_int *mixed = arg;
	unsigned last = 0;
	while (!atomic_load(&is_over)) {
		const struct snapshot *s = snapshot_get();
		if (policy_rule_count(s->policy) != (size_t)s->options->record_days || s->generation < last)
			atomic_fetch_add(mixed, 1);
		last = s->generation;
		snapshot_put(s);
		atomic_fetch_add(&reads, 1);
	}
	return NULL;
}

/* ThreadSanitizer and AddressSanitizer look on. */
static void readers_see_one_whole_generation_after_the_other(void **state)
{
	struct fixture *f = *state;
	atomic_int mixed = 0;
	pthread_t readers[READERS];
	write_generation(f, 1);
	snapshot_publish(load(f, NULL));
	for (int i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&readers[i], NULL, read_again_and_again, &mixed), 0);
	for (int i = 2; i <= GENERATIONS; i++) {
		write_generation(f, i % 7 + 1);
		const struct snapshot *running = snapshot_get();
		struct snapshot *next = load(f, running);
		assert_non_null(next);
		snapshot_put(running);
		snapshot_publish(next);
	}
	atomic_store(&is_over, true);
	for (int i = 0; i < READERS; i++)
		pthread_join(readers[i], NULL);
	assert_int_equal(atomic_load(&mixed), 0);
	assert_true(atomic_load(&reads) > GENERATIONS);
	const struct snapshot *last = snapshot_get();
	assert_int_equal(last->generation, GENERATIONS);
	snapshot_put(last);
}

int main(void)
{
#define FILE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		FILE_TEST(a_published_snapshot_is_what_one_gets),
		FILE_TEST(one_that_is_held_outlives_its_successor),
		FILE_TEST(workflows_behind_inbound_listeners_are_told),
		FILE_TEST(errors_in_all_files_are_told_and_nothing_comes_of_it),
		FILE_TEST(a_file_with_a_syntax_error_is_the_only_one_told_about),
		FILE_TEST(a_missing_policy_folder_is_an_error),
		FILE_TEST(the_name_in_authentication_results_is_never_empty),
		FILE_TEST(a_reload_keeps_what_needs_a_restart),
		FILE_TEST(readers_see_one_whole_generation_after_the_other),
	};
	return RUN_TESTS(tests);
}

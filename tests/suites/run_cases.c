/* run_cases [--inside] [--coverage] [FILE or FOLDER ...] - every .case file, first in this process, then
 * behind the milter socket of a daemon of its own. A case with `time` runs in this process only.
 *
 * Without arguments: all below $srcdir/tests/suites, and the tables are checked for rows that no case shows. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/fail.h"
#include "eval/inside.h"
#include "eval/run.h"
#include "lib/wire.h"
#include "suites/coverage.h"

enum { CASES_MAX = 4096, WORKERS = 4 };

struct test {
	char *path;
	size_t *records;       /* after each event, as it was in this process; NULL: it could not run */
	const struct case_file *file;
};

static struct test tests[CASES_MAX];
static size_t test_count;
static size_t passed, failed;
static char policy_folder[4096];

static int take_path(const char *path, const struct stat *st, int kind)
{
	(void)st;
	const char *end = strrchr(path, '.');
	if (kind == FTW_F && end != NULL && strcmp(end, ".case") == 0) {
		BUG_IF(test_count == CASES_MAX);
		tests[test_count++].path = fail_if_null(strdup(path));
	}
	return 0;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct test *)a)->path, ((const struct test *)b)->path);
}

/* One run of one case. */
struct run {
	const char *mode;
	struct eval_target *target;
	size_t records_seen;
};

static void on_failure(void *context, struct place at, const char *text)
{
	const struct run *r = context;
	printf("%s:%d: %s: %s\n", at.file, at.line, r->mode, text);
}

/* The records are gone when the target closes. */
static void on_event(void *context, const struct case_event *e, size_t index, const struct eval_answer *a)
{
	struct run *r = context;
	(void)e, (void)index, (void)a;
	for (size_t n = r->target->ops->records(r->target, 0); r->records_seen < n; r->records_seen++)
		coverage_add_record(r->target->ops->record_at(r->target, r->records_seen));
}

static bool run_inside(struct test *t)
{
	struct run r = { "in-process", eval_inside_new(NULL, NULL), 0 };
	struct eval_watch watch = { .event = on_event, .failure = on_failure, .context = &r };
	t->records = fail_if_null(calloc(t->file->event_count, sizeof(*t->records)));
	struct eval_options options = { .default_policies = policy_folder, .records_seen = t->records };
	bool ok = eval_case(t->file, r.target, &options, &watch);
	eval_inside_free(r.target);
	coverage_add_case(t->file);
	return ok;
}

static bool run_wire(const struct test *t)
{
	struct run r = { "wire", wire_new(), 0 };
	struct eval_watch watch = { .failure = on_failure, .context = &r };
	struct eval_options options = { .default_policies = policy_folder, .records_wanted = t->records };
	bool ok = eval_case(t->file, r.target, &options, &watch);
	if (wire_trouble(r.target)[0] != '\0') {
		printf("%s: wire: %s\n", t->path, wire_trouble(r.target));
		ok = false;
	}
	wire_free(r.target);
	return ok;
}

static void count(bool ok)
{
	passed += ok;
	failed += !ok;
}

static void run_all_inside(struct arena *a)
{
	for (size_t i = 0; i < test_count; i++) {
		struct diags *diags = diags_new();
		tests[i].file = case_read(a, tests[i].path, policy_folder, diags);
		if (tests[i].file == NULL)
			diags_print(diags, stdout);
		diags_free(diags);
		count(tests[i].file != NULL && run_inside(&tests[i]));
	}
}

static int worker(size_t number)
{
	size_t bad = 0;
	for (size_t i = number; i < test_count; i += WORKERS)
		if (tests[i].file != NULL && tests[i].file->time_unix_s == 0 && !run_wire(&tests[i]))
			bad++;
	fflush(NULL);
	return (int)(bad > 255 ? 255 : bad);
}

static void run_all_wire(void)
{
	pid_t pids[WORKERS];
	size_t total = 0;
	for (size_t i = 0; i < test_count; i++)
		total += tests[i].file != NULL && tests[i].file->time_unix_s == 0;
	fflush(NULL);
	for (size_t n = 0; n < WORKERS; n++) {
		pids[n] = fork();
		BUG_IF(pids[n] < 0);
		if (pids[n] == 0)
			_exit(worker(n));
	}
	size_t bad = 0;
	for (size_t n = 0; n < WORKERS; n++) {
		int status = 0;
		waitpid(pids[n], &status, 0);
		bad += WIFEXITED(status) ? (size_t)WEXITSTATUS(status) : 1;
	}
	failed += bad;
	passed += total > bad ? total - bad : 0;
}

/* The gatepost that was built with this program, unless $GATEPOST says otherwise. */
static void find_gatepost(void)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	for (int up = 0; up < 3 && n > 0; up++)
		while (n > 0 && path[--n] != '/')
			;
	if (n > 0) {
		snprintf(path + n, sizeof(path) - (size_t)n, "/gatepost");
		setenv("GATEPOST", path, false);
	}
}

int main(int argc, char **argv)
{
	bool is_inside_only = false, wants_coverage = argc == 1;
	char *source = realpath(getenv("srcdir") != NULL ? getenv("srcdir") : ".", NULL);
	char all[4096];
	BUG_IF(source == NULL);
	snprintf(all, sizeof(all), "%s/tests/suites", source);
	snprintf(policy_folder, sizeof(policy_folder), "%s/policies", source);
	free(source);
	setvbuf(stdout, NULL, _IOLBF, 0);
	find_gatepost();
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--inside") == 0)
			is_inside_only = true;
		else if (strcmp(argv[i], "--coverage") == 0)
			wants_coverage = true;
		else if (ftw(argv[i], take_path, 16) != 0)
			return 2;
	}
	if (test_count == 0 && ftw(all, take_path, 16) != 0)
		return 2;
	qsort(tests, test_count, sizeof(tests[0]), by_path);
	struct arena *a = arena_new();
	run_all_inside(a);
	if (!is_inside_only)
		run_all_wire();
	if (wants_coverage)
		count(coverage_report(stdout) == 0);
	for (size_t i = 0; i < test_count; i++) {
		free(tests[i].path);
		free(tests[i].records);
	}
	arena_free(a);
	printf("%zu passed, %zu failed\n", passed, failed);
	return failed == 0 && passed > 0 ? 0 : 1;
}

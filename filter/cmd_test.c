/* gatepost test - runs the tests that stand in policy files. */
#include "cmd.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/vec.h"
#include "option/options.h"
#include "policy/policy.h"

struct paths {
	const char **items;
	size_t count, room;
};

static void add_path(struct arena *a, const char *path, struct diags *diags, struct paths *paths)
{
	struct stat st;
	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
		VEC_PUSH(a, paths, path); /* what cannot be read is told by the loader */
		return;
	}
	size_t count;
	const char *const *files = policy_folder_files(a, path, diags, &count);
	for (size_t i = 0; i < count; i++)
		VEC_PUSH(a, paths, files[i]);
}

/* Files and folders named, else the folder that the configuration names. */
static const struct policy *load(struct arena *a, const char *config_path, char *const *named, struct diags *diags)
{
	struct paths paths = { NULL, 0, 0 };
	if (*named == NULL) {
		const struct options *o = options_load(a, config_path, diags);
		return policy_load(a, str_to_c(a, o->policies), diags);
	}
	for (; *named != NULL; named++)
		add_path(a, *named, diags, &paths);
	return policy_load_files(a, paths.items, paths.count, diags);
}

static int load_and_run(struct arena *a, struct diags *diags, const char *config_path, char *const *named,
			bool is_verbose)
{
	const struct policy *p = load(a, config_path, named, diags);
	diags_print(diags, stderr);
	if (diags_errors(diags) > 0)
		return EX_CONFIG;
	struct policy_test_counts counts = policy_run_tests(p, is_verbose, stdout);
	printf("%zu passed, %zu failed\n", counts.passed, counts.failed);
	return counts.failed == 0 ? 0 : 1;
}

int cmd_test(int argc, char **argv)
{
	const char *config_path = GATEPOST_CONFIG;
	bool is_verbose = false;
	int option;
	opterr = 0;
	while ((option = getopt(argc, argv, "vc:")) != -1) {
		if (option == 'v')
			is_verbose = true;
		else if (option == 'c')
			config_path = optarg;
		else
			return cmd_option_error(argv);
	}
	struct arena *a = arena_new();
	struct diags *diags = diags_new();
	int code = load_and_run(a, diags, config_path, argv + optind, is_verbose);
	diags_free(diags);
	arena_free(a);
	return code;
}

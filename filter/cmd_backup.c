/* gatepost backup - a copy of the store while the daemon runs. */
#include "cmd.h"

#include <getopt.h>
#include <stdio.h>
#include <sysexits.h>

#include "base/arena.h"
#include "base/diag.h"
#include "option/options.h"
#include "store/store.h"

static int back_up(const char *config_path, const char *path, struct arena *a, struct diags *diags)
{
	const struct options *o = options_load(a, config_path, diags);
	if (diags_errors(diags) > 0)
		return EX_CONFIG;
	return store_back_up(o->store, path, diags) ? EX_OK : EX_UNAVAILABLE;
}

int cmd_backup(int argc, char **argv)
{
	const char *config_path = GATEPOST_CONFIG;
	int option;
	opterr = 0;
	while ((option = getopt(argc, argv, "c:")) != -1) {
		if (option != 'c')
			return cmd_option_error(argv);
		config_path = optarg;
	}
	if (optind + 1 != argc)
		return cmd_usage_error(argv[0], "name one file to write to");
	struct arena *a = arena_new();
	struct diags *diags = diags_new();
	int code = back_up(config_path, argv[optind], a, diags);
	diags_print(diags, stderr);
	diags_free(diags);
	arena_free(a);
	return code;
}

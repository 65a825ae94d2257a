/* gatepost check - the loader of the daemon, without the daemon. */
#include "cmd.h"

#include <getopt.h>
#include <stdio.h>
#include <sysexits.h>

#include "base/diag.h"
#include "config/resolver.h"
#include "config/snapshot.h"
#include "option/options.h"
#include "policy/workflow.h"
#include "service/listen.h"
#include "service/privileges.h"
#include "store/store.h"

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

/* What the daemon finds out after loading, as far as it can be known without opening anything. */
static void check_service(const struct options *o, struct diags *diags)
{
	struct account account;
	privileges_find(o->user, &account, diags);
	for (size_t i = 0; i < o->listen.count; i++)
		listen_check(&o->listen.items[i], diags);
	store_check_url(o->store, diags);
}

static void print_summary(const char *path, const struct snapshot *s, const struct diags *diags)
{
	size_t errors = diags_errors(diags), warnings = diags_warnings(diags);
	fprintf(stderr, "%s: ", path);
	if (s != NULL) {
		size_t files = policy_file_count(s->policy), rules = policy_rule_count(s->policy);
		size_t workflows = policy_workflow_count(s->policy);
		fprintf(stderr, "%zu policy file%s, %zu rule%s, ", files, plural(files), rules, plural(rules));
		if (workflows > 0)
			fprintf(stderr, "%zu workflow%s, ", workflows, plural(workflows));
	}
	fprintf(stderr, "%zu error%s, %zu warning%s\n", errors, plural(errors), warnings, plural(warnings));
}

int cmd_check(int argc, char **argv)
{
	static const struct option long_options[] = { { "dump", no_argument, NULL, 'd' }, { NULL, 0, NULL, 0 } };
	const char *path = GATEPOST_CONFIG;
	bool wants_dump = false;
	int option;
	opterr = 0;
	while ((option = getopt_long(argc, argv, "c:", long_options, NULL)) != -1) {
		if (option == 'c')
			path = optarg;
		else if (option == 'd')
			wants_dump = true;
		else
			return cmd_option_error(argv);
	}
	if (optind < argc)
		return cmd_usage_error(argv[0], "\"%s\" is too much", argv[optind]);

	struct diags *diags = diags_new();
	struct snapshot *s = snapshot_load(path, NULL, diags);
	if (s != NULL) {
		check_service(s->options, diags);
		resolver_check(s->options, diags);
		if (wants_dump)
			options_dump(s->options, stdout);
	}
	diags_print(diags, stderr);
	print_summary(path, s, diags);
	int code = diags_errors(diags) == 0 ? EX_OK : EX_CONFIG;
	snapshot_put(s);
	diags_free(diags);
	return code;
}

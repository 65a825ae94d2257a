/* gatepost preflight - what receivers will find of each workflow. */
#include "cmd.h"

#include <getopt.h>
#include <string.h>
#include <sysexits.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/nametab.h"
#include "cmd_preflight.h"
#include "config/resolver.h"
#include "config/snapshot.h"
#include "dns/dns.h"
#include "option/options.h"
#include "policy/workflow.h"

struct call {
	const char *config_path, *workflow, *server;
	bool wants_json;
	struct arena *arena;
	struct diags *diags;
};

enum { DEADLINE_MS = 30000 };

static int code_of(enum preflight_grade grade)
{
	switch (grade) {
	case PREFLIGHT_OK:
	case PREFLIGHT_WARN:
		return EX_OK;
	case PREFLIGHT_TEMPERROR:
		return EX_TEMPFAIL;
	case PREFLIGHT_FAIL:
	case PREFLIGHT_GRADE_COUNT:
		break;
	}
	return EX_DATAERR;
}

static int refuse_name(const struct call *c, const struct policy *p)
{
	size_t count = policy_workflow_count(p);
	const char **names = arena_array(c->arena, count, sizeof(*names));
	for (size_t i = 0; i < count; i++)
		names[i] = policy_workflow_at(p, i)->place.rule;
	const char *closest = nametab_closest(names, count, str_of(c->workflow));
	diag_error(c->diags, (struct place){ 0 }, "there is no workflow \"%s\"%s%s%s", c->workflow,
		   closest == NULL ? "" : "; did you mean \"", closest == NULL ? "" : closest, closest == NULL ? "" : "\"?");
	return EX_NOINPUT;
}

static int fly(const struct call *c, const struct snapshot *s, struct dns *dns)
{
	size_t total = policy_workflow_count(s->policy), count = 0;
	const struct workflow **workflows = arena_array(c->arena, total, sizeof(*workflows));
	for (size_t i = 0; i < total; i++) {
		const struct workflow *w = policy_workflow_at(s->policy, i);
		if (c->workflow == NULL || strcmp(w->place.rule, c->workflow) == 0)
			workflows[count++] = w;
	}
	if (count == 0 && c->workflow != NULL)
		return refuse_name(c, s->policy);
	const struct preflight *p =
		preflight_run(s->options, workflows, count, dns, clock_mono_ms() + DEADLINE_MS, c->arena);
	if (c->wants_json)
		preflight_print_json(p, stdout);
	else
		preflight_print_table(p, stdout);
	if (count == 0)
		fprintf(stderr, "there are no workflows in %.*s\n", STR_ARG(s->options->policies));
	return code_of(p->grade);
}

static int load_and_fly(const struct call *c)
{
	struct snapshot *s = snapshot_load(c->config_path, NULL, c->diags);
	if (s == NULL)
		return EX_CONFIG;
	struct options asked = *s->options;
	struct str server = str_of(c->server);
	if (c->server != NULL) { /* the world's view instead of ours */
		asked.dns_servers = (struct strings){ &server, 1 };
		asked.dns_zone_file = STR_EMPTY;
	}
	struct dns *dns = resolver_open(&asked, NULL, c->diags);
	int code = dns == NULL ? EX_CONFIG : fly(c, s, dns);
	dns_close(dns);
	snapshot_put(s);
	return code;
}

static int parse_and_run(struct call *c, int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "workflow", required_argument, NULL, 'w' }, { "server", required_argument, NULL, 'S' },
		{ "json", no_argument, NULL, 'j' },	      { NULL, 0, NULL, 0 },
	};
	int option;
	opterr = 0;
	while ((option = getopt_long(argc, argv, "c:", long_options, NULL)) != -1)
		switch (option) {
		case 'c':
			c->config_path = optarg;
			break;
		case 'w':
			c->workflow = optarg;
			break;
		case 'S':
			c->server = optarg;
			break;
		case 'j':
			c->wants_json = true;
			break;
		default:
			return cmd_option_error(argv);
		}
	if (optind < argc)
		return cmd_usage_error(argv[0], "\"%s\" is too much", argv[optind]);
	return load_and_fly(c);
}

int cmd_preflight(int argc, char **argv)
{
	struct call c = { .config_path = GATEPOST_CONFIG, .arena = arena_new(), .diags = diags_new() };
	int code = parse_and_run(&c, argc, argv);
	diags_print(c.diags, stderr);
	diags_free(c.diags);
	arena_free(c.arena);
	return code;
}

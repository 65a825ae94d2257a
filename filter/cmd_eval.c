/* gatepost eval - a message, or a .case file, through the gate without an MTA. */
#include "cmd.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/vec.h"
#include "eval/inside.h"
#include "eval/run.h"
#include "eval/show.h"
#include "eval/workspace.h"
#include "option/options.h"

enum { RCPTS_MAX = 100, MACROS_MAX = 32, MESSAGE_BYTES_MAX = 256 << 20 };

struct question {
	const char *config, *policy, *zone, *case_path, *message_path;
	const char *client, *name, *helo, *from;
	const char *rcpts[RCPTS_MAX];
	struct case_macro macros[MACROS_MAX];
	size_t rcpt_count, macro_count;
	bool wants_json, is_config_given;
	struct arena *arena;
	struct diags *diags;
};

static bool is_folder(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* In the arena; the path as given if there is no such thing. */
static const char *whole_path(struct question *q, const char *path)
{
	char *whole = realpath(path, NULL);
	const char *kept = str_to_c(q->arena, str_of(whole != NULL ? whole : path));
	free(whole);
	return kept;
}

static bool read_message(struct question *q, struct str *message)
{
	if (strcmp(q->message_path, "-") != 0)
		return case_slurp(q->arena, q->message_path, MESSAGE_BYTES_MAX, message);
	struct buf b;
	char chunk[65536];
	buf_init(&b, MESSAGE_BYTES_MAX);
	for (size_t n; (n = fread(chunk, 1, sizeof(chunk), stdin)) > 0;)
		buf_add(&b, (struct str){ chunk, n });
	bool ok = ferror(stdin) == 0 && !b.is_full;
	*message = str_dup(q->arena, buf_str(&b));
	buf_fini(&b);
	return ok;
}

/* --- the events that a message stands for --- */

static struct case_event *event(struct case_event *e, enum case_event_kind kind, const char *arg, struct arena *a)
{
	struct str *args = arena_array(a, 2, sizeof(*args));
	args[0] = str_of(arg);
	*e = (struct case_event){ .kind = kind, .at = { .file = "command line" }, .args = args, .times = 1 };
	e->arg_count = arg != NULL;
	return e;
}

static const char *in_angles(struct arena *a, const char *address)
{
	return address[0] == '<' ? address : str_printf(a, "<%s>", address).p;
}

/* Nothing is expected of these events, so what eval_events finds wrong is not asked for. */
static struct case_file *file_of_message(struct question *q)
{
	struct case_file *f = ARENA_NEW(q->arena, struct case_file);
	struct case_event *events = arena_array(q->arena, 5 + q->rcpt_count, sizeof(*events)), *e = events;
	event(e, EVENT_CONNECT, q->name, q->arena);
	e->port = 40000;
	e->macros = q->macros;
	e->macro_count = q->macro_count;
	if (!ip_parse(str_of(q->client), &e->client)) {
		fprintf(stderr, "gatepost eval: not an address: %s\n", q->client);
		return NULL;
	}
	event(++e, EVENT_HELO, q->helo, q->arena);
	event(++e, EVENT_MAIL, in_angles(q->arena, q->from), q->arena);
	for (size_t i = 0; i < q->rcpt_count; i++)
		event(++e, EVENT_RCPT, in_angles(q->arena, q->rcpts[i]), q->arena);
	if (!read_message(q, &event(++e, EVENT_MESSAGE, NULL, q->arena)->message)) {
		fprintf(stderr, "gatepost eval: cannot read %s: %s\n", q->message_path, strerror(errno));
		return NULL;
	}
	event(++e, EVENT_QUIT, NULL, q->arena);
	f->path = "command line";
	f->events = events;
	f->event_count = (size_t)(e - events) + 1;
	return f;
}

/* Only policies are given: everything else has its default, DNS is the system's unless there is a zone. */
static const struct case_setup *setup_of_policy(struct question *q)
{
	struct case_setup *s = ARENA_NEW(q->arena, struct case_setup);
	struct case_text policy = { .name = STR("policy.conf") }, zone = { STR("dns.zone_file"), STR("\"\"") };
	s->zone = STR_EMPTY;
	if (!is_folder(q->policy)) {
		if (!case_slurp(q->arena, q->policy, MESSAGE_BYTES_MAX, &policy.text)) {
			fprintf(stderr, "gatepost eval: cannot read %s: %s\n", q->policy, strerror(errno));
			return NULL;
		}
		VEC_PUSH(q->arena, &s->policies, policy);
	}
	if (q->zone != NULL)
		zone.text = str_printf(q->arena, "\"%s\"", whole_path(q, q->zone));
	VEC_PUSH(q->arena, &s->options, zone);
	return s;
}

/* --- running --- */

static int eval_message(struct question *q, struct show *show, const struct eval_watch *watch)
{
	struct workspace w = { 0 };
	struct eval_options options = { .default_policies = NULL };
	const char *config = q->config;
	struct case_file *file = file_of_message(q);
	if (file == NULL)
		return EX_NOINPUT;
	bool ok = true;
	if (q->policy != NULL) {
		const struct case_setup *setup = setup_of_policy(q);
		ok = setup != NULL && workspace_open(&w, q->arena, q->diags) &&
		     workspace_write(&w, setup, whole_path(q, q->policy), q->diags);
		config = w.config;
	}
	ok = ok && show->target->ops->open(show->target, config, 0, q->diags);
	const struct case_event *unsent = ok ? eval_events(file, show->target, &options, watch) : NULL;
	if (unsent != NULL && !q->wants_json)
		printf("not sent: %s refused\n", unsent->kind == EVENT_RCPT ? "MAIL was" : "every recipient was");
	diags_print(q->diags, stderr);
	show->target->ops->close(show->target);
	workspace_close(&w);
	return ok ? EX_OK : EX_CONFIG;
}

static const char *policies_of(struct question *q)
{
	if (q->policy != NULL)
		return whole_path(q, q->policy);
	struct diags *ignored = diags_new(); /* a case may do without any configuration of the host */
	const struct options *o = options_load(q->arena, q->config, ignored);
	diags_free(ignored);
	return str_to_c(q->arena, o->policies);
}

static int eval_case_file(struct question *q, struct show *show, const struct eval_watch *watch)
{
	struct eval_options options = { .default_policies = policies_of(q) };
	const struct case_file *file = case_read(q->arena, q->case_path, options.default_policies, q->diags);
	bool ok = file != NULL && eval_case(file, show->target, &options, watch);
	diags_print(q->diags, stderr);
	if (!q->wants_json && file != NULL)
		printf("%s: %s\n", q->case_path, ok ? "as expected" : "NOT as expected");
	return ok ? EX_OK : file == NULL ? EX_DATAERR : 1;
}

static int run(struct question *q)
{
	struct show show = {
		.out = stdout,
		.arena = arena_new(),
		.is_colour = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL,
		.is_json = q->wants_json,
	};
	struct eval_watch watch = { .event = show_event, .context = &show };
	show.target = eval_inside_new(show_rule, &show);
	int code;
	if (q->case_path != NULL) {
		watch.failure = show_failure;
		code = eval_case_file(q, &show, &watch);
	} else {
		code = eval_message(q, &show, &watch);
	}
	eval_inside_free(show.target);
	arena_free(show.arena);
	return code;
}

static bool take_option(struct question *q, int option)
{
	struct str name, value;
	switch (option) {
	case 'c': q->config = optarg; q->is_config_given = true; return true;
	case 'p': q->policy = optarg; return true;
	case 'z': q->zone = optarg; return true;
	case 'C': q->case_path = optarg; return true;
	case 'i': q->client = optarg; return true;
	case 'n': q->name = optarg; return true;
	case 'h': q->helo = optarg; return true;
	case 'f': q->from = optarg; return true;
	case 'j': q->wants_json = true; return true;
	case 'r':
		if (q->rcpt_count == RCPTS_MAX)
			return false;
		q->rcpts[q->rcpt_count++] = optarg;
		return true;
	case 'm':
		if (q->macro_count == MACROS_MAX || !str_cut(str_of(optarg), '=', &name, &value))
			return false;
		q->macros[q->macro_count++] = (struct case_macro){ name, value };
		return true;
	default:
		return false;
	}
}

int cmd_eval(int argc, char **argv)
{
	static const struct option options[] = {
		{ "policy", required_argument, NULL, 'p' }, { "zone", required_argument, NULL, 'z' },
		{ "case", required_argument, NULL, 'C' },   { "client", required_argument, NULL, 'i' },
		{ "name", required_argument, NULL, 'n' },   { "helo", required_argument, NULL, 'h' },
		{ "from", required_argument, NULL, 'f' },   { "rcpt", required_argument, NULL, 'r' },
		{ "macro", required_argument, NULL, 'm' },  { "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	struct question q = {
		.config = GATEPOST_CONFIG, .client = "192.0.2.1", .name = "unknown", .helo = "client.example",
		.from = "<>", .macros = { { STR("{daemon_port}"), STR("25") } }, .macro_count = 1,
	};
	int option;
	opterr = 0;
	while ((option = getopt_long(argc, argv, "c:", options, NULL)) != -1)
		if (!take_option(&q, option))
			return cmd_option_error(argv);
	if (q.is_config_given && q.policy != NULL && q.case_path == NULL)
		return cmd_usage_error(argv[0], "-c names policies already: one of -c and --policy");
	if (q.zone != NULL && (q.policy == NULL || q.case_path != NULL))
		return cmd_usage_error(argv[0], "--zone goes with --policy and a message");
	if (q.rcpt_count == 0)
		q.rcpts[q.rcpt_count++] = "postmaster";
	if (optind + (q.case_path == NULL) != argc)
		return cmd_usage_error(argv[0], q.case_path == NULL ? "one message file is wanted, or - for stdin"
								    : "a case brings its own messages");
	q.message_path = argv[optind];
	q.arena = arena_new();
	q.diags = diags_new();
	int code = run(&q);
	diags_free(q.diags);
	arena_free(q.arena);
	return code;
}

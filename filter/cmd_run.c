/* gatepost run - one process for one listener, or a supervisor and a child for each of several. */
#include "cmd.h"

#include <stdio.h>
#include <sysexits.h>

#include "base/arena.h"
#include "base/diag.h"
#include "cmd_serve.h"
#include "config/resolver.h"
#include "config/snapshot.h"
#include "log/log.h"
#include "option/options.h"
#include "service/privileges.h"
#include "service/signals.h"
#include "service/supervise.h"

struct house {
	struct arena *arena;
	const char *config_path;
	const struct options *options; /* as at start */
	struct log *log;
	const char **names;            /* of the children */
};

/* "inbound", "submission", "inbound-2" */
static const char *child_name(const struct house *h, size_t index)
{
	const struct listener *l = &h->options->listen.items[index];
	size_t nth = 1;
	for (size_t i = 0; i < index; i++)
		nth += h->options->listen.items[i].role == l->role;
	const char *role = listen_role_words[l->role];
	return nth == 1 ? role : str_printf(h->arena, "%s-%zu", role, nth).p;
}

static int serve_child(void *context, size_t index)
{
	const struct house *h = context;
	const struct serve_plan plan = { h->config_path, index, h->names[index], true };
	privileges_raise();
	return serve_listener(&plan);
}

/* As the account that serves, which has to be able to read keys and policies. */
static bool check_as_child(void *context, struct diags *diags)
{
	const struct house *h = context;
	struct snapshot running = { .options = h->options };
	privileges_raise();
	if (h->options->user.n > 0 && !privileges_drop(h->options->user, diags))
		return false;
	struct snapshot *s = snapshot_load(h->config_path, &running, diags);
	if (s != NULL)
		resolver_check(s->options, diags);
	snapshot_put(s);
	return diags_errors(diags) == 0;
}

static void reopen_log(void *context)
{
	const struct house *h = context;
	log_reopen(h->log);
}

static int serve_several(struct house *h, struct diags *diags)
{
	size_t count = h->options->listen.count;
	h->names = arena_array(h->arena, count, sizeof(*h->names));
	for (size_t i = 0; i < count; i++)
		h->names[i] = child_name(h, i);
	struct supervise_plan plan = {
		.names = h->names,
		.count = count,
		.serve = serve_child,
		.check = check_as_child,
		.reload = reopen_log,
		.context = h,
	};
	if (!supervise_check(&plan, diags))
		return EX_CONFIG;
	if (!privileges_lower(h->options->user, diags) || (h->log = serve_open_log(h->options, NULL, true, diags)) == NULL)
		return EX_UNAVAILABLE;
	for (size_t i = 0; i < diags_count(diags); i++)
		log_warn(h->log, "%s", diag_text(diags, diags_at(diags, i)));
	plan.log = h->log;
	log_info(h->log, "gatepost %s: a process for each of %zu listeners", GATEPOST_VERSION, count);
	int code = supervise(&plan);
	log_info(h->log, "all processes have stopped");
	log_close(h->log);
	return code;
}

static int run(struct house *h, struct diags *diags)
{
	h->options = options_load(h->arena, h->config_path, diags);
	if (h->options->listen.count > 1 && diags_errors(diags) == 0) {
		struct diags *all = diags_new(); /* the check says everything that was said already */
		int code = serve_several(h, all);
		if (diags_errors(all) > 0)
			diags_print(all, stderr);
		diags_free(all);
		return code;
	}
	const struct serve_plan plan = { .config_path = h->config_path };
	return serve_listener(&plan);
}

int cmd_run(int argc, char **argv)
{
	struct house h = { .config_path = GATEPOST_CONFIG };
	if (!cmd_options(argc, argv, &h.config_path))
		return EX_USAGE;
	privileges_begin();
	signals_block();
	h.arena = arena_new();
	struct diags *diags = diags_new();
	int code = run(&h, diags);
	diags_free(diags);
	arena_free(h.arena);
	return code;
}

/* gatepost run - one process for one listener, or a supervisor and a child for each of several. */
#include "cmd.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sysexits.h>

#include "base/arena.h"
#include "base/diag.h"
#include "cmd_serve.h"
#include "config/logging.h"
#include "config/resolver.h"
#include "config/snapshot.h"
#include "log/log.h"
#include "option/options.h"
#include "record/board.h"
#include "service/http.h"
#include "service/notify.h"
#include "service/privileges.h"
#include "service/signals.h"
#include "service/supervise.h"
#include "store/buckets.h"

struct house {
	struct arena *arena;
	const char *config_path;
	const struct options *options; /* as at start */
	struct log *log;
	struct board *board;
	struct buckets *buckets;       /* of the children */
	const char **names;            /* of the children: one for each listener, then one for http */
	pthread_mutex_t asking;        /* in the last: one reload at a time */
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

static bool is_well(void *context)
{
	(void)context;
	return true;
}

static bool ask_supervisor(void *context, struct buf *said)
{
	struct house *h = context;
	pthread_mutex_lock(&h->asking);
	bool is_good = notify_ask_reload(said) && str_starts(buf_str(said), STR(NOTIFY_GOOD));
	pthread_mutex_unlock(&h->asking);
	if (is_good)
		memmove(said->p, said->p + strlen(NOTIFY_GOOD), said->n -= strlen(NOTIFY_GOOD));
	return is_good;
}

/* The process that answers requests for the status page has neither keys nor mail. */
static void answer_until_stopped(struct http *http)
{
	sigset_t set;
	int number;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	struct watchdog *watchdog = watchdog_start(is_well, NULL);
	notify_ready();
	while ((number = sigwaitinfo(&set, NULL)) != SIGTERM && number != SIGINT)
		if (number > 0)
			notify_ready(); /* a reload changes nothing here */
	watchdog_end(watchdog);
	http_close(http);
}

static int serve_http(struct house *h, struct diags *diags)
{
	struct account account;
	struct http *http;
	if (!privileges_find(h->options->user, &account, diags) ||
	    (http = http_open(&h->options->http_listen, &account, diags)) == NULL ||
	    !privileges_drop(h->options->user, diags) || !http_start(http, h->board, ask_supervisor, h))
		return EX_UNAVAILABLE;
	answer_until_stopped(http);
	return EX_OK;
}

static int serve_child(void *context, size_t index)
{
	struct house *h = context;
	if (index == h->options->listen.count) {
		struct diags *diags = diags_new();
		privileges_raise();
		int code = serve_http(h, diags);
		if (code != EX_OK)
			diags_print(diags, stderr);
		return code;
	}
	const struct serve_plan plan = { h->config_path, index, h->names[index], true, h->buckets, h->board };
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
	size_t listeners = h->options->listen.count, count = listeners;
	h->names = arena_array(h->arena, count + 1, sizeof(*h->names));
	for (size_t i = 0; i < listeners; i++) {
		h->names[i] = child_name(h, i);
		board_add_process(h->board, h->names[i], h->options->listen.items[i].socket);
	}
	if (h->options->http_listen.count > 0) {
		h->names[count++] = "http";
		board_add_process(h->board, "http", h->options->http_listen.items[0]);
	}
	struct supervise_plan plan = {
		.names = h->names,
		.count = count,
		.serve = serve_child,
		.check = check_as_child,
		.reload = reopen_log,
		.context = h,
		.board = h->board,
	};
	if (!supervise_check(&plan, diags))
		return EX_CONFIG;
	if (!privileges_lower(h->options->user, diags) || (h->log = logging_open(h->options, NULL, true, diags)) == NULL)
		return EX_UNAVAILABLE;
	for (size_t i = 0; i < diags_count(diags); i++)
		log_warn(h->log, "%s", diag_text(diags, diags_at(diags, i)));
	plan.log = h->log;
	log_info(h->log, "gatepost %s: a process for each of %zu listeners", GATEPOST_VERSION, listeners);
	h->buckets = buckets_new(BUCKETS_MAX);
	int code = supervise(&plan);
	buckets_free(h->buckets);
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
	if (h->options->listen.count > 0)
		board_add_process(h->board, listen_role_words[h->options->listen.items[0].role],
				  h->options->listen.items[0].socket);
	const struct serve_plan plan = { .config_path = h->config_path, .board = h->board };
	return serve_listener(&plan);
}

int cmd_run(int argc, char **argv)
{
	struct house h = { .config_path = GATEPOST_CONFIG, .asking = PTHREAD_MUTEX_INITIALIZER };
	if (!cmd_options(argc, argv, &h.config_path))
		return EX_USAGE;
	privileges_begin();
	signals_block();
	h.arena = arena_new();
	h.board = board_new();
	struct diags *diags = diags_new();
	int code = run(&h, diags);
	diags_free(diags);
	board_free(h.board);
	arena_free(h.arena);
	return code;
}

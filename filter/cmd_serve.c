#include "cmd_serve.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/fail.h"
#include "cmd_serve_keeper.h"
#include "config/logging.h"
#include "config/resolver.h"
#include "config/snapshot.h"
#include "dns/dns.h"
#include "log/log.h"
#include "milter/milter.h"
#include "policy/policy.h"
#include "record/board.h"
#include "record/metrics.h"
#include "service/http.h"
#include "service/listen.h"
#include "service/notify.h"
#include "service/privileges.h"
#include "service/signals.h"
#include "service/teller.h"
#include "session/session.h"
#include "store/store.h"

enum {
	CLOSE_MS = 500,           /* after a stop libmilter's connections may take this long to end */
	KEYS_AT_START_MS = 3000,  /* a resolver that is still starting must not keep mail waiting */
};

struct daemon {
	const struct serve_plan *plan;
	struct arena *arena;
	struct gate gate;
	struct signals *signals;
	struct watchdog *watchdog;
	struct teller *teller;
	struct http *http;          /* NULL: the supervisor has a process for that */
	pthread_mutex_t reloads;    /* one at a time */
	struct keeper keeper;
};

/* The supervisor has told the warnings. */
static void log_diags(const struct daemon *d, struct diags *diags)
{
	for (size_t i = 0; i < diags_count(diags); i++) {
		const struct diag *g = diags_at(diags, i);
		if (g->is_error)
			log_error(d->gate.log, "%s", diag_text(diags, g));
		else if (!d->plan->is_supervised)
			log_warn(d->gate.log, "%s", diag_text(diags, g));
	}
}

static const struct listener *listener_of(const struct daemon *d, const struct options *o)
{
	return &o->listen.items[d->plan->listener];
}

/* ---- signals -------------------------------------------------------------------------------------------- */

static void on_stop(void *context)
{
	struct daemon *d = context;
	atomic_store(&d->gate.is_stopping, true);
	keeper_wake(&d->keeper);
}

static void tell_config(const struct daemon *d)
{
	const struct snapshot *now = snapshot_get();
	teller_config(d->plan->board, now);
	snapshot_put(now);
}

/* All or nothing: the zone file is only taken together with a configuration that is right. */
static bool reload(struct daemon *d, struct diags *diags)
{
	const struct snapshot *running = snapshot_get();
	struct snapshot *next = snapshot_load_for(d->plan->config_path, d->plan->listener, running, diags);
	snapshot_put(running);
	if (next == NULL)
		return false;
	if (!dns_reload_zone(d->gate.dns, diags)) {
		snapshot_put(next);
		return false;
	}
	snapshot_publish(next);
	tell_config(d);
	keeper_wake(&d->keeper);
	return true;
}

/* A supervisor counts its own, each once. */
static void count_reload(const struct daemon *d, bool is_new, struct diags *diags)
{
	if (is_new)
		metrics_add(d->plan->board, METRIC_RELOADS, OUTCOME_GOOD, 0, 0, 1);
	else
		board_refuse_config(d->plan->board, diags_first_error(diags));
}

/* Puts into words how it went. */
static bool reload_and_tell(struct daemon *d, struct buf *said)
{
	pthread_mutex_lock(&d->reloads);
	notify_reloading();
	log_reopen(d->gate.log);
	struct diags *diags = diags_new();
	bool is_new = reload(d, diags);
	log_diags(d, diags);
	const struct snapshot *now = snapshot_get();
	if (!d->plan->is_supervised)
		count_reload(d, is_new, diags);
	for (size_t i = 0; i < diags_count(diags); i++)
		buf_printf(said, "%s\n", diag_line(diags, diags_at(diags, i)));
	size_t said_before = said->n;
	if (is_new)
		buf_printf(said, "reloaded: generation %u, %zu rules\n", now->generation,
			   policy_rule_count(now->policy));
	else
		buf_printf(said, "reload refused (%zu errors): generation %u stays in force\n",
			   diags_errors(diags), now->generation);
	(is_new ? log_info : log_error)(d->gate.log, "%.*s", (int)(said->n - said_before - 1), said->p + said_before);
	notify_status("generation %u, %zu rules%s", now->generation, policy_rule_count(now->policy),
		      is_new ? "" : "; the last reload was refused");
	snapshot_put(now);
	diags_free(diags);
	if (is_new)
		notify_ready();
	else
		notify_refused();
	pthread_mutex_unlock(&d->reloads);
	return is_new;
}

static void on_reload(void *context)
{
	struct buf said;
	buf_init(&said, 0);
	reload_and_tell(context, &said);
	buf_fini(&said);
}

static bool on_reload_asked(void *context, struct buf *said)
{
	return reload_and_tell(context, said);
}

/* ---- start ---------------------------------------------------------------------------------------------- */

static void on_answer(void *board, enum dns_status status, int64_t us)
{
	metrics_add(board, METRIC_DNS_ANSWERS, status, 0, 0, 1);
	metrics_time(board, METRIC_DNS_SECONDS, 0, us);
}

/* Sockets while we may still be root; everything that opens files or starts threads as the account that serves. */
static bool open_everything(struct daemon *d, const struct options *o, struct diags *diags)
{
	const struct listener *listener = listener_of(d, o);
	struct account account;
	d->gate.role = listener->role;
	d->gate.snapshot = snapshot_get;
	d->gate.board = d->plan->board;
	if (!privileges_find(o->user, &account, diags) || !listen_prepare(listener, &account, diags))
		return false;
	bool is_open = milter_open(&d->gate, listener, diags);
	if (!listen_finish(listener, &account, is_open, diags) || !is_open)
		return false;
	if (!d->plan->is_supervised && (d->http = http_open(&o->http_listen, &account, diags)) == NULL)
		return false;
	if (!privileges_drop(o->user, diags) ||
	    (d->gate.log = logging_open(o, d->plan->who, false, diags)) == NULL ||
	    (d->gate.dns = resolver_open_counted(o, d->gate.log, on_answer, d->plan->board, diags)) == NULL)
		return false;
	d->gate.store = d->plan->buckets == NULL ? store_open(o->store, d->gate.log, diags)
						 : store_open_sharing(d->plan->buckets, o->store, d->gate.log, diags);
	return d->gate.store != NULL;
}

static bool is_well(void *context)
{
	(void)context;
	return true; /* this thread is scheduled, so the process is */
}

static void start_telling(struct daemon *d)
{
	const struct teller_sources from = {
		.board = d->plan->board,
		.process = d->plan->listener,
		.dns = d->gate.dns,
		.store = d->gate.store,
		.log = d->gate.log,
		.connections = &d->gate.connections,
		.messages = &d->gate.messages,
	};
	if (!d->plan->is_supervised)
		board_set_process(d->plan->board, d->plan->listener, PROCESS_SERVES, getpid(), 0);
	d->teller = teller_start(&from);
}

static int serve(struct daemon *d)
{
	keeper_check_keys(&d->keeper, KEYS_AT_START_MS); /* the first message should not be signed with a key that nobody can find */
	const struct snapshot *first = snapshot_get();
	const struct listener *listener = listener_of(d, first->options);
	log_info(d->gate.log, "gatepost %s ready on %.*s: %zu rules from %zu policy files", GATEPOST_VERSION,
		 STR_ARG(listener->socket), policy_rule_count(first->policy), policy_file_count(first->policy));
	notify_status("generation %u, %zu rules", first->generation, policy_rule_count(first->policy));
	snapshot_put(first);
	tell_config(d);
	start_telling(d);
	keeper_start(&d->keeper);
	d->watchdog = watchdog_start(is_well, d);
	if (d->http != NULL && !http_start(d->http, d->plan->board, on_reload_asked, d))
		log_error(d->gate.log, "libmicrohttpd does not start: no status page, no metrics, no control");
	notify_ready();
	/* Asked to stop before it began, libmilter says no. */
	bool is_clean = milter_run() || atomic_load(&d->gate.is_stopping);
	if (!is_clean)
		log_error(d->gate.log, "libmilter gave up");
	on_stop(d);
	keeper_end(&d->keeper);
	watchdog_end(d->watchdog);
	http_close(d->http); /* who asks is answered to the end */
	d->http = NULL;
	teller_end(d->teller);
	return is_clean ? EX_OK : EX_SOFTWARE;
}

/* Reverse order of opening. With connections still open libmilter's threads may use what would be freed: then only
 * what must be on disk is finished, and the process ends as it is. */
static void close_everything(struct daemon *d)
{
	bool is_quiet = wait_until_none(&d->gate.connections, CLOSE_MS);
	if (d->gate.store != NULL)
		store_flush(d->gate.store);
	log_info(d->gate.log, "stopped");
	if (!is_quiet)
		_exit(EX_OK);
	http_close(d->http);
	store_close(d->gate.store);
	dns_close(d->gate.dns);
	log_close(d->gate.log);
}

static int fail(struct diags *diags, int code)
{
	diags_print(diags, stderr);
	return code;
}

/* The end of the supervisor is ours too. The kernel forgets this wish when the user changes, so not before. */
static void end_with_supervisor(const struct daemon *d)
{
	if (d->plan->is_supervised)
		prctl(PR_SET_PDEATHSIG, SIGTERM);
}

static int run(struct daemon *d, struct diags *diags)
{
	struct snapshot *first = snapshot_load_for(d->plan->config_path, d->plan->listener, NULL, diags);
	if (first == NULL)
		return fail(diags, EX_CONFIG);
	const unsigned generation = board_config(d->plan->board).generation;
	if (generation > 0)
		snapshot_continue_at(generation); /* it died and is back */
	snapshot_publish(first);
	bool is_open = open_everything(d, first->options, diags);
	if (!is_open)
		return fail(diags, EX_UNAVAILABLE);
	end_with_supervisor(d);
	log_diags(d, diags);
	/* Blocked until now: a reload or a stop finds everything open. */
	struct signal_actions actions = { .stop = on_stop, .reload = on_reload, .context = d };
	d->signals = signals_start(&actions);
	if (d->signals == NULL)
		return EX_OSERR;
	return serve(d);
}

/* Each message takes some tens of KB and gives them back. By default glibc gives them on to the kernel, and takes them
 * again page by page for the next message. */
static void keep_freed_memory(void)
{
	mallopt(M_TOP_PAD, 256 * 1024);
	mallopt(M_TRIM_THRESHOLD, 1024 * 1024);
}

int serve_listener(const struct serve_plan *plan)
{
	static struct daemon d = { .reloads = PTHREAD_MUTEX_INITIALIZER, .keeper = KEEPER_INITIALIZER };
	keep_freed_memory();
	d.plan = plan;
	d.keeper.gate = &d.gate;
	d.keeper.listener = plan->listener;
	d.arena = arena_new();
	struct diags *diags = diags_new();
	int code = run(&d, diags);
	signals_end(d.signals);
	close_everything(&d);
	snapshot_publish(NULL);
	diags_free(diags);
	arena_free(d.arena);
	return code;
}

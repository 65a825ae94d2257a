#include "service/supervise.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/diag.h"
#include "base/fail.h"
#include "log/log.h"
#include "record/board.h"
#include "record/metrics.h"
#include "service/checker.h"
#include "service/notify.h"

enum {
	PAUSE_FIRST_MS = 100,    /* before a child is started again; doubled each time */
	PAUSE_MAX_MS = 30000,
	STEADY_MS = 60000,       /* a child that served this long starts with the first pause again */
	STOP_MS = 35000,         /* children let messages in flight finish; then they are killed */
	CONFIRM_MS = 60000,      /* a reload in a child */
	NEVER_MS = 3600000,
};

enum child_state { CHILD_STARTING, CHILD_READY, CHILD_GONE };

struct child {
	const char *name;
	enum child_state state;
	pid_t pid;
	int fd;                  /* what it tells */
	int64_t since_ms;        /* of this state; with GONE the time of its next start */
	int64_t heard_ms;
	int64_t pause_ms;        /* before it, if it dies now */
	unsigned restarts;
	bool must_confirm;       /* the reload that is under way */
	bool asked;              /* for one, and waits for how it went */
	bool is_answered;        /* by the one under way */
};

struct supervisor {
	const struct supervise_plan *plan;
	struct child *children;
	int signals;
	sigset_t mask, mask_before;
	bool was_ready;          /* all were, once */
	bool is_stopping;
	int exit_code;
	int64_t stop_by_ms;
	uint64_t watchdog_us;    /* 0: none is wanted */
	int64_t ping_at_ms;

	struct checker checker;
	bool is_checking, wants_reload;
	struct buf told;         /* what was logged about the reload */
	size_t refused;          /* children that did not take what was checked */
	int64_t confirm_by_ms;   /* 0: no reload is under way */
};

static bool is_running(const struct child *c)
{
	return c->state != CHILD_GONE;
}

static size_t count_in(const struct supervisor *s, enum child_state state)
{
	size_t count = 0;
	for (size_t i = 0; i < s->plan->count; i++)
		count += s->children[i].state == state;
	return count;
}

/* As the children's states are known outside. */
static void tell_board(const struct supervisor *s, const struct child *c)
{
	static const enum process_state states[] = {
		[CHILD_STARTING] = PROCESS_STARTING, [CHILD_READY] = PROCESS_SERVES, [CHILD_GONE] = PROCESS_GONE,
	};
	board_set_process(s->plan->board, (size_t)(c - s->children), states[c->state], c->pid, c->restarts);
}

static void signal_all(struct supervisor *s, int number)
{
	for (size_t i = 0; i < s->plan->count; i++)
		if (is_running(&s->children[i]))
			kill(s->children[i].pid, number);
}

static void tell_status(const struct supervisor *s)
{
	unsigned restarts = 0;
	for (size_t i = 0; i < s->plan->count; i++)
		restarts += s->children[i].restarts;
	notify_status("%zu of %zu processes ready, %u restarts", count_in(s, CHILD_READY), s->plan->count, restarts);
}

/* A line about the reload: for the log, and for who asked for it. */
static void __attribute__((format(printf, 3, 4)))
tell_reload(struct supervisor *s, void (*log)(struct log *, const char *, ...), const char *format, ...)
{
	char line[2048];
	va_list args;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	log(s->plan->log, "%s", line);
	buf_printf(&s->told, "%s\n", line);
}

static void begin_stop(struct supervisor *s, int exit_code)
{
	if (!s->is_stopping) {
		s->is_stopping = true;
		s->exit_code = exit_code;
		s->stop_by_ms = clock_mono_ms() + STOP_MS;
		notify_stopping();
	}
	signal_all(s, SIGTERM);
}

/* ---- a child's life ------------------------------------------------------------------------------------- */

/* In the child: nothing of the supervisor's is left but the way to tell it something. */
static void become_child(struct supervisor *s, size_t index, int fd)
{
	close(s->signals);
	for (size_t i = 0; i < s->plan->count; i++)
		if (i != index && is_running(&s->children[i]))
			close(s->children[i].fd);
	if (s->is_checking)
		close(s->checker.fd);
	sigprocmask(SIG_SETMASK, &s->mask_before, NULL);
	notify_supervisor(fd);
	int code = s->plan->serve(s->plan->context, index);
	fflush(NULL);
	_exit(code);
}

static void start_child(struct supervisor *s, size_t index)
{
	struct child *c = &s->children[index];
	int ends[2] = { -1, -1 };
	fflush(NULL);
	c->state = CHILD_STARTING;
	c->since_ms = c->heard_ms = clock_mono_ms();
	c->must_confirm = c->asked = false;
	c->pid = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0 ? fork() : -1;
	if (c->pid == 0) {
		close(ends[0]);
		become_child(s, index, ends[1]);
	}
	c->fd = ends[0];
	if (ends[1] >= 0)
		close(ends[1]);
	if (c->pid > 0) {
		tell_board(s, c);
		return;
	}
	log_error(s->plan->log, "%s: no process can be started: %s", c->name, strerrordesc_np(errno));
	if (c->fd >= 0)
		close(c->fd);
	c->state = CHILD_GONE;
	c->since_ms = clock_mono_ms() + PAUSE_MAX_MS;
}

static void log_end(const struct supervisor *s, const struct child *c, int status)
{
	const char *what = WIFSIGNALED(status) ? "was killed by signal" : "ended with";
	int number = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
	if (s->is_stopping)
		log_warn(s->plan->log, "%s: process %d %s %d", c->name, (int)c->pid, what, number);
	else if (!s->was_ready)
		log_error(s->plan->log, "%s: process %d %s %d before it was ready", c->name, (int)c->pid, what, number);
	else
		log_error(s->plan->log, "%s: process %d %s %d; it is started again in %.1f s (restart %u)", c->name,
			  (int)c->pid, what, number, (double)c->pause_ms / 1000, c->restarts);
}

static void take_end(struct supervisor *s, struct child *c, int status)
{
	bool is_clean = WIFEXITED(status) && WEXITSTATUS(status) == EX_OK;
	int64_t now_ms = clock_mono_ms();
	if (c->state == CHILD_READY && now_ms - c->since_ms >= STEADY_MS)
		c->pause_ms = PAUSE_FIRST_MS;
	close(c->fd);
	if (c->must_confirm)
		s->refused++;
	c->must_confirm = false;
	c->state = CHILD_GONE;
	c->since_ms = now_ms + c->pause_ms;
	c->restarts += !s->is_stopping;
	if (!s->is_stopping || !is_clean)
		log_end(s, c, status);
	tell_board(s, c);
	c->pause_ms = c->pause_ms * 2 < PAUSE_MAX_MS ? c->pause_ms * 2 : PAUSE_MAX_MS;
	if (!s->was_ready && !s->is_stopping)
		begin_stop(s, is_clean || WIFSIGNALED(status) ? EX_SOFTWARE : WEXITSTATUS(status));
	tell_status(s);
}

static void reap(struct supervisor *s)
{
	for (size_t i = 0; i < s->plan->count; i++) {
		int status;
		struct child *c = &s->children[i];
		if (is_running(c) && waitpid(c->pid, &status, WNOHANG) == c->pid)
			take_end(s, c, status);
	}
}

static void take_ready(struct supervisor *s, struct child *c)
{
	if (c->state == CHILD_STARTING) {
		c->state = CHILD_READY;
		c->since_ms = clock_mono_ms();
		tell_board(s, c);
	}
	c->must_confirm = false;
	tell_status(s);
	if (!s->was_ready && count_in(s, CHILD_READY) == s->plan->count) {
		s->was_ready = true;
		log_info(s->plan->log, "all %zu processes serve", s->plan->count);
		notify_ready();
	}
}

static void hear(struct supervisor *s, struct child *c)
{
	char text[512];
	ssize_t n = recv(c->fd, text, sizeof(text), MSG_DONTWAIT);
	if (n <= 0)
		return;
	struct str said = { text, (size_t)n };
	c->heard_ms = clock_mono_ms();
	if (str_eq(said, STR(NOTIFY_READY))) {
		take_ready(s, c);
	} else if (str_eq(said, STR(NOTIFY_REFUSED))) {
		s->refused += c->must_confirm;
		c->must_confirm = false;
	} else if (str_eq(said, STR(NOTIFY_RELOAD))) {
		c->asked = s->wants_reload = true;
	}
}

/* ---- a reload ------------------------------------------------------------------------------------------- */

bool supervise_check(const struct supervise_plan *plan, struct diags *diags)
{
	struct checker checker;
	checker_begin(&checker, plan->check, plan->context);
	while (checker_take(&checker))
		;
	return checker_end(&checker, diags);
}

static bool is_reloading(const struct supervisor *s)
{
	return s->is_checking || s->confirm_by_ms > 0;
}

static void begin_reload(struct supervisor *s)
{
	s->wants_reload = false;
	buf_clear(&s->told);
	for (size_t i = 0; i < s->plan->count; i++)
		s->children[i].is_answered = s->children[i].asked;
	s->plan->reload(s->plan->context);
	notify_reloading();
	checker_begin(&s->checker, s->plan->check, s->plan->context);
	s->is_checking = true;
}

/* However it went: refused is NULL, or says why. Who asked after it had begun waits for the next. */
static void end_reload(struct supervisor *s, const char *refused)
{
	struct buf *b = &s->told;
	if (refused != NULL)
		board_refuse_config(s->plan->board, refused);
	else
		metrics_add(s->plan->board, METRIC_RELOADS, OUTCOME_GOOD, 0, 0, 1);
	notify_ready();
	for (size_t i = 0; i < s->plan->count; i++) {
		struct child *c = &s->children[i];
		if (!c->is_answered || !is_running(c))
			continue;
		char text[NOTIFY_SAID_MAX];
		int n = snprintf(text, sizeof(text), "%s%.*s", refused == NULL ? NOTIFY_GOOD : "", STR_ARG(buf_str(b)));
		send(c->fd, text, n < NOTIFY_SAID_MAX ? (size_t)n : sizeof(text) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		c->asked = c->is_answered = false;
	}
}

/* A child that starts meanwhile reads what is new anyway. */
static void apply(struct supervisor *s)
{
	s->refused = 0;
	s->confirm_by_ms = clock_mono_ms() + CONFIRM_MS;
	for (size_t i = 0; i < s->plan->count; i++) {
		s->children[i].must_confirm = s->children[i].state == CHILD_READY;
		if (s->children[i].must_confirm)
			kill(s->children[i].pid, SIGHUP);
	}
}

static void take_check(struct supervisor *s)
{
	if (checker_take(&s->checker))
		return;
	struct diags *diags = diags_new();
	bool is_good = checker_end(&s->checker, diags);
	s->is_checking = false;
	for (size_t i = 0; i < diags_count(diags); i++) {
		const struct diag *d = diags_at(diags, i);
		tell_reload(s, d->is_error ? log_error : log_warn, "%s", diag_text(diags, d));
	}
	if (is_good) {
		apply(s);
	} else {
		tell_reload(s, log_error, "reload refused (%zu errors): every process keeps what it has",
			    diags_errors(diags));
		end_reload(s, diags_first_error(diags));
	}
	diags_free(diags);
}

static void end_reload_when_confirmed(struct supervisor *s)
{
	size_t open = 0;
	if (s->confirm_by_ms == 0)
		return;
	for (size_t i = 0; i < s->plan->count; i++)
		open += s->children[i].must_confirm;
	if (open > 0 && clock_mono_ms() < s->confirm_by_ms)
		return;
	s->confirm_by_ms = 0;
	if (open + s->refused == 0)
		tell_reload(s, log_info, "reload complete: all %zu processes have the new configuration", s->plan->count);
	else
		tell_reload(s, log_error, "reload incomplete: %zu processes did not take what was right when it was "
			    "checked; reload again", open + s->refused);
	end_reload(s, open + s->refused == 0 ? NULL : "not all processes took it");
}

/* ---- the loop ------------------------------------------------------------------------------------------- */

static void take_signals(struct supervisor *s)
{
	struct signalfd_siginfo info;
	while (read(s->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
			begin_stop(s, EX_OK);
		else if (info.ssi_signo == SIGHUP || info.ssi_signo == SIGUSR1)
			s->wants_reload = true;
	}
	reap(s);
}

/* What is due now; and when to look again. */
static int64_t keep_time(struct supervisor *s)
{
	int64_t now_ms = clock_mono_ms(), next_ms = now_ms + NEVER_MS;
	if (s->is_stopping && now_ms >= s->stop_by_ms) {
		signal_all(s, SIGKILL);
		s->stop_by_ms = next_ms;
	}
	if (s->is_stopping && s->stop_by_ms < next_ms)
		next_ms = s->stop_by_ms;
	for (size_t i = 0; i < s->plan->count && !s->is_stopping; i++) {
		struct child *c = &s->children[i];
		if (c->state == CHILD_GONE && now_ms >= c->since_ms)
			start_child(s, i);
		else if (c->state == CHILD_GONE && c->since_ms < next_ms)
			next_ms = c->since_ms;
		/* It is asked for a sign twice in that time. */
		if (s->watchdog_us > 0 && c->state == CHILD_READY && now_ms - c->heard_ms > (int64_t)s->watchdog_us / 1000) {
			log_error(s->plan->log, "%s: process %d gives no sign of life", c->name, (int)c->pid);
			c->heard_ms = now_ms;
			kill(c->pid, SIGABRT);
		}
	}
	if (s->watchdog_us > 0 && now_ms >= s->ping_at_ms) {
		notify_alive();
		s->ping_at_ms = now_ms + (int64_t)s->watchdog_us / 2000;
	}
	if (s->watchdog_us > 0 && s->ping_at_ms < next_ms)
		next_ms = s->ping_at_ms;
	if (s->confirm_by_ms > 0 && s->confirm_by_ms < next_ms)
		next_ms = s->confirm_by_ms;
	return next_ms - now_ms;
}

static void wait_and_hear(struct supervisor *s, struct pollfd *fds, int64_t wait_ms)
{
	size_t count = s->plan->count;
	for (size_t i = 0; i < count; i++)
		fds[i] = (struct pollfd){ is_running(&s->children[i]) ? s->children[i].fd : -1, POLLIN, 0 };
	fds[count] = (struct pollfd){ s->signals, POLLIN, 0 };
	fds[count + 1] = (struct pollfd){ s->is_checking ? s->checker.fd : -1, POLLIN, 0 };
	if (poll(fds, count + 2, (int)wait_ms) <= 0)
		return;
	for (size_t i = 0; i < count; i++)
		if ((fds[i].revents & POLLIN) != 0)
			hear(s, &s->children[i]);
	if (fds[count + 1].revents != 0)
		take_check(s);
	if (fds[count].revents != 0)
		take_signals(s);
}

static bool begin(struct supervisor *s)
{
	sigemptyset(&s->mask);
	sigaddset(&s->mask, SIGTERM);
	sigaddset(&s->mask, SIGINT);
	sigaddset(&s->mask, SIGHUP);
	sigaddset(&s->mask, SIGUSR1);
	sigaddset(&s->mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &s->mask, &s->mask_before);
	s->signals = signalfd(-1, &s->mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signals < 0)
		return false;
	if (sd_watchdog_enabled(0, &s->watchdog_us) <= 0)
		s->watchdog_us = 0;
	for (size_t i = 0; i < s->plan->count; i++) {
		s->children[i] = (struct child){ .name = s->plan->names[i], .pause_ms = PAUSE_FIRST_MS };
		start_child(s, i);
	}
	return true;
}

int supervise(const struct supervise_plan *plan)
{
	struct supervisor s = { .plan = plan, .exit_code = EX_OK };
	s.children = fail_if_null(calloc(plan->count, sizeof(*s.children)));
	struct pollfd *fds = fail_if_null(calloc(plan->count + 2, sizeof(*fds)));
	if (!begin(&s))
		s.exit_code = EX_OSERR;
	while (s.signals >= 0 && (!s.is_stopping || count_in(&s, CHILD_GONE) < plan->count || s.is_checking)) {
		if (s.wants_reload && s.was_ready && !s.is_stopping && !is_reloading(&s))
			begin_reload(&s);
		wait_and_hear(&s, fds, keep_time(&s));
		reap(&s);
		end_reload_when_confirmed(&s);
	}
	if (s.signals >= 0)
		close(s.signals);
	buf_fini(&s.told);
	free(fds);
	free(s.children);
	return s.exit_code;
}

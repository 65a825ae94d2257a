#include "service/supervise_state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "log/log.h"
#include "record/board.h"
#include "service/notify.h"

enum {
	PAUSE_FIRST_MS = 100,    /* before a child is started again; doubled each time */
	PAUSE_MAX_MS = 30000,
	STEADY_MS = 60000,       /* a child that served this long starts with the first pause again */
	START_MS = 60000,        /* until it is ready */
	STOP_MS = 35000,         /* children let messages in flight finish; then they are killed */
	ABORT_MS = 2000,         /* for a core file, if it can still make one */
};

bool child_is_running(const struct child *c)
{
	return c->state != CHILD_GONE;
}

size_t children_in(const struct supervisor *s, enum child_state state)
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

void children_signal(struct supervisor *s, int number)
{
	for (size_t i = 0; i < s->plan->count; i++)
		if (child_is_running(&s->children[i]))
			kill(s->children[i].pid, number);
}

static void tell_status(const struct supervisor *s)
{
	unsigned restarts = 0;
	for (size_t i = 0; i < s->plan->count; i++)
		restarts += s->children[i].restarts;
	notify_status("%zu of %zu processes ready, %u restarts", children_in(s, CHILD_READY), s->plan->count, restarts);
}

void children_stop(struct supervisor *s, int exit_code)
{
	if (!s->is_stopping) {
		s->is_stopping = true;
		s->exit_code = exit_code;
		s->stop_by_ms = clock_mono_ms() + STOP_MS;
		notify_stopping();
	}
	children_signal(s, SIGTERM);
}

/* In the child: nothing of the supervisor's is left but the way to tell it something. */
static void become_child(struct supervisor *s, size_t index, int fd)
{
	close(s->signals);
	for (size_t i = 0; i < s->plan->count; i++)
		if (i != index && child_is_running(&s->children[i]))
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
	c->kill_at_ms = 0;
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

void children_begin(struct supervisor *s)
{
	for (size_t i = 0; i < s->plan->count; i++) {
		s->children[i] = (struct child){ .name = s->plan->names[i], .pause_ms = PAUSE_FIRST_MS };
		start_child(s, i);
	}
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
		children_stop(s, is_clean || WIFSIGNALED(status) ? EX_SOFTWARE : WEXITSTATUS(status));
	tell_status(s);
}

void children_reap(struct supervisor *s)
{
	for (size_t i = 0; i < s->plan->count; i++) {
		int status;
		struct child *c = &s->children[i];
		if (child_is_running(c) && waitpid(c->pid, &status, WNOHANG) == c->pid)
			take_end(s, c, status);
	}
}

void child_take_ready(struct supervisor *s, struct child *c)
{
	if (c->state == CHILD_STARTING) {
		c->state = CHILD_READY;
		c->since_ms = clock_mono_ms();
		tell_board(s, c);
	}
	c->must_confirm = false;
	tell_status(s);
	if (!s->was_ready && children_in(s, CHILD_READY) == s->plan->count) {
		s->was_ready = true;
		log_info(s->plan->log, "all %zu processes serve", s->plan->count);
		notify_ready();
	}
}

/* What stands still, or never gets ready, is aborted; if it cannot even do that, it is killed. */
static void end_if_it_hangs(struct supervisor *s, struct child *c, int64_t now_ms, int64_t *next_ms)
{
	int64_t silent_by_ms = INT64_MAX;
	if (c->state == CHILD_STARTING)
		silent_by_ms = c->since_ms + START_MS;
	else if (s->watchdog_us > 0) /* it is asked for a sign twice in that time */
		silent_by_ms = c->heard_ms + (int64_t)s->watchdog_us / 1000;
	if (c->kill_at_ms == 0 && now_ms > silent_by_ms) {
		log_error(s->plan->log, "%s: process %d gives no sign of life", c->name, (int)c->pid);
		c->kill_at_ms = now_ms + ABORT_MS;
		kill(c->pid, SIGABRT);
	} else if (c->kill_at_ms > 0 && now_ms >= c->kill_at_ms) {
		kill(c->pid, SIGKILL);
		c->kill_at_ms = now_ms + ABORT_MS;
	}
	sooner(next_ms, c->kill_at_ms > 0 ? c->kill_at_ms : silent_by_ms);
}

void children_keep(struct supervisor *s, int64_t now_ms, int64_t *next_ms)
{
	for (size_t i = 0; i < s->plan->count && !s->is_stopping; i++) {
		struct child *c = &s->children[i];
		if (c->state == CHILD_GONE && now_ms >= c->since_ms)
			start_child(s, i);
		if (c->state == CHILD_GONE)
			sooner(next_ms, c->since_ms);
		else
			end_if_it_hangs(s, c, now_ms, next_ms);
	}
	if (s->is_stopping && now_ms >= s->stop_by_ms) {
		children_signal(s, SIGKILL);
		s->stop_by_ms = now_ms + NEVER_MS;
	}
	if (s->is_stopping)
		sooner(next_ms, s->stop_by_ms);
}

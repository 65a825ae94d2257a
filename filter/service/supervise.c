#include "service/supervise.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "service/notify.h"
#include "service/supervise_state.h"

static void hear(struct supervisor *s, struct child *c)
{
	char text[512];
	ssize_t n = recv(c->fd, text, sizeof(text), MSG_DONTWAIT);
	if (n <= 0)
		return;
	struct str said = { text, (size_t)n };
	c->heard_ms = clock_mono_ms();
	if (str_eq(said, STR(NOTIFY_READY))) {
		child_take_ready(s, c);
	} else if (str_eq(said, STR(NOTIFY_REFUSED))) {
		s->refused += c->must_confirm;
		c->must_confirm = false;
	} else if (str_eq(said, STR(NOTIFY_RELOAD))) {
		c->asked = s->wants_reload = true;
	}
}

static void take_signals(struct supervisor *s)
{
	struct signalfd_siginfo info;
	while (read(s->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
			children_stop(s, EX_OK);
		else if (info.ssi_signo == SIGHUP || info.ssi_signo == SIGUSR1)
			s->wants_reload = true;
	}
	children_reap(s);
}

/* What is due now; and how long nothing will be. */
static int64_t keep_time(struct supervisor *s)
{
	int64_t now_ms = clock_mono_ms(), next_ms = now_ms + NEVER_MS;
	children_keep(s, now_ms, &next_ms);
	if (s->watchdog_us > 0 && now_ms >= s->ping_at_ms) {
		notify_alive();
		s->ping_at_ms = now_ms + (int64_t)s->watchdog_us / 2000;
	}
	if (s->watchdog_us > 0)
		sooner(&next_ms, s->ping_at_ms);
	if (s->confirm_by_ms > 0)
		sooner(&next_ms, s->confirm_by_ms);
	return next_ms > now_ms ? next_ms - now_ms : 0;
}

static void wait_and_hear(struct supervisor *s, struct pollfd *fds, int64_t wait_ms)
{
	size_t count = s->plan->count;
	for (size_t i = 0; i < count; i++)
		fds[i] = (struct pollfd){ child_is_running(&s->children[i]) ? s->children[i].fd : -1, POLLIN, 0 };
	fds[count] = (struct pollfd){ s->signals, POLLIN, 0 };
	fds[count + 1] = (struct pollfd){ s->is_checking ? s->checker.fd : -1, POLLIN, 0 };
	if (poll(fds, count + 2, (int)wait_ms) <= 0)
		return;
	for (size_t i = 0; i < count; i++)
		if ((fds[i].revents & POLLIN) != 0)
			hear(s, &s->children[i]);
	if (fds[count + 1].revents != 0)
		reload_take_check(s);
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
	children_begin(s);
	return true;
}

int supervise(const struct supervise_plan *plan)
{
	struct supervisor s = { .plan = plan, .exit_code = EX_OK };
	s.children = fail_if_null(calloc(plan->count, sizeof(*s.children)));
	struct pollfd *fds = fail_if_null(calloc(plan->count + 2, sizeof(*fds)));
	if (!begin(&s))
		s.exit_code = EX_OSERR;
	while (s.signals >= 0 && (!s.is_stopping || children_in(&s, CHILD_GONE) < plan->count || s.is_checking)) {
		reload_begin_if_wanted(&s);
		wait_and_hear(&s, fds, keep_time(&s));
		children_reap(&s);
		reload_end_when_confirmed(&s);
	}
	if (s.signals >= 0)
		close(s.signals);
	buf_fini(&s.told);
	free(fds);
	free(s.children);
	return s.exit_code;
}

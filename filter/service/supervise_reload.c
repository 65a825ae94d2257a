#include "service/supervise_state.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/diag.h"
#include "log/log.h"
#include "record/board.h"
#include "record/metrics.h"
#include "service/notify.h"

enum { CONFIRM_MS = 60000 }; /* a reload in a child */

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

void reload_begin_if_wanted(struct supervisor *s)
{
	if (!s->wants_reload || !s->was_ready || s->is_stopping || is_reloading(s))
		return;
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
		if (!c->is_answered || !child_is_running(c))
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

void reload_take_check(struct supervisor *s)
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

void reload_end_when_confirmed(struct supervisor *s)
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

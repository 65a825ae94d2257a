/* service/supervise_state.h - what a supervisor knows: supervise.c has the loop, supervise_children.c the children's lives,
 * supervise_reload.c what they are told to read anew. For these files only. */
#pragma once

#include <signal.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "service/checker.h"
#include "service/supervise.h"

enum { NEVER_MS = 3600000 };

enum child_state { CHILD_STARTING, CHILD_READY, CHILD_GONE };

struct child {
	const char *name;
	enum child_state state;
	pid_t pid;
	int fd;                  /* what it tells */
	int64_t since_ms;        /* of this state; with GONE the time of its next start */
	int64_t heard_ms;
	int64_t kill_at_ms;      /* it did not end by itself; 0: nobody waits for that */
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

/* ---- children -------------------------------------------------------------------------------------------- */

bool child_is_running(const struct child *);
size_t children_in(const struct supervisor *, enum child_state);
void children_signal(struct supervisor *, int number);
void children_stop(struct supervisor *, int exit_code);
/* All of them, for the first time. */
void children_begin(struct supervisor *);
/* It said that it is ready, or has taken a reload. */
void child_take_ready(struct supervisor *, struct child *);
/* Those that have ended. */
void children_reap(struct supervisor *);
/* Starts again, and ends, what is due; puts *next_ms before the time to look again. */
void children_keep(struct supervisor *, int64_t now_ms, int64_t *next_ms);

/* ---- reloads --------------------------------------------------------------------------------------------- */

/* If one is wanted, and none is under way. */
void reload_begin_if_wanted(struct supervisor *);
/* What the process that tries the configuration has said. */
void reload_take_check(struct supervisor *);
void reload_end_when_confirmed(struct supervisor *);

static inline void sooner(int64_t *next_ms, int64_t at_ms)
{
	*next_ms = at_ms < *next_ms ? at_ms : *next_ms;
}

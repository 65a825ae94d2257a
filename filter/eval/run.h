/* eval/run.h - run a case on a target and say what does not hold.
 *
 * Owns:    nothing. Threads: one at a time.
 * Fails:   each expectation that does not hold is told to the watcher with its line; the run goes on. */
#pragma once

#include "eval/case.h"
#include "eval/target.h"

struct arena;

struct eval_watch {
	/* An event has its answer; the message's edits and records can be asked of the target. Index: of the event. */
	void (*event)(void *context, const struct case_event *, size_t index, const struct eval_answer *);
	void (*failure)(void *context, struct place, const char *text);
	void *context;
};

struct eval_options {
	const char *default_policies;   /* folder for cases that name none; may be NULL */
	/* How many records there are after each event, as another target had it; NULL: take what comes. */
	const size_t *records_wanted;
	/* Room for as many numbers as there are events; may be NULL. */
	size_t *records_seen;
};

/* False if anything failed. */
bool eval_case(const struct case_file *, struct eval_target *, const struct eval_options *, const struct eval_watch *);
/* The events of one message, without set-up, on an open target, as a client sends them: nothing behind a refused MAIL, no
 * message without a recipient. The first that was not sent; NULL: all were. */
const struct case_event *eval_events(const struct case_file *, struct eval_target *, const struct eval_options *,
				     const struct eval_watch *);

/* What an answer means to the SMTP client. is_end: of a message's end; edits tell quarantine. */
enum case_outcome eval_outcome(struct eval_target *, const struct eval_answer *, bool is_end);
/* "550 5.7.1 text" or the outcome's word. */
struct str eval_answer_print(struct arena *, struct eval_target *, const struct eval_answer *, bool is_end);

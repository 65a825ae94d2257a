/* eval/show.h - a run of the gate for people: events, rules tried, facts, edits, decision.
 *
 * Owns:    the arena given keeps the rules of one event.
 * Threads: one at a time. Fails: never. */
#pragma once

#include <stdio.h>

#include "base/vec.h"
#include "eval/run.h"
#include "policy/policy.h"

struct show {
	FILE *out;
	struct arena *arena;
	struct eval_target *target;
	bool is_colour, is_json;
	size_t records_shown, failures;
	VEC(struct rule_trace) rules; /* tried since the last event */
};

/* A policy_trace_fn; context: the show. */
policy_trace_fn show_rule;
/* For struct eval_watch. */
void show_event(void *show, const struct case_event *, size_t index, const struct eval_answer *);
void show_failure(void *show, struct place, const char *text);

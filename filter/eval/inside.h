/* eval/inside.h - a target in this process: the session behind a made-up MTA.
 *
 * Holds the session to what a milter negotiates: a step that the policy does
 * without is never given, an answer where none was agreed on is an error.
 * Owns:    snapshot, resolver and session between open and close; the
 *          published snapshot of the process is its own meanwhile.
 * Threads: one at a time, one per process. */
#pragma once

#include "eval/target.h"
#include "policy/policy.h"

struct dns;
struct session_needs;

/* trace may be NULL. */
struct eval_target *eval_inside_new(policy_trace_fn *trace, void *trace_context);
void eval_inside_free(struct eval_target *); /* NULL is allowed */

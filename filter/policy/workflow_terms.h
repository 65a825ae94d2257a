/* policy/workflow_terms.h - what a workflow asks, as the loader makes it, for the files of policy/ only.
 *
 * Owns:    nothing; all of it lives in the policy's arena.
 * Threads: any once loading is over. */
#pragma once

#include "policy/identity.h"
#include "policy/rule.h"
#include "policy/workflow.h"

struct workflow_terms {
	const char *label; /* "workflow:billing": the name in decisions */
	struct place at;
	struct conditions match, require;
	struct identity identity;
	bool is_good;      /* no diagnostic was given about it */
};

/* The place of a setting, for a decision. */
static inline struct rule_place term_place(const char *label, struct place at)
{
	return (struct rule_place){ label, at.file, at.line };
}

/* policy/limits.h - how much may be sent: `limits` of a workflow, and of a policy file for mail of no workflow.
 *
 * Owns:    nothing; limits live in the policy's arena.
 * Threads: any; a policy is immutable.
 * Fails:   diagnostics at load, nothing later. */
#pragma once

#include "policy/policy.h"

struct workflow;

/* "500/1h" */
struct rate {
	int64_t amount; /* 0: no limit */
	int64_t per_ms;
};

/* Who is limited. Each login and each client has counts of its own, in each workflow, and for mail of none. */
enum limit_who { LIMIT_WORKFLOW, LIMIT_LOGIN, LIMIT_CLIENT, LIMIT_WHO_COUNT };

struct limits {
	struct rule_place place; /* of decisions: "workflow:billing" or "limits" */
	struct {
		struct rate messages, recipients;
	} per[LIMIT_WHO_COUNT];
	int64_t recipients_per_message, message_bytes; /* 0: no limit */
};

/* The workflow's; for mail of no workflow (NULL) those of the policy, unless they make an exception of the facts of
 * MAIL. NULL: no limits. */
const struct limits *limits_for(const struct policy *, const struct workflow *, const struct facts *, struct arena *);

/* feedback/suppress.h - who must not be written to: bounced, complained, or asked for it.
 *
 * Entries have a scope: one of workflows, or everywhere. Local part and domain
 * are compared in one spelling, lower case and A-labels.
 * Owns:    nothing; results live in the arena given. Threads: any.
 * Fails:   while the store cannot be asked, as told: takes the recipient, with
 *          the fact unknown, or defers. */
#pragma once

#include "policy/policy.h"

struct store;
struct suppression;

enum { SUPPRESS_REASON_MAX = 300, SUPPRESS_SOURCE_MAX = 64 };

/* The spelling under which an address is kept. NULL, or what is wrong with it. */
const char *suppress_address(struct arena *, struct str path, struct str *out);
/* Empty (everywhere), or what `suppression` of a workflow may be. */
bool suppress_scope_is_valid(struct str);
/* Scope, texts and times of an entry, and puts its address into that spelling. NULL, or what is wrong with it. */
const char *suppress_check(struct arena *, struct suppression *);

/* At RCPT, on a recipient's facts, of which rcpt.to is set: sets rcpt.suppressed and rcpt.suppression_reason. The
 * decision is CONTINUE, REJECT with the reason, or DEFER. */
struct decision suppress_judge(struct store *, struct str scope, bool defers_without_store, struct facts *recipient,
			       struct arena *);

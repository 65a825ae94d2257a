/* policy/check.h - how the rules fit the SMTP stages and each other.
 *
 * Finds each rule's stage; refuses rules that ask too early, that act where
 * they cannot, and that can never hold or never be reached.
 * Owns:    everything lives in the policy's arena.
 * Threads: one at a time.
 * Fails:   diagnostics. Only what is certain is an error: implications between literals of one fact. */
#pragma once

#include "policy/rule.h"

/* Once all files are read. Fills the policy's stages and need-sets. */
void rules_check(struct loader *);
/* False after a diagnostic: they ask for what they want absent. name: of the group, for people. */
bool conditions_check(struct loader *, const struct conditions *, const char *name);

/* policy/condition.h - what `when` and `unless` ask: settings to conditions.
 *
 * The form of the literal is the operator, the type of the fact says which
 * forms there are (policies/README.md).
 * Owns:    everything lives in the policy's arena.
 * Threads: one at a time.
 * Fails:   diagnostics; a condition with a bad literal is kept, marked as not good, so that the stage of
 *          its fact is checked all the same. */
#pragma once

#include "policy/rule.h"

/* The group `when` or `unless`. */
void conditions_parse(struct loader *, const config_setting_t *, struct conditions *);

/* One fact, and what the setting says it should be. */
struct condition condition_parse(struct loader *, const config_setting_t *, enum fact_id);

/* An address or network; a warning if host bits are set. False after an error. */
bool net_literal_parse(struct loader *, struct place, struct str, struct ip_net *);

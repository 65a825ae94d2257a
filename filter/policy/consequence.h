/* policy/consequence.h - what `then` says: settings to consequences.
 *
 * Owns:    everything lives in the policy's arena.
 * Threads: one at a time.
 * Fails:   diagnostics. */
#pragma once

#include "policy/rule.h"

/* One group, or a list of groups of which only the last may be final. */
void consequences_parse(struct loader *, const config_setting_t *, struct rule *);
/* Calls use(id) for each fact that its texts name. */
void consequence_facts(const struct consequence *, void (*use)(void *context, enum fact_id), void *context);
/* Letters, digits, '-', '_', '.': names of rules, tags. */
bool word_is_valid(struct str);

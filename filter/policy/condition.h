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

/* Walks nested groups of fact names; take() gets each setting that is a fact. Members of the outermost group that
 * are named in `others` are left to the caller. */
typedef void fact_taker(struct loader *, const config_setting_t *, enum fact_id, void *context);
void facts_walk(struct loader *, const config_setting_t *group, const char *const *others, size_t other_count,
		fact_taker *take, void *context);
/* FACT_COUNT after a diagnostic with a hint. */
enum fact_id fact_name_parse(struct loader *, const config_setting_t *, struct str name);
bool net_literal_parse(struct loader *, struct place, struct str, struct ip_net *);
/* A word of a RESULT fact, or of a text fact with few words. NULL if good; else what is wrong. */
const char *fact_word_check(struct arena *, enum fact_id, struct str word);
/* How texts of this fact are compared. */
enum text_kind fact_text_kind(enum fact_id);

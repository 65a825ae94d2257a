/* policy/fact_name.h - facts as policy files name them: spf = { result = ...; }, has = [ "spf.result" ].
 *
 * Owns:    nothing.
 * Threads: one at a time.
 * Fails:   diagnostics with the closest name. */
#pragma once

#include "policy/rule.h"

/* Walks nested groups of fact names; take() gets each setting that is a fact. Members of the outermost group that
 * are named in `others` are left to the caller. */
typedef void fact_taker(struct loader *, const config_setting_t *, enum fact_id, void *context);
void facts_walk(struct loader *, const config_setting_t *group, const char *const *others, size_t other_count,
		fact_taker *take, void *context);
/* FACT_COUNT after a diagnostic with a hint. */
enum fact_id fact_name_parse(struct loader *, const config_setting_t *, struct str name);
/* A word of a RESULT fact, or of a text fact with few words. NULL if good; else what is wrong. */
const char *fact_word_check(struct arena *, enum fact_id, struct str word, bool may_be_pattern);

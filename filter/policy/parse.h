/* policy/parse.h - the setting `rules` of a policy file: groups to rules.
 *
 * What a rule says by itself is checked here, how it fits the stages and the
 * other rules in policy/check.c.
 * Owns:    everything lives in the policy's arena.
 * Threads: one at a time.
 * Fails:   diagnostics; a rule with errors stays in the policy, which is not going to be used. */
#pragma once

#include "policy/rule.h"

void rules_parse(struct loader *, const config_setting_t *);
/* Takes `name` of a rule or test: *name, and the group's place. False after a diagnostic. */
bool name_parse(struct loader *, const config_setting_t *group, const char *what, struct str *name,
		struct rule_place *);
/* A text that is one of the words. False if there is no such setting (NULL), or after a diagnostic. */
bool word_parse(struct loader *, const config_setting_t *, const char *const *words, size_t count, unsigned *value);

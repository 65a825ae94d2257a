/* policy/limits_parse.h - the setting `limits`, in a workflow and in a policy file.
 *
 * Owns:    everything lives in the policy's arena.
 * Threads: one at a time.
 * Fails:   diagnostics. */
#pragma once

#include "policy/limits.h"
#include "policy/rule.h"

/* Of a workflow; place.rule is set. */
void workflow_limits_parse(struct loader *, const config_setting_t *, struct limits *);
/* Of a policy file: for mail of no workflow. */
void limits_parse(struct loader *, const config_setting_t *);

/* policy/workflow_parse.h - the setting `workflows` of a policy file.
 *
 * What one workflow says by itself is checked while it is read, how they fit
 * each other once all are (workflows_check).
 * Owns:    everything lives in the policy's arena.
 * Threads: one at a time.
 * Fails:   diagnostics; a workflow with errors stays in the policy, which is not going to be used. */
#pragma once

#include "policy/rule.h"

void workflows_parse(struct loader *, const config_setting_t *);

/* Conditions on who sends: on facts of client, listener, helo, tls, auth and mail that are known at MAIL. False after a
 * diagnostic. */
bool sender_conditions_parse(struct loader *, const config_setting_t *, struct conditions *);

/* Once all files are read: overlapping identities, workflows that are never chosen, selectors with two keys. Adds
 * what workflows and ports ask to the policy's need-sets. */
void workflows_check(struct loader *);

/* The place of decisions under this name: "workflow:billing", "ports:relay", "workflows". False if there is none. */
bool workflow_place_find(const struct policy *, struct str label, struct rule_place *);

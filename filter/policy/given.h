/* policy/given.h - the facts of a policy test: what `given` names, what follows
 * from that, and for the rest a plain message from a stranger on port 25.
 *
 * What follows is only what the session itself would make of it: mail.from
 * gives mail.domain, an unclear From has no from.domain (given_complete).
 * Owns:    the parsed values live in the policy's arena, the facts in the one given.
 * Threads: any once loading is over.
 * Fails:   diagnostics at load, nothing later. */
#pragma once

#include <stdio.h>

#include "mail/header.h"
#include "policy/rule.h"

struct given {
	struct fact_value values[FACT_COUNT]; /* FACT_UNSET: not named */
	VEC(struct str) recipients;           /* rcpt.to, if named */
	VEC(struct header) fields;            /* "Reply-To: a@example.org" */
	bool names_workflow;                  /* workflow.* or identity.*: these are not found out then */
};

void given_parse(struct loader *, const config_setting_t *, struct given *);

struct given_facts {
	struct facts *connection, *message;
	struct facts **recipients;
	size_t recipient_count;
	struct header_list *headers;
};

struct given_facts given_facts_new(struct arena *, const struct given *);
/* "client.ip = 198.51.100.25" and so on: the stranger's message. */
void given_print_stranger(FILE *);

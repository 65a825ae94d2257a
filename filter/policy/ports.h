/* policy/ports.h - the setting `ports` of a policy file: what is asked of whoever comes in where.
 *
 * Owns:    everything lives in the policy's arena.
 * Threads: any once loading is over.
 * Fails:   diagnostics at load, nothing later. */
#pragma once

#include "policy/rule.h"

struct port_group {
	const char *name, *label;  /* "submission", "ports:submission" */
	struct place at;
	struct condition ports;    /* on listener.port */
	struct conditions require; /* in the order in which they are asked */
	bool takes_login;          /* asks for one */
};

void ports_parse(struct loader *, const config_setting_t *);
/* The group that the port belongs to; NULL if there is none. */
const struct port_group *ports_find(const struct policy *, int64_t port);
/* Where mail with a login goes: "465 or 587"; empty if no group says. */
struct str ports_for_login(const struct policy *, struct arena *);

/* milter/mta.h - one connection of libmilter, for the files of this folder only. */
#pragma once

#include <libmilter/mfapi.h>

#include "session/session.h"

struct mta {
	SMFICTX *context;
	struct session *session;
	unsigned long steps;      /* SMFIP_* as agreed */
	struct gate *gate;
};

/* milter/negotiate.c: fills mta->steps and the answer; false if the MTA cannot do what we need. */
bool negotiate(struct mta *, unsigned long offered_actions, unsigned long offered_steps, unsigned long *actions,
	       unsigned long *steps);

/* milter/apply.c: replies and edits through libmilter. */
extern const struct mta_ops milter_ops;
/* no_reply: the SMFIP_NR_* flag of this event. */
sfsistat milter_status(struct mta *, const struct answer *, unsigned long no_reply);

/* session/macros.h - what the MTA's macros tell, as facts.
 *
 * Owns: nothing. Threads: as the session. Fails: never; a macro that is not
 * sent, empty or not a number where one is due makes its fact absent. */
#pragma once

#include "session/session.h"

struct facts;

/* Space-separated names to ask for at a stage; "" for none. "i" is asked for wherever it may first appear. */
const char *macros_wanted_at(enum stage);
/* Sets the facts of macro_table.def that are due at this stage. */
void macros_take(const struct mta_ops *, void *mta, enum listen_role, enum stage, struct facts *);

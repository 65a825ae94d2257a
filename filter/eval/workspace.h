/* eval/workspace.h - a case's set-up as a folder that a daemon can run from:
 * gatepost.conf, zone, policies/, and what they name.
 *
 * Owns:    the folder below $TMPDIR, mode 0700; workspace_close removes it.
 * Threads: one at a time.
 * Fails:   false and a diagnostic. */
#pragma once

#include "eval/case.h"

struct workspace {
	struct arena *arena;
	const char *folder;   /* NULL: not open */
	const char *config;   /* FOLDER/gatepost.conf */
	const char *socket;   /* unix:FOLDER/milter.sock */
	const char *log;      /* FOLDER/log: the daemon's records as JSON */
};

/* Used by cases that name no policy: a folder with policies. */
bool workspace_open(struct workspace *, struct arena *, struct diags *);
/* Writes all files anew. */
bool workspace_write(struct workspace *, const struct case_setup *, const char *default_policies, struct diags *);
void workspace_close(struct workspace *);

/* doctor/doctor.h - what is wrong between the MTA, the daemon and this host, and what to type.
 *
 * Reads the MTA's configuration and ours, tries the daemon's socket as an MTA
 * does, and as the MTA's user; changes nothing.
 * Owns:    everything lives in the arena given.
 * Threads: the main thread; starts processes.
 * Fails:   never; what cannot be looked at is a finding. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct arena;

enum doctor_severity { DOCTOR_OK, DOCTOR_SKIPPED, DOCTOR_WARN, DOCTOR_ERROR, DOCTOR_SEVERITY_COUNT };
extern const char *const doctor_severity_words[DOCTOR_SEVERITY_COUNT];

struct doctor_settings {
	const char *config_path;
	const char *postfix_folder;  /* of main.cf; NULL: Postfix's own */
	const char *sendmail_file;   /* sendmail.cf or .mc; NULL: not Sendmail, unless there is no Postfix */
};

struct doctor_finding {
	const char *check;           /* its name */
	enum doctor_severity severity;
	struct str found;            /* OK: what holds; SKIPPED: why */
	struct str advice;           /* what to type; empty with OK and SKIPPED */
};

struct doctor_report {
	struct doctor_finding *items; /* in the order of checks, at least one each */
	size_t count, room;
	size_t errors, warnings;
};

const struct doctor_report *doctor_run(const struct doctor_settings *, struct arena *);

/* doctor/patient.h - what the checks look at, for the files of doctor/ only.
 *
 * Owns:    nothing; all of it lives in the arena. Threads: the main thread. */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "base/vec.h"
#include "doctor/doctor.h"

struct diags;
struct listener;
struct map;
struct options;
struct snapshot;

enum mta { MTA_NONE, MTA_POSTFIX, MTA_SENDMAIL };

/* One milter that an MTA's service asks. */
struct milter {
	struct str written;           /* the socket, as it stands there */
	struct str path;              /* UNIX: from outside a chroot; else empty */
	struct str default_action;    /* of Postfix: accept, reject, tempfail, quarantine, shutdown */
	int64_t command_ms, content_ms;
	enum { MILTER_OTHER, MILTER_OURS, MILTER_MISSED } relation; /* MISSED: meant to be ours, and leads elsewhere */
	const struct listener *listener; /* OURS: which */
};

/* A way by which mail comes into the MTA. */
struct hook {
	struct str name;              /* "submission/inet", "sendmail(1)" */
	struct str milters_setting;   /* where its milters are written: "submission/inet/smtpd_milters" */
	bool is_local;                /* sendmail(1), bounces */
	bool is_submission;           /* takes logins */
	bool is_loopback;             /* for content filters of this host that give mail back */
	bool is_switched_off;         /* no_milters */
	bool is_chrooted;
	const struct service *service;
	VEC(struct milter) milters;   /* in their order */
};

/* Of master.cf: an smtpd. */
struct service {
	struct str name;              /* "submission/inet" */
	bool is_chrooted;
	struct map *overrides;        /* parameter -> struct str */
};

struct patient {
	struct arena *arena;
	const struct doctor_settings *settings;
	struct doctor_report *report;
	const struct snapshot *snapshot;  /* NULL: there are errors */
	struct diags *diags;              /* of loading it */
	const struct options *options;    /* never NULL; the defaults, if it cannot be read */
	bool is_daemon_there;             /* at one of its listeners */
	bool is_resolver_well;            /* it answered all that it was asked */
	json_t *running;                  /* what the daemon tells of itself; NULL: nothing */
	enum mta mta;
	struct str mta_problem;           /* why it cannot be read; empty: it can */
	VEC(struct str) mta_warnings;
	struct map *parameters;           /* Postfix: main.cf with all defaults, expanded: name -> struct str */
	VEC(struct service) services;
	bool is_cleanup_chrooted;         /* Postfix: it asks the milters of mail that no smtpd took */
	VEC(struct hook) hooks;
	enum doctor_severity severity;    /* of the check that runs */
	const char *check;
};

/* What the running check found; the advice is filled in by the caller. */
struct doctor_finding *complain(struct patient *, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct doctor_finding *complain_as(struct patient *, enum doctor_severity, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The running check makes no sense here. */
void skip(struct patient *, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The next item of a list, what is in braces as one, without them. */
bool list_next(struct str *rest, struct str *item);

/* Fill parameters, services, hooks; or mta_problem. */
void postfix_read(struct patient *);
/* As they are written in a list, for that hook. */
void postfix_take_milters(struct patient *, struct hook *, struct str list);
void sendmail_read(struct patient *);
/* Of a service, or of main.cf if that is NULL; empty if it is not there. */
struct str postfix_parameter(const struct patient *, const struct service *, const char *name);
bool postfix_is_yes(const struct patient *, const struct service *, const char *name);

/* Is the milter one of our listeners. */
void milter_relate(const struct patient *, struct milter *);
/* Our listener that suits the hook best, by its role; and how the MTA writes that socket. */
const struct listener *listener_for(const struct patient *, const struct hook *);
struct str socket_for(const struct patient *, const struct hook *);
/* Where that listener would have to be to be seen from the hook's chroot; empty: it is seen. */
struct str path_to_move_to(const struct patient *, const struct hook *);

#define CHECK(id, name, severity, needs, doc) void check_##id(struct patient *);
#include "doctor/check_table.def"
#undef CHECK

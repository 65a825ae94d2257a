/* session/session.h - one SMTP connection as the gate sees it.
 *
 * One straight function per SMTP event (session/stages.c): take the input
 * in, run the probes that are due, evaluate, answer. The MTA is a table of
 * functions, so the same path runs behind libmilter and in `gatepost eval`.
 * Owns:    connection and message state in arenas; a snapshot reference.
 * Threads: one event at a time, on any thread.
 * Fails:   limits and bugs in the input are answers, never a crash. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/ip.h"
#include "mail/reply.h"
#include "option/options.h"
#include "policy/policy.h"

struct board;
struct dns;
struct log;
struct record;
struct session;
struct snapshot;
struct store;

/* What outlives every connection. */
struct gate {
	struct dns *dns;
	struct log *log;
	struct store *store;                     /* may be NULL */
	struct board *board;                     /* may be NULL: nothing is counted */
	const struct snapshot *(*snapshot)(void); /* snapshot_get, or a test's */
	enum listen_role role;
	/* May be NULL. Called with each finished record, after it was logged. */
	void (*on_record)(void *context, const struct record *);
	policy_trace_fn *on_rule;                /* may be NULL */
	void *context;                           /* of the two above */
	_Atomic long connections, messages;      /* open now */
	_Atomic bool is_stopping;                /* no new messages; those in flight finish */
};

/* The seam to the MTA. All but macro are called at END only. */
struct mta_ops {
	/* NULL if the MTA did not send it. Names with braces: "{auth_authen}", "i". */
	const char *(*macro)(void *mta, const char *name);
	bool (*insert_header)(void *mta, int index, const char *name, const char *value);
	bool (*add_header)(void *mta, const char *name, const char *value);
	/* nth (from 1) field of that name. */
	bool (*delete_header)(void *mta, const char *name, int nth);
	bool (*quarantine)(void *mta, const char *reason);
};

enum answer_kind {
	ANSWER_CONTINUE,
	ANSWER_REPLY,    /* 4xx or 5xx with answer.reply */
	ANSWER_ACCEPT,   /* only at END */
	ANSWER_DISCARD,  /* only at END */
	ANSWER_SKIP,     /* body: nothing more is needed */
};

struct answer {
	enum answer_kind kind;
	struct reply reply; /* texts live until the next event */
};

/* Which events the loaded policy and the options can do without, for negotiation. */
struct session_needs {
	bool helo, data, body, unknown;              /* the event itself */
	bool reply[STAGE_COUNT];                     /* may anything be answered there */
};
struct session_needs session_needs_of(const struct snapshot *);

struct session *session_new(struct gate *, const struct mta_ops *, void *mta);
void session_free(struct session *); /* NULL is allowed; an open message counts as aborted */
/* The last answer has been taken: between messages an idle connection keeps nothing of the last one. */
void session_rest(struct session *);
/* The steps that were agreed on with the MTA; if a later policy needs more, MAIL is answered 421 4.3.2. */
void session_set_agreed(struct session *, const struct session_needs *);
const struct session_needs *session_agreed(const struct session *);

struct answer stage_connect(struct session *, const char *host_name, struct ip client, int client_port);
struct answer stage_helo(struct session *, const char *name);
/* argv as libmilter gives it: path first, ESMTP parameters behind, NULL at the end. */
struct answer stage_mail(struct session *, char *const *argv);
struct answer stage_rcpt(struct session *, char *const *argv);
struct answer stage_data(struct session *);
struct answer stage_header(struct session *, const char *name, const char *value);
struct answer stage_headers_end(struct session *);
struct answer stage_body(struct session *, const unsigned char *bytes, size_t count);
struct answer stage_end(struct session *);
struct answer stage_unknown(struct session *, const char *command);
/* The message ends without an answer (RSET, a new MAIL, disconnect). */
void stage_abort(struct session *);

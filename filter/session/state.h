/* session/state.h - the state behind session.h, for the files of this folder only.
 *
 * Owns:    the session's arena holds what lives as long as the connection,
 *          the message's what lives until the next MAIL. */
#pragma once

#include "auth/results.h"
#include "base/bits.h"
#include "mail/line_scan.h"
#include "record/record.h"
#include "session/session.h"

struct auth_dkim_verify;
struct header_list;

/* What the rules of one connection or message have said so far. */
struct judgement {
	bool is_accepted; /* an `accept` ended the evaluation: */
	struct rule_place accepted_by;
	const struct policy_effect *effects;
	size_t effect_count;
	const struct policy_observed *observed;
	size_t observed_count;
};

/* A refusal of the connection, kept until a command that can carry the text: Postfix drops it at CONNECT. */
struct held_refusal {
	bool is_set;
	enum stage stage;
	struct decision decision;
};

struct message {
	struct facts *facts;
	struct str id;
	struct header_list *headers;
	struct auth_results auth;
	struct auth_dkim_verify *dkim;
	struct bits probes_done;
	struct judgement judgement;
	struct auth_dkim_sign *sign;          /* NULL: nothing is to sign it */
	struct limit *limit;                  /* NULL: of no workflow, or not that far */
	struct retry_content *content;        /* NULL: not compared with what was refused before */
	bool is_taken;                        /* our answer at END took it */
	const struct workflow *workflow;      /* that it belongs to; NULL: none */
	struct record_recipient *recipients;
	struct facts **recipient_facts;       /* of the same index */
	size_t recipient_count, recipient_room;
	size_t accepted_count;
	const struct header *forged[32];      /* Authentication-Results that claim to be ours, in order */
	struct reply limit_reply;             /* code set: a limit was passed, the message will be refused with this */
	int64_t bytes;
	bool has_data;                        /* the client got as far as DATA */
	bool is_submission;                   /* of a workflow, login or sendmail(1): not judged as inbound mail */
	struct line_scan lines;               /* of header and body, if a rule asks about them */
	bool wants_lines;
	bool wants_body;
	int64_t stage_us[STAGE_COUNT];
	int64_t probe_us;
};

struct session {
	struct gate *gate;
	const struct mta_ops *ops;
	void *mta;
	const struct snapshot *snapshot;
	struct session_needs agreed;

	struct arena *arena;
	struct facts *facts;
	struct ip client;
	struct bits probes_done;              /* of the connection's scope */
	const struct iprev_verdict *iprev;
	struct judgement judgement;
	struct held_refusal held;
	bool has_helo;
	int unknown_commands;

	struct arena *message_arena;
	struct message *message;              /* NULL between messages */
};

/* session/message.c */
struct message *message_open(struct session *);
/* The message is over; its memory lives until the next one opens, for the reply that is on its way. */
void message_close(struct session *);
/* Room for one recipient more. */
struct record_recipient *message_add_recipient(struct session *, struct facts **facts);
/* The facts of the recipients that were not refused. */
const struct facts **message_accepted(struct session *, size_t *count);
void judgement_add(struct judgement *, const struct decision *, struct arena *);
/* The same reply with the decision id in its text (and the rule's name for those who logged in). */
struct reply reply_with_id(struct session *, struct arena *, struct reply, struct str id, const char *rule);
/* Writes one record to log and store. */
void message_record(struct session *, enum stage, const char *disposition, const struct decision *, struct reply);
/* A record for one refused recipient, under an id of its own. */
void recipient_record(struct session *, const struct decision *, struct reply, struct str id, const struct facts *);

/* session/probes.c: runs, in order, the probes that the rules of the stage ask for; at END also those that
 * Authentication-Results shows. */
void probes_run(struct session *, enum stage);
/* Starts the DNS questions that will be needed, as soon as their names are known. */
void probes_prefetch(struct session *, enum stage);

/* session/sending.c: what workflows and ports say, before the rules and also after an `accept`. */
void sending_begin(struct session *);
struct decision sending_judge(struct session *, enum stage);
/* When all else has agreed to MAIL: takes the message out of what its workflow may send. */
struct decision sending_take(struct session *);
/* A recipient before the rules: suppressed, or refused for good before; and behind them: one more may be sent. */
struct decision sending_judge_recipient(struct session *, struct facts *recipient);
struct decision sending_take_recipient(struct session *);
void sending_body(struct session *, const unsigned char *bytes, size_t count);
/* The whole message before the rules of END: too large, or refused for good before. */
struct decision sending_judge_end(struct session *, const struct facts *const *recipients, size_t count);
/* A refusal decided at HEADERS: the same, or with what it repeats. */
struct decision sending_judge_refused(struct session *, const struct decision *);
/* What was refused for good will be refused again at once. */
void sending_remember_recipient(struct session *, const struct facts *recipient, const struct decision *, struct str id);
void sending_remember_message(struct session *, const struct facts *const *recipients, size_t count,
			      const struct decision *);
/* The message is over: what was not taken does not count. */
void sending_end(struct session *);

/* session/stages.c: everything that is said about a recipient, at RCPT or, for sendmail(1), at END. */
struct decision judge_recipient(struct session *, struct facts *recipient);

/* session/signing.c: what the message's workflow signs with. A message that should be signed and cannot be is
 * deferred: it never leaves unsigned. */
struct decision signing_begin(struct session *);
/* Before any edit. CONTINUE: all signatures are made. */
struct decision signing_end(struct session *, const struct str **values, size_t *count);

/* session/finish.c */
struct answer finish_message(struct session *);

/* session/hygiene.c: the facts about the form of a message. */
void hygiene_take_header(struct session *);
/* Do these facts need the lines of the body? */
bool hygiene_wants_body(const struct bits *asked);
void hygiene_take_body(struct session *, struct str bytes);
void hygiene_take_end(struct session *);

/* session/received_spf.c: the field body (RFC 7208 9.1). */
struct str received_spf_print(struct arena *, const struct spf_verdict *, struct ip client, struct str mail_from,
			      struct str helo, struct str receiver);

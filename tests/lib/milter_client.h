/* tests/lib/milter_client.h - the MTA's side of the milter protocol, version 6.
 *
 * Behaves as Postfix does: sends macros before their event, leaves out the
 * steps that the filter negotiated away, waits for no reply where none was
 * agreed, gathers what needs no reply into one write. Anything that the
 * protocol does not allow is a failure, never a guess.
 * Owns:    its socket and buffers.
 * Threads: one at a time; many clients may run beside each other.
 * Fails:   MILTER_BROKEN; milter_client_failure says why. Every wait is bounded. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip.h"
#include "base/str.h"

struct milter_client;

enum milter_answer_kind {
	MILTER_CONTINUE,
	MILTER_NOT_SENT,  /* the filter does not want this step */
	MILTER_NO_REPLY,  /* sent; the filter never answers this step */
	MILTER_ACCEPT,
	MILTER_DISCARD,
	MILTER_SKIP,
	MILTER_REPLY,     /* code and text; plain reject and tempfail come as 550 5.7.1 and 451 4.7.1 */
	MILTER_BROKEN,
	MILTER_ANSWER_COUNT
};

extern const char *const milter_answer_words[MILTER_ANSWER_COUNT];

struct milter_answer {
	enum milter_answer_kind kind;
	int code;            /* with MILTER_REPLY */
	struct str enhanced; /* "5.7.1" or empty */
	struct str text;     /* lines joined by LF, without the codes; valid until the next event */
	bool is_plain;       /* the filter gave no text: SMFIR_REJECT, SMFIR_TEMPFAIL */
};

/* True if the message (at RCPT: the recipient) goes on. */
bool milter_goes_on(struct milter_answer);

enum milter_edit_kind { EDIT_ADD_HEADER, EDIT_INSERT_HEADER, EDIT_CHANGE_HEADER, EDIT_QUARANTINE, EDIT_OTHER };

struct milter_edit {
	enum milter_edit_kind kind;
	uint32_t index;      /* INSERT: position; CHANGE: nth field of that name, from 1 */
	struct str name;
	struct str value;    /* CHANGE: empty deletes; QUARANTINE: the reason */
	char command;        /* OTHER: the SMFIR_* byte */
};

struct milter_client *milter_client_new(int timeout_ms);
void milter_client_free(struct milter_client *);

/* "unix:/path", "inet:PORT@HOST", "inet6:PORT@HOST" with numeric hosts. */
bool milter_client_dial(struct milter_client *, const char *socket);
/* What the MTA offers; the defaults are everything that Postfix 3.7 offers. Before negotiating. */
void milter_client_offer(struct milter_client *, uint32_t actions, uint32_t steps);
bool milter_client_negotiate(struct milter_client *);
/* What the filter asked for. */
uint32_t milter_client_actions(const struct milter_client *);
uint32_t milter_client_steps(const struct milter_client *);
/* The macro names that the filter asked for at a stage (SMFIM_*); NULL if it left the MTA's own list. */
const char *milter_client_symlist(const struct milter_client *, unsigned stage);

/* The value from the next event on, for every stage whose list names it; NULL takes it back. "i", "{auth_authen}". */
void milter_client_macro(struct milter_client *, const char *name, const char *value);

/* IP_NONE: a client without address (family unknown). */
struct milter_answer milter_client_connect(struct milter_client *, const char *host, struct ip, uint16_t port);
struct milter_answer milter_client_helo(struct milter_client *, const char *name);
/* args: path with angle brackets first, ESMTP parameters behind. */
struct milter_answer milter_client_mail(struct milter_client *, const struct str *args, size_t count);
struct milter_answer milter_client_rcpt(struct milter_client *, const struct str *args, size_t count);
struct milter_answer milter_client_data(struct milter_client *);
/* The value as it stands behind the colon, its blank included, folded with LF. */
struct milter_answer milter_client_header(struct milter_client *, struct str name, struct str value);
struct milter_answer milter_client_headers_end(struct milter_client *);
/* Any size: cut into chunks; stops at the first answer that is not "go on". */
struct milter_answer milter_client_body(struct milter_client *, struct str bytes);
/* The final answer; the edits before it are kept until the next MAIL. */
struct milter_answer milter_client_end(struct milter_client *);
struct milter_answer milter_client_unknown(struct milter_client *, const char *command);
bool milter_client_abort(struct milter_client *);
/* The SMTP session ends; the filter closes the socket, or (next) the socket serves another session. */
bool milter_client_quit(struct milter_client *);
bool milter_client_quit_next(struct milter_client *);
/* Closes the socket without a word, as a dying MTA would. */
void milter_client_drop(struct milter_client *);

size_t milter_client_edit_count(const struct milter_client *);
const struct milter_edit *milter_client_edit_at(const struct milter_client *, size_t);
/* Why the last call was MILTER_BROKEN or false; empty if nothing failed. */
const char *milter_client_failure(const struct milter_client *);

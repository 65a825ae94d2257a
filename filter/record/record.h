/* record/record.h - one decision, told completely.
 *
 * One JSON line for each message and each refused command before that, and
 * the same as a readable line. Names are those of the fact table.
 * Owns:    texts in the arena. Threads: any (pure). Fails: never.
 *
 * The JSON object: member_table.def, and every fact that was asked for, by name, the dot made a nested object:
 * {"spf": {"result": "pass"}}. {"unknown": reason}: could not be told; not there: absent (no TLS, no login), its stage
 * never came, or nothing asked for it. */
#pragma once

#include "auth/results.h"
#include "fact/facts.h"
#include "policy/policy.h"

enum { DECISION_ID_LENGTH = 16, RECORD_MAX_BYTES = 65536 };

/* Sortable by time, 45 random bits: seven characters of seconds, nine of randomness (Crockford's base 32,
 * lower case). Writes a C string. */
void decision_id_make(char out[static DECISION_ID_LENGTH + 1]);

struct record_recipient {
	struct str address;
	struct reply reply;          /* code 0: accepted */
	struct rule_place from;
};

struct record {
	struct str id;
	int64_t unix_ms;
	enum stage stage;                     /* at which it was decided */
	bool is_of_recipient;                 /* one recipient is refused, the message goes on */
	bool is_aborted;                      /* the client or MTA gave up; no answer was given */
	/* What the MTA was told: accept, reject, defer, quarantine, discard, aborted. */
	const char *disposition;
	const struct facts *facts;            /* message's, or connection's before MAIL */
	const struct auth_results *auth;      /* may be NULL */
	struct decision decision;             /* with the effects and observations of all stages */
	struct reply reply;                   /* what the client was told; code 0: the MTA's own 250 */
	const struct record_recipient *recipients;
	size_t recipient_count;
	int64_t stage_us[STAGE_COUNT];        /* our own time in each stage, waiting included */
	int64_t dns_wait_us;
	unsigned generation;                  /* of the snapshot that judged */
};

/* One line without line end. */
struct str record_json(struct arena *, const struct record *);
/* "QUEUEID: reject: stage=mail client=name[192.0.2.1] code=550 esc=5.7.1 rule=... id=...", NOQUEUE without a
 * queue id. Printable ASCII; what peers chose cannot look like another field: bytes that could are \xNN. */
struct str record_text(struct arena *, const struct record *);
/* For `gatepost why`: a stored JSON record in words, several lines. False if it is no record. */
bool record_explain(struct str json, FILE *out);

/* auth/dkim_gate.h - every DKIM-Signature field, before libopendkim sees it.
 *
 * What passes is of the grammar of RFC 6376 3.5, bounded in size, and means
 * to the library what it means to the RFC; whatever is not so ends here with
 * its result. Pure: no DNS, no crypto, the time is given.
 * Owns:    nothing; texts live in the arena or point into the field.
 * Threads: any.
 * Fails:   as the result that the signature then has. */
#pragma once

#include "auth/dkim_key_record.h"

enum {
	GATE_FIELD_MAX = 32 * 1024,
	GATE_NAMES_MAX = 4000,         /* bytes of h= */
	GATE_IDENTITY_MAX = 250,       /* bytes of i= */
	GATE_LENGTH_DIGITS_MAX = 15,   /* of l= */
	GATE_TIME_DIGITS_MAX = 12,     /* of t= and x= (RFC 6376 3.5) */
	GATE_DRIFT_S = 300,            /* clocks may differ by so much */
};

/* Filled as far as the field can be read, also when it is refused. */
struct dkim_signature {
	struct str domain;        /* d=, normalized */
	struct str selector;      /* s=, normalized */
	struct str key_name;      /* where the key record is */
	struct str identity;      /* i= decoded; empty if absent */
	struct str algorithm;     /* a= */
	struct str signature;     /* b= without blanks */
	enum key_type key_type;
	const struct str *names;  /* h=, as written */
	size_t name_count;
	bool is_body_relaxed;
	bool has_length;          /* l= */
	uint64_t length;
	bool is_below;            /* i= has a subdomain of d= */
};

/* RESULT_NONE: may be verified. Else the result of this signature, and why. */
enum result auth_dkim_gate(struct arena *, struct str value, int64_t now_s, struct dkim_signature *,
			   struct str *why);

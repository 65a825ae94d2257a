/* fact/facts.h - the values of one connection, message or recipient.
 *
 * A recipient's facts have the message's as parent, the message's have the
 * connection's: a look-up climbs to the scope that the fact table names.
 * Owns:    nothing; values live in the arena given at facts_new.
 * Threads: one at a time.
 * Fails:   never; a value of another type than the table says is a bug. */
#pragma once

#include "base/ip.h"
#include "fact/fact.h"

struct arena;
struct facts;

enum fact_state {
	FACT_UNSET,   /* its stage has not come, or nobody asked */
	FACT_ABSENT,  /* known not to exist: no TLS, no login */
	FACT_VALUE,
	FACT_UNKNOWN, /* cannot be told; `reason` says why */
};

struct fact_value {
	enum fact_state state;
	union {
		struct str text; /* STRING, ADDRESS, DOMAIN */
		struct ip ip;
		int64_t number;
		bool truth;
		enum result result;
		struct {
			const struct str *items;
			size_t count;
		} list;
	};
	struct str reason; /* with FACT_UNKNOWN */
};

/* scope is what this object holds; parent may be NULL only for SCOPE_CONN. */
struct facts *facts_new(struct arena *, enum fact_scope, const struct facts *parent);

/* Setters copy texts into the arena. Setting again replaces. */
void facts_set_text(struct facts *, enum fact_id, struct str);
/* Empty text means absent. */
void facts_set_text_or_absent(struct facts *, enum fact_id, struct str);
void facts_set_ip(struct facts *, enum fact_id, struct ip);
void facts_set_int(struct facts *, enum fact_id, int64_t);
void facts_set_bool(struct facts *, enum fact_id, bool);
void facts_set_result(struct facts *, enum fact_id, enum result);
void facts_set_list(struct facts *, enum fact_id, const struct str *items, size_t count);
void facts_set_absent(struct facts *, enum fact_id);
void facts_set_unknown(struct facts *, enum fact_id, struct str reason);

/* Never NULL; FACT_UNSET if nobody set it. */
const struct fact_value *facts_get(const struct facts *, enum fact_id);
bool facts_is_set(const struct facts *, enum fact_id);
/* The text of a value, empty unless it is a text that is there. */
struct str facts_text(const struct facts *, enum fact_id);
bool facts_is_true(const struct facts *, enum fact_id);
/* As the record and %{...} show it; empty for absent and unset, "unknown" for unknown; lists with ", ". */
struct str fact_value_print(struct arena *, enum fact_id, const struct fact_value *);

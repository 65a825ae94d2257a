/* auth/spf_macro.h - SPF macros (RFC 7208 7): grammar and expansion.
 *
 * Owns:    nothing; results live in the arena.
 * Threads: any.
 * Fails:   false for text that breaks the grammar or expands beyond its bound;
 *          the result is left untouched. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/ip.h"
#include "base/str.h"

struct arena;

struct spf_macro_values {
	struct str sender;      /* s: local@domain */
	struct str local;       /* l */
	struct str domain;      /* o: of the sender */
	struct str current;     /* d: whose record is being read; follows include and redirect */
	struct str helo;        /* h: as the client said it */
	struct str our_name;    /* r; empty: "unknown" */
	struct str client_name; /* p; empty: "unknown". Needed only where spf_macro_uses(text, "p") */
	struct ip client;       /* i, c, v */
};

enum { MACRO_DOMAIN_MAX = 253, MACRO_EXPLANATION_MAX = 1000 };

/* macro-string; c, r and t are allowed. */
bool spf_macro_is_string(struct str);
/* domain-spec: ends in a label that may be a top-level one, or in a macro; without c, r and t. */
bool spf_macro_is_domain_spec(struct str);
/* True if one of these (lower-case) letters is expanded in a text that fits the grammar. */
bool spf_macro_uses(struct str, const char *letters);

/* A name to ask DNS for: without trailing dot, labels taken off the left side until it fits (7.3). It may
 * still be no name that DNS can hold. */
bool spf_macro_expand_domain(struct arena *, struct str spec, const struct spf_macro_values *, struct str *name);
/* explain-string (6.2). False too if the result is not printable ASCII of at most MACRO_EXPLANATION_MAX bytes. */
bool spf_macro_expand_explanation(struct arena *, struct str text, const struct spf_macro_values *, struct str *out);

/* mail/authres.h - Authentication-Results (RFC 8601), written and recognized.
 *
 * Owns:    nothing; texts live in the arena. Threads: any. */
#pragma once

#include <stdbool.h>

#include "fact/fact.h"

struct arena;

/* method name and its property ("smtp.mailfrom") come from mail/authres_table.def */
enum authres_method {
#define METHOD(id, word) AUTHRES_##id,
#define PROPERTY(id, method, word)
#include "mail/authres_table.def"
#undef METHOD
#undef PROPERTY
	AUTHRES_METHOD_COUNT
};

enum authres_property {
#define METHOD(id, word)
#define PROPERTY(id, method, word) AUTHRES_##id,
#include "mail/authres_table.def"
#undef METHOD
#undef PROPERTY
	AUTHRES_PROPERTY_COUNT
};

struct authres;

/* authserv_id: RFC 8601 2.5; id_comment becomes "(id ...)" behind it, empty leaves it out. */
struct authres *authres_new(struct arena *, struct str authserv_id, struct str id_comment);
/* comment and reason may be empty. Text from peers is made safe: quoted or escaped as the grammar
 * asks, control characters out, bounded. */
void authres_add(struct authres *, enum authres_method, enum result, struct str comment, struct str reason);
/* A property of the last method added; an empty value is left out. */
void authres_property(struct authres *, enum authres_property, struct str value);
/* The field body, folded with "\n\t" (what libmilter takes), lines of at most 78 bytes where words allow;
 * "; none" without any method. */
struct str authres_print(struct authres *);

/* True if this Authentication-Results field body claims the id: first token of the body by the grammar of
 * RFC 8601 (quoted strings, comments, IDN, version, case-insensitive); a body that cannot be parsed claims
 * it if the id occurs in it at all. */
bool authres_claims(struct arena *, struct str body, struct str authserv_id);

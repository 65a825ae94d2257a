/* auth/key_state.h - which versions of a key there are, and what each is for.
 *
 * A key NAME has a domain and versions, each with a selector and a file
 * NAME.SELECTOR.pem. A version is pending until its record is published, then
 * active: it signs, and the one before is retiring: it does not, but its
 * record stays published while mail that it signed is on its way. That is kept
 * in NAME.state, written by `gatepost key`.
 * Owns:    texts live in the arena. Threads: any.
 * Fails:   reading collects every error with file:line. Changes never fail. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct arena;
struct diags;

enum key_phase { KEY_PENDING, KEY_ACTIVE, KEY_RETIRING, KEY_PHASE_COUNT };
extern const char *const key_phase_words[KEY_PHASE_COUNT];

enum { KEY_VERSIONS_MAX = 16, KEY_NAME_MAX = 64 };

struct key_version {
	struct str selector;       /* normalized, as the domain */
	enum key_phase phase;
	int64_t since_unix_s;      /* in this phase */
	int64_t until_unix_s;      /* RETIRING: the record stays published until then; else 0 */
};

struct key_state {
	struct str name;
	struct str domain;
	struct key_version versions[KEY_VERSIONS_MAX]; /* oldest first; at most one pending and one active */
	size_t count;
};

/* Letters, digits, '-' and '_', so that it is a file name and no path. */
bool key_name_is_good(struct str);
struct str key_version_file(struct arena *, struct str name, struct str selector);

bool key_state_read(struct arena *, const char *path, struct str name, struct key_state *, struct diags *);
/* The text of the file. */
struct str key_state_print(struct arena *, const struct key_state *);

/* NULL if there is none. */
struct key_version *key_state_find(struct key_state *, struct str selector);
struct key_version *key_state_in(struct key_state *, enum key_phase);
/* A new pending version; there is none yet, and not KEY_VERSIONS_MAX in all. */
void key_state_add(struct key_state *, struct str selector, int64_t now_unix_s);
/* The pending version becomes active; an active one retires and stays published for that long. */
void key_state_promote(struct key_state *, int64_t now_unix_s, int64_t overlap_s);
void key_state_drop(struct key_state *, struct key_version *);

/* "2026-09-27T12:00:00Z" */
struct str key_time_print(struct arena *, int64_t unix_s);

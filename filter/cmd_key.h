/* cmd_key.h - the keys of `gatepost key`, with what is known of them.
 *
 * Owns:    everything lives in the arena of the call.
 * Threads: the main thread.
 * Fails:   with diagnostics; a key that cannot be used is shown with the reason. */
#pragma once

#include <stdio.h>

#include "auth/key_folder.h"
#include "auth/key_state.h"
#include "auth/signing_key.h"
#include "base/vec.h"

struct dns;

/* One version of a key; or NAME.pem, which has no state. */
struct key_row {
	struct str name;
	struct str domain, selector;          /* empty without a state */
	const struct key_version *version;    /* NULL without a state */
	struct str path;
	const struct signing_key *key;        /* NULL: wrong tells why */
	struct str wrong;
	enum published published;
	struct str why;
};

/* A key with all its versions. */
struct key_line {
	struct str name;
	bool has_state;
	struct key_state state;
	struct key_row rows[KEY_VERSIONS_MAX];
	size_t count;
};

struct key_lines {
	struct key_line **items;
	size_t count, room;
};

/* NULL if there is no such key; after a diagnostic, if its state cannot be read. */
struct key_line *key_line_read(struct arena *, const struct key_folder *, struct str name, struct diags *);
/* All that are there, by name. */
void key_lines_read(struct arena *, const struct key_folder *, struct diags *, struct key_lines *);
/* One wave of questions, answered within the time. */
void key_lines_ask(struct arena *, const struct key_lines *, struct dns *, int64_t timeout_ms);

void key_lines_print_table(struct arena *, const struct key_lines *, FILE *);
void key_lines_print_json(struct arena *, const struct key_lines *, FILE *);
/* As a line of a zone file; what is only for people stands behind ';'. */
void key_row_print_record(const struct key_row *, FILE *);

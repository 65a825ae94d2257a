/* auth/key_line.h - keys with all their versions, and what is known of each.
 *
 * Owns:    everything lives in the arena given.
 * Threads: any.
 * Fails:   with diagnostics; a key that cannot be used is there with the reason. */
#pragma once

#include "auth/key_folder.h"
#include "auth/key_state.h"
#include "auth/signing_key.h"
#include "base/vec.h"

struct dns;

/* One version of a key; or NAME.pem, which has no state. */
struct key_row {
	struct str name;
	struct str domain, selector;          /* empty without a state, until they are known */
	const struct key_version *version;    /* NULL without a state */
	struct str path;
	const struct signing_key *key;        /* NULL: wrong tells why */
	struct str wrong;
	enum published published;
	struct str why;
};

/* There can be a record that it is compared with. */
static inline bool key_row_has_record(const struct key_row *row)
{
	return row->key != NULL && row->selector.n > 0;
}

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
/* A key without a state has domain and selector from the workflow. Others stay as they are. */
void key_row_complete(struct arena *, struct key_row *, struct str domain, struct str selector);
/* All that are there, by name. */
void key_lines_read(struct arena *, const struct key_folder *, struct diags *, struct key_lines *);
/* One wave of questions, answered within the time. */
void key_lines_ask(struct arena *, const struct key_lines *, struct dns *, int64_t timeout_ms);

#define EACH_KEY_ROW(row, lines)                                                                   \
	for (size_t line_ = 0; line_ < (lines)->count; line_++)                                    \
		for (struct key_row *row = (lines)->items[line_]->rows,                            \
				    *end_ = row + (lines)->items[line_]->count; row < end_; row++)

/* log/sink.h - where a log's lines go: a file or stream, syslog, the journal, or nowhere.
 *
 * Owns:    the file or connection.
 * Threads: one at a time. Writing may block for as long as who reads likes.
 * Fails:   opening with a text; a line that could not be written is told by sink_write. */
#pragma once

#include "log/log.h"

struct sink;

/* One line to be. Texts are escaped; json is empty unless this is a record. */
struct sink_line {
	int64_t unix_ms;
	enum log_level level;
	bool is_record;
	struct str text, json;
};

/* NULL, and *wrong says why. */
struct sink *sink_open(const struct log_settings *, const char **wrong);
void sink_close(struct sink *);
/* Opens a file again. NULL if good, else why the old one is kept. */
const char *sink_reopen(struct sink *);
const char *sink_path(const struct sink *); /* of a file, else NULL */
bool sink_write(struct sink *, const struct sink_line *);

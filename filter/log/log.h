/* log/log.h - life-cycle messages and records to one sink.
 *
 * Levels: error needs a person, warn may need one, info is about life-cycle,
 * debug is off by default. Everything is escaped here: control and non-ASCII
 * bytes as \xNN, so a line is always one line.
 * Owns:    the sink and a thread that writes to it. Threads: any. A caller waits
 *          until its line is written, but not for a sink that takes nothing:
 *          once 250 ms were not enough, nobody waits until a line gets through.
 * Fails:   never towards the caller; lines that could not be written are
 *          counted, and their number is logged as soon as one can be again. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct log;
struct diags;

enum log_level { LEVEL_ERROR, LEVEL_WARN, LEVEL_INFO, LEVEL_DEBUG };
enum log_format { FORMAT_TEXT, FORMAT_JSON };

struct log_settings {
	const char *target;  /* "stderr", "stdout", "syslog", "journal", "file:PATH", "none" */
	enum log_format format;
	enum log_level level;
	const char *syslog_ident;
	const char *syslog_path, *journal_path; /* sockets; NULL: where the host has them */
	const char *who;     /* stands before each message (not before records): which process; NULL: nothing */
	bool is_threadless;  /* the caller writes, however long that takes: for a process that forks */
};

/* NULL and a diagnostic if a file cannot be opened. */
struct log *log_open(const struct log_settings *, struct diags *);
/* Waits up to 2 s for what is not written yet. */
void log_close(struct log *);
/* Opens a file target again (after logrotate). */
void log_reopen(struct log *);

/* log may be NULL: nothing is written. */
void log_error(struct log *, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_warn(struct log *, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_info(struct log *, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_debug(struct log *, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A record, already in both forms: the sink takes the one of its format. Text is escaped here, JSON is
 * written as it is. With syslog and journal the text form goes out whatever the format, JSON if asked for. */
void log_record(struct log *, struct str text_line, struct str json_line);
enum log_format log_format(const struct log *);
uint64_t log_lost_lines(const struct log *);

/* base/diag.h - what is wrong with a configuration, all of it at once.
 *
 * Loaders add; nobody stops at the first. Printed as
 *     FILE:LINE: error: SETTING: TEXT
 * in the order of files and lines.
 * Owns:    copies of all texts.
 * Threads: one at a time.
 * Fails:   never. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/str.h"

struct diags;

/* Where in a file. Any part may be NULL or 0: it is left out of the print. */
struct place {
	const char *file;
	int line;
	const char *setting; /* path as the admin knows it: "dns.timeout_ms", "rules[2].when.spf" */
};

struct diag {
	bool is_error;
	struct place at;
	const char *text;
};

struct diags *diags_new(void);
void diags_free(struct diags *);

void diag_error(struct diags *, struct place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void diag_warn(struct diags *, struct place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

size_t diags_errors(const struct diags *);
size_t diags_warnings(const struct diags *);
/* Sorted by file and line. Pointers live as long as the diags. */
size_t diags_count(const struct diags *);
const struct diag *diags_at(struct diags *, size_t index);
/* As diag_text; empty if there is none. */
const char *diags_first_error(struct diags *);
/* One line without the newline, as printed. */
const char *diag_line(struct diags *, const struct diag *);
/* The same without the severity, for a log that has levels of its own. */
const char *diag_text(struct diags *, const struct diag *);
void diags_print(struct diags *, FILE *);

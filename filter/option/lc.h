/* option/lc.h - libconfig with file and line at hand.
 *
 * Owns:    struct lc owns the tree. Pointers to settings live as long.
 * Threads: one at a time.
 * Fails:   lc_read answers NULL after a diagnostic (libconfig stops at a
 *          file's first syntax error). Typed getters answer false after one. */
#pragma once

#include <libconfig.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/digest.h"

struct arena;
struct lc;

/* Paths in @include are relative to the file's folder. A file that cannot be read, or with mode bits that
 * let others write it, is an error. */
struct lc *lc_read(const char *path, struct diags *);
void lc_free(struct lc *);
const config_setting_t *lc_root(const struct lc *);
/* Of the file with all that it includes. */
struct str lc_digest(const struct lc *);

/* File, line and path ("rules[2].when.spf") of a setting. */
struct place lc_place(struct arena *, const config_setting_t *);

/* What is there must have the type; the diagnostic says what was found and what is wanted. A list of one
 * text counts where a list is wanted, and a single text as a list of one. */
bool lc_text(const config_setting_t *, struct diags *, struct str *);
bool lc_int(const config_setting_t *, struct diags *, int64_t *);
bool lc_bool(const config_setting_t *, struct diags *, bool *);
bool lc_texts(struct arena *, const config_setting_t *, struct diags *, const struct str **, size_t *);
bool lc_is_group(const config_setting_t *, struct diags *);
/* A list ( ... ) of groups. */
bool lc_is_group_list(const config_setting_t *, struct diags *);
/* One error for each member of the group that is not in names, with the closest name as a hint. */
void lc_check_names(const config_setting_t *group, const char *const *names, size_t count, struct diags *);

/* "30s", "10MB", "0660": for options and policies alike. NULL if good, else what is wrong. */
const char *lc_parse_duration_ms(struct str, int64_t *);
const char *lc_parse_size_bytes(struct str, int64_t *);
const char *lc_parse_mode(struct str, unsigned *);

/* policy/text_set.h - the texts, domains or addresses that a condition or list names.
 *
 * Exact names and whole domains are found by hash when there are many, only
 * patterns with '*' are tried one by one.
 * Owns:    copies in the arena given.
 * Threads: any once sealed.
 * Fails:   a literal that makes no sense is told in words. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct arena;
struct text_set;

enum text_kind {
	TEXT_STRING,  /* any text */
	TEXT_DOMAIN,  /* example.org, .example.org (it and below), *.example.org; U-labels allowed */
	TEXT_ADDRESS, /* user@example.org, *@example.org */
	TEXT_ANY,     /* an element of a LIST fact: a text, or .example.org */
};

enum { TEXT_LITERAL_MAX = 512 };

/* In the form in which it is compared. NULL if good; else a sentence that says what is wrong. */
const char *text_literal_normalize(struct arena *, enum text_kind, struct str raw, struct str *out);

struct text_set *text_set_new(struct arena *, enum text_kind);
/* Normalized before. */
void text_set_add(struct text_set *, struct str literal);
void text_set_seal(struct text_set *);
size_t text_set_count(const struct text_set *);
/* As normalized; names first, patterns last. */
struct str text_set_at(const struct text_set *, size_t index, struct arena *);
bool text_set_has(const struct text_set *, struct str);
/* What two sets of addresses have in common: one name or pattern of it, in words of either set. Empty if nothing. */
struct str text_set_common(struct arena *, const struct text_set *, const struct text_set *);

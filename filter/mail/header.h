/* mail/header.h - the header fields of one message, in order of arrival.
 *
 * Values are kept as the MTA passed them: leading blank included
 * (SMFIP_HDR_LEADSPC), folded lines joined by LF or CRLF, no final line end.
 * Owns:    copies in the arena. Threads: one at a time.
 * Fails:   never; the caller bounds count and size. */
#pragma once

#include <stddef.h>

#include "base/str.h"

struct arena;

struct header {
	struct str name;
	struct str value;
};

struct header_list;

struct header_list *header_list_new(struct arena *);
void header_list_add(struct header_list *, struct str name, struct str value);
size_t header_list_count(const struct header_list *);
/* Sum of names, colons, values and line ends. */
size_t header_list_bytes(const struct header_list *);
const struct header *header_list_at(const struct header_list *, size_t index);
/* The nth (from 0) field of that name, case-insensitive; NULL if there are not so many. */
const struct header *header_list_find(const struct header_list *, struct str name, size_t nth);
size_t header_list_count_of(const struct header_list *, struct str name);

/* The value without folding (CRLF or LF before a blank goes) and without blanks at the ends. */
struct str header_unfold(struct arena *, struct str value);

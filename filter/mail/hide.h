/* mail/hide.h - addresses of people in texts that others may read.
 *
 * Owns: texts in the arena given. Threads: any (pure). Fails: never. */
#pragma once

#include "base/str.h"

struct arena;

/* How much of an address is kept: all, the domain, or nothing. The words of record_addresses, in this order. */
enum addresses { ADDRESSES_FULL, ADDRESSES_DOMAIN, ADDRESSES_NONE };

enum addresses addresses_of(struct str word);

/* What stands before an @, back to where an address cannot go on, becomes one star. In place: it gets no longer. */
void hide_local_parts(char *text);
/* A copy, in which of every address that there is only this is left, and a star. */
struct str hide_addresses(struct arena *, enum addresses, struct str text);

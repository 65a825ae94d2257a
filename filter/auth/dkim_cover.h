/* auth/dkim_cover.h - header fields that somebody may have added above those that are signed.
 *
 * A signature covers as many fields of a name as its h= says, from the bottom,
 * and holds whatever stands above them (RFC 6376 5.4.2, 8.15). Readers show
 * the one on top.
 * Owns:    nothing. Threads: any. Fails: never. */
#pragma once

#include "base/str.h"

struct dkim_signature;
struct header_list;

/* The name of a field that a message may have once, that is there more often, and of which the signature covers some
 * and not all; or empty. */
struct str auth_dkim_half_covered(const struct header_list *, const struct dkim_signature *);

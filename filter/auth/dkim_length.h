/* auth/dkim_length.h - the length of a canonicalized body (RFC 6376 3.4.3, 3.4.4).
 *
 * libopendkim stops to count where l= ends; this tells whether the body goes
 * on behind it.
 * Owns:    nothing. Threads: one at a time. Fails: never. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dkim_length {
	bool is_relaxed;
	bool has_cr;          /* the last byte was a CR */
	bool has_blank;       /* blanks since the last other byte of the line; relaxed only */
	uint64_t kept;        /* bytes up to the last one that is neither line end nor dropped blank */
	uint64_t line_ends;   /* bytes of CRLFs after that */
};

void auth_dkim_length_add(struct dkim_length *, const unsigned char *bytes, size_t count);
/* If the body ended here. */
uint64_t auth_dkim_length(const struct dkim_length *);
/* Whatever follows. */
uint64_t auth_dkim_length_min(const struct dkim_length *);

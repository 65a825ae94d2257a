/* dns/dns_name.h - names as text and as on the wire.
 *
 * Text here is what callers write: labels joined by dots, any byte but NUL.
 * Owns:    nothing; results go into the buffers given.
 * Threads: any.
 * Fails:   false for what RFC 1035 2.3.4 does not allow. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct arena;

enum {
	DNS_LABEL_MAX = 63,
	DNS_NAME_MAX = 253,                   /* as text, without the trailing dot */
	DNS_WIRE_MAX = 255,                   /* with all length bytes and the root */
	DNS_ESCAPED_MAX = DNS_NAME_MAX * 4,   /* every byte as \DDD */
};

/* Lower case and without trailing dot, zero-terminated in out. */
bool dns_name_normalise(struct str name, char out[static DNS_NAME_MAX + 1], struct str *normal);
/* Master file form, zero-terminated: bytes that need it become \DDD. The name was normalised. */
const char *dns_name_escape(struct str normal, char out[static DNS_ESCAPED_MAX + 1]);

/* As in a packet: every label behind its length, the root at the end. */
struct dns_wire {
	size_t n;
	uint8_t b[DNS_WIRE_MAX];
};

void dns_wire_of(struct str normal, struct dns_wire *);
bool dns_wire_eq(const struct dns_wire *, const struct dns_wire *);
/* Case kept, without trailing dot, the root is empty. Dots, backslashes, blanks and what is not printable ASCII
 * within a label become \DDD, so the text of an unusual name equals that of no usual one. */
struct str dns_wire_text(struct arena *, const struct dns_wire *);

/* dns/dns_packet.h - the answer in a DNS message (RFC 1035 4).
 *
 * Reads the answer section, from the name asked for along the aliases to the last one, and the SOA of a
 * negative answer. Every length is checked before it is believed.
 * Owns:    nothing.
 * Threads: any.
 * Fails:   what is malformed, cut off or no answer to this question becomes DNS_SERVFAIL. */
#pragma once

#include "dns/dns_answer.h"

/* A reference for the caller. The name is normalised. */
struct dns_shared *dns_packet_answer(const void *packet, size_t packet_bytes, struct str name, enum dns_type,
				     bool is_secure);

/* dns/dns_answer.h - answers that several holders share.
 *
 * One block of memory: the answer, its records and their texts. Immutable once made.
 * Owns:    itself, counted; the last dns_answer_put frees it.
 * Threads: any.
 * Fails:   never. */
#pragma once

#include "dns/dns.h"

struct dns_note {
	_Atomic(void *) made;
};

struct dns_shared {
	_Atomic unsigned refs;
	size_t size_bytes;
	struct dns_note note;
	struct dns_answer answer;
};

/* Copies records and texts; one reference for the caller. More than DNS_RECORDS_MAX records are cut off. */
struct dns_shared *dns_answer_new(const struct dns_answer *);
struct dns_shared *dns_answer_of_status(enum dns_status, uint32_t ttl_s);
struct dns_shared *dns_answer_get(struct dns_shared *);
void dns_answer_put(struct dns_shared *);

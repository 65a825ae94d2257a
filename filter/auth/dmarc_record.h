/* auth/dmarc_record.h - one DMARC policy record (RFC 9989 4.7, 4.8).
 *
 * Strict where a record says which policy holds, tolerant where RFC 9989 asks
 * for it: what cannot be read falls back to the default of its tag.
 * Owns:    nothing; texts live in the arena, words are constants.
 * Threads: any. Fails: a text that is no DMARC record is a false. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct arena;

/* What a domain owner asks for, mildest first. */
enum dmarc_request { REQUEST_UNSET, REQUEST_NONE, REQUEST_QUARANTINE, REQUEST_REJECT, REQUEST_COUNT };

/* none, quarantine, reject; empty for unset */
extern const char *const dmarc_request_words[REQUEST_COUNT];

enum dmarc_psd { PSD_UNKNOWN, PSD_YES, PSD_NO };

enum { DMARC_RUA_MAX = 16 };

struct dmarc_record {
	/* False: p= is missing or p=, sp= or np= is broken, and nobody would hear of it (no usable rua=): no
	 * DMARC processing by this record. It still marks a domain in a tree walk. */
	bool has_policy;
	enum dmarc_request p, sp, np;   /* p is set if has_policy */
	bool is_dkim_strict, is_spf_strict;
	bool is_testing;                /* t=y */
	enum dmarc_psd psd;
	struct str adkim, aspf, fo, psd_word; /* as published, in lower case; empty if absent or broken */
	const struct str *rua;          /* valid URIs, without a size limit of RFC 7489 */
	size_t rua_count;
};

/* True if the text begins with the version: several such texts at one name count as none. */
bool dmarc_record_claims(struct str text);
/* False unless dmarc_record_claims(text). */
bool dmarc_record_parse(struct arena *, struct str text, struct dmarc_record *);

/* auth/dmarc_walk.h - finding DMARC records: the DNS tree walk (RFC 9989 4.10).
 *
 * A finder serves one evaluation and remembers every name that it asked
 * about: walks from several domains share their upper names, and no question
 * is put twice.
 * Owns:    nothing; everything lives in the arena given.
 * Threads: one at a time.
 * Fails:   a temporary DNS failure is told apart from "no record". */
#pragma once

#include <stdint.h>

#include "auth/dmarc_record.h"
#include "dns/dns.h"

struct arena;

enum { DMARC_WALK_MAX = 8 }; /* questions of one walk (RFC 9989 4.10) */

struct dmarc_finder;
struct dmarc_finder *dmarc_finder_new(struct dns *, int64_t deadline_mono_ms, struct arena *);

/* The record at one domain. */
struct dmarc_find {
	struct str domain;
	enum dns_status status;            /* temporary: nobody knows whether there is a record */
	const struct dmarc_record *record; /* NULL: none, or several */
};
const struct dmarc_find *dmarc_find(struct dmarc_finder *, struct str domain);

struct dmarc_walk {
	/* Not NULL: this question failed for now, and the rest is only what was found before it. */
	const struct dmarc_find *failed;
	struct str org_domain;
	const struct dmarc_record *org_record; /* at org_domain; NULL: none */
	struct str psd_domain;                 /* one label above org_domain, with psd=y; empty: none found */
	const struct dmarc_record *psd_record;
};
/* domain: normalized, not empty. */
struct dmarc_walk dmarc_walk(struct dmarc_finder *, struct str domain);

/* Both walks failed at the same name, and yet they end at the same organizational domain, whatever is there
 * or above. */
bool dmarc_walks_end_alike(const struct dmarc_walk *, struct str domain, const struct dmarc_walk *,
			   struct str other_domain);

/* The names that a walk from this domain may ask about, the domain itself first. */
size_t dmarc_walk_names(struct str domain, struct str names[static DMARC_WALK_MAX]);

enum dmarc_existence { DOMAIN_EXISTS, DOMAIN_DOES_NOT_EXIST, DOMAIN_UNCERTAIN };
/* For np=. A domain does not exist if DNS says NXDOMAIN (RFC 9989 3.2.13, RFC 8020); NODATA is existence. */
enum dmarc_existence dmarc_existence(struct dmarc_finder *, struct str domain);

/* Starts all questions of a walk; returns at once. */
void dmarc_walk_prefetch(struct dns *, struct str domain);

/* auth/dmarc.h - DMARC (RFC 9989): tree walk, policy, alignment.
 *
 * Walk, record choice and alignment are ours; libopendmarc confirms the last
 * step on inputs made here.
 * Owns:    nothing; the verdict lives in the arena. Threads: any.
 * Fails:   a temporary DNS failure anywhere that could have changed the outcome is RESULT_TEMPERROR. */
#pragma once

#include "auth/results.h"
#include "probe/probe.h"

struct dmarc_check {
	struct str author_domain;                /* normalized; never empty */
	const struct spf_verdict *spf;           /* of MAIL FROM, or of HELO if that is null; may be NULL */
	const struct dkim_verdict *dkim;
	size_t dkim_count;
	struct log *log;                         /* for bugs of ours; may be NULL */
};

const struct dmarc_verdict *dmarc_evaluate(struct dns *, const struct dmarc_check *, int64_t deadline_mono_ms,
					   struct arena *);
/* Starts the walk's questions for a domain (normalized; empty: none); returns at once. */
void dmarc_prefetch(struct dns *, struct str domain);

/* Sets dmarc.*; needs the results of SPF and DKIM and from.*. Without exactly one author: from.status
 * missing, several or malformed gives RESULT_PERMERROR with the reason. */
probe_fn probe_dmarc;

/* auth/spf.h - SPF (RFC 7208) for MAIL FROM and HELO.
 *
 * libspf2 only interprets records that we parsed and expanded ourselves
 * (auth/spf_record.c); limits, DNS and result mapping are ours.
 * Owns:    nothing; the verdict lives in the arena. Threads: any.
 * Fails:   temporary DNS trouble and the time limit are RESULT_TEMPERROR. */
#pragma once

#include "auth/results.h"
#include "base/ip.h"
#include "probe/probe.h"

struct spf_check {
	struct ip client;
	struct str helo;         /* as the client said it */
	struct str mail_from;    /* without angle brackets; empty for <> */
	struct str our_name;     /* %{r} */
};

/* The identity "mailfrom" (postmaster@HELO if mail_from is empty), or "helo". */
const struct spf_verdict *spf_check_mailfrom(struct dns *, const struct spf_check *, int64_t deadline_mono_ms,
					     struct arena *);
const struct spf_verdict *spf_check_helo(struct dns *, const struct spf_check *, int64_t deadline_mono_ms,
					 struct arena *);
/* Starts the questions that the check of this domain will need: its record and, as answers come, the
 * includes, redirects, A and MX names in it that hold no macro; bounded. Returns at once. */
void spf_prefetch(struct dns *, struct str domain, struct ip client);

/* Sets spf.*; reads client.ip, helo.name, mail.from. With no client address the result is none. */
probe_fn probe_spf;

/* auth/iprev.h - does the client's reverse name lead back to it (RFC 8601 2.7.3).
 *
 * At most ten PTR names are followed. Owns: nothing. Threads: any. */
#pragma once

#include "auth/results.h"
#include "base/ip.h"
#include "probe/probe.h"

const struct iprev_verdict *iprev_check(struct dns *, struct ip client, int64_t deadline_mono_ms, struct arena *);
/* Starts the PTR question and follows its names; returns at once. */
void iprev_prefetch(struct dns *, struct ip client);

/* Sets iprev.*; reads client.ip. */
probe_fn probe_iprev;

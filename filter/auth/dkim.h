/* auth/dkim.h - verifying DKIM signatures (RFC 6376, 8301, 8463, 8616).
 *
 * libopendkim canonicalises, hashes and calls the crypto; every
 * DKIM-Signature passes our gate first (auth/dkim_gate.c), every key record
 * our normaliser (auth/dkim_key_record.c).
 * Owns:    auth_dkim is process- or snapshot-wide; a verify handle belongs to
 *          the message arena (it registers its own clean-up) and may outlive
 *          the auth_dkim that it was begun with.
 * Threads: auth_dkim any; a verify handle one at a time.
 * Fails:   per signature, as a verdict. */
#pragma once

#include "auth/results.h"
#include "probe/probe.h"

struct auth_dkim;
struct auth_dkim_verify;
struct header_list;

struct dkim_limits {
	int max_signatures;   /* evaluated; the rest is counted as skipped */
	int min_rsa_bits;
};

struct auth_dkim *auth_dkim_new(const struct dkim_limits *);
void auth_dkim_free(struct auth_dkim *);

/* Begins to verify: all header fields are known. Starts the key look-ups and returns at once. NULL if the
 * message carries no DKIM-Signature at all. */
struct auth_dkim_verify *auth_dkim_verify_begin(const struct auth_dkim *, struct dns *, struct log *,
						const struct header_list *, struct arena *);
/* True while body bytes still matter. */
bool auth_dkim_verify_body(struct auth_dkim_verify *, const unsigned char *bytes, size_t count);
/* Waits for keys until the deadline. One verdict for each DKIM-Signature within the limits, in header order. */
void auth_dkim_verify_end(struct auth_dkim_verify *, int64_t deadline_mono_ms, const struct dkim_verdict **list,
			  size_t *count, size_t *skipped);

/* Ends the handle in env->dkim (NULL: no signatures), sets dkim.*. */
probe_fn probe_dkim;

/* auth/keyring.h - the keys that workflows sign with, and whether receivers can find them.
 *
 * Loaded with the snapshot: every key that is asked for is there, readable and
 * fit to sign, or it is an error, and the key is never chosen. Whether its record
 * is published is found out later, beside the mail, by keyring_check, so that nothing waits for DNS.
 * Of a key with several versions (auth/key_state.h) the pending one signs from
 * the moment its record is seen; until then the active one does. A key file
 * without a state, NAME.pem, is a key with one active version, for any domain.
 * Owns:    lives in the arena given, with all private keys.
 * Threads: keyring_choose and _view any; keyring_check one at a time, also beside it.
 * Fails:   load with diagnostics; choose with a reason for people. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

struct arena;
struct dns;
struct keyring;
struct log;
struct signing_key;

/* What a workflow asks for. */
struct sign_use {
	struct str domain;     /* d= */
	struct str selector;   /* s=; empty: that of the key's version in force */
	struct str key;        /* its name */
	struct place at;
};

struct keyring_settings {
	struct str folder;
	bool needs_record;     /* false: DNS is not asked, active versions sign, pending ones do not */
};

/* What is known of records is taken over from the keyring before, which may be NULL. */
const struct keyring *keyring_load(struct arena *, const struct keyring_settings *, const struct sign_use *,
				   size_t count, const struct keyring *before, struct diags *);
/* The key that signs for a use now (its place does not matter). NULL and why not. */
const struct signing_key *keyring_choose(const struct keyring *, const struct sign_use *, struct arena *,
					 struct str *why_not);
/* One version of a key, as it is known now; texts live as long as the keyring. False if there are not so many. */
struct keyring_view {
	struct str key, selector, domain, why;
	const char *phase;
	bool is_published, is_known;
};
bool keyring_view(const struct keyring *, size_t index, struct keyring_view *);
/* Asks for all records at once and waits until the deadline. Changes are logged. Answers after how many
 * milliseconds it should be called again. NULL is allowed: no keys. */
int64_t keyring_check(const struct keyring *, struct dns *, struct log *, int64_t deadline_mono_ms);

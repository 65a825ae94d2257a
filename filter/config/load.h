/* config/load.h - what a snapshot is made of, read and checked.
 *
 * Owns:    everything lives in the arena given.
 * Threads: one at a time per arena.
 * Fails:   with diagnostics; what is filled in then is not to be used. */
#pragma once

#include <stddef.h>

struct arena;
struct diags;
struct snapshot;

enum { EVERY_LISTENER = -1 };

/* To start, keys that cannot be used are warnings: what they should sign is answered 451, other mail is served. */
enum load_for { LOAD_TO_CHECK, LOAD_TO_START };

/* Fills config_path, digest, loaded_unix_s, options, policy, dkim, keys, signer, for the listener of that index. running as in
 * snapshot_load. */
void config_fill(struct arena *, const char *config_path, size_t listener, enum load_for, const struct snapshot *running,
		 struct diags *, struct snapshot *);

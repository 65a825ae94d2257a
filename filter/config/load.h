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

/* Fills config_path, loaded_unix_s, options, policy, dkim, keys, signer, for the listener of that index. running as in
 * snapshot_load. */
void config_fill(struct arena *, const char *config_path, size_t listener, const struct snapshot *running,
		 struct diags *, struct snapshot *);

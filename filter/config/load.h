/* config/load.h - what a snapshot is made of, read and checked.
 *
 * Owns:    everything lives in the arena given.
 * Threads: one at a time per arena.
 * Fails:   with diagnostics; what is filled in then is not to be used. */
#pragma once

struct arena;
struct diags;
struct snapshot;

/* Fills config_path, loaded_unix_s, options, policy, dkim, keys, signer. running as in snapshot_load. */
void config_fill(struct arena *, const char *config_path, const struct snapshot *running, struct diags *,
		 struct snapshot *);

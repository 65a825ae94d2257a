/* config/snapshot.h - everything that a reload replaces, at once or not at all.
 *
 * Immutable once published. A session takes one at connect and a newer one
 * at each MAIL; a message is never judged by two.
 * Owns:    its arena with options, policy and DKIM library handle.
 * Threads: snapshot_get, _put and _publish any.
 * Fails:   snapshot_load answers NULL if there was any error; all are in the diags. */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct auth_dkim;
struct auth_dkim_signer;
struct diags;
struct keyring;
struct options;
struct policy;

struct snapshot {
	unsigned generation;             /* 1 for the first published */
	int64_t loaded_unix_s;
	const char *config_path;
	char digest[17];                 /* of the configuration, the policies and their lists, as they were read */
	const struct options *options;   /* authserv_id is never empty here */
	const struct policy *policy;
	const struct auth_dkim *dkim;
	const struct keyring *keys;      /* NULL: no workflow signs, or inbound listeners only, which open no key */
	struct auth_dkim_signer *signer; /* NULL with keys */
};

/* Reads and checks everything. running may be NULL (start-up); else its RESTART options stay in force. */
struct snapshot *snapshot_load(const char *config_path, const struct snapshot *running, struct diags *);
/* The same for the process that serves one of the listeners: an inbound one opens no key. At start-up keys that cannot
 * be used are warnings, and what they should sign is answered 451. */
struct snapshot *snapshot_load_for(const char *config_path, size_t listener, const struct snapshot *running,
				   struct diags *);
/* Never NULL after the first publish. Count one reference more. */
const struct snapshot *snapshot_get(void);
/* The last one out frees. NULL is allowed. */
void snapshot_put(const struct snapshot *);
/* Takes the caller's reference over; the one before loses its published reference. NULL ends. */
void snapshot_publish(struct snapshot *next);
/* The number of the next that is published, in a process that takes another's place. */
void snapshot_continue_at(unsigned generation);

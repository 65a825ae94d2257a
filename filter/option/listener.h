/* option/listener.h - one entry of `listen`, read and checked.
 *
 * Owns:    texts in the arena given.
 * Threads: any.
 * Fails:   with diagnostics; the listener is then not to be used. */
#pragma once

#include <libconfig.h>

#include "option/options.h"

/* The one that serves when `listen` is missing or empty. */
struct listeners listeners_default(struct arena *, const char *socket);
/* The groups of `listen`. False if there is none, or after a diagnostic. */
bool listeners_load(struct arena *, const config_setting_t *, struct diags *, struct listeners *);
struct listeners listeners_dup(struct arena *, const struct listeners *);
bool listeners_eq(const struct listeners *, const struct listeners *);

/* Its socket, rewritten with a plain address. NULL, or what is wrong with it. */
const char *listener_socket_check(struct arena *, struct listener *, bool *is_unix, bool *reaches_beyond);
/* "unix:/path" without its scheme; empty for other sockets. */
struct str listener_unix_path(const struct listener *);

/* dns/dns_unbound.h - libunbound as backend: forwards to resolvers, with or without its own validation.
 *
 * Owns:    the library's context.
 * Threads: see dns_backend.h.
 * Fails:   settings that cannot work are diagnostics; a question that libunbound cannot begin is DNS_SERVFAIL. */
#pragma once

#include "dns/dns_backend.h"

struct event_base;

bool dns_unbound_open(struct event_base *, const struct dns_settings *, struct diags *, struct dns_backend *);

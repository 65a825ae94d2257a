/* config/resolver.h - the resolver that the dns.* options ask for.
 *
 * Owns:    nothing. Threads: at start. Fails: NULL after a diagnostic. */
#pragma once

struct diags;
struct dns;
struct log;
struct options;

struct dns *resolver_open(const struct options *, struct log *, struct diags *);

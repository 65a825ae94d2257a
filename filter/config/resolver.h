/* config/resolver.h - the resolver that the dns.* options ask for.
 *
 * Owns:    nothing. Threads: at start. Fails: after a diagnostic. */
#pragma once

struct diags;
struct dns;
struct log;
struct options;

struct dns *resolver_open(const struct options *, struct log *, struct diags *);
/* Is the zone file right, if there is one. */
void resolver_check(const struct options *, struct diags *);

/* config/resolver.h - the resolver that the dns.* options ask for.
 *
 * Owns:    nothing. Threads: at start. Fails: after a diagnostic. */
#pragma once

#include "dns/dns.h"

struct log;
struct options;

/* on_answer as in dns/dns.h, may be NULL. */
struct dns *resolver_open_counted(const struct options *, struct log *,
				  void (*on_answer)(void *context, enum dns_status, int64_t us), void *context,
				  struct diags *);
struct dns *resolver_open(const struct options *, struct log *, struct diags *);
/* Is the zone file right, if there is one. */
void resolver_check(const struct options *, struct diags *);

#include "config/resolver.h"

#include "base/arena.h"
#include "dns/dns.h"
#include "option/options.h"

static const char *c_or_null(struct arena *a, struct str s)
{
	return s.n == 0 ? NULL : str_to_c(a, s);
}

struct dns *resolver_open(const struct options *o, struct log *log, struct diags *diags)
{
	return resolver_open_counted(o, log, NULL, NULL, diags);
}

struct dns *resolver_open_counted(const struct options *o, struct log *log,
				  void (*on_answer)(void *context, enum dns_status, int64_t us), void *context,
				  struct diags *diags)
{
	struct arena *scratch = arena_new();
	const struct dns_settings settings = {
		.servers = o->dns_servers.items,
		.server_count = o->dns_servers.count,
		.zone_file = c_or_null(scratch, o->dns_zone_file),
		.timeout_ms = (int)o->dns_timeout_ms,
		.dnssec = o->dns_dnssec,
		.trust_anchor_file = c_or_null(scratch, o->dns_trust_anchor),
		.cache_entries = o->dns_cache_entries,
		.breaker_percent = (int)o->dns_breaker_percent,
		.on_answer = on_answer,
		.context = context,
	};
	struct dns *dns = dns_open(&settings, log, diags);
	arena_free(scratch);
	return dns;
}

void resolver_check(const struct options *o, struct diags *diags)
{
	if (o->dns_zone_file.n > 0)
		dns_close(resolver_open(o, NULL, diags));
}

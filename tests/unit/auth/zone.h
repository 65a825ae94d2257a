/* tests/unit/auth/zone.h - an arena and answers from a zone, for tests of what asks DNS. */
#pragma once

#include "../test.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/diag.h"
#include "dns/dns.h"

struct zone {
	struct arena *arena;
	struct diags *diags;
	struct dns *dns;
};

static inline void zone_open(struct zone *z, const char *text)
{
	const struct dns_settings settings = { .timeout_ms = 200, .cache_entries = 1000 };
	z->arena = arena_new();
	z->diags = diags_new();
	z->dns = dns_open_zone_text(str_of(text), "zone", &settings, NULL, z->diags);
	if (z->dns == NULL)
		diags_print(z->diags, stderr);
	assert_non_null(z->dns);
}

static inline void zone_close(struct zone *z)
{
	arena_free(z->arena);
	dns_close(z->dns);
	diags_free(z->diags);
}

static inline int64_t zone_deadline(void)
{
	return clock_mono_ms() + 5000;
}

/* Questions that went out; each name and type goes once and then comes from the cache. */
static inline unsigned zone_questions(const struct zone *z)
{
	return (unsigned)dns_counters(z->dns).sent;
}

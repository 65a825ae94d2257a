/* tests/unit/auth/spf_zone.h - SPF checks with answers from a zone in the test. */
#pragma once

#include "auth/spf.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/diag.h"
#include "dns/dns.h"

struct fixture {
	struct arena *arena;
	struct dns *dns;
};

static inline struct fixture fixture_of_text(struct str zone, int timeout_ms)
{
	const struct dns_settings settings = { .timeout_ms = timeout_ms, .cache_entries = 1000 };
	struct diags *diags = diags_new();
	struct fixture f = { arena_new(), dns_open_zone_text(zone, "zone", &settings, NULL, diags) };
	if (f.dns == NULL)
		diags_print(diags, stderr);
	assert_non_null(f.dns);
	diags_free(diags);
	return f;
}

static inline struct fixture fixture_of(const char *zone)
{
	return fixture_of_text(str_of(zone), 50);
}

static inline void fixture_end(struct fixture *f)
{
	dns_close(f->dns);
	arena_free(f->arena);
}

static inline const struct spf_verdict *check(struct fixture *f, const char *client, const char *helo,
					      const char *mail_from)
{
	struct spf_check c = { .helo = str_of(helo),
			       .mail_from = str_of(mail_from),
			       .our_name = STR("mx.receiver.example") };
	assert_true(ip_parse(str_of(client), &c.client));
	return spf_check_mailfrom(f->dns, &c, clock_mono_ms() + 5000, f->arena);
}

/* For a sender user@example.org. */
static inline const struct spf_verdict *check_example(struct fixture *f, const char *client)
{
	return check(f, client, "helo.example.net", "user@example.org");
}

#define assert_result(v, expected)                                                                        \
	do {                                                                                              \
		const struct spf_verdict *v_ = (v);                                                       \
		if (v_->result != (expected))                                                             \
			fail_msg("got %s (%.*s), want %s", result_words[v_->result], STR_ARG(v_->reason), \
				 result_words[expected]);                                                 \
	} while (0)

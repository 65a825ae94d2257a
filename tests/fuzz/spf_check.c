/* Whole SPF checks against a zone. Input, line by line: sender, HELO name, then the TXT data of d0.example,
 * d1.example and so on. The addresses, hosts and reverse names around them are fixed. */
#include "fuzz/fuzz.h"

#include "auth/spf.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/fail.h"
#include "dns/dns.h"

enum { DOMAINS_MAX = 8 };

static const char hosts[] =
	"h.example A 192.0.2.1\nh.example AAAA 2001:db8::1\nmx.example MX 10 h.example\n"
	"mx.example MX 20 gone.example\nmx.example MX 30 fail.example\nfail.example * SERVFAIL\n"
	"1.2.0.192.in-addr.arpa PTR h.example\n1.2.0.192.in-addr.arpa PTR d0.example\nd0.example A 192.0.2.1\n";

static void add_txt(struct buf *zone, unsigned number, struct str data)
{
	buf_printf(zone, "d%u.example TXT \"", number);
	for (size_t i = 0; i < data.n; i++)
		buf_printf(zone, "\\%03u", (unsigned)(unsigned char)data.p[i]);
	buf_printf(zone, "\"\n");
}

static struct dns *open_zone(struct str lines)
{
	static const struct dns_settings settings = { .timeout_ms = 5000, .cache_entries = 100 };
	struct buf zone;
	struct str line;
	buf_init(&zone, 0);
	buf_add(&zone, str_of(hosts));
	for (unsigned i = 0; i < DOMAINS_MAX && str_next(&lines, '\n', &line); i++)
		add_txt(&zone, i, line);
	struct diags *diags = diags_new();
	struct dns *dns = dns_open_zone_text(buf_str(&zone), "zone", &settings, NULL, diags);
	diags_free(diags);
	buf_fini(&zone);
	return dns;
}

static bool has_matched(enum result r)
{
	return r == RESULT_PASS || r == RESULT_FAIL || r == RESULT_SOFTFAIL || r == RESULT_NEUTRAL;
}

static void judge(const struct spf_verdict *v)
{
	BUG_IF(!has_matched(v->result) && v->result != RESULT_NONE && v->result != RESULT_TEMPERROR &&
	       v->result != RESULT_PERMERROR);
	BUG_IF(v->reason.n == 0 || v->lookups > 11 || v->voids > 3);
	BUG_IF(v->mechanism.n > 0 && !has_matched(v->result));
	BUG_IF(v->mechanism.n == 0 && has_matched(v->result) && v->result != RESULT_NEUTRAL);
	BUG_IF(v->domain.n == 0 && v->result != RESULT_NONE);
	BUG_IF(v->explanation.n > 1000 || (v->explanation.n > 0 && v->result != RESULT_FAIL));
}

static void check(struct dns *dns, struct str sender, struct str helo, struct str client, struct arena *a)
{
	struct spf_check c = { .helo = helo, .mail_from = sender };
	ip_parse(client, &c.client);
	uint64_t asked = dns_counters(dns).asked;
	int64_t deadline = clock_mono_ms() + 10000;
	const struct spf_verdict *v = spf_check_mailfrom(dns, &c, deadline, a);
	judge(v);
	/* the record, ten terms with ten hosts each, asked early and awaited, the client's names, the explanation */
	BUG_IF(dns_counters(dns).asked - asked > 1 + 10 * (1 + 2 * 10) + 1 + 2 * 10 + 1);
	const struct spf_verdict *again = spf_check_mailfrom(dns, &c, deadline, a);
	BUG_IF(again->result != v->result || !str_eq(again->mechanism, v->mechanism));
	judge(spf_check_helo(dns, &c, deadline, a));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = { (const char *)data, size }, sender = STR_EMPTY, helo = STR_EMPTY, client;
	str_cut(rest, '\n', &sender, &rest);
	str_cut(rest, '\n', &helo, &rest);
	struct dns *dns = open_zone(rest);
	if (dns == NULL) /* a text that no zone can hold */
		return 0;
	struct arena *a = arena_new();
	client = size % 2 == 0 ? STR("192.0.2.1") : STR("2001:db8::1");
	if (size % 3 == 0)
		spf_prefetch(dns, STR("d0.example"), (struct ip){ .family = IP_V4, .b = { 192, 0, 2, 1 } });
	check(dns, sender, helo, client, a);
	arena_free(a);
	dns_close(dns);
	return 0;
}

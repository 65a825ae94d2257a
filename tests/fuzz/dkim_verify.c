/* Whole messages, with the keys of tests/suites/dkim. In however many pieces the body comes, the verdicts are the
 * same. */
#include "fuzz/fuzz.h"

#include "auth/dkim.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/fail.h"
#include "dns/dns.h"
#include "lib/dkim_run.h"
#include "mail/header.h"

static const struct dkim_limits limits = { .max_signatures = 10, .min_rsa_bits = 1024 };
static struct auth_dkim *dkim;
static struct dns *dns;

static void open_once(void)
{
	if (dkim != NULL)
		return;
	clock_set_unix_s(DKIM_RUN_NOW_S);
	dkim = auth_dkim_new(&limits);
	dns = dkim_run_dns();
}

static void check(const struct dkim_verdict *v)
{
	BUG_IF((v->result == RESULT_PASS) != (v->reason.n == 0));
	BUG_IF(v->result == RESULT_NONE || v->result == RESULT_SOFTFAIL);
	BUG_IF(v->result == RESULT_PASS && (v->domain.n == 0 || v->key_bits == 0 || v->signature.n < 8));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct str message = { (const char *)data, size }, body;
	open_once();
	struct dkim_run whole = dkim_run_message(dkim, dns, a, message, SIZE_MAX);
	struct dkim_run pieces = dkim_run_message(dkim, dns, a, message, 3);
	/* eml_split() makes good line ends; as they come, they may not matter to anything but the verdict */
	const struct header_list *headers = dkim_run_headers(a, message, &body);
	struct dkim_run raw = dkim_run(dkim, dns, a, headers, message, 5);
	struct dkim_run raw_whole = dkim_run(dkim, dns, a, headers, message, SIZE_MAX);
	BUG_IF(whole.count > (size_t)limits.max_signatures);
	BUG_IF(whole.count != pieces.count || whole.count != raw.count || whole.skipped != pieces.skipped);
	for (size_t i = 0; i < whole.count; i++) {
		check(&whole.list[i]);
		BUG_IF(whole.list[i].result != pieces.list[i].result || raw.list[i].result != raw_whole.list[i].result);
		BUG_IF(whole.list[i].result == RESULT_PASS &&
		       whole.list[i].covers_body != pieces.list[i].covers_body);
	}
	arena_free(a);
	return 0;
}

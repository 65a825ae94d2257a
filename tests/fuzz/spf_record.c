/* An SPF record and its macros. Input: the local part of the sender, a line feed, then a text as DNS gave it. */
#include "fuzz/fuzz.h"

#include "auth/spf_macro.h"
#include "auth/spf_record.h"
#include "base/arena.h"
#include "base/fail.h"
#include "dns/dns.h"

static void expand(struct arena *a, const struct spf_term *t, const struct spf_macro_values *v)
{
	struct str name;
	if (t->kind != TERM_UNKNOWN_MODIFIER)
		BUG_IF(!spf_macro_is_domain_spec(t->spec));
	if (!spf_macro_expand_domain(a, t->spec, v, &name))
		return;
	BUG_IF(name.n > MACRO_DOMAIN_MAX);
	bool is_plain = str_find(t->spec, '%') < 0;
	BUG_IF(is_plain && t->spec.n <= MACRO_DOMAIN_MAX && !str_starts(t->spec, name));
}

static void read_terms(struct arena *a, struct str terms, const struct spf_macro_values *v)
{
	struct spf_term t;
	const char *end = terms.p + terms.n;
	while (spf_record_next(&terms, &t)) {
		BUG_IF(t.text.n == 0 || t.text.p + t.text.n > end || t.bits4 > 32 || t.bits6 > 128);
		BUG_IF(t.net.prefix_bits > ip_bits(t.net.ip.family));
		for (size_t i = 0; i < t.text.n; i++)
			BUG_IF(!char_is_printable(t.text.p[i]) || t.text.p[i] == ' ');
		spf_term_matches_without_dns(&t, v->client);
		if (t.spec.n > 0)
			expand(a, &t, v);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct str local, text, terms, problem = STR_EMPTY, explanation;
	str_cut((struct str){ (const char *)data, size }, '\n', &local, &text);
	struct spf_macro_values v = { .sender = local,
				      .local = local,
				      .domain = STR("example.org"),
				      .current = STR("sub.example.org"),
				      .helo = local };
	ip_parse(local.n % 2 == 0 ? STR("192.0.2.1") : STR("2001:db8::1"), &v.client);

	struct dns_record record = { .text = text };
	struct dns_answer answer = { .status = DNS_OK, .count = 1, .records = &record };
	if (spf_record_select(&answer, &terms) == 1) {
		bool is_good = spf_record_check(a, terms, &problem);
		BUG_IF(is_good != (problem.n == 0));
		if (is_good)
			read_terms(a, terms, &v);
	}
	if (spf_macro_expand_explanation(a, text, &v, &explanation)) {
		BUG_IF(explanation.n > MACRO_EXPLANATION_MAX);
		for (size_t i = 0; i < explanation.n; i++)
			BUG_IF(!char_is_printable(explanation.p[i]));
	}
	spf_macro_uses(text, "p");
	arena_free(a);
	return 0;
}

/* SPF macros. Input: the text to expand, then line by line what the peer chose: local part, domain, HELO name, client's
 * name, client's address. What expands is a string of the grammar, bounded and printable; a domain-spec is a string too. */
#include "fuzz/fuzz.h"

#include "auth/spf_macro.h"
#include "base/arena.h"
#include "base/fail.h"

static struct str line(struct str *rest)
{
	struct str s = STR_EMPTY;
	return str_next(rest, '\n', &s) ? s : STR_EMPTY;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct str rest = { (const char *)data, size }, name, explanation;
	struct str text = line(&rest);
	struct spf_macro_values v = { .local = line(&rest), .domain = line(&rest), .helo = line(&rest),
				      .client_name = line(&rest), .current = STR("d.example"), .our_name = STR("mx.test") };
	if (!ip_parse(line(&rest), &v.client))
		BUG_IF(!ip_parse(STR("2001:db8::cb01"), &v.client));
	v.sender = str_printf(a, "%.*s@%.*s", STR_ARG(v.local), STR_ARG(v.domain));
	bool is_string = spf_macro_is_string(text);
	BUG_IF(spf_macro_is_domain_spec(text) && !is_string);
	if (is_string) {
		spf_macro_uses(text, "p");
		if (spf_macro_expand_domain(a, text, &v, &name))
			BUG_IF(name.n > MACRO_DOMAIN_MAX);
		if (spf_macro_expand_explanation(a, text, &v, &explanation)) {
			BUG_IF(explanation.n > MACRO_EXPLANATION_MAX);
			for (size_t i = 0; i < explanation.n; i++)
				BUG_IF(!char_is_printable(explanation.p[i]));
		}
	}
	arena_free(a);
	return 0;
}

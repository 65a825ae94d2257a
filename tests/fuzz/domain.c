/* A domain name as a peer writes it. */
#include "fuzz/fuzz.h"

#include "base/arena.h"
#include "base/fail.h"
#include "mail/domain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size }, name, again;
	struct arena *a = arena_new();
	if (domain_normalize(a, text, &name)) {
		BUG_IF(name.n == 0 || name.n > 253);
		for (size_t i = 0; i < name.n; i++) {
			char c = name.p[i];
			BUG_IF(!char_is_alnum(c) && c != '-' && c != '_' && c != '.');
			BUG_IF(c != char_lower(c));
		}
		BUG_IF(!domain_normalize(a, name, &again) || !str_eq(again, name));
		size_t labels = domain_labels(name);
		struct str parent = name;
		for (size_t n = labels; n > 0; n--) {
			BUG_IF(!domain_is_at_or_below(name, parent) || !str_eq(parent, domain_last_labels(name, n)));
			parent = domain_parent(parent);
		}
		BUG_IF(parent.n != 0);
	}
	arena_free(a);
	return 0;
}

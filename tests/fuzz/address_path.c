/* The argument of MAIL FROM or RCPT TO. */
#include "fuzz/fuzz.h"

#include "base/arena.h"
#include "base/fail.h"
#include "mail/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };
	struct arena *a = arena_new();
	struct address address, again;
	if (address_parse_path(a, text, &address)) {
		BUG_IF(size == 0 || size > ADDRESS_MAX_BYTES);
		BUG_IF(address.local.n > LOCAL_MAX_BYTES || address.whole.n > size);
		BUG_IF(address.domain.n > 0 && str_find(address.whole, '@') < 0);
		/* with brackets, without, and without its route it is the same */
		struct str bracketed = str_printf(a, "<%.*s>", STR_ARG(address.whole));
		BUG_IF(bracketed.n <= ADDRESS_MAX_BYTES && !address_parse_path(a, bracketed, &again));
		BUG_IF(bracketed.n <= ADDRESS_MAX_BYTES && !str_eq(again.local, address.local));
		if (address.whole.n > 0) {
			BUG_IF(!address_parse_path(a, address.whole, &again));
			BUG_IF(!str_eq(again.local, address.local) || !str_eq(again.domain, address.domain) ||
			       !str_eq(again.whole, address.whole));
		}
	}
	arena_free(a);
	return 0;
}

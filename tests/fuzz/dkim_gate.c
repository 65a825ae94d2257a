/* The value of a DKIM-Signature field. What the gate lets through, libopendkim must read. */
#include "fuzz/fuzz.h"

#include <opendkim/dkim.h>

#include "auth/dkim_gate.h"
#include "base/arena.h"
#include "base/fail.h"
#include "mail/domain.h"

static void check_accepted(struct arena *a, struct str value, const struct dkim_signature *s)
{
	struct str again;
	DKIM_STAT status;
	DKIM_LIB *lib = dkim_init(NULL, NULL);
	DKIM *handle = dkim_verify(lib, (const unsigned char *)"id", NULL, &status);
	BUG_IF(dkim_sig_syntax(handle, (unsigned char *)str_to_c(a, value), value.n) != DKIM_STAT_OK);
	BUG_IF(!domain_normalize(a, s->domain, &again) || !str_eq(s->domain, again));
	BUG_IF(s->selector.n == 0 || s->signature.n == 0 || s->name_count == 0);
	BUG_IF(s->identity.n > GATE_IDENTITY_MAX || (s->is_below && s->identity.n == 0));
	dkim_free(handle);
	dkim_close(lib);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct str value = { (const char *)data, size }, why;
	struct dkim_signature s;
	enum result result = auth_dkim_gate(a, value, 1700000000, &s, &why);
	BUG_IF((result == RESULT_NONE) != (why.n == 0));
	BUG_IF(result != RESULT_NONE && result != RESULT_PERMERROR && result != RESULT_NEUTRAL);
	if (result == RESULT_NONE)
		check_accepted(a, value, &s);
	arena_free(a);
	return 0;
}

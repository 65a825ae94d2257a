/* A DMARC record from anyone's DNS. */
#include "fuzz/fuzz.h"

#include "auth/dmarc_record.h"
#include "base/arena.h"
#include "base/fail.h"

static void check_word(struct str word, struct str letters)
{
	BUG_IF(word.n > 1 || (word.n == 1 && str_find(letters, word.p[0]) < 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct str text = { (const char *)data, size };
	struct dmarc_record r;
	bool is_record = dmarc_record_parse(a, text, &r);
	BUG_IF(is_record != dmarc_record_claims(text));
	if (is_record) {
		BUG_IF(r.has_policy != (r.p != REQUEST_UNSET));
		BUG_IF(!r.has_policy && (r.rua_count > 0 || r.sp != REQUEST_UNSET || r.np != REQUEST_UNSET));
		BUG_IF(r.rua_count > DMARC_RUA_MAX);
		for (size_t i = 0; i < r.rua_count; i++)
			for (size_t b = 0; b < r.rua[i].n; b++)
				BUG_IF(!char_is_printable(r.rua[i].p[b]) || r.rua[i].p[b] == ' ');
		check_word(r.adkim, STR("rs"));
		check_word(r.aspf, STR("rs"));
		check_word(r.psd_word, STR("ynu"));
		for (size_t b = 0; b < r.fo.n; b++)
			BUG_IF(str_find(STR("01ds: "), r.fo.p[b]) < 0);
	}
	arena_free(a);
	return 0;
}

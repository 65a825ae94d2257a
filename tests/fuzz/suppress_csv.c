/* A list of suppressed recipients. What was taken is written, read again, and is the same. */
#include "fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/fail.h"
#include "feedback/suppress.h"
#include "feedback/suppress_csv.h"
#include "store/store.h"

static const struct suppression missing = { .source = { "import", 6 }, .created_unix_s = 1 };

static struct str printed(struct arena *a, const struct suppression *list, size_t count)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	BUG_IF(out == NULL);
	suppress_csv_write_header(out);
	for (size_t i = 0; i < count; i++)
		suppress_csv_write(out, &list[i]);
	fclose(out);
	struct str copy = str_dup(a, (struct str){ text, size });
	free(text);
	return copy;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct diags *diags = diags_new();
	const struct suppression *list, *again;
	size_t count, count_again;
	bool ok = suppress_csv_read(a, (struct str){ (const char *)data, size }, "f", &missing, &list, &count, diags);
	BUG_IF(ok != (diags_errors(diags) == 0));
	for (size_t i = 0; ok && i < count; i++) {
		struct suppression e = list[i];
		BUG_IF(suppress_check(a, &e) != NULL || !str_eq(e.address, list[i].address));
	}
	if (ok) {
		struct str text = printed(a, list, count);
		BUG_IF(!suppress_csv_read(a, text, "f", &missing, &again, &count_again, diags));
		BUG_IF(count_again != count || !str_eq(printed(a, again, count), text));
	}
	diags_free(diags);
	arena_free(a);
	return 0;
}

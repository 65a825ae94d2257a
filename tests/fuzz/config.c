/* A gatepost.conf. If nothing is wrong with it, its dump loads as the same. */
#include "fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/fail.h"
#include "option/options.h"

/* libconfig loses texts of files with syntax errors; nobody can free them. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig.so\n";
}

/* A file without a folder: nothing is left behind, whatever happens. */
static struct options *load(struct arena *a, const char *text, size_t size, struct diags *diags)
{
	int fd = memfd_create("gatepost.conf", MFD_CLOEXEC);
	BUG_IF(fd < 0 || fchmod(fd, 0600) != 0 || write(fd, text, size) != (ssize_t)size);
	struct options *o = options_load(a, str_printf(a, "/proc/self/fd/%d", fd).p, diags);
	close(fd);
	BUG_IF(!o->is_read && diags_errors(diags) == 0);
	BUG_IF(o->listen.count < 1);
	return o;
}

static struct str dump(struct arena *a, const struct options *o)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	BUG_IF(out == NULL);
	options_dump(o, out);
	fclose(out);
	struct str copy = str_dup(a, (struct str){ text, size });
	free(text);
	return copy;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct diags *diags = diags_new();
	struct options *o = load(a, (const char *)data, size, diags);
	struct str first = dump(a, o);
	if (diags_errors(diags) == 0) {
		struct options *again = load(a, first.p, first.n, diags);
		BUG_IF(diags_errors(diags) > 0);
		BUG_IF(!str_eq(dump(a, again), first));
		options_keep_restart_values(a, again, o, "again", diags);
	}
	for (size_t i = 0; i < diags_count(diags); i++)
		BUG_IF(diag_line(diags, diags_at(diags, i)) == NULL);
	diags_free(diags);
	arena_free(a);
	return 0;
}

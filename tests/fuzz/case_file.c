/* A .case file, and the message files in it as an MTA takes them apart. */
#include "fuzz/fuzz.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/fail.h"
#include "eval/case.h"
#include "eval/eml.h"

/* Nothing of the message is lost or made up but line ends. */
static void check_message(struct arena *a, struct str message)
{
	struct eml m = eml_split(a, message);
	size_t bytes = m.body.n;
	for (size_t i = 0; i < m.field_count; i++) {
		BUG_IF(m.fields[i].name.n == 0);
		bytes += m.fields[i].name.n + m.fields[i].value.n;
	}
	size_t lines = 1;
	for (size_t i = 0; i < message.n; i++)
		lines += message.p[i] == '\n';
	BUG_IF(bytes > message.n + 2 * lines);
	BUG_IF(m.body.n > 0 && (m.body.n < 2 || memcmp(m.body.p + m.body.n - 2, "\r\n", 2) != 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct diags *diags = diags_new();
	int fd = memfd_create("a.case", MFD_CLOEXEC);
	BUG_IF(fd < 0 || write(fd, data, size) != (ssize_t)size);
	const struct case_file *c = case_read(a, str_printf(a, "/proc/self/fd/%d", fd).p, NULL, diags);
	close(fd);
	BUG_IF((c == NULL) != (diags_errors(diags) > 0));
	for (size_t i = 0; c != NULL && i < c->event_count; i++) {
		BUG_IF(c->events[i].times == 0 || c->setup == NULL);
		check_message(a, c->events[i].message);
	}
	check_message(a, (struct str){ (const char *)data, size });
	diags_free(diags);
	arena_free(a);
	return 0;
}

/* The state of a key. If nothing is wrong with it, what is printed reads as the same, and it can go its way. */
#include "fuzz/fuzz.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/key_state.h"
#include "base/arena.h"
#include "base/diag.h"
#include "base/fail.h"

/* libconfig loses texts of files with syntax errors; nobody can free them. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig.so\n";
}

static bool read_text(struct arena *a, struct str text, struct key_state *state, struct diags *diags)
{
	int fd = memfd_create("state", MFD_CLOEXEC);
	BUG_IF(fd < 0 || fchmod(fd, 0600) != 0 || write(fd, text.p, text.n) != (ssize_t)text.n);
	size_t errors_before = diags_errors(diags);
	bool is_good = key_state_read(a, str_printf(a, "/proc/self/fd/%d", fd).p, STR("fuzz"), state, diags);
	BUG_IF(is_good != (diags_errors(diags) == errors_before));
	close(fd);
	return is_good;
}

static void check_versions(struct key_state *s)
{
	size_t in[KEY_PHASE_COUNT] = { 0 };
	BUG_IF(s->count == 0 || s->count > KEY_VERSIONS_MAX || s->domain.n == 0);
	for (size_t i = 0; i < s->count; i++) {
		in[s->versions[i].phase]++;
		BUG_IF(s->versions[i].selector.n == 0 || str_find(s->versions[i].selector, '/') >= 0);
		BUG_IF(key_state_find(s, s->versions[i].selector) != &s->versions[i]);
	}
	BUG_IF(in[KEY_PENDING] > 1 || in[KEY_ACTIVE] > 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct diags *diags = diags_new();
	struct key_state state, again;
	if (read_text(a, (struct str){ (const char *)data, size }, &state, diags)) {
		check_versions(&state);
		struct str printed = key_state_print(a, &state);
		BUG_IF(!read_text(a, printed, &again, diags));
		BUG_IF(!str_eq(key_state_print(a, &again), printed));
		if (key_state_in(&state, KEY_PENDING) == NULL && state.count < KEY_VERSIONS_MAX &&
		    key_state_find(&state, STR("next")) == NULL)
			key_state_add(&state, STR("next"), 1000);
		if (key_state_in(&state, KEY_PENDING) != NULL)
			key_state_promote(&state, 2000, 3000);
		check_versions(&state);
		while (state.count > 1)
			key_state_drop(&state, &state.versions[state.count / 2]);
	}
	diags_free(diags);
	arena_free(a);
	return 0;
}

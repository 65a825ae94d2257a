#include "service/checker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/fail.h"

enum {
	SAID_MAX_BYTES = 1 << 20,
	FIELD_END = 0x1f, /* ASCII's unit and record separators: a diagnostic has neither */
	RECORD_END = 0x1e,
};

/* ---- in the checking process ----------------------------------------------------------------------------- */

static const char *or_empty(const char *text)
{
	return text == NULL ? "" : text;
}

static void tell(FILE *out, struct diags *diags)
{
	for (size_t i = 0; i < diags_count(diags); i++) {
		const struct diag *d = diags_at(diags, i);
		fprintf(out, "%c%c%s%c%d%c%s%c%s%c", d->is_error ? 'E' : 'W', FIELD_END, or_empty(d->at.file),
			FIELD_END, d->at.line, FIELD_END, or_empty(d->at.setting), FIELD_END, d->text, RECORD_END);
	}
}

static void check_and_exit(int fd, checker_fn *check, void *context)
{
	FILE *out = fail_if_null(fdopen(fd, "w"));
	struct diags *diags = diags_new();
	bool is_good = check(context, diags);
	tell(out, diags);
	fclose(out);
	_exit(is_good ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* ---- in the process that asks ---------------------------------------------------------------------------- */

void checker_begin(struct checker *c, checker_fn *check, void *context)
{
	int ends[2] = { -1, -1 };
	buf_init(&c->said, SAID_MAX_BYTES);
	fflush(NULL);
	c->pid = pipe2(ends, O_CLOEXEC) == 0 ? fork() : -1;
	if (c->pid == 0) {
		close(ends[0]);
		check_and_exit(ends[1], check, context);
	}
	if (ends[1] >= 0)
		close(ends[1]);
	c->fd = ends[0];
}

bool checker_take(struct checker *c)
{
	char bytes[4096];
	ssize_t n;
	do
		n = c->pid < 0 ? 0 : read(c->fd, bytes, sizeof(bytes));
	while (n < 0 && errno == EINTR);
	if (n > 0)
		buf_add(&c->said, (struct str){ bytes, (size_t)n });
	return n > 0;
}

static const char *or_null(struct arena *a, struct str text)
{
	return text.n == 0 ? NULL : str_to_c(a, text);
}

static void hear(struct diags *diags, struct str said)
{
	struct arena *a = arena_new();
	struct str record;
	while (str_next(&said, RECORD_END, &record)) {
		struct str severity, file, line, setting, text;
		uint64_t number = 0;
		str_cut(record, FIELD_END, &severity, &record);
		str_cut(record, FIELD_END, &file, &record);
		str_cut(record, FIELD_END, &line, &record);
		str_cut(record, FIELD_END, &setting, &text);
		str_to_u64(line, &number);
		const struct place at = { or_null(a, file), (int)number, or_null(a, setting) };
		if (str_eq(severity, STR("E")))
			diag_error(diags, at, "%.*s", STR_ARG(text));
		else if (str_eq(severity, STR("W")))
			diag_warn(diags, at, "%.*s", STR_ARG(text));
	}
	arena_free(a);
}

bool checker_end(struct checker *c, struct diags *diags)
{
	int status = 0;
	hear(diags, buf_str(&c->said));
	buf_fini(&c->said);
	if (c->fd >= 0)
		close(c->fd);
	if (c->pid < 0 || waitpid(c->pid, &status, 0) != c->pid) {
		diag_error(diags, (struct place){ 0 }, "no process can be made to check: %s", strerror(errno));
		return false;
	}
	if (WIFSIGNALED(status))
		diag_error(diags, (struct place){ 0 }, "the process that checked was killed by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status) != EXIT_SUCCESS && diags_errors(diags) == 0)
		diag_error(diags, (struct place){ 0 }, "the process that checked ended with %d", WEXITSTATUS(status));
	return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
}

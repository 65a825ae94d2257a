#include "eval/case_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"

struct place case_place(const struct reader *r)
{
	return (struct place){ .file = r->path, .line = r->line };
}

void case_error(struct reader *r, const char *format, ...)
{
	char text[512];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	diag_error(r->diags, case_place(r), "%s", text);
	r->has_errors = true;
}

bool case_slurp(struct arena *a, const char *path, size_t max_bytes, struct str *out)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	bool ok = fstat(fd, &st) == 0;
	if (ok && (!S_ISREG(st.st_mode) || (size_t)st.st_size > max_bytes)) {
		errno = S_ISREG(st.st_mode) ? EFBIG : EINVAL;
		ok = false;
	}
	if (ok) {
		char *bytes = arena_alloc(a, (size_t)st.st_size + 1);
		size_t have = 0;
		ssize_t n;
		while (have < (size_t)st.st_size && (n = read(fd, bytes + have, (size_t)st.st_size - have)) > 0)
			have += (size_t)n;
		*out = (struct str){ bytes, have };
		ok = have == (size_t)st.st_size;
	}
	close(fd);
	return ok;
}

struct str word_take(struct str *rest)
{
	struct str s = str_trim(*rest);
	size_t n = 0;
	while (n < s.n && !char_is_space(s.p[n]))
		n++;
	*rest = str_trim(str_skip(s, n));
	return str_sub(s, 0, n);
}

bool line_next(struct reader *r, struct str *line)
{
	if (!str_next(&r->rest, '\n', line))
		return false;
	r->line++;
	if (line->n > 0 && line->p[line->n - 1] == '\r')
		line->n--;
	return true;
}

struct str block_take(struct reader *r, struct str end)
{
	const char *start = r->rest.p;
	int start_line = r->line;
	struct str line;
	while (line_next(r, &line)) {
		if (str_eq(line, end))
			return (struct str){ start, (size_t)(line.p - start) };
	}
	r->line = start_line;
	case_error(r, "no line %.*s ends this block", STR_ARG(end));
	return STR_EMPTY;
}

bool text_take(struct reader *r, struct str rest, const char *second_folder, struct str *text)
{
	if (str_starts(rest, STR("<<"))) {
		*text = block_take(r, str_skip(rest, 2));
		return !r->has_errors;
	}
	const char *name = str_to_c(r->arena, rest);
	const char *folders[] = { rest.n > 0 && rest.p[0] == '/' ? "" : r->folder, second_folder };
	for (size_t i = 0; i < 2 && rest.n > 0; i++) {
		if (folders[i] == NULL)
			continue;
		struct str path = str_printf(r->arena, "%s%s%s", folders[i], folders[i][0] != '\0' ? "/" : "", name);
		if (case_slurp(r->arena, path.p, CASE_BYTES_MAX, text))
			return true;
	}
	case_error(r, "cannot read %s: %s", name, rest.n > 0 ? strerror(errno) : "no file is named");
	return false;
}

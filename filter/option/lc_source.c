#include "option/lc_source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"

enum { INCLUDE_DEPTH_MAX = 10 }; /* as in libconfig, which reports deeper ones */

struct scan {
	struct arena *arena;
	struct diags *diags;
	const char *path;
	struct str folder;
	struct str text;
	size_t at;
	int line;
	bool is_line_start; /* nothing but blanks since the last newline */
	char last;          /* kind of the token before: 'a' a name, '0' a number, '"' a text, else its only byte */
	unsigned depth;
	unsigned *files;
	struct digest *digest;
	bool is_good;
};

static bool check_stat(int fd, const char *path, struct diags *diags, struct stat *st)
{
	struct place at = { path, 0, NULL };
	if (fstat(fd, st) != 0)
		diag_error(diags, at, "cannot be read: %s", strerror(errno));
	else if (!S_ISREG(st->st_mode))
		diag_error(diags, at, "is no regular file");
	else if (st->st_mode & S_IWOTH)
		diag_error(diags, at, "everybody may write it (mode %04o): chmod o-w %s", st->st_mode & 07777u, path);
	else if (st->st_size > LC_SOURCE_MAX_BYTES)
		diag_error(diags, at, "is larger than %d bytes", LC_SOURCE_MAX_BYTES);
	else
		return true;
	return false;
}

/* At most st_size bytes: a file that grows meanwhile is read as it was. */
static bool read_all(int fd, char *out, size_t *n)
{
	size_t wanted = *n;
	for (*n = 0; *n < wanted;) {
		ssize_t got = read(fd, out + *n, wanted - *n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return false;
		if (got == 0)
			break;
		*n += (size_t)got;
	}
	return true;
}

bool lc_source_read(struct arena *a, const char *path, struct diags *diags, struct digest *digest, struct str *text)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* a FIFO must not block */
	if (fd < 0) {
		diag_error(diags, (struct place){ path, 0, NULL }, "cannot be read: %s", strerror(errno));
		return false;
	}
	bool is_good = check_stat(fd, path, diags, &st);
	if (is_good) {
		size_t n = (size_t)st.st_size;
		char *p = arena_alloc(a, n + 1);
		is_good = read_all(fd, p, &n);
		if (!is_good)
			diag_error(diags, (struct place){ path, 0, NULL }, "cannot be read: %s", strerror(errno));
		*text = (struct str){ p, n };
		digest_add(digest, *text);
	}
	close(fd);
	return is_good;
}

static bool is_more(const struct scan *s)
{
	return s->at < s->text.n;
}

static char peek(const struct scan *s)
{
	return s->text.p[s->at];
}

static void step(struct scan *s)
{
	char c = s->text.p[s->at++];
	s->line += c == '\n';
	s->is_line_start = c == '\n' || (s->is_line_start && (c == ' ' || c == '\t'));
}

static bool skip_word(struct scan *s, struct str word)
{
	if (!str_starts(str_skip(s->text, s->at), word))
		return false;
	for (size_t i = 0; i < word.n; i++)
		step(s);
	return true;
}

static bool skip_past(struct scan *s, struct str end)
{
	while (is_more(s))
		if (skip_word(s, end))
			return true;
		else
			step(s);
	return false;
}

static struct place here(const struct scan *s)
{
	return (struct place){ s->path, s->line, NULL };
}

#define WRONG(s, ...)                                                                              \
	do {                                                                                       \
		diag_error((s)->diags, here(s), __VA_ARGS__);                                      \
		(s)->is_good = false;                                                              \
	} while (0)

/* libconfig tells of the end of the file instead, and leaks memory. */
static void unclosed(struct scan *s, struct place at, const char *what)
{
	diag_error(s->diags, at, "the %s that begins here has no end", what);
	s->is_good = false;
}

static void skip_comment(struct scan *s)
{
	struct place at = here(s);
	if (!skip_past(s, STR("*/")))
		unclosed(s, at, "comment");
}

/* From behind the opening quote to behind the closing one; what they hold, backslashes included. */
static struct str skip_quoted(struct scan *s)
{
	size_t from = s->at;
	struct place at = here(s);
	while (is_more(s) && peek(s) != '"') {
		if (peek(s) == '\\' && s->at + 1 < s->text.n)
			step(s);
		step(s);
	}
	struct str quoted = str_sub(s->text, from, s->at - from);
	if (!skip_word(s, STR("\"")))
		unclosed(s, at, "text");
	return quoted;
}

static struct str skip_digits(struct str s, bool is_hex)
{
	while (s.n > 0 && (is_hex ? char_hex(s.p[0]) >= 0 : char_is_digit(s.p[0])))
		s = str_skip(s, 1);
	return s;
}

/* "20s" and "192.0.2.1" are none. The sign of an exponent ends the word. */
static bool is_number(struct str word)
{
	bool is_hex = str_starts_nocase(word, STR("0x"));
	struct str digits = str_skip(word, is_hex ? 2 : 0), rest = skip_digits(digits, is_hex);
	if (rest.n == digits.n)
		return false;
	if (!is_hex && str_starts(rest, STR(".")))
		rest = skip_digits(str_skip(rest, 1), false);
	if (!is_hex && str_starts_nocase(rest, STR("e")))
		rest = skip_digits(str_skip(rest, 1), false);
	return rest.n == 0 || str_eq(rest, STR("L")) || str_eq(rest, STR("LL"));
}

/* libconfig 1.5 keeps the low 32 bits of a number without L, and reads a leading zero as nothing special. */
static void check_number(struct scan *s, struct str word)
{
	struct str digits = word;
	uint64_t value = 0;
	bool is_hex = str_starts_nocase(word, STR("0x"));
	if (!is_number(word)) {
		WRONG(s, "%.*s is no number: durations, sizes and addresses stand in quotes, \"%.*s\"", STR_ARG(word),
		      STR_ARG(word));
		return;
	}
	if (!is_hex && (str_find(word, '.') >= 0 || str_find(word, 'e') >= 0 || str_find(word, 'E') >= 0))
		return; /* no whole number: the type is wrong wherever it stands */
	while (digits.n > 0 && digits.p[digits.n - 1] == 'L')
		digits.n--;
	uint64_t limit = digits.n < word.n ? INT64_MAX : INT32_MAX;
	bool fits = true;
	if (is_hex) {
		digits = str_skip(digits, 2);
		fits = digits.n <= 16;
		for (size_t i = 0; i < digits.n; i++)
			value = value << 4 | (uint64_t)(char_hex(digits.p[i]) & 15);
	} else {
		fits = str_to_u64(digits, &value);
	}
	if (!is_hex && digits.n > 1 && digits.p[0] == '0')
		WRONG(s, "%.*s would be read as decimal: write the number without leading zeros, a mode in quotes",
		      STR_ARG(word));
	else if (!fits || value > limit)
		WRONG(s, "%.*s is too large a number%s", STR_ARG(word),
		      limit == INT32_MAX ? ": write an L behind it, if more than 2147483647 is meant" : "");
}

static void skip_number(struct scan *s)
{
	size_t from = s->at;
	while (is_more(s) && (char_is_alnum(peek(s)) || peek(s) == '.'))
		step(s);
	check_number(s, str_sub(s->text, from, s->at - from));
}

/* What libconfig calls "syntax error" and nothing more, where it is plain what was meant. */
static void check_name(struct scan *s, struct str word)
{
	struct str group, member;
	bool is_truth = str_eq_nocase(word, STR("true")) || str_eq_nocase(word, STR("false"));
	bool is_value = s->last == '=' || s->last == ':' || s->last == '[';
	if (is_value && !is_truth)
		WRONG(s, "syntax error: texts stand in quotes, \"%.*s\"", STR_ARG(word));
	else if (!is_value && str_cut(word, '.', &group, &member))
		WRONG(s, "syntax error: names have no dots: write %.*s = { %.*s = ...; };", STR_ARG(group),
		      STR_ARG(member));
}

static void skip_name(struct scan *s)
{
	size_t from = s->at;
	while (is_more(s) && (char_is_alnum(peek(s)) || strchr("-_*.", peek(s)) != NULL))
		step(s);
	check_name(s, str_sub(s->text, from, s->at - from));
}

static void skip_mark(struct scan *s)
{
	char c = peek(s);
	if (c == '{' && s->last == '}')
		WRONG(s, "syntax error: a comma is missing between two groups");
	if ((c == ')' || c == ']') && s->last == ',')
		WRONG(s, "syntax error: there is a comma too much in front of '%c'", c);
	step(s);
}

static void scan_include(struct scan *);

static void scan_token(struct scan *s)
{
	char kind = peek(s);
	if (skip_word(s, STR("\""))) {
		skip_quoted(s);
	} else if (char_is_digit(kind)) {
		skip_number(s);
		kind = '0';
	} else if (char_is_alpha(kind) || kind == '*') {
		skip_name(s);
		kind = 'a';
	} else {
		skip_mark(s);
	}
	s->last = kind;
}

static void scan_text(struct scan *s)
{
	while (is_more(s)) {
		if (skip_word(s, STR("#")) || skip_word(s, STR("//")))
			skip_past(s, STR("\n"));
		else if (skip_word(s, STR("/*")))
			skip_comment(s);
		else if (s->is_line_start && skip_word(s, STR("@include")))
			scan_include(s);
		else if (char_is_space(peek(s)))
			step(s);
		else
			scan_token(s);
	}
}

static bool read_source(struct scan *s)
{
	if (!lc_source_read(s->arena, s->path, s->diags, s->digest, &s->text))
		return false;
	const char *nul = memchr(s->text.p, 0, s->text.n);
	if (nul == NULL)
		return true;
	for (const char *p = s->text.p; p < nul; p++)
		s->line += *p == '\n';
	diag_error(s->diags, here(s), "a NUL byte: this is no text file");
	return false;
}

/* What cannot be opened is left to libconfig: the word may stand in a comment that ends in the middle of a line. */
static void scan_include(struct scan *s)
{
	s->last = 0;
	while (is_more(s) && (peek(s) == ' ' || peek(s) == '\t'))
		step(s);
	if (!skip_word(s, STR("\"")))
		return;
	struct str name = skip_quoted(s);
	if (s->depth == INCLUDE_DEPTH_MAX)
		return;
	struct scan inner = {
		.arena = s->arena, .diags = s->diags, .folder = s->folder, .line = 1, .is_line_start = true,
		.depth = s->depth + 1, .files = s->files, .digest = s->digest, .is_good = true,
		.path = str_printf(s->arena, "%.*s/%.*s", STR_ARG(s->folder), STR_ARG(name)).p,
	};
	struct stat st;
	if (++*s->files > LC_SOURCE_MAX_FILES) {
		diag_error(s->diags, here(s), "more than %d files are included", LC_SOURCE_MAX_FILES);
		s->is_good = false;
	} else if (stat(inner.path, &st) == 0) {
		if (read_source(&inner))
			scan_text(&inner);
		else
			s->is_good = false;
	}
	s->is_good = s->is_good && inner.is_good;
}

bool lc_source_read_checked(struct arena *a, const char *path, struct str folder, struct diags *diags,
			    struct digest *digest, struct str *text)
{
	unsigned files = 0;
	struct scan s = {
		.arena = a, .diags = diags, .path = path, .folder = folder, .line = 1, .is_line_start = true,
		.files = &files, .digest = digest, .is_good = true,
	};
	if (!read_source(&s))
		return false;
	scan_text(&s);
	*text = s.text;
	return s.is_good;
}

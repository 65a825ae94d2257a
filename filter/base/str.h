/* base/str.h - text as pointer and length.
 *
 * Bytes from the network may hold NUL, so text inside Gatepost is never
 * zero-terminated by promise; str_to_c makes a C string at library edges.
 * Owns:    nothing; the bytes belong to an arena, a literal or the caller.
 * Threads: any.
 * Fails:   never. Case folding is ASCII only, whatever the locale. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct arena;

struct str {
	const char *p;
	size_t n;
};

#define STR(literal) ((struct str){ "" literal, sizeof(literal) - 1 })
#define STR_EMPTY ((struct str){ "", 0 })
/* For printf: "%.*s", STR_ARG(s) */
#define STR_ARG(s) (int)(s).n, (s).p

/* The bytes of a C string; NULL gives the empty text. */
static inline struct str str_of(const char *c_string)
{
	return c_string == NULL ? STR_EMPTY : (struct str){ c_string, strlen(c_string) };
}

struct str str_dup(struct arena *, struct str);
/* Zero-terminated copy; a NUL inside stays and ends the C string early. */
char *str_to_c(struct arena *, struct str);
struct str str_printf(struct arena *, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Each part behind the one before, as STR_CONCAT(arena, STR("a"), b, c). */
struct str str_concat(struct arena *, const struct str *parts, size_t count);
#define STR_CONCAT(arena, ...)                                                                                        \
	str_concat(arena, (const struct str[]){ __VA_ARGS__ }, sizeof((const struct str[]){ __VA_ARGS__ }) / sizeof(struct str))
struct str str_lower(struct arena *, struct str);

static inline bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool str_eq_nocase(struct str, struct str);
int str_cmp(struct str, struct str);
int str_cmp_nocase(struct str, struct str);
bool str_starts(struct str, struct str prefix);
bool str_starts_nocase(struct str, struct str prefix);
bool str_ends_nocase(struct str, struct str suffix);

/* The part from byte `from` (clamped) of at most n bytes. */
struct str str_sub(struct str, size_t from, size_t n);
struct str str_skip(struct str, size_t n);
/* Well-formed UTF-8 by RFC 3629 (so is ASCII, NUL included). */
bool str_is_utf8(struct str);
/* Bytes of the UTF-8 character at the start of a text that is not empty; 0 if it is none. */
size_t str_utf8_bytes(struct str);
/* Without blanks, tabs, CR and LF at both ends. */
struct str str_trim(struct str);
/* Index of the first (last) such byte, or -1. */
static inline ptrdiff_t str_find(struct str s, char c)
{
	const char *found = s.n == 0 ? NULL : memchr(s.p, c, s.n);
	return found == NULL ? -1 : found - s.p;
}

ptrdiff_t str_find_last(struct str, char);
/* Splits at the first separator: true and both parts, or false, with *head = all and *tail empty.
 * head and tail may be the same object as the text. */
bool str_cut(struct str, char separator, struct str *head, struct str *tail);
/* Takes the next piece up to a separator off *rest; false when nothing is left. An empty text has no
 * pieces; "a,,b" has three. Start with rest->p non-NULL. */
bool str_next(struct str *rest, char separator, struct str *piece);

/* Decimal digits only, whole text, no sign; false on anything else or overflow. */
bool str_to_u64(struct str, uint64_t *);
/* The same with an optional leading '-'. */
bool str_to_i64(struct str, int64_t *);

/* ASCII classes, independent of the locale. */
static inline bool char_is_digit(char c) { return c >= '0' && c <= '9'; }
static inline bool char_is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static inline bool char_is_alnum(char c) { return char_is_alpha(c) || char_is_digit(c); }
static inline bool char_is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
static inline bool char_is_printable(char c) { return c >= 0x20 && c < 0x7f; }
static inline char char_lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }
/* 0..15, or -1 when it is no hexadecimal digit. */
int char_hex(char);

#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/fail.h"

char *str_to_c(struct arena *a, struct str s)
{
	char *copy = arena_alloc(a, s.n + 1);
	if (s.n > 0)
		memcpy(copy, s.p, s.n);
	return copy;
}

struct str str_dup(struct arena *a, struct str s)
{
	return (struct str){ str_to_c(a, s), s.n };
}

struct str str_printf(struct arena *a, const char *format, ...)
{
	char most[256]; /* of them are shorter, and printed once */
	va_list args, again;
	va_start(args, format);
	va_copy(again, args);
	int n = vsnprintf(most, sizeof(most), format, args);
	va_end(args);
	BUG_IF(n < 0);
	char *p = arena_alloc(a, (size_t)n + 1);
	if ((size_t)n < sizeof(most))
		memcpy(p, most, (size_t)n + 1);
	else
		vsnprintf(p, (size_t)n + 1, format, again);
	va_end(again);
	return (struct str){ p, (size_t)n };
}

struct str str_concat(struct arena *a, const struct str *parts, size_t count)
{
	size_t n = 0;
	for (size_t i = 0; i < count; i++)
		n += parts[i].n;
	char *whole = arena_alloc(a, n + 1), *p = whole;
	for (size_t i = 0; i < count; i++) {
		if (parts[i].n > 0)
			memcpy(p, parts[i].p, parts[i].n);
		p += parts[i].n;
	}
	return (struct str){ whole, n };
}

struct str str_lower(struct arena *a, struct str s)
{
	char *p = str_to_c(a, s);
	for (size_t i = 0; i < s.n; i++)
		p[i] = char_lower(p[i]);
	return (struct str){ p, s.n };
}

int str_cmp(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n == 0 ? 0 : memcmp(a.p, b.p, n);
	return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

int str_cmp_nocase(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	for (size_t i = 0; i < n; i++) {
		int order = (unsigned char)char_lower(a.p[i]) - (unsigned char)char_lower(b.p[i]);
		if (order != 0)
			return order;
	}
	return (a.n > b.n) - (a.n < b.n);
}

bool str_eq_nocase(struct str a, struct str b)
{
	return a.n == b.n && str_cmp_nocase(a, b) == 0;
}

bool str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && str_eq(str_sub(s, 0, prefix.n), prefix);
}

bool str_starts_nocase(struct str s, struct str prefix)
{
	return s.n >= prefix.n && str_eq_nocase(str_sub(s, 0, prefix.n), prefix);
}

bool str_ends_nocase(struct str s, struct str suffix)
{
	return s.n >= suffix.n && str_eq_nocase(str_skip(s, s.n - suffix.n), suffix);
}

struct str str_sub(struct str s, size_t from, size_t n)
{
	if (from > s.n)
		from = s.n;
	if (n > s.n - from)
		n = s.n - from;
	return (struct str){ from == 0 ? s.p : s.p + from, n }; /* NULL + 0 is undefined */
}

struct str str_skip(struct str s, size_t n)
{
	return str_sub(s, n, SIZE_MAX);
}

/* The table of RFC 3629 4. */
size_t str_utf8_bytes(struct str s)
{
	const unsigned char *u = (const unsigned char *)s.p;
	unsigned char low = 0x80, high = 0xbf;
	if (u[0] < 0x80)
		return 1;
	size_t n = u[0] < 0xc2 ? 0 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : u[0] < 0xf5 ? 4 : 0;
	if (n > s.n)
		return 0;
	if (u[0] == 0xe0)
		low = 0xa0;
	else if (u[0] == 0xed)
		high = 0x9f;
	else if (u[0] == 0xf0)
		low = 0x90;
	else if (u[0] == 0xf4)
		high = 0x8f;
	for (size_t i = 1; i < n; i++) {
		if (u[i] < low || u[i] > high)
			return 0;
		low = 0x80;
		high = 0xbf;
	}
	return n;
}

bool str_is_utf8(struct str s)
{
	while (s.n > 0) {
		size_t n = str_utf8_bytes(s);
		if (n == 0)
			return false;
		s = str_skip(s, n);
	}
	return true;
}

struct str str_trim(struct str s)
{
	while (s.n > 0 && char_is_space(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && char_is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

ptrdiff_t str_find_last(struct str s, char c)
{
	for (size_t i = s.n; i > 0; i--)
		if (s.p[i - 1] == c)
			return (ptrdiff_t)(i - 1);
	return -1;
}

bool str_cut(struct str s, char separator, struct str *head, struct str *tail)
{
	ptrdiff_t at = str_find(s, separator);
	if (at < 0) {
		*head = s;
		*tail = STR_EMPTY;
		return false;
	}
	*head = str_sub(s, 0, (size_t)at);
	*tail = str_skip(s, (size_t)at + 1);
	return true;
}

bool str_next(struct str *rest, char separator, struct str *piece)
{
	if (rest->p == NULL || rest->n == 0)
		return false;
	ptrdiff_t at = str_find(*rest, separator);
	if (at < 0) {
		*piece = *rest;
		*rest = (struct str){ NULL, 0 };
		return true;
	}
	*piece = str_sub(*rest, 0, (size_t)at);
	*rest = str_skip(*rest, (size_t)at + 1);
	return true;
}

bool str_to_u64(struct str s, uint64_t *value)
{
	uint64_t v = 0;
	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (!char_is_digit(s.p[i]) || __builtin_mul_overflow(v, 10u, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
			return false;
	}
	*value = v;
	return true;
}

bool str_to_i64(struct str s, int64_t *value)
{
	bool negative = s.n > 0 && s.p[0] == '-';
	uint64_t v;
	if (!str_to_u64(str_skip(s, negative), &v) || v > INT64_MAX)
		return false;
	*value = negative ? -(int64_t)v : (int64_t)v;
	return true;
}

int char_hex(char c)
{
	if (char_is_digit(c))
		return c - '0';
	c = char_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

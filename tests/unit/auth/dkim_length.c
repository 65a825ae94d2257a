#include "../test.h"

#include <stdio.h>

#include "auth/dkim_length.h"

enum { BODY_MAX = 64 };

/* RFC 6376 3.4.3 and 3.4.4 read literally: the canonical text itself, of a body of whole lines. */
static size_t canonical_length(const char *body, bool is_relaxed)
{
	char out[BODY_MAX + 2];
	size_t n = 0;
	for (const char *p = body; *p != '\0'; p++) {
		bool is_blank = is_relaxed && (*p == ' ' || *p == '\t');
		const char *next = p;
		while (is_blank && (*next == ' ' || *next == '\t'))
			next++;
		if (is_blank && strncmp(next, "\r\n", 2) == 0)
			continue; /* at the end of a line */
		if (is_blank && n > 0 && out[n - 1] == ' ')
			continue; /* one for many */
		out[n++] = is_blank ? ' ' : *p;
	}
	while (n >= 4 && memcmp(out + n - 4, "\r\n\r\n", 4) == 0)
		n -= 2;
	if (n == 2 && memcmp(out, "\r\n", 2) == 0)
		n = 0;
	return n == 0 && !is_relaxed ? 2 : n;
}

static uint64_t length_of(const char *body, bool is_relaxed, size_t chunk)
{
	struct dkim_length l = { .is_relaxed = is_relaxed };
	uint64_t least = 0;
	for (size_t n = strlen(body), at = 0; at < n; at += chunk) {
		auth_dkim_length_add(&l, (const unsigned char *)body + at, at + chunk > n ? n - at : chunk);
		assert_true(auth_dkim_length_min(&l) >= least);
		least = auth_dkim_length_min(&l);
	}
	assert_true(auth_dkim_length(&l) >= least);
	return auth_dkim_length(&l);
}

/* Every body of up to eight pieces and a final line end. */
static void lengths_are_those_of_the_canonical_text(void **state)
{
	(void)state;
	static const char *const pieces[] = { "", "a", " ", "\t", "\r\n" };
	for (unsigned number = 0; number < 5 * 5 * 5 * 5 * 5 * 5 * 5 * 5; number++) {
		char body[BODY_MAX] = "";
		for (unsigned rest = number; rest > 0; rest /= 5)
			strcat(body, pieces[rest % 5]);
		if (body[0] != '\0')
			strcat(body, "\r\n");
		for (int relaxed = 0; relaxed < 2; relaxed++) {
			size_t want = canonical_length(body, relaxed);
			if (length_of(body, relaxed, BODY_MAX) != want || length_of(body, relaxed, 1) != want)
				fail_msg("body %u, relaxed %d: want %zu", number, relaxed, want);
		}
	}
}

static void what_is_no_line_end_counts(void **state)
{
	(void)state;
	assert_int_equal(length_of("x\r", false, 1), 4);
	assert_int_equal(length_of("x\n", false, 1), 4);
	assert_int_equal(length_of("\r\r\r\n", false, 1), 4);
	assert_int_equal(length_of("x \ry\r\n", true, 1), 6);
	assert_int_equal(length_of("x", true, 1), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths_are_those_of_the_canonical_text),
		cmocka_unit_test(what_is_no_line_end_counts),
	};
	return RUN_TESTS(tests);
}

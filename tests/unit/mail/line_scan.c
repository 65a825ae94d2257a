#include "../test.h"

#include "mail/line_scan.h"

static struct line_scan scan_in_pieces(struct str text, size_t piece_bytes)
{
	struct line_scan s = { 0 };
	for (struct str rest = text; rest.n > 0; rest = str_skip(rest, piece_bytes))
		line_scan_add(&s, str_sub(rest, 0, piece_bytes));
	line_scan_end(&s);
	return s;
}

static void any_cut_tells_the_same(void **state)
{
	(void)state;
	const struct {
		struct str text;
		size_t longest;
		bool has_bare_cr, has_bare_lf;
	} rows[] = {
		{ STR(""), 0, false, false },
		{ STR("\r\n"), 0, false, false },
		{ STR("\r\n\r\n\r\n"), 0, false, false },
		{ STR("abc\r\nde\r\n"), 3, false, false },
		{ STR("ab\r\ncde\r\nf"), 3, false, false },
		{ STR("a\r\nbcde"), 4, false, false },
		{ STR("abc\nde\r\n"), 3, false, true },
		{ STR("a\r\nbcd\n"), 3, false, true },
		{ STR("\n"), 0, false, true },
		{ STR("ab\rcd\r\n"), 5, true, false },
		{ STR("ab\r\r\n"), 3, true, false },
		{ STR("\r\r\n"), 1, true, false },
		{ STR("abc\r"), 4, true, false },
		{ STR("\r"), 1, true, false },
		{ STR("\rabc\r\n"), 4, true, false },
		{ STR("a\n\rb\r\n"), 2, true, true },
		{ STR("a\r\n\nb\r\n"), 1, false, true },
		{ STR("a\0b\r\n"), 3, false, false },
		{ STR("\xc3\xa4\r\n"), 2, false, false },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t piece = 1; piece <= rows[i].text.n + 1; piece++) {
			struct line_scan s = scan_in_pieces(rows[i].text, piece);
			if (s.longest != rows[i].longest || s.has_bare_cr != rows[i].has_bare_cr ||
			    s.has_bare_lf != rows[i].has_bare_lf)
				fail_msg("row %zu in pieces of %zu: longest %zu, bare CR %d, bare LF %d", i, piece,
					 s.longest, s.has_bare_cr, s.has_bare_lf);
		}
	}
}

static void empty_pieces_are_nothing(void **state)
{
	(void)state;
	struct line_scan s = { 0 };
	line_scan_add(&s, STR("ab\r"));
	line_scan_add(&s, STR(""));
	line_scan_add(&s, STR("\ncd"));
	line_scan_add(&s, STR(""));
	line_scan_end(&s);
	assert_int_equal(s.longest, 2);
	assert_false(s.has_bare_cr);
	assert_false(s.has_bare_lf);
}

static void a_scan_goes_on_from_what_it_was_given(void **state)
{
	(void)state;
	struct line_scan s = { .longest = 7, .has_bare_lf = true };
	line_scan_add(&s, STR("abc\r\n"));
	line_scan_end(&s);
	assert_int_equal(s.longest, 7);
	assert_true(s.has_bare_lf);
	assert_false(s.has_bare_cr);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_cut_tells_the_same),
		cmocka_unit_test(empty_pieces_are_nothing),
		cmocka_unit_test(a_scan_goes_on_from_what_it_was_given),
	};
	return RUN_TESTS(tests);
}

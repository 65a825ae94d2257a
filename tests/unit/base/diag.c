#include "../test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/diag.h"

static void all_are_kept_in_the_order_of_files_and_lines(void **state)
{
	(void)state;
	struct diags *d = diags_new();
	diag_error(d, (struct place){ "b.conf", 2, "x.y" }, "first of %d", 2);
	diag_warn(d, (struct place){ "a.conf", 7, NULL }, "seven");
	diag_error(d, (struct place){ "b.conf", 2, NULL }, "second");
	diag_error(d, (struct place){ "b.conf", 1, NULL }, "one");
	diag_warn(d, (struct place){ NULL, 0, NULL }, "nowhere");
	diag_error(d, (struct place){ "b.conf", 0, "z" }, "whole file");
	assert_int_equal(diags_count(d), 6);
	assert_int_equal(diags_errors(d), 4);
	assert_int_equal(diags_warnings(d), 2);

	char *printed;
	size_t n;
	FILE *out = open_memstream(&printed, &n);
	diags_print(d, out);
	fclose(out);
	assert_string_equal(printed, "warning: nowhere\n"
				     "a.conf:7: warning: seven\n"
				     "b.conf: error: z: whole file\n"
				     "b.conf:1: error: one\n"
				     "b.conf:2: error: x.y: first of 2\n"
				     "b.conf:2: error: second\n");
	free(printed);
	diags_free(d);
}

static void later_ones_are_put_in_their_place(void **state)
{
	(void)state;
	struct diags *d = diags_new();
	diag_error(d, (struct place){ "a", 2, NULL }, "two");
	assert_string_equal(diags_at(d, 0)->text, "two");
	diag_error(d, (struct place){ "a", 1, NULL }, "one");
	assert_string_equal(diags_at(d, 0)->text, "one");
	assert_string_equal(diags_at(d, 1)->text, "two");
	diags_free(d);
}

static void texts_are_copied(void **state)
{
	(void)state;
	char file[] = "a.conf", setting[] = "x", text[] = "text";
	struct diags *d = diags_new();
	diag_error(d, (struct place){ file, 1, setting }, "%s", text);
	file[0] = setting[0] = text[0] = '-';
	assert_string_equal(diag_line(d, diags_at(d, 0)), "a.conf:1: error: x: text");
	assert_string_equal(diag_text(d, diags_at(d, 0)), "a.conf:1: x: text");
	diags_free(d);
	diags_free(NULL);
}

static void thousands_are_kept(void **state)
{
	(void)state;
	struct diags *d = diags_new();
	for (int i = 5000; i > 0; i--)
		diag_error(d, (struct place){ "a", i, NULL }, "%d", i);
	for (int i = 0; i < 5000; i++)
		assert_int_equal(diags_at(d, (size_t)i)->at.line, i + 1);
	diags_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_are_kept_in_the_order_of_files_and_lines),
		cmocka_unit_test(later_ones_are_put_in_their_place),
		cmocka_unit_test(texts_are_copied),
		cmocka_unit_test(thousands_are_kept),
	};
	return RUN_TESTS(tests);
}

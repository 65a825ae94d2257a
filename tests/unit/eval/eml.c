#include "../test.h"

#include "base/arena.h"
#include "eval/eml.h"

static struct arena *a;

static int begin(void **state)
{
	(void)state;
	a = arena_new();
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_free(a);
	return 0;
}

static void fields_keep_blank_and_fold(void **state)
{
	(void)state;
	struct eml m = eml_split(a, STR("Subject: one\r\n  two\r\n\tthree\r\nX:y\r\n\r\nbody\r\n"));
	assert_int_equal(m.field_count, 2);
	assert_str(m.fields[0].name, "Subject");
	assert_str(m.fields[0].value, " one\n  two\n\tthree");
	assert_str(m.fields[1].value, "y");
	assert_str(m.body, "body\r\n");
}

static void lf_files_become_what_smtp_carries(void **state)
{
	(void)state;
	struct eml m = eml_split(a, STR("A: b\n\none\n\ntwo"));
	assert_int_equal(m.field_count, 1);
	assert_str(m.body, "one\r\n\r\ntwo\r\n");
}

static void the_first_line_that_is_no_field_begins_the_body(void **state)
{
	(void)state;
	struct eml m = eml_split(a, STR("A: b\nno field here\nC: d\n"));
	assert_int_equal(m.field_count, 1);
	assert_str(m.body, "no field here\r\nC: d\r\n");
	m = eml_split(a, STR(" leading blank\nC: d\n"));
	assert_int_equal(m.field_count, 0);
	assert_str(m.body, " leading blank\r\nC: d\r\n");
	m = eml_split(a, STR("Fr\xc3\xb6m: x\n"));
	assert_int_equal(m.field_count, 0);
}

static void blanks_before_the_colon_are_not_part_of_the_name(void **state)
{
	(void)state;
	struct eml m = eml_split(a, STR("From : a@b.example\n: empty name\n"));
	assert_int_equal(m.field_count, 1);
	assert_str(m.fields[0].name, "From");
	assert_str(m.fields[0].value, " a@b.example");
}

static void nothing_is_a_message_too(void **state)
{
	(void)state;
	struct eml m = eml_split(a, STR(""));
	assert_int_equal(m.field_count, 0);
	assert_str(m.body, "");
	m = eml_split(a, STR("\r\n"));
	assert_int_equal(m.field_count, 0);
	assert_str(m.body, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(fields_keep_blank_and_fold, begin, end),
		cmocka_unit_test_setup_teardown(lf_files_become_what_smtp_carries, begin, end),
		cmocka_unit_test_setup_teardown(the_first_line_that_is_no_field_begins_the_body, begin, end),
		cmocka_unit_test_setup_teardown(blanks_before_the_colon_are_not_part_of_the_name, begin, end),
		cmocka_unit_test_setup_teardown(nothing_is_a_message_too, begin, end),
	};
	return RUN_TESTS(tests);
}

#include "../test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "option/lc.h"

struct fixture {
	struct arena *arena;
	struct diags *diags;
	char folder[64];
	struct lc *lc;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	f->arena = arena_new();
	f->diags = diags_new();
	strcpy(f->folder, "/tmp/gatepost-lc-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	static const char *const names[] = { "main.conf", "inner.conf", "other.conf", "folder" };
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		remove(str_printf(f->arena, "%s/%s", f->folder, names[i]).p);
	assert_int_equal(rmdir(f->folder), 0);
	lc_free(f->lc);
	diags_free(f->diags);
	arena_free(f->arena);
	free(f);
	return 0;
}

static const char *path_of(struct fixture *f, const char *name)
{
	return str_printf(f->arena, "%s/%s", f->folder, name).p;
}

static void write_bytes(struct fixture *f, const char *name, struct str text)
{
	FILE *file = fopen(path_of(f, name), "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text.p, 1, text.n, file), text.n);
	fclose(file);
}

static void write_file(struct fixture *f, const char *name, const char *text)
{
	write_bytes(f, name, str_of(text));
}

static const config_setting_t *read_main(struct fixture *f, const char *text)
{
	write_file(f, "main.conf", text);
	f->lc = lc_read(path_of(f, "main.conf"), f->diags);
	return f->lc == NULL ? NULL : lc_root(f->lc);
}

/* All diagnostics, one a line, with the folder's name left out. */
static void assert_diags(struct fixture *f, const char *expected)
{
	struct str all = STR_EMPTY;
	for (size_t i = 0; i < diags_count(f->diags); i++) {
		struct str line = str_of(diag_line(f->diags, diags_at(f->diags, i)));
		if (str_starts(line, str_of(f->folder)))
			line = str_skip(line, strlen(f->folder) + 1);
		all = str_printf(f->arena, "%.*s%.*s\n", STR_ARG(all), STR_ARG(line));
	}
	assert_str(all, expected);
}

static void values_come_with_their_types(void **state)
{
	struct fixture *f = *state;
	const config_setting_t *root = read_main(f, "t = \"x\"; n = -5; big = 5000000000L; b = true; h = 0x10;\n"
						    "one = \"a\"; many = [ \"a\", \"b\" ]; list = ( \"c\" ); none = [ ];");
	assert_non_null(root);
	struct str text;
	int64_t number;
	bool truth;
	const struct str *texts;
	size_t count;
	assert_true(lc_text(config_setting_get_member(root, "t"), f->diags, &text));
	assert_str(text, "x");
	assert_true(lc_int(config_setting_get_member(root, "n"), f->diags, &number));
	assert_int_equal(number, -5);
	assert_true(lc_int(config_setting_get_member(root, "big"), f->diags, &number));
	assert_true(number == 5000000000);
	assert_true(lc_int(config_setting_get_member(root, "h"), f->diags, &number));
	assert_int_equal(number, 16);
	assert_true(lc_bool(config_setting_get_member(root, "b"), f->diags, &truth));
	assert_true(truth);
	assert_true(lc_texts(f->arena, config_setting_get_member(root, "one"), f->diags, &texts, &count));
	assert_int_equal(count, 1);
	assert_true(lc_texts(f->arena, config_setting_get_member(root, "many"), f->diags, &texts, &count));
	assert_int_equal(count, 2);
	assert_str(texts[1], "b");
	assert_true(lc_texts(f->arena, config_setting_get_member(root, "list"), f->diags, &texts, &count));
	assert_str(texts[0], "c");
	assert_true(lc_texts(f->arena, config_setting_get_member(root, "none"), f->diags, &texts, &count));
	assert_int_equal(count, 0);
	assert_diags(f, "");
}

static void wrong_types_are_named_with_their_place(void **state)
{
	struct fixture *f = *state;
	const config_setting_t *root = read_main(f, "t = 5;\nn = \"x\";\nb = 1;\ng = {\n  deep = ( { x = 1.5; },\n { } );\n};\n"
						    "texts = ( \"a\", 5 );\ngroups = ( { }, 5 );\nfraction = 1.5;");
	assert_non_null(root);
	struct str text;
	int64_t number = 7;
	bool truth;
	const struct str *texts;
	size_t count;
	const config_setting_t *group = config_setting_get_member(root, "g");
	const config_setting_t *deep = config_setting_get_member(group, "deep");
	assert_false(lc_text(config_setting_get_member(root, "t"), f->diags, &text));
	assert_false(lc_int(config_setting_get_member(root, "n"), f->diags, &number));
	assert_false(lc_int(config_setting_get_member(root, "fraction"), f->diags, &number));
	assert_int_equal(number, 7);
	assert_false(lc_bool(config_setting_get_member(root, "b"), f->diags, &truth));
	assert_false(lc_is_group(deep, f->diags));
	assert_false(lc_text(config_setting_get_member(config_setting_get_elem(deep, 0), "x"), f->diags, &text));
	assert_true(lc_is_group_list(deep, f->diags));
	assert_false(lc_is_group_list(config_setting_get_member(root, "groups"), f->diags));
	assert_false(lc_is_group_list(group, f->diags));
	assert_false(lc_texts(f->arena, config_setting_get_member(root, "texts"), f->diags, &texts, &count));
	assert_diags(f, "main.conf:1: error: t: is a number, wanted is a text in quotes\n"
			"main.conf:2: error: n: is a text, wanted is a whole number\n"
			"main.conf:3: error: b: is a number, wanted is true or false\n"
			"main.conf:4: error: g: is a group { ... }, wanted is a list of groups ( { ... }, { ... } )\n"
			"main.conf:5: error: g.deep: is a list ( ... ), wanted is a group { ... }\n"
			"main.conf:5: error: g.deep[0].x: is a number with a fraction, wanted is a text in quotes\n"
			"main.conf:8: error: texts[1]: is a number, wanted is a text in quotes\n"
			"main.conf:9: error: groups[1]: is a number, wanted is a group { ... }\n"
			"main.conf:10: error: fraction: is a number with a fraction, wanted is a whole number\n");
}

static void unknown_names_get_a_hint(void **state)
{
	struct fixture *f = *state;
	static const char *const names[] = { "socket", "role", "mode" };
	const config_setting_t *root = read_main(f, "socket = 1;\nsokcet = 2;\nquite_different = 3;");
	lc_check_names(root, names, 3, f->diags);
	assert_diags(f, "main.conf:2: error: sokcet: unknown setting; did you mean \"socket\"?\n"
			"main.conf:3: error: quite_different: unknown setting; known here: socket, role or mode\n");
}

static void syntax_errors_and_duplicates_have_a_line(void **state)
{
	struct fixture *f = *state;
	assert_null(read_main(f, "a = 1;\nb = ;\n"));
	assert_null(read_main(f, "a = 1;\n\na = 2;\n"));
	assert_diags(f, "main.conf:2: error: syntax error\nmain.conf:3: error: duplicate setting name\n");
}

static void frequent_syntax_errors_are_explained(void **state)
{
	struct fixture *f = *state;
	assert_null(read_main(f, "when = { helo.is_valid = true; };\na = ( { b = 1; }\n { b = 2; },\n ); # )\n"
				 "c = [ \"x\", /* , */ ];\nd = warn; e : mx.example.org; f = [ x, \"y\" ];\n"));
	assert_diags(f, "main.conf:1: error: syntax error: names have no dots: write helo = { is_valid = ...; };\n"
			"main.conf:3: error: syntax error: a comma is missing between two groups\n"
			"main.conf:4: error: syntax error: there is a comma too much in front of ')'\n"
			"main.conf:5: error: syntax error: there is a comma too much in front of ']'\n"
			"main.conf:6: error: syntax error: texts stand in quotes, \"warn\"\n"
			"main.conf:6: error: syntax error: texts stand in quotes, \"mx.example.org\"\n"
			"main.conf:6: error: syntax error: texts stand in quotes, \"x\"\n");
}

static void what_only_looks_like_these_is_taken(void **state)
{
	struct fixture *f = *state;
	assert_non_null(read_main(f, "a = { b = 1, c = [ 1, 2 ], }, d = ( ( ), { }, [ TRUE, False ] ) e = { } f : ( { } );\n"
				     "*g-h_i = \"a.b\" \"} {\"; # log.level ,)\n"));
	assert_diags(f, "");
}

static void what_is_left_open_is_told_where_it_begins(void **state)
{
	struct fixture *f = *state;
	assert_null(read_main(f, "a = 1;\nb = \"no end;\nc = 2;\n"));
	assert_null(read_main(f, "a = 1;\n\n/* no end *\nc = 2;\n"));
	assert_null(read_main(f, "a = 1;\n\n\nb = \"\\\""));
	assert_null(read_main(f, "a = 1;\n\n\n\nb = \"\\"));
	assert_diags(f, "main.conf:2: error: the text that begins here has no end\n"
			"main.conf:3: error: the comment that begins here has no end\n"
			"main.conf:4: error: the text that begins here has no end\n"
			"main.conf:5: error: the text that begins here has no end\n");
}

static void numbers_that_libconfig_would_change_are_errors(void **state)
{
	struct fixture *f = *state;
	assert_null(read_main(f, "a = 2147483648;\nb = 0660;\nc = 99999999999999999999L;\n"
				 "d = ( 1, [ 0x80000000 ] ); e = 0x1ffffffffffffffffL; f = 0x80000000L;\n"));
	assert_diags(f, "main.conf:1: error: 2147483648 is too large a number: write an L behind it, if more than 2147483647 is meant\n"
			"main.conf:2: error: 0660 would be read as decimal: write the number without leading zeros, a mode in quotes\n"
			"main.conf:3: error: 99999999999999999999L is too large a number\n"
			"main.conf:4: error: 0x80000000 is too large a number: write an L behind it, if more than 2147483647 is meant\n"
			"main.conf:4: error: 0x1ffffffffffffffffL is too large a number\n");
}

static void what_begins_like_a_number_belongs_in_quotes(void **state)
{
	struct fixture *f = *state;
	assert_null(read_main(f, "deadline = 20s;\na = [ 192.0.2.1, 10MB ];\nb = 0x;\nc = 5LLL; d = 1.5e3x;\n"
				 "ok = ( 0xfL, 7LL, 1.5e3, 1e-5, 1.e+2, 0.25 );\n"));
	assert_diags(f, "main.conf:1: error: 20s is no number: durations, sizes and addresses stand in quotes, \"20s\"\n"
			"main.conf:2: error: 192.0.2.1 is no number: durations, sizes and addresses stand in quotes, \"192.0.2.1\"\n"
			"main.conf:2: error: 10MB is no number: durations, sizes and addresses stand in quotes, \"10MB\"\n"
			"main.conf:3: error: 0x is no number: durations, sizes and addresses stand in quotes, \"0x\"\n"
			"main.conf:4: error: 5LLL is no number: durations, sizes and addresses stand in quotes, \"5LLL\"\n"
			"main.conf:4: error: 1.5e3x is no number: durations, sizes and addresses stand in quotes, \"1.5e3x\"\n");
}

static void digits_elsewhere_are_no_numbers(void **state)
{
	struct fixture *f = *state;
	assert_non_null(read_main(f, "# 0660 \"\n// 99999999999 \"\n/* 0660 \" \n 0660 */ a99999999999-0660 = \"0660 \\\" 99999999999\";\n"
				     "b = 0; c = 2147483647; d = 1.5e3; e = 0.25;"));
	assert_diags(f, "");
}

static void includes_are_relative_and_report_their_own_place(void **state)
{
	struct fixture *f = *state;
	write_file(f, "inner.conf", "x = 5;\n@include \"other.conf\"\n");
	write_file(f, "other.conf", "\ny = 6;\n");
	const config_setting_t *root = read_main(f, "@include \"inner.conf\"\nz = 7;\n");
	assert_non_null(root);
	struct str text;
	assert_false(lc_text(config_setting_get_member(root, "x"), f->diags, &text));
	assert_false(lc_text(config_setting_get_member(root, "y"), f->diags, &text));
	assert_false(lc_text(config_setting_get_member(root, "z"), f->diags, &text));
	assert_diags(f, "inner.conf:1: error: x: is a number, wanted is a text in quotes\n"
			"main.conf:2: error: z: is a number, wanted is a text in quotes\n"
			"other.conf:2: error: y: is a number, wanted is a text in quotes\n");
}

static void bad_includes_are_errors_not_the_end(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(mkdir(path_of(f, "folder"), 0700), 0);
	assert_null(read_main(f, "@include \"folder\"\n"));
	assert_null(read_main(f, "a = 1;\n@include \"nowhere.conf\"\n"));
	assert_null(read_main(f, "@include \"main.conf\"\n"));
	write_file(f, "inner.conf", "x = 0660;\n");
	assert_null(read_main(f, "g = {\n\t@include \"inner.conf\"\n};\n"));
	assert_diags(f, "folder: error: is no regular file\n"
			"inner.conf:1: error: 0660 would be read as decimal: write the number without leading zeros, a mode in quotes\n"
			"main.conf:1: error: include file nesting too deep\n"
			"main.conf:2: error: cannot open include file\n");
}

static void files_that_cannot_be_trusted_are_errors(void **state)
{
	struct fixture *f = *state;
	assert_null(lc_read(path_of(f, "nowhere.conf"), f->diags));
	assert_null(lc_read(f->folder, f->diags));
	write_bytes(f, "other.conf", STR("a = 1;\nb = 2;\0c = 3;\n"));
	assert_null(lc_read(path_of(f, "other.conf"), f->diags));
	write_file(f, "inner.conf", "x = 1;\n");
	assert_int_equal(chmod(path_of(f, "inner.conf"), 0666), 0);
	assert_null(read_main(f, "@include \"inner.conf\"\n"));
	assert_int_equal(diags_errors(f->diags), 4);
	assert_string_equal(diags_at(f->diags, 0)->text, "is no regular file");
	assert_string_equal(diags_at(f->diags, 1)->text,
			    str_printf(f->arena, "everybody may write it (mode 0666): chmod o-w %s/inner.conf", f->folder).p);
	assert_string_equal(diags_at(f->diags, 2)->text, "cannot be read: No such file or directory");
	assert_string_equal(diags_at(f->diags, 3)->text, "a NUL byte: this is no text file");
	assert_int_equal(diags_at(f->diags, 3)->at.line, 2);
}

static void durations_sizes_and_modes_need_their_form(void **state)
{
	(void)state;
	int64_t v = 0;
	unsigned mode = 0;
	assert_null(lc_parse_duration_ms(STR("30s"), &v));
	assert_int_equal(v, 30000);
	assert_null(lc_parse_duration_ms(STR("500ms"), &v));
	assert_int_equal(v, 500);
	assert_null(lc_parse_duration_ms(STR("2d"), &v));
	assert_int_equal(v, 172800000);
	assert_non_null(lc_parse_duration_ms(STR("30"), &v));
	assert_non_null(lc_parse_duration_ms(STR("s"), &v));
	assert_non_null(lc_parse_duration_ms(STR("-1s"), &v));
	assert_non_null(lc_parse_duration_ms(STR("1 s"), &v));
	assert_string_equal(lc_parse_duration_ms(STR("99999999999999999d"), &v), "is too large");
	assert_string_equal(lc_parse_duration_ms(STR("99999999999999999999s"), &v), "is too large");
	assert_null(lc_parse_size_bytes(STR("10MB"), &v));
	assert_int_equal(v, 10485760);
	assert_null(lc_parse_size_bytes(STR("7B"), &v));
	assert_int_equal(v, 7);
	assert_non_null(lc_parse_size_bytes(STR("10mb"), &v));
	assert_non_null(lc_parse_size_bytes(STR(""), &v));
	assert_int_equal(v, 7);
	assert_null(lc_parse_mode(STR("0660"), &mode));
	assert_int_equal(mode, 0660);
	assert_null(lc_parse_mode(STR("600"), &mode));
	assert_int_equal(mode, 0600);
	assert_non_null(lc_parse_mode(STR("0680"), &mode));
	assert_non_null(lc_parse_mode(STR("4755"), &mode));
	assert_non_null(lc_parse_mode(STR("rw"), &mode));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(values_come_with_their_types),
		TEST(wrong_types_are_named_with_their_place),
		TEST(unknown_names_get_a_hint),
		TEST(syntax_errors_and_duplicates_have_a_line),
		TEST(frequent_syntax_errors_are_explained),
		TEST(what_only_looks_like_these_is_taken),
		TEST(what_begins_like_a_number_belongs_in_quotes),
		TEST(what_is_left_open_is_told_where_it_begins),
		TEST(numbers_that_libconfig_would_change_are_errors),
		TEST(digits_elsewhere_are_no_numbers),
		TEST(includes_are_relative_and_report_their_own_place),
		TEST(bad_includes_are_errors_not_the_end),
		TEST(files_that_cannot_be_trusted_are_errors),
		cmocka_unit_test(durations_sizes_and_modes_need_their_form),
	};
	return RUN_TESTS(tests);
}

/* Suppressed recipients as CSV: what is taken, what is wrong and where, what is written. */
#include "bench.h"

#include <stdio.h>

#include "feedback/suppress_csv.h"

static const struct suppression missing = { { "dflt", 4 }, { "", 0 }, { "none given", 10 }, { "import", 6 }, 1000, 0 };

/* "SCOPE ADDRESS [REASON] SOURCE CREATED EXPIRES" a line; what is wrong if anything is. */
static struct str read_text(struct bench *b, struct str text)
{
	const struct suppression *list;
	size_t count;
	struct str all = STR_EMPTY;
	diags_free(b->diags);
	b->diags = diags_new();
	bool ok = suppress_csv_read(b->arena, text, "f.csv", &missing, &list, &count, b->diags);
	assert_int_equal(ok, diags_errors(b->diags) == 0);
	for (size_t i = 0; !ok && i < diags_count(b->diags); i++)
		all = str_printf(b->arena, "%.*s%s\n", STR_ARG(all), diag_line(b->diags, diags_at(b->diags, i)));
	for (size_t i = 0; ok && i < count; i++)
		all = str_printf(b->arena, "%.*s%.*s %.*s [%.*s] %.*s %lld %lld\n", STR_ARG(all), STR_ARG(list[i].scope),
				 STR_ARG(list[i].address), STR_ARG(list[i].reason), STR_ARG(list[i].source),
				 (long long)list[i].created_unix_s, (long long)list[i].expires_unix_s);
	return all;
}

#define READ(text) read_text(b, STR(text))

static void a_line_is_an_entry(void **state)
{
	struct bench *b = *state;
	assert_str(READ("scope,address,reason,source,created,expires\r\n"
			"news,A@x.example,complaint,fbl,2026-11-23T10:12:00Z,2027-01-01\r\n"
			",b@x.example,,,,\r\n"),
		   "news a@x.example [complaint] fbl 1795428720 1798761600\n"
		   "dflt b@x.example [none given] import 1000 0\n");
}

static void columns_come_in_any_order(void **state)
{
	struct bench *b = *state;
	assert_str(READ("address\na@x.example\nb@x.example"), "dflt a@x.example [none given] import 1000 0\n"
							       "dflt b@x.example [none given] import 1000 0\n");
	assert_str(READ("Reason , ADDRESS\nx , a@x.example \n"), "dflt a@x.example [x] import 1000 0\n");
	assert_str(READ("\xef\xbb\xbf\"address\",scope\n\na@x.example,news\n  \n"),
		   "news a@x.example [none given] import 1000 0\n");
	assert_str(READ("address\n"), "");
}

static void quotes_hold_commas_and_quotes(void **state)
{
	struct bench *b = *state;
	assert_str(READ("address,reason\n\"a@x.example\",\"said \"\"no\"\", twice\"\n\"\"\"a b\"\"@x.example\",\" \"\n"),
		   "dflt a@x.example [said \"no\", twice] import 1000 0\n"
		   "dflt \"a b\"@x.example [ ] import 1000 0\n");
}

static void every_bad_line_is_told(void **state)
{
	struct bench *b = *state;
	assert_str(READ("address,expires\n"
			"a@x.example,\n"
			"no address,\n"
			"\n"
			"b@x.example,tomorrow\n"
			"c@x.example\n"
			"d@x.example,,\n"
			"A@X.example,\n"
			"\"e@x.example,\n"
			"\"e@x.example\"x,\n"
			"e\"@x.example,\n"
			"f@x.example,1970-01-01\n"),
		   "f.csv:3: error: \"no address\" is no mail address\n"
		   "f.csv:5: error: \"b@x.example\" expires at no time such as 2026-11-23T10:12:00Z\n"
		   "f.csv:6: error: the line has 1 fields, the first one 2\n"
		   "f.csv:7: error: the line has 3 fields, the first one 2\n"
		   "f.csv:8: error: \"A@X.example\" is in line 2 already\n"
		   "f.csv:9: error: the line has a quote that is not closed\n"
		   "f.csv:10: error: the line has text behind a closing quote\n"
		   "f.csv:11: error: the line has a quote inside a field that does not begin with one\n");
	assert_str(READ("address\n@\n\x80@x.example\na\0b@x.example\n"),
		   "f.csv:2: error: \"@\" is no mail address\n"
		   "f.csv:3: error: \"\x80@x.example\" is no mail address\n"
		   "f.csv:4: error: \"a\" is no mail address\n");
}

static void a_bad_first_line_is_told(void **state)
{
	struct bench *b = *state;
	assert_str(READ(""), "f.csv: error: is empty: the first line names the columns\n");
	assert_str(READ("\n \n"), "f.csv:2: error: is empty: the first line names the columns\n");
	assert_str(READ("a@x.example\nb@x.example\n"),
		   "f.csv:1: error: there is no column \"a@x.example\": the first line names "
		   "scope, address, reason, source, created or expires\n");
	assert_str(READ("scope,reason\n,\n"), "f.csv:1: error: the column address is missing\n");
	assert_str(READ("address,scope,address\n,\n"), "f.csv:1: error: the column address is there twice\n");
	assert_str(READ("address,scope,reason,source,created,expires,more\n"),
		   "f.csv:1: error: the line has more than 6 fields\n");
}

static void lines_are_bounded(void **state)
{
	struct bench *b = *state;
	char text[SUPPRESS_LINE_MAX + 200];
	memset(text, 'x', sizeof(text));
	struct str all = str_printf(b->arena, "address\n%.*s\na@x.example\n", (int)sizeof(text), text);
	assert_str(read_text(b, all), "f.csv:2: error: the line is longer than 4096 bytes\n");
}

static struct str write_text(struct bench *b, const struct suppression *list, size_t count)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	suppress_csv_write_header(out);
	for (size_t i = 0; i < count; i++)
		suppress_csv_write(out, &list[i]);
	fclose(out);
	struct str copy = str_dup(b->arena, (struct str){ text, size });
	free(text);
	return copy;
}

static void what_is_written_can_be_read(void **state)
{
	struct bench *b = *state;
	const struct suppression list[] = {
		{ STR("news"), STR("a@x.example"), STR("he said \"no\", twice"), STR("fbl"), 1795428720, 1798761600 },
		{ STR("news"), STR("\"a,b\"@x.example"), STR(" blank "), STR("s"), 1, 0 },
		{ STR("news"), STR("\xc3\xa4@x.example"), STR("x"), STR("s"), 1, 0 },
	};
	assert_str(write_text(b, list, 1), "scope,address,reason,source,created,expires\r\n"
					   "news,a@x.example,\"he said \"\"no\"\", twice\",fbl,2026-11-23T10:12:00Z,"
					   "2027-01-01T00:00:00Z\r\n");
	assert_str(read_text(b, write_text(b, list, 3)), "news a@x.example [he said \"no\", twice] fbl 1795428720 1798761600\n"
							 "news \"a,b\"@x.example [ blank ] s 1 0\n"
							 "news \xc3\xa4@x.example [x] s 1 0\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_line_is_an_entry),
		TEST(columns_come_in_any_order),
		TEST(quotes_hold_commas_and_quotes),
		TEST(every_bad_line_is_told),
		TEST(a_bad_first_line_is_told),
		TEST(lines_are_bounded),
		TEST(what_is_written_can_be_read),
	};
	return RUN_TESTS(tests);
}

#include "../test.h"

#include "base/arena.h"
#include "mail/date.h"
#include "mail/header.h"

enum { UNTOUCHED = 42 };

struct row {
	const char *text;
	int64_t unix_s;
};

static void assert_dates(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int64_t unix_s = UNTOUCHED;
		if (!date_parse(str_of(rows[i].text), &unix_s))
			fail_msg("no date: %s", rows[i].text);
		if (unix_s != rows[i].unix_s)
			fail_msg("%s: %lld, want %lld", rows[i].text, (long long)unix_s, (long long)rows[i].unix_s);
	}
}

#define ASSERT_DATES(rows) assert_dates((rows), sizeof(rows) / sizeof((rows)[0]))

static void dates_of_rfc_5322(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "Fri, 21 Nov 1997 09:55:06 -0600", 880127706 }, /* A.1.1 */
		{ "Tue, 1 Jul 2003 10:52:37 +0200", 1057049557 }, /* A.1.2 */
		{ "Thu, 13 Feb 1969 23:32:54 -0330", -27723426 }, /* A.1.3 */
		{ "Thu,      13        Feb    1969        23:32                 -0330 (Newfoundland Time)", -27723480 }, /* A.5 */
		{ "21 Nov 97 09:55:06 GMT", 880106106 }, /* A.6.2 */
		{ "Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", 880127706 }, /* A.6.3 */
		{ "1 Jan 1970 00:00 +0000", 0 },
		{ "01 Jan 1970 00:00:00 -0000", 0 },
		{ "Thu, 01 Jan 1970 00:00:01 +0000", 1 },
		{ "thu, 1 JAN 1970 00:00:00 gmt", 0 },
		{ "Thu , 1 Jan 1970 00:00:00 +0000", 0 },
		{ "(a (nested) comment) Thu(x),(y)1(z)Jan(z)1970(z)00(z):(z)00(z):(z)00(z) +0000(z)", 0 },
		{ "\tThu,\t1\tJan\t1970\t00:00:00\t+0000\t", 0 },
	};
	ASSERT_DATES(rows);
}

static void zones(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "1 Jan 1970 12:00 +0100", 39600 },  { "1 Jan 1970 12:00 -0100", 46800 },
		{ "1 Jan 1970 12:00 +0545", 22500 },  { "1 Jan 1970 12:00 +9959", 43200 - 359940 },
		{ "1 Jan 1970 12:00 -9959", 403140 }, { "1 Jan 1970 12:00 +1400", -7200 },
		{ "1 Jan 1970 12:00 UT", 43200 },     { "1 Jan 1970 12:00 GMT", 43200 },
		{ "1 Jan 1970 12:00 EST", 61200 },    { "1 Jan 1970 12:00 EDT", 57600 },
		{ "1 Jan 1970 12:00 CST", 64800 },    { "1 Jan 1970 12:00 CDT", 61200 },
		{ "1 Jan 1970 12:00 MST", 68400 },    { "1 Jan 1970 12:00 MDT", 64800 },
		{ "1 Jan 1970 12:00 PST", 72000 },    { "1 Jan 1970 12:00 PDT", 68400 },
		{ "1 Jan 1970 12:00 Z", 43200 },      { "1 Jan 1970 12:00 a", 43200 },
		{ "1 Jan 1970 12:00GMT", 43200 },
	};
	ASSERT_DATES(rows);
}

static void years_and_the_calendar(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "29 Feb 2000 00:00 +0000", 951782400 },
		{ "29 Feb 2024 00:00 +0000", 1709164800 },
		{ "1 Jan 1900 00:00 +0000", -2208988800 },
		{ "31 Dec 9999 23:59:59 +0000", 253402300799 },
		{ "1 Jan 00 00:00 +0000", 946684800 },   /* 2000 */
		{ "1 Jan 49 00:00 +0000", 2493072000 },  /* 2049 */
		{ "1 Jan 50 00:00 +0000", -631152000 },  /* 1950 */
		{ "1 Jan 070 00:00 +0000", 0 },          /* 1970 */
		{ "1 Jan 124 00:00 +0000", 1704067200 }, /* 2024 */
		{ "31 Dec 2016 23:59:60 +0000", 1483228800 }, /* a leap second */
	};
	ASSERT_DATES(rows);
}

static void what_is_no_date(void **state)
{
	(void)state;
	static const struct str rows[] = {
		STR(""), STR(" "), STR("(yesterday)"), STR("yesterday"), STR("0"), STR("1700000000"),
		/* other orders and spellings */
		STR("2024-01-01T00:00:00Z"), STR("Mon Jan 1 00:00:00 2024"), STR("Mon Jan 1 00:00:00 +0000 2024"),
		STR("Jan 1 2024 00:00 +0000"), STR("1-Jan-2024 00:00 +0000"), STR("1. Jan 2024 00:00 +0000"),
		STR("Mo, 1 Jan 2024 00:00 +0000"), STR("Monday, 1 Jan 2024 00:00 +0000"),
		STR("1 January 2024 00:00 +0000"), STR("1 M\xc3\xa4r 2024 00:00 +0000"), STR("Mon 1 Jan 2024 00:00 +0000"),
		STR(", 1 Jan 2024 00:00 +0000"), STR("Mon,, 1 Jan 2024 00:00 +0000"),
		/* not on the calendar */
		STR("0 Jan 2024 00:00 +0000"), STR("32 Jan 2024 00:00 +0000"), STR("31 Apr 2024 00:00 +0000"),
		STR("29 Feb 2023 00:00 +0000"), STR("29 Feb 1900 00:00 +0000"), STR("30 Feb 2024 00:00 +0000"),
		STR("99 Dec 9999 00:00 +0000"), STR("001 Jan 2024 00:00 +0000"),
		STR("Tue, 1 Jan 2024 00:00 +0000"), STR("Sun, 31 Dec 2016 00:00 +0000"),
		/* years */
		STR("1 Jan 1899 00:00 +0000"), STR("1 Jan 0000 00:00 +0000"), STR("1 Jan 1 00:00 +0000"),
		STR("1 Jan 12024 00:00 +0000"), STR("1 Jan 99999999999999999999 00:00 +0000"), STR("1 Jan -24 00:00 +0000"),
		/* times */
		STR("1 Jan 2024 +0000"), STR("1 Jan 2024 00 +0000"), STR("1 Jan 2024 0:00 +0000"), STR("1 Jan 2024 00:0 +0000"),
		STR("1 Jan 2024 24:00 +0000"), STR("1 Jan 2024 00:60 +0000"), STR("1 Jan 2024 00:00:61 +0000"),
		STR("1 Jan 2024 00:00: +0000"), STR("1 Jan 2024 00:00:0 +0000"), STR("1 Jan 2024 00:00:00:00 +0000"),
		STR("1 Jan 2024 00.00 +0000"), STR("1 Jan 2024 00:00:00.5 +0000"), STR("1 Jan 2024 12:00 PM +0000"),
		/* zones */
		STR("1 Jan 2024 00:00"), STR("1 Jan 2024 00:00 "), STR("1 Jan 2024 00:00+0000"), STR("1 Jan 2024 00:00(x)+0000"),
		STR("1 Jan 2024 00:00 (x)+0000"), STR("1 Jan 2024 00:00 0000"), STR("1 Jan 2024 00:00 +000"),
		STR("1 Jan 2024 00:00 +00000"), STR("1 Jan 2024 00:00 +00:00"), STR("1 Jan 2024 00:00 + 0000"),
		STR("1 Jan 2024 00:00 +0060"), STR("1 Jan 2024 00:00 CET"), STR("1 Jan 2024 00:00 UTC"), STR("1 Jan 2024 00:00 J"),
		STR("1 Jan 2024 00:00 GMT+0100"), STR("1 Jan 2024 00:00 +0000 GMT"), STR("1 Jan 2024 00:00 +-000"),
		/* something behind, something broken */
		STR("1 Jan 2024 00:00 +0000 x"), STR("1 Jan 2024 00:00 +0000,"), STR("1 Jan 2024 00:00 +0000 (x"),
		STR("1 Jan 2024 00:00 +0000 x)"), STR("(x 1 Jan 2024 00:00 +0000"), STR("1 Jan 2024 00:00 +0000\0"),
		STR("1 Jan 2024\r00:00 +0000"), STR("1 Jan\0 2024 00:00 +0000"), STR("1 Jan 2024 00:00 +0000\n"),
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t unix_s = UNTOUCHED;
		if (date_parse(rows[i], &unix_s))
			fail_msg("a date: %s (%lld)", rows[i].p, (long long)unix_s);
		assert_int_equal(unix_s, UNTOUCHED);
	}
}

static void the_first_field_counts(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct header_list *headers = header_list_new(a);
	int64_t unix_s = UNTOUCHED;
	header_list_add(headers, STR("Resent-Date"), STR(" 1 Jan 1970 00:00 +0000"));
	assert_int_equal(date_of(a, headers, &unix_s), DATE_MISSING);
	header_list_add(headers, STR("date"), STR(" Thu,\n 1 Jan\r\n\t1970 00:00:07 +0000"));
	header_list_add(headers, STR("Date"), STR(" yesterday"));
	assert_int_equal(date_of(a, headers, &unix_s), DATE_OK);
	assert_int_equal(unix_s, 7);

	headers = header_list_new(a);
	unix_s = UNTOUCHED;
	header_list_add(headers, STR("Date"), STR(""));
	header_list_add(headers, STR("Date"), STR(" 1 Jan 1970 00:00 +0000"));
	assert_int_equal(date_of(a, headers, &unix_s), DATE_MALFORMED);
	assert_int_equal(unix_s, UNTOUCHED);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dates_of_rfc_5322),
		cmocka_unit_test(zones),
		cmocka_unit_test(years_and_the_calendar),
		cmocka_unit_test(what_is_no_date),
		cmocka_unit_test(the_first_field_counts),
	};
	return RUN_TESTS(tests);
}

#include "../test.h"

#include <stdlib.h>

#include "record/line.h"
#include "record/member.h"

static const char sample[] =
	"{\"v\":1,\"id\":\"1k4abcdefghijkmn\",\"time\":\"2026-11-23T10:12:00.123Z\",\"stage\":\"end\",\"disposition\":\"reject\","
	"\"decision\":{\"rule\":\"dmarc-reject\",\"tags\":[\"a tag\",\"b\"],\"observed\":[{\"rule\":\"watch\"}]},"
	"\"reply\":{\"code\":550,\"enhanced\":\"5.7.1\",\"text\":\"no\"},\"message\":{\"queue_id\":\"4bQ2\"},"
	"\"client\":{\"ip\":\"192.0.2.1\",\"name\":\"mx.example.net\"},\"mail\":{\"from\":\"a=b@bounce.example.org\"},"
	"\"recipients\":{\"count\":3,\"list\":[{\"address\":\"x@example.com\"},{\"address\":\"y@Sub.Example.com\",\"rule\":\"per-rcpt\"}]},"
	"\"from\":{\"address\":\"ceo@example.org\",\"domain\":\"example.org\"},"
	"\"workflow\":{\"name\":\"billing\"},\"spf\":{\"result\":{\"unknown\":\"why\"}},\"dkim\":{\"result\":\"pass\"}}";

static char *printed(const char *json, bool is_coloured)
{
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);
	json_t *record = member_read_record(str_of(json));
	assert_non_null(record);
	line_print(record, is_coloured, out);
	json_decref(record);
	fclose(out);
	return text;
}

static void a_line_has_the_shape_of_the_logs(void **state)
{
	(void)state;
	char *line = printed(sample, false);
	assert_string_equal(line,
		"2026-11-23T10:12:00.123Z 4bQ2: reject: stage=end client=mx.example.net[192.0.2.1] code=550 esc=5.7.1 "
		"rule=dmarc-reject from=<a\\x3db@bounce.example.org> to=<x@example.com>,<y@Sub.Example.com>,+1 "
		"author=example.org workflow=billing spf=unknown dkim=pass tags=a\\x20tag,b observed=watch "
		"id=1k4abcdefghijkmn\n");
	free(line);
}

static void what_is_not_there_is_left_out(void **state)
{
	(void)state;
	char *line = printed("{\"v\":1,\"id\":\"x\",\"time\":\"t\",\"disposition\":\"aborted\",\"mail\":{\"from\":\"\"}}", false);
	assert_string_equal(line, "t NOQUEUE: aborted: client=unknown[unknown] from=<> id=x\n");
	free(line);
}

static void a_terminal_obeys_nothing_of_a_peers(void **state)
{
	(void)state;
	char *line = printed("{\"v\":1,\"id\":\"x\",\"time\":\"t\",\"disposition\":\"accept\",\"helo\":{\"name\":\"\\u001b[31m\\r\\n\\u00e4\"}}",
			     false);
	assert_string_equal(line, "t NOQUEUE: accept: client=unknown[unknown] helo=\\x1b\\x5b31m\\x0d\\x0a\\xc3\\xa4 id=x\n");
	free(line);
	line = printed(sample, true);
	assert_non_null(strstr(line, " 4bQ2: \033[1;31mreject\033[0m:"));
	free(line);
}

static void what_is_no_record_is_none(void **state)
{
	(void)state;
	static const char *const others[] = { "", "1", "{}", "{\"v\":2,\"id\":\"x\"}", "{\"v\":1}", "{\"v\":1,\"id\":\"x\"" };
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_null(member_read_record(str_of(others[i])));
}

static void filters_find_what_they_name(void **state)
{
	(void)state;
	static const struct { enum line_filter filter; const char *pattern; bool fits; } tries[] = {
		{ FILTER_WORKFLOW, "billing", true },          { FILTER_WORKFLOW, "bill", false },
		{ FILTER_WORKFLOW, "b*", true },               { FILTER_DECISION, "reject", true },
		{ FILTER_DECISION, "accept", false },          { FILTER_RULE, "dmarc-*", true },
		{ FILTER_RULE, "per-rcpt", true },             { FILTER_RULE, "watch", false },
		{ FILTER_SENDER, "a=b@bounce.example.org", true }, { FILTER_SENDER, "CEO@example.org", true },
		{ FILTER_SENDER, "x@example.com", false },     { FILTER_RECIPIENT, "y@*", true },
		{ FILTER_RECIPIENT, "ceo@example.org", false }, { FILTER_DOMAIN, "example.org", true },
		{ FILTER_DOMAIN, "bounce.example.org", true }, { FILTER_DOMAIN, "example.com", true },
		{ FILTER_DOMAIN, "sub.example.com", true },    { FILTER_DOMAIN, "ample.org", false },
		{ FILTER_DOMAIN, "other.example.com", false }, { FILTER_DOMAIN, "a=b@bounce.example.org", false },
		{ FILTER_CLIENT, "192.0.2.*", true },          { FILTER_CLIENT, "mx.example.net", true },
		{ FILTER_CLIENT, "192.0.2.2", false },         { FILTER_ID, "4bQ2", true },
		{ FILTER_ID, "1k4abcdefghijkmn", true },       { FILTER_ID, "1k4", false },
	};
	json_t *record = member_read_record(str_of(sample));
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++)
		if (line_fits(record, tries[i].filter, str_of(tries[i].pattern)) != tries[i].fits)
			fail_msg("--%s %s", line_filter_names[tries[i].filter], tries[i].pattern);
	json_decref(record);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_has_the_shape_of_the_logs),
		cmocka_unit_test(what_is_not_there_is_left_out),
		cmocka_unit_test(a_terminal_obeys_nothing_of_a_peers),
		cmocka_unit_test(what_is_no_record_is_none),
		cmocka_unit_test(filters_find_what_they_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

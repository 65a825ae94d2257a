#include "../test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "eval/case.h"

static struct arena *a;
static struct diags *diags;
static char path[64];

static int begin(void **state)
{
	(void)state;
	a = arena_new();
	diags = diags_new();
	strcpy(path, "/tmp/gatepost-unit-case-XXXXXX");
	int fd = mkstemp(path);
	return fd < 0 ? -1 : close(fd);
}

static int end(void **state)
{
	(void)state;
	unlink(path);
	diags_free(diags);
	arena_free(a);
	return 0;
}

static const struct case_file *read_text(const char *text)
{
	FILE *f = fopen(path, "w");
	fputs(text, f);
	fclose(f);
	return case_read(a, path, NULL, diags);
}

static void assert_read(const struct case_file *c)
{
	if (c == NULL)
		fail_msg("%s", diag_line(diags, diags_at(diags, 0)));
}

static void a_case_holds_setup_events_and_checks(void **state)
{
	(void)state;
	const struct case_file *c = read_text(
		"# what it claims\n"
		"policy <<END\nrules = ();\nEND\n"
		"option dns.timeout_ms = 100\n"
		"dns    example.org TXT \"v=spf1 -all\"\n"
		"time   1700000000\n"
		"macro  {daemon_port} 25\n"
		"connect 192.0.2.1 mx.example.org 4711\n"
		"helo    mx.example.org\n"
		"mail    <a@example.org> SIZE=10  -> reject 550 5.7.1 not from here\n"
		"fact    spf.result = fail\n"
		"record  rule ~ spf\n"
		"macro   {daemon_port}\n"
		"repeat  3\n"
		"rcpt    <b@example.com>          -> defer 452\n"
		"quit\n");
	assert_read(c);
	assert_int_equal(c->setup->policies.count, 1);
	assert_str(c->setup->policies.items[0].text, "rules = ();\n");
	assert_str(c->setup->zone, "example.org TXT \"v=spf1 -all\"\n");
	assert_int_equal(c->time_unix_s, 1700000000);
	assert_int_equal(c->event_count, 5);
	const struct case_event *e = &c->events[0];
	assert_int_equal(e->kind, EVENT_CONNECT);
	assert_int_equal(e->port, 4711);
	assert_str(e->macros[0].value, "25");
	e = &c->events[2];
	assert_int_equal(e->arg_count, 2);
	assert_int_equal(e->want.outcome, OUTCOME_REJECT);
	assert_int_equal(e->want.code, 550);
	assert_str(e->want.enhanced, "5.7.1");
	assert_str(e->want.text, "not from here");
	assert_int_equal(e->check_count, 2);
	assert_false(e->checks[0].is_part);
	assert_true(e->checks[1].is_part);
	assert_int_equal(e->at.line, 11);
	e = &c->events[3];
	assert_int_equal(e->times, 3);
	assert_null(e->macros[0].value.p);
	assert_int_equal(c->events[4].times, 1);
}

static void messages_are_padded_where_asked(void **state)
{
	(void)state;
	const struct case_file *c = read_text(
		"pad header 2 X-Pad: y\npad body 3 z\n"
		"message <<END -> accept\nFrom: a@example.org\n\nbody\nEND\n"
		"message <<END\nonly a header: x\nEND\n");
	assert_read(c);
	assert_str(c->events[0].message, "From: a@example.org\nX-Pad: y\nX-Pad: y\n\nbody\nz\nz\nz\n");
	assert_str(c->events[1].message, "only a header: x\n");
	assert_int_equal(c->events[1].want.outcome, OUTCOME_ACCEPT);
}

static void a_reload_carries_the_setup_of_its_time(void **state)
{
	(void)state;
	const struct case_file *c = read_text(
		"policy <<END\none\nEND\nconnect 192.0.2.1\n"
		"forget policies\npolicy <<END\ntwo\nEND\nreload -> refused\n");
	assert_read(c);
	assert_str(c->setup->policies.items[0].text, "one\n");
	assert_int_equal(c->events[1].setup->policies.count, 1);
	assert_str(c->events[1].setup->policies.items[0].text, "two\n");
	assert_int_equal(c->events[1].want.outcome, OUTCOME_REFUSED);
}

static void every_mistake_is_told_with_its_line(void **state)
{
	(void)state;
	assert_null(read_text("conect 192.0.2.1\n"
			      "connect 192.0.2.300 x\n"
			      "mail <a@example.org> -> reject 450\n"
			      "fact spf.outcome = fail\n"
			      "repeat none\n"
			      "message /nonexistent/file.eml\n"
			      "message <<END\nno end\n"));
	assert_int_equal(diags_errors(diags), 7);
	const int lines[] = { 1, 2, 3, 4, 5, 6, 7 };
	for (size_t i = 0; i < 7; i++)
		assert_int_equal(diags_at(diags, i)->at.line, lines[i]);
}

static void checks_need_an_event_before_them(void **state)
{
	(void)state;
	assert_null(read_text("fact spf.result = fail\nconnect 192.0.2.1\n"));
	assert_null(read_text("# nothing\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_case_holds_setup_events_and_checks, begin, end),
		cmocka_unit_test_setup_teardown(messages_are_padded_where_asked, begin, end),
		cmocka_unit_test_setup_teardown(a_reload_carries_the_setup_of_its_time, begin, end),
		cmocka_unit_test_setup_teardown(every_mistake_is_told_with_its_line, begin, end),
		cmocka_unit_test_setup_teardown(checks_need_an_event_before_them, begin, end),
	};
	return RUN_TESTS(tests);
}

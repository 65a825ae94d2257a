#include "../test.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "record/board.h"
#include "record/metrics.h"
#include "service/status.h"

enum { NOW_S = 1800000000 };

struct fixture {
	struct board *board;
	struct status_problem problems[STATUS_PROBLEMS];
	size_t count;
};

/* A gateway with one listener that serves. */
static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const struct board_config config = { .generation = 3, .is_last_good = true };
	clock_set_unix_s(NOW_S);
	f->board = board_new();
	board_set_config(f->board, &config);
	board_add_process(f->board, "inbound", STR("unix:/x"));
	board_set_process(f->board, 0, PROCESS_SERVES, 7, 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	clock_set_unix_s(0);
	board_free(f->board);
	free(f);
	return 0;
}

static void look(struct fixture *f)
{
	struct status *s = status_new(f->board);
	f->count = status_problems(s, f->problems);
	status_free(s);
}

static void assert_only(struct fixture *f, bool is_error, const char *part, const char *advice)
{
	look(f);
	assert_int_equal(f->count, 1);
	assert_int_equal(f->problems[0].is_error, is_error);
	assert_non_null(strstr(f->problems[0].found, part));
	assert_non_null(strstr(f->problems[0].advice, advice));
}

static void a_good_gateway_has_no_problems(void **state)
{
	struct fixture *f = *state;
	look(f);
	assert_int_equal(f->count, 0);
}

static void a_refused_reload_is_told_with_its_reason_until_the_next_good_one(void **state)
{
	struct fixture *f = *state;
	const struct board_config config = { .generation = 4, .is_last_good = true };
	board_refuse_config(f->board, "a.conf:7: nonsense: unknown");
	assert_only(f, true, "generation 3 stays in force: a.conf:7: nonsense: unknown", "gatepost check");
	board_set_config(f->board, &config);
	a_good_gateway_has_no_problems(state);
}

static void a_store_that_takes_nothing_is_told_until_it_does(void **state)
{
	struct fixture *f = *state;
	board_tell_process(f->board, 0, 0, 0, false, true);
	assert_only(f, false, "The store takes nothing from listener inbound", "journalctl");
	board_tell_process(f->board, 0, 0, 0, false, false);
	a_good_gateway_has_no_problems(state);
}

static void a_process_that_came_back_is_told_for_an_hour(void **state)
{
	struct fixture *f = *state;
	board_set_process(f->board, 0, PROCESS_GONE, 7, 2);
	assert_only(f, true, "Listener inbound does not serve", "journalctl");
	board_set_process(f->board, 0, PROCESS_SERVES, 8, 2);
	clock_set_unix_s(NOW_S + 3599);
	assert_only(f, false, "59 minutes ago", "journalctl");
	clock_set_unix_s(NOW_S + 3600);
	a_good_gateway_has_no_problems(state);
}

static void a_slow_resolver_is_told_once_it_has_answered_often_enough(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 49; i++)
		metrics_time(f->board, METRIC_DNS_SECONDS, 0, 900000);
	a_good_gateway_has_no_problems(state);
	metrics_time(f->board, METRIC_DNS_SECONDS, 0, 900000);
	assert_only(f, false, "The resolver is slow", "unbound");
	for (int i = 0; i < 60; i++)
		metrics_time(f->board, METRIC_DNS_SECONDS, 0, 900);
	a_good_gateway_has_no_problems(state);
}

static void what_was_lost_is_counted(void **state)
{
	struct fixture *f = *state;
	metrics_add(f->board, METRIC_LOST, LOST_LOG, 0, 0, 5);
	assert_only(f, false, "5 log lines could not be written", "journalctl");
}

static void addresses_in_a_reason_are_not_for_everybody(void **state)
{
	struct fixture *f = *state;
	board_refuse_config(f->board, "workflows[0].from: \"ann@example.org\" is no author");
	struct status *s = status_new(f->board);
	status_hide_people(s);
	assert_string_equal(s->config.refused_why, "workflows[0].from: \"*@example.org\" is no author");
	status_free(s);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_good_gateway_has_no_problems),
		TEST(a_refused_reload_is_told_with_its_reason_until_the_next_good_one),
		TEST(a_store_that_takes_nothing_is_told_until_it_does),
		TEST(a_process_that_came_back_is_told_for_an_hour),
		TEST(a_slow_resolver_is_told_once_it_has_answered_often_enough),
		TEST(what_was_lost_is_counted),
		TEST(addresses_in_a_reason_are_not_for_everybody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

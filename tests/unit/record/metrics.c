#include "../test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "record/board.h"
#include "record/history.h"
#include "record/metrics.h"
#include "record/record.h"

struct fixture {
	struct board *board;
	struct arena *arena;
	struct buf printed;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	f->board = board_new();
	f->arena = arena_new();
	buf_init(&f->printed, 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	clock_set_unix_s(0);
	buf_fini(&f->printed);
	board_free(f->board);
	arena_free(f->arena);
	free(f);
	return 0;
}

static const char *printed(struct fixture *f)
{
	buf_clear(&f->printed);
	metrics_print(f->board, &f->printed);
	buf_add_char(&f->printed, 0);
	return f->printed.p;
}

static void names_beyond_the_room_are_other(void **state)
{
	struct fixture *f = *state;
	char name[32];
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "w%d", i);
		size_t index = board_name(f->board, BOARD_WORKFLOWS, str_of(name));
		assert_int_equal(index, i < WORKFLOW_NAMES - NAME_FIRST ? i + NAME_FIRST : NAME_OTHER);
		assert_int_equal(board_name(f->board, BOARD_WORKFLOWS, str_of(name)), index);
	}
	assert_int_equal(board_name(f->board, BOARD_RULES, STR_EMPTY), NAME_NONE);
	assert_int_equal(board_name(f->board, BOARD_RULES, STR("other")), NAME_OTHER);
	assert_int_equal(board_name(f->board, BOARD_RULES, STR("none")), NAME_NONE);
	char longer[200];
	memset(longer, 'x', sizeof(longer));
	assert_int_equal(board_name(f->board, BOARD_RULES, (struct str){ longer, sizeof(longer) }), NAME_OTHER);
}

static void a_name_cannot_break_out_of_its_label(void **state)
{
	struct fixture *f = *state;
	size_t name = board_name(f->board, BOARD_WORKFLOWS, STR("a\"} 1\nfake 2 \\ \xff"));
	metrics_add(f->board, METRIC_SIGNATURES, name, 0, 0, 7);
	assert_non_null(strstr(printed(f), "gatepost_signatures_total{workflow=\"a\\\"} 1?fake 2 \\\\ ?\"} 7\n"));
}

static void a_histogram_is_cumulative(void **state)
{
	struct fixture *f = *state;
	metrics_time(f->board, METRIC_DNS_SECONDS, 0, 900);
	metrics_time(f->board, METRIC_DNS_SECONDS, 0, 1000);
	metrics_time(f->board, METRIC_DNS_SECONDS, 0, 1001);
	metrics_time(f->board, METRIC_DNS_SECONDS, 0, 60000000);
	const char *text = printed(f);
	assert_non_null(strstr(text, "gatepost_dns_answer_seconds_bucket{le=\"0.001\"} 2\n"));
	assert_non_null(strstr(text, "gatepost_dns_answer_seconds_bucket{le=\"0.0025\"} 3\n"));
	assert_non_null(strstr(text, "gatepost_dns_answer_seconds_bucket{le=\"20\"} 3\n"));
	assert_non_null(strstr(text, "gatepost_dns_answer_seconds_bucket{le=\"+Inf\"} 4\n"));
	assert_non_null(strstr(text, "gatepost_dns_answer_seconds_sum 60.002901\n"));
	assert_non_null(strstr(text, "gatepost_dns_answer_seconds_count 4\n"));
}

enum { THREADS = 4, ROUNDS = 2000 };

static void *count(void *context)
{
	struct fixture *f = context;
	char name[32];
	for (int i = 0; i < ROUNDS; i++) {
		snprintf(name, sizeof(name), "rule %d", i % 300);
		metrics_add(f->board, METRIC_RULES, board_name(f->board, BOARD_RULES, str_of(name)), 0, 0, 1);
		board_tell_process(f->board, 0, i, i, false, false);
	}
	return NULL;
}

static uint64_t rules_counted(const struct fixture *f)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < RULE_NAMES; i++)
		sum += metrics_get(f->board, METRIC_RULES, i, 0, 0);
	return sum;
}

static void threads_and_processes_lose_no_count(void **state)
{
	struct fixture *f = *state;
	pthread_t threads[THREADS];
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		count(f);
		_exit(0);
	}
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count, f), 0);
	printed(f);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(rules_counted(f), (THREADS + 1) * ROUNDS);
}

static struct record refused(struct fixture *f, const char *text)
{
	struct facts *facts = facts_new(f->arena, SCOPE_CONN, NULL);
	return (struct record){
		.id = STR("0123456789abcdef"),
		.unix_ms = clock_unix_ms(),
		.stage = STAGE_MAIL,
		.disposition = "reject",
		.facts = facts,
		.reply = { 550, STR("5.7.1"), str_of(text) },
	};
}

static void a_minute_is_counted_once_and_forgotten_after_a_day(void **state)
{
	struct fixture *f = *state;
	uint64_t minutes[3];
	clock_set_unix_s(1795000000);
	struct record r = refused(f, "no");
	history_take_record(f->board, &r);
	history_take_record(f->board, &r);
	history_minutes(f->board, DECISION_REJECT, minutes, 3);
	assert_int_equal(minutes[2], 2);
	clock_set_unix_s(1795000060);
	history_minutes(f->board, DECISION_REJECT, minutes, 3);
	assert_int_equal(minutes[1], 2);
	assert_int_equal(minutes[2], 0);
	clock_set_unix_s(1795000000 + 86400);
	r = refused(f, "no");
	history_take_record(f->board, &r);
	history_minutes(f->board, DECISION_REJECT, minutes, 3);
	assert_int_equal(minutes[2], 1);
}

static void the_last_refusals_come_newest_first_without_their_ids(void **state)
{
	struct fixture *f = *state;
	struct refusal_told told[HISTORY_REFUSALS + 1];
	char text[64];
	for (int i = 0; i < HISTORY_REFUSALS + 5; i++) {
		snprintf(text, sizeof(text), "reason %d (see the page) (rule a, id 0123456789abcdef)", i);
		struct record r = refused(f, text);
		history_take_record(f->board, &r);
	}
	assert_int_equal(history_refusals(f->board, told, HISTORY_REFUSALS + 1), HISTORY_REFUSALS);
	snprintf(text, sizeof(text), "reason %d (see the page)", HISTORY_REFUSALS + 4);
	assert_string_equal(told[0].text, text);
	assert_string_equal(told[HISTORY_REFUSALS - 1].text, "reason 5 (see the page)");
	assert_string_equal(told[0].stage, "mail");
	assert_int_equal(told[0].code, 550);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(names_beyond_the_room_are_other, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_name_cannot_break_out_of_its_label, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_histogram_is_cumulative, set_up, tear_down),
		cmocka_unit_test_setup_teardown(threads_and_processes_lose_no_count, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_minute_is_counted_once_and_forgotten_after_a_day, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_last_refusals_come_newest_first_without_their_ids, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

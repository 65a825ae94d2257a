/* Token buckets in memory: time, room, and what is noted as changed. The rest is in the contract of every store. */
#include "../test.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/shared.h"
#include "store/buckets.h"

enum { NOW_S = 1800000000, HOUR_MS = 3600000 };

static int set_up(void **state)
{
	(void)state;
	clock_set_unix_s(NOW_S);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	clock_set_unix_s(0);
	return 0;
}

/* 0: taken. */
static int64_t take(struct buckets *all, const char *key, int64_t capacity, int64_t per_ms, int64_t amount)
{
	const struct store_bucket b = { str_of(key), capacity, per_ms };
	int64_t wait_ms;
	size_t which;
	bool is_taken = buckets_take(all, &b, 1, &amount, &wait_ms, &which);
	assert_int_equal(is_taken, wait_ms == 0);
	return wait_ms;
}

static void waits_are_exact(void **state)
{
	(void)state;
	struct buckets *all = buckets_new(100);
	assert_int_equal(take(all, "k", 500, HOUR_MS, 500), 0);
	assert_int_equal(take(all, "k", 500, HOUR_MS, 1), 7200);
	assert_int_equal(take(all, "k", 500, HOUR_MS, 500), HOUR_MS);
	clock_set_unix_s(NOW_S + 7);
	assert_int_equal(take(all, "k", 500, HOUR_MS, 1), 200);
	clock_set_unix_s(NOW_S + 8);
	assert_int_equal(take(all, "k", 500, HOUR_MS, 1), 0);
	assert_int_equal(take(all, "k", 500, HOUR_MS, 1), 6400);
	/* A third of a second each: what was rounded is not lost for the last. */
	for (int i = 0; i < 3; i++)
		assert_int_equal(take(all, "third", 3, 1000, 1), 0);
	assert_int_equal(take(all, "third", 3, 1000, 1), 334);
	buckets_free(all);
}

static void a_clock_that_jumps_back_costs_one_filling_at_most(void **state)
{
	(void)state;
	struct buckets *all = buckets_new(100);
	assert_int_equal(take(all, "k", 10, HOUR_MS, 10), 0);
	clock_set_unix_s(NOW_S - 100000);
	assert_int_equal(take(all, "k", 10, HOUR_MS, 1), HOUR_MS / 10);
	clock_set_unix_s(NOW_S - 100000 + 3600);
	assert_int_equal(take(all, "k", 10, HOUR_MS, 1), HOUR_MS / 10);
	clock_set_unix_s(NOW_S + 3600);
	assert_int_equal(take(all, "k", 10, HOUR_MS, 10), 0);
	buckets_free(all);
}

static void more_than_one_in_a_microsecond_is_one(void **state)
{
	(void)state;
	struct buckets *all = buckets_new(100);
	assert_int_equal(take(all, "k", 5000, 1, 1000), 0);
	assert_int_equal(take(all, "k", 5000, 1, 1), 1);
	buckets_free(all);
}

static void room_is_bounded(void **state)
{
	(void)state;
	enum { MAX = 1000 };
	struct buckets *all = buckets_new(MAX);
	buckets_note_changes(all);
	char key[32];
	for (int i = 0; i < 10 * MAX; i++) {
		snprintf(key, sizeof(key), "key %d", i);
		assert_int_equal(take(all, key, 10, HOUR_MS, 1), 0);
	}
	assert_in_range(buckets_count(all), MAX / 2, MAX);
	struct arena *a = arena_new();
	size_t count;
	buckets_changes(all, a, &count);
	assert_int_equal(count, buckets_count(all));
	arena_free(a);
	buckets_free(all);
}

/* Who has taken most stays; who is nearly full goes. */
static void the_busy_are_kept(void **state)
{
	(void)state;
	enum { MAX = 1000, BUSY = 100 };
	struct buckets *all = buckets_new(MAX);
	char key[32];
	for (int i = 0; i < BUSY; i++) {
		snprintf(key, sizeof(key), "busy %d", i);
		assert_int_equal(take(all, key, 10, HOUR_MS, 10), 0);
	}
	for (int i = 0; i < 10 * MAX; i++) {
		snprintf(key, sizeof(key), "key %d", i);
		assert_int_equal(take(all, key, 10, HOUR_MS, 1), 0);
	}
	for (int i = 0; i < BUSY; i++) {
		snprintf(key, sizeof(key), "busy %d", i);
		assert_true(take(all, key, 10, HOUR_MS, 1) > 0);
	}
	buckets_free(all);
}

/* What is full and kept nowhere else is not needed. */
static void full_ones_are_forgotten(void **state)
{
	(void)state;
	struct buckets *all = buckets_new(100000);
	char key[32];
	for (int i = 0; i < 5000; i++) {
		snprintf(key, sizeof(key), "key %d", i);
		take(all, key, 10, 1000, 1);
		if (i % 10 == 0)
			clock_set_unix_s(NOW_S + i);
	}
	assert_in_range(buckets_count(all), 1, 1000);
	buckets_free(all);
}

static void changes_are_told_once(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct buckets *all = buckets_new(100);
	buckets_note_changes(all);
	size_t count;
	assert_false(buckets_has_news(all));
	take(all, "a", 10, HOUR_MS, 1);
	assert_true(buckets_has_news(all));
	take(all, "b", 10, HOUR_MS, 1);
	take(all, "a", 10, HOUR_MS, 1);
	assert_false(buckets_has_news(all));
	const struct bucket_state *list = buckets_changes(all, a, &count);
	assert_int_equal(count, 2);
	assert_int_equal(list[0].full_at_us + list[1].full_at_us, NOW_S * INT64_C(2000000) + 3 * INT64_C(360000000));
	buckets_changes(all, a, &count);
	assert_int_equal(count, 0);
	assert_false(buckets_has_news(all));
	/* Refused: nothing has changed. */
	assert_true(take(all, "a", 10, HOUR_MS, 10) > 0);
	assert_false(buckets_has_news(all));
	/* Could not be kept: told again, with what came in between. */
	take(all, "b", 10, HOUR_MS, 1);
	assert_true(buckets_has_news(all));
	buckets_keep_as_changes(all, list, 2);
	assert_false(buckets_has_news(all));
	buckets_changes(all, a, &count);
	assert_int_equal(count, 2);
	buckets_free(all);
	arena_free(a);
}

static void what_was_kept_is_restored(void **state)
{
	(void)state;
	struct buckets *all = buckets_new(100);
	buckets_note_changes(all);
	const struct bucket_state kept = { STR("k"), (NOW_S + 1800) * INT64_C(1000000) };
	buckets_restore(all, &kept);
	assert_false(buckets_has_news(all));
	assert_int_equal(take(all, "k", 10, HOUR_MS, 5), 0);
	assert_int_equal(take(all, "k", 10, HOUR_MS, 1), HOUR_MS / 10);
	buckets_free(all);
}

static void long_keys_are_told_apart(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct buckets *all = buckets_new(100), *restored = buckets_new(100);
	buckets_note_changes(all);
	char one[1000], other[1000];
	memset(one, 'k', sizeof(one));
	memcpy(other, one, sizeof(one));
	one[sizeof(one) - 1] = other[sizeof(other) - 1] = '\0';
	other[sizeof(other) - 2] = 'x';
	assert_int_equal(take(all, one, 1, HOUR_MS, 1), 0);
	assert_int_equal(take(all, other, 1, HOUR_MS, 1), 0);
	assert_true(take(all, one, 1, HOUR_MS, 1) > 0);
	size_t count;
	const struct bucket_state *list = buckets_changes(all, a, &count);
	assert_int_equal(count, 2);
	for (size_t i = 0; i < count; i++)
		buckets_restore(restored, &list[i]);
	assert_true(take(restored, one, 1, HOUR_MS, 1) > 0);
	assert_true(take(restored, other, 1, HOUR_MS, 1) > 0);
	buckets_free(restored);
	buckets_free(all);
	arena_free(a);
}

/* ---- several processes ------------------------------------------------------------------------------------- */

/* One for each microsecond. */
enum { ROUNDS = 60, BEFORE = 100000 };
static const int64_t TOKENS = HOUR_MS * INT64_C(1000);

/* Takes and gives back until it is killed, from buckets that come and go, and for each message one of those that all
 * have. */
static void take_for_ever(struct buckets *all, unsigned seed, atomic_long *messages)
{
	for (unsigned i = seed;; i += 7) {
		char key[32];
		snprintf(key, sizeof(key), "passing %u", i % 1000);
		const struct store_bucket b[] = { { STR("all"), TOKENS, HOUR_MS }, { str_of(key), 10, 1 } };
		const int64_t amounts[] = { 1, 1 };
		int64_t wait_ms;
		size_t which;
		if (buckets_take(all, b, 2, amounts, &wait_ms, &which))
			atomic_fetch_add(messages, 1);
		if (i % 3 == 0)
			buckets_give_back(all, &b[1], 1, amounts);
	}
}

static pid_t start_taking(struct buckets *all, unsigned seed, atomic_long *messages)
{
	pid_t pid = fork();
	if (pid == 0)
		take_for_ever(all, seed, messages);
	assert_true(pid > 0);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* One is killed in every round, the other goes on. */
static void a_killed_process_leaves_the_counts_right(void **state)
{
	(void)state;
	struct buckets *all = buckets_new(500);
	atomic_long *messages = shared_new(sizeof(*messages));
	buckets_note_changes(all);
	assert_int_equal(take(all, "all", TOKENS, HOUR_MS, BEFORE), 0); /* it is never the one that may go */
	pid_t other = start_taking(all, 0, messages);
	for (unsigned round = 1; round <= ROUNDS; round++) {
		pid_t one = start_taking(all, round, messages);
		usleep(2000 + round * 37);
		end(one);
	}
	end(other);
	long counted = atomic_load(messages);
	assert_true(counted > ROUNDS);
	/* What was taken by who was killed before it could count it is taken. */
	int64_t left = TOKENS - BEFORE - counted - ROUNDS - 1;
	assert_int_equal(take(all, "all", TOKENS, HOUR_MS, left), 0);
	assert_true(take(all, "all", TOKENS, HOUR_MS, ROUNDS + 2) > 0);
	assert_in_range(buckets_count(all), 1, 500);
	/* All of it still works: every place can be had. */
	for (int i = 0; i < 1000; i++) {
		char key[32];
		snprintf(key, sizeof(key), "after %d", i);
		assert_int_equal(take(all, key, 10, HOUR_MS, 10), 0);
	}
	assert_int_equal(buckets_count(all), 500);
	shared_free(messages, sizeof(*messages));
	buckets_free(all);
}

/* What one process took is kept by another, if that one cannot. */
static void changes_are_those_of_all(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct buckets *all = buckets_new(100);
	buckets_note_changes(all);
	pid_t pid = fork();
	if (pid == 0)
		_exit(take(all, "a", 10, HOUR_MS, 10) != 0 || !buckets_has_news(all));
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(take(all, "a", 10, HOUR_MS, 1) > 0);
	assert_true(buckets_has_news(all));
	size_t count;
	assert_str(buckets_changes(all, a, &count)->key, "a");
	assert_int_equal(count, 1);
	buckets_free(all);
	arena_free(a);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(waits_are_exact),
		T(a_clock_that_jumps_back_costs_one_filling_at_most),
		T(more_than_one_in_a_microsecond_is_one),
		T(room_is_bounded),
		T(the_busy_are_kept),
		T(full_ones_are_forgotten),
		T(changes_are_told_once),
		T(what_was_kept_is_restored),
		T(long_keys_are_told_apart),
		T(a_killed_process_leaves_the_counts_right),
		T(changes_are_those_of_all),
	};
	return RUN_TESTS(tests);
}

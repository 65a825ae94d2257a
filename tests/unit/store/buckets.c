/* Token buckets in memory: time, room, and what is noted as changed. The rest is in the contract of every store. */
#include "../test.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
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
	struct buckets *all = buckets_new(100, false);
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
	struct buckets *all = buckets_new(100, false);
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
	struct buckets *all = buckets_new(100, false);
	assert_int_equal(take(all, "k", 5000, 1, 1000), 0);
	assert_int_equal(take(all, "k", 5000, 1, 1), 1);
	buckets_free(all);
}

static void room_is_bounded(void **state)
{
	(void)state;
	enum { MAX = 1000 };
	struct buckets *all = buckets_new(MAX, true);
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
	struct buckets *all = buckets_new(MAX, false);
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
	struct buckets *all = buckets_new(100000, false);
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
	struct buckets *all = buckets_new(100, true);
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
	struct buckets *all = buckets_new(100, true);
	const struct bucket_state kept = { STR("k"), (NOW_S + 1800) * INT64_C(1000000) };
	buckets_restore(all, &kept);
	assert_false(buckets_has_news(all));
	assert_int_equal(take(all, "k", 10, HOUR_MS, 5), 0);
	assert_int_equal(take(all, "k", 10, HOUR_MS, 1), HOUR_MS / 10);
	buckets_free(all);
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
	};
	return RUN_TESTS(tests);
}

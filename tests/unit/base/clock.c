#include "../test.h"

#include <time.h>
#include <unistd.h>

#include "base/clock.h"

static void deadlines_go_on_while_the_wall_clock_stands_still(void **state)
{
	(void)state;
	int64_t before_us = clock_mono_us();
	clock_set_unix_s(1700000000);
	assert_int_equal(clock_unix_s(), 1700000000);
	assert_int_equal(clock_unix_ms(), 1700000000000);
	usleep(20000);
	assert_int_equal(clock_unix_s(), 1700000000);
	assert_true(clock_mono_us() - before_us >= 20000);
	clock_set_unix_s(0);
	assert_in_range(clock_unix_s(), time(NULL) - 1, time(NULL) + 1);
}

static void the_units_agree(void **state)
{
	(void)state;
	int64_t us = clock_mono_us(), ms = clock_mono_ms();
	assert_in_range(ms, us / 1000, us / 1000 + 1000);
	int64_t s = clock_unix_s(), unix_ms = clock_unix_ms();
	assert_in_range(unix_ms, s * 1000, s * 1000 + 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deadlines_go_on_while_the_wall_clock_stands_still),
		cmocka_unit_test(the_units_agree),
	};
	return RUN_TESTS(tests);
}

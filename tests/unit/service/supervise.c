#include "../test.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/diag.h"
#include "service/notify.h"
#include "service/signals.h"
#include "service/supervise.h"

/* What all processes of a test see. */
struct seen {
	atomic_int starts[2], reloads[2], checks;
	_Atomic pid_t pids[2];
	atomic_bool is_wrong;      /* the configuration */
	atomic_int dies_with;      /* the first child, before it is ready; 0: it does not */
};

static struct seen *seen;

static void sleep_ms(int ms)
{
	usleep((unsigned)ms * 1000);
}

static bool wait_until(bool (*is_so)(void))
{
	for (int64_t end_ms = clock_mono_ms() + 10000; clock_mono_ms() < end_ms; sleep_ms(2))
		if (is_so())
			return true;
	return false;
}

static bool is_well(void *context)
{
	(void)context;
	return true;
}

static int serve(void *context, size_t index)
{
	sigset_t set;
	int number = 0;
	(void)context;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	atomic_store(&seen->pids[index], getpid());
	atomic_fetch_add(&seen->starts[index], 1);
	if (index == 0 && atomic_load(&seen->dies_with) != 0)
		return atomic_load(&seen->dies_with);
	struct watchdog *watchdog = watchdog_start(is_well, NULL);
	notify_ready();
	while ((number = sigwaitinfo(&set, NULL)) != SIGTERM) {
		if (number != SIGHUP)
			continue;
		atomic_fetch_add(&seen->reloads[index], 1);
		notify_ready();
	}
	watchdog_end(watchdog);
	return EX_OK;
}

static bool check(void *context, struct diags *diags)
{
	(void)context;
	atomic_fetch_add(&seen->checks, 1);
	diag_warn(diags, (struct place){ .setting = "user" }, "is odd");
	if (!atomic_load(&seen->is_wrong))
		return true;
	diag_error(diags, (struct place){ "gatepost.conf", 7, "listen" }, "is \"wrong\"");
	return false;
}

static void reload(void *context)
{
	(void)context;
}

static const char *const names[] = { "first", "second" };
static const struct supervise_plan plan = {
	.names = names, .count = 2, .serve = serve, .check = check, .reload = reload,
};
static pid_t supervisor;

static int set_up(void **state)
{
	(void)state;
	seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(seen != MAP_FAILED);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	munmap(seen, sizeof(*seen));
	return 0;
}

static void start(void)
{
	fflush(NULL);
	supervisor = fork();
	if (supervisor == 0) {
		signals_block();
		_exit(supervise(&plan));
	}
}

static int stop(void)
{
	int status;
	kill(supervisor, SIGTERM);
	assert_int_equal(waitpid(supervisor, &status, 0), supervisor);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static bool both_started(void)
{
	return atomic_load(&seen->starts[0]) > 0 && atomic_load(&seen->starts[1]) > 0;
}

static bool first_started_again(void)
{
	return atomic_load(&seen->starts[0]) == 2;
}

static bool both_reloaded(void)
{
	return atomic_load(&seen->reloads[0]) > 0 && atomic_load(&seen->reloads[1]) > 0;
}

static bool is_checked(void)
{
	return atomic_load(&seen->checks) > 0;
}

static bool first_died_often(void)
{
	return atomic_load(&seen->starts[0]) >= 4;
}

static void a_child_that_is_killed_is_started_again_and_no_other(void **state)
{
	(void)state;
	start();
	assert_true(wait_until(both_started));
	sleep_ms(50); /* it says that it is ready */
	kill(atomic_load(&seen->pids[0]), SIGKILL);
	assert_true(wait_until(first_started_again));
	assert_int_equal(atomic_load(&seen->starts[1]), 1);
	assert_int_equal(stop(), EX_OK);
}

/* Not even SIGABRT reaches a process that stands still. */
static void a_child_that_hangs_is_ended_and_started_again(void **state)
{
	(void)state;
	setenv("WATCHDOG_USEC", "300000", 1);
	start();
	unsetenv("WATCHDOG_USEC");
	assert_true(wait_until(both_started));
	sleep_ms(1000); /* all is well for longer than that */
	assert_int_equal(atomic_load(&seen->starts[0]) + atomic_load(&seen->starts[1]), 2);
	kill(atomic_load(&seen->pids[0]), SIGSTOP);
	assert_true(wait_until(first_started_again));
	assert_int_equal(atomic_load(&seen->starts[1]), 1);
	assert_int_equal(stop(), EX_OK);
}

static void the_pause_before_a_start_grows(void **state)
{
	(void)state;
	start();
	assert_true(wait_until(both_started));
	sleep_ms(50);
	atomic_store(&seen->dies_with, EX_SOFTWARE);
	int64_t began_ms = clock_mono_ms();
	kill(atomic_load(&seen->pids[0]), SIGKILL);
	assert_true(wait_until(first_died_often));
	/* 100 + 200 + 400 ms */
	assert_in_range(clock_mono_ms() - began_ms, 700, 5000);
	assert_int_equal(stop(), EX_OK);
}

static void a_child_that_cannot_start_ends_all_with_its_code(void **state)
{
	(void)state;
	int status;
	atomic_store(&seen->dies_with, EX_UNAVAILABLE);
	start();
	assert_int_equal(waitpid(supervisor, &status, 0), supervisor);
	assert_int_equal(WEXITSTATUS(status), EX_UNAVAILABLE);
	assert_int_equal(kill(atomic_load(&seen->pids[1]), 0), -1);
}

static void a_reload_that_is_wrong_reaches_no_child(void **state)
{
	(void)state;
	start();
	assert_true(wait_until(both_started));
	sleep_ms(50);
	atomic_store(&seen->is_wrong, true);
	kill(supervisor, SIGHUP);
	assert_true(wait_until(is_checked));
	sleep_ms(50);
	assert_int_equal(atomic_load(&seen->reloads[0]) + atomic_load(&seen->reloads[1]), 0);
	atomic_store(&seen->is_wrong, false);
	kill(supervisor, SIGHUP);
	assert_true(wait_until(both_reloaded));
	assert_int_equal(stop(), EX_OK);
}

static void what_a_check_says_comes_back_in_order_and_whole(void **state)
{
	(void)state;
	struct diags *diags = diags_new();
	atomic_store(&seen->is_wrong, true);
	assert_false(supervise_check(&plan, diags));
	assert_int_equal(diags_count(diags), 2);
	assert_int_equal(diags_errors(diags), 1);
	assert_string_equal(diag_line(diags, diags_at(diags, 0)), "warning: user: is odd");
	assert_string_equal(diag_line(diags, diags_at(diags, 1)), "gatepost.conf:7: error: listen: is \"wrong\"");
	diags_free(diags);
}

static bool check_dies(void *context, struct diags *diags)
{
	(void)context;
	(void)diags;
	raise(SIGKILL);
	return true;
}

static void a_check_that_dies_says_no(void **state)
{
	(void)state;
	struct supervise_plan dying = plan;
	struct diags *diags = diags_new();
	dying.check = check_dies;
	assert_false(supervise_check(&dying, diags));
	assert_non_null(strstr(diag_line(diags, diags_at(diags, 0)), "killed by signal 9"));
	diags_free(diags);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_child_that_is_killed_is_started_again_and_no_other, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_child_that_hangs_is_ended_and_started_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_pause_before_a_start_grows, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_child_that_cannot_start_ends_all_with_its_code, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_reload_that_is_wrong_reaches_no_child, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_a_check_says_comes_back_in_order_and_whole, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_check_that_dies_says_no, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

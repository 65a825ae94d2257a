#include "../test.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fail.h"

/* What a child says on stderr before it aborts. */
static void assert_aborts(void (*run)(void), const char *last_words)
{
	int ends[2], status;
	char said[256] = "";
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		signal(SIGABRT, SIG_DFL); /* cmocka's handler would go on with the next test */
		dup2(ends[1], STDERR_FILENO);
		run();
		_exit(0);
	}
	close(ends[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(read(ends[0], said, sizeof(said) - 1) >= 0);
	close(ends[0]);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	assert_non_null(strstr(said, last_words));
}

static void run_bug(void)
{
	int answer = 41;
	BUG_IF(answer != 42);
}

static void run_out(void)
{
	fail_if_null(NULL);
}

static void bugs_and_exhausted_memory_abort_with_last_words(void **state)
{
	(void)state;
	int here = 0;
	assert_aborts(run_bug, ": answer != 42");
	assert_aborts(run_out, "out of memory");
	BUG_IF(here != 0);
	assert_ptr_equal(fail_if_null(&here), &here);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(bugs_and_exhausted_memory_abort_with_last_words) };
	return RUN_TESTS(tests);
}

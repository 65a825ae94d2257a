#include "../test.h"

#include <libmilter/mfapi.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "service/signals.h"

struct seen {
	atomic_int stops, reloads;
	atomic_bool holds_reload; /* a reload does not end while this is set */
};

static void sleep_ms(long ms)
{
	nanosleep(&(struct timespec){ .tv_nsec = ms * 1000000 }, NULL);
}

static void on_stop(void *context)
{
	struct seen *seen = context;
	atomic_fetch_add(&seen->stops, 1);
}

static void on_reload(void *context)
{
	struct seen *seen = context;
	atomic_fetch_add(&seen->reloads, 1);
	while (atomic_load(&seen->holds_reload))
		sleep_ms(1);
}

/* Up to ten seconds, for busy machines. */
static void wait_for(atomic_int *counter, int value)
{
	for (int i = 0; i < 10000 && atomic_load(counter) < value; i++)
		sleep_ms(1);
	assert_int_equal(atomic_load(counter), value);
}

static struct signals *start(struct seen *seen)
{
	const struct signal_actions actions = { on_stop, on_reload, seen };
	struct signals *s = signals_start(&actions);
	assert_non_null(s);
	return s;
}

static void every_signal_has_its_call(void **state)
{
	(void)state;
	struct seen seen = { 0 };
	struct signals *s = start(&seen);
	kill(getpid(), SIGHUP);
	wait_for(&seen.reloads, 1);
	kill(getpid(), SIGUSR1);
	wait_for(&seen.reloads, 2);
	kill(getpid(), SIGTERM);
	wait_for(&seen.stops, 1);
	kill(getpid(), SIGINT);
	wait_for(&seen.stops, 2);
	kill(getpid(), SIGPIPE);
	signals_end(s);
	assert_int_equal(atomic_load(&seen.reloads), 2);
	assert_int_equal(atomic_load(&seen.stops), 2);
}

static void a_signal_during_a_reload_causes_one_more(void **state)
{
	(void)state;
	struct seen seen = { .holds_reload = true };
	struct signals *s = start(&seen);
	kill(getpid(), SIGHUP);
	wait_for(&seen.reloads, 1);
	for (int i = 0; i < 20; i++) {
		kill(getpid(), i % 2 == 0 ? SIGHUP : SIGUSR1);
		sleep_ms(1);
	}
	/* And does not hold up a stop. */
	kill(getpid(), SIGTERM);
	wait_for(&seen.stops, 1);
	assert_int_equal(atomic_load(&seen.reloads), 1);
	atomic_store(&seen.holds_reload, false);
	wait_for(&seen.reloads, 2);
	sleep_ms(20);
	signals_end(s);
	assert_int_equal(atomic_load(&seen.reloads), 2);
}

static void nothing_is_called_after_the_end(void **state)
{
	(void)state;
	struct seen seen = { 0 };
	signals_end(start(&seen));
	kill(getpid(), SIGUSR1);
	sleep_ms(5);
	assert_int_equal(atomic_load(&seen.reloads), 0);
	/* It was left pending, and belongs to the next. */
	struct signals *s = start(&seen);
	wait_for(&seen.reloads, 1);
	signals_end(s);
	signals_end(NULL);
}

static atomic_int milter_ended;

static void *run_libmilter(void *arg)
{
	(void)arg;
	smfi_main();
	atomic_store(&milter_ended, 1);
	return NULL;
}

/* A connection also wakes libmilter's listener, which would otherwise look only every five seconds whether to stop. */
static bool answers(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	bool is_connected = connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
	close(fd);
	return is_connected;
}

enum { HELD = 0, NOT_OPEN, NOT_STARTED, NO_SIGNALS, DOES_NOT_ANSWER, ENDED };

static int trial_with_libmilter(char *connection)
{
	char name[] = "test";
	struct smfiDesc filter = { .xxfi_name = name, .xxfi_version = SMFI_VERSION };
	struct seen seen = { 0 };
	const struct signal_actions actions = { on_stop, on_reload, &seen };
	pthread_t thread;
	if (smfi_setconn(connection) != MI_SUCCESS || smfi_register(filter) != MI_SUCCESS ||
	    smfi_opensocket(false) != MI_SUCCESS)
		return NOT_OPEN;
	if (pthread_create(&thread, NULL, run_libmilter, NULL) != 0)
		return NOT_STARTED;
	sleep_ms(50);
	if (signals_start(&actions) == NULL)
		return NOT_STARTED;
	for (int i = 0; i < 3000; i++)
		kill(getpid(), i % 3 == 0 ? SIGTERM : SIGHUP);
	if (!answers(strchr(connection, '/')))
		return DOES_NOT_ANSWER;
	sleep_ms(200);
	if (atomic_load(&seen.reloads) == 0 || atomic_load(&seen.stops) == 0)
		return NO_SIGNALS;
	return atomic_load(&milter_ended) == 0 ? HELD : ENDED;
}

/* Its signal thread, which has waited for longer than ours, would take the first. In a process of its own, since
 * libmilter takes seconds to stop. */
static void libmilter_gets_no_signal(void **state)
{
	(void)state;
	char folder[] = "/tmp/gatepost-signals-XXXXXX", connection[64];
	int status;
	assert_non_null(mkdtemp(folder));
	snprintf(connection, sizeof(connection), "unix:%s/s", folder);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(trial_with_libmilter(connection));
	assert_int_equal(waitpid(child, &status, 0), child);
	unlink(strchr(connection, '/'));
	rmdir(folder);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), HELD);
}

int main(void)
{
	signals_block();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_signal_has_its_call),
		cmocka_unit_test(a_signal_during_a_reload_causes_one_more),
		cmocka_unit_test(nothing_is_called_after_the_end),
		cmocka_unit_test(libmilter_gets_no_signal),
	};
	return RUN_TESTS(tests);
}

#include "../test.h"

#include <libmilter/mfapi.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
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

/* Its signal thread, which has waited for longer than ours, would take the first. */
static void libmilter_gets_no_signal(void **state)
{
	(void)state;
	char folder[] = "/tmp/gatepost-signals-XXXXXX", name[] = "test", connection[64];
	assert_non_null(mkdtemp(folder));
	snprintf(connection, sizeof(connection), "unix:%s/s", folder);
	struct smfiDesc filter = { .xxfi_name = name, .xxfi_version = SMFI_VERSION };
	assert_int_equal(smfi_setconn(connection), MI_SUCCESS);
	assert_int_equal(smfi_register(filter), MI_SUCCESS);
	assert_int_equal(smfi_opensocket(false), MI_SUCCESS);

	struct seen seen = { 0 };
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, run_libmilter, NULL), 0);
	sleep_ms(50);
	struct signals *s = start(&seen);
	for (int i = 0; i < 3000; i++)
		kill(getpid(), i % 3 == 0 ? SIGTERM : SIGHUP);
	assert_true(answers(strchr(connection, '/')));
	sleep_ms(200);
	assert_true(atomic_load(&seen.reloads) > 0);
	assert_true(atomic_load(&seen.stops) > 0);
	assert_int_equal(atomic_load(&milter_ended), 0);

	/* To stop it would take up to five seconds; the end of the process does. */
	smfi_stop();
	pthread_detach(thread);
	signals_end(s);
	rmdir(folder);
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

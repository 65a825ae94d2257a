#include "../test.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "service/notify.h"

/* The service manager's side. */
struct manager {
	char folder[40];
	struct sockaddr_un address;
	int fd;
};

static int set_up(void **state)
{
	struct manager *m = calloc(1, sizeof(*m));
	strcpy(m->folder, "/tmp/gatepost-notify-XXXXXX");
	assert_non_null(mkdtemp(m->folder));
	m->address.sun_family = AF_UNIX;
	snprintf(m->address.sun_path, sizeof(m->address.sun_path), "%s/notify", m->folder);
	m->fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	assert_int_equal(bind(m->fd, (const struct sockaddr *)&m->address, sizeof(m->address)), 0);
	setenv("NOTIFY_SOCKET", m->address.sun_path, 1);
	*state = m;
	return 0;
}

static int tear_down(void **state)
{
	struct manager *m = *state;
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	close(m->fd);
	unlink(m->address.sun_path);
	rmdir(m->folder);
	free(m);
	return 0;
}

/* The next message, or "" after the time. */
static const char *received(struct manager *m, int wait_ms, char text[512])
{
	struct pollfd ready = { .fd = m->fd, .events = POLLIN };
	ssize_t n = poll(&ready, 1, wait_ms) == 1 ? recv(m->fd, text, 511, 0) : 0;
	text[n < 0 ? 0 : n] = 0;
	return text;
}

static void the_manager_is_told_each_state(void **state)
{
	struct manager *m = *state;
	char text[512];
	notify_ready();
	assert_string_equal(received(m, 1000, text), "READY=1");
	int64_t before_us = clock_mono_us(), at_us;
	notify_reloading();
	assert_int_equal(sscanf(received(m, 1000, text), "RELOADING=1\nMONOTONIC_USEC=%ld", &at_us), 1);
	assert_in_range(at_us, before_us, clock_mono_us());
	notify_stopping();
	assert_string_equal(received(m, 1000, text), "STOPPING=1");
	notify_status("generation %d,\nREADY=1", 3);
	assert_string_equal(received(m, 1000, text), "STATUS=generation 3, READY=1");
}

static bool says(void *context)
{
	return atomic_load((atomic_bool *)context);
}

static void the_watchdog_hears_only_that_all_is_well(void **state)
{
	struct manager *m = *state;
	char text[512];
	atomic_bool is_well = true;
	setenv("WATCHDOG_USEC", "40000", 1);
	struct watchdog *w = watchdog_start(says, &is_well);
	assert_non_null(w);
	for (int i = 0; i < 3; i++)
		assert_string_equal(received(m, 1000, text), "WATCHDOG=1");
	atomic_store(&is_well, false);
	received(m, 100, text); /* may have been under way */
	assert_string_equal(received(m, 100, text), "");
	watchdog_end(w);
}

static void without_a_manager_nothing_happens(void **state)
{
	struct manager *m = *state;
	char text[512];
	atomic_bool is_well = true;
	assert_null(watchdog_start(says, &is_well));
	watchdog_end(NULL);
	unsetenv("NOTIFY_SOCKET");
	notify_ready();
	notify_status("nobody listens");
	assert_string_equal(received(m, 20, text), "");
}

/* A watchdog that sleeps for long ends at once. */
static void the_watchdog_can_be_ended_while_it_waits(void **state)
{
	struct manager *m = *state;
	char text[512];
	atomic_bool is_well = true;
	setenv("WATCHDOG_USEC", "600000000", 1);
	struct watchdog *w = watchdog_start(says, &is_well);
	assert_string_equal(received(m, 1000, text), "WATCHDOG=1");
	int64_t before_ms = clock_mono_ms();
	watchdog_end(w);
	assert_true(clock_mono_ms() - before_ms < 5000);
}

int main(void)
{
#define MANAGER_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		MANAGER_TEST(the_manager_is_told_each_state),
		MANAGER_TEST(the_watchdog_hears_only_that_all_is_well),
		MANAGER_TEST(without_a_manager_nothing_happens),
		MANAGER_TEST(the_watchdog_can_be_ended_while_it_waits),
	};
	return RUN_TESTS(tests);
}

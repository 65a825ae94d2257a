#include "service/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"

static int supervisor = -1; /* set before the first thread */

void notify_supervisor(int fd)
{
	supervisor = fd;
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_PID"); /* the interval stays: pings are for the supervisor */
}

static void tell(const char *text)
{
	if (supervisor < 0)
		sd_notify(0, text);
	else
		send(supervisor, text, strlen(text), MSG_NOSIGNAL);
}

bool notify_ask_reload(struct buf *said)
{
	char text[NOTIFY_SAID_MAX];
	ssize_t n;
	tell(NOTIFY_RELOAD);
	do
		n = recv(supervisor, text, sizeof(text), 0);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		buf_add(said, (struct str){ text, (size_t)n });
	return n > 0;
}

void notify_ready(void)
{
	tell(NOTIFY_READY);
}

void notify_refused(void)
{
	if (supervisor < 0)
		notify_ready();
	else
		tell(NOTIFY_REFUSED);
}

/* Type=notify-reload wants the time at which the reload began. */
void notify_reloading(void)
{
	char text[64];
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%" PRId64, clock_mono_us());
	tell(text);
}

void notify_stopping(void)
{
	tell("STOPPING=1");
}

void notify_alive(void)
{
	tell(NOTIFY_ALIVE);
}

void notify_status(const char *format, ...)
{
	char text[256] = "STATUS=";
	size_t n = strlen(text);
	va_list args;
	va_start(args, format);
	vsnprintf(text + n, sizeof(text) - n, format, args);
	va_end(args);
	for (char *p = text; *p != 0; p++)
		if (*p == '\n')
			*p = ' ';
	tell(text);
}

struct watchdog {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	uint64_t interval_us;
	bool (*is_well)(void *context);
	void *context;
	bool is_ending;
};

static struct timespec after_us(uint64_t us)
{
	uint64_t at = (uint64_t)clock_mono_us() + us;
	return (struct timespec){ .tv_sec = (time_t)(at / 1000000), .tv_nsec = (long)(at % 1000000) * 1000 };
}

static void *ping(void *arg)
{
	struct watchdog *w = arg;
	pthread_mutex_lock(&w->lock);
	while (!w->is_ending) {
		pthread_mutex_unlock(&w->lock);
		if (w->is_well(w->context))
			notify_alive();
		pthread_mutex_lock(&w->lock);
		struct timespec until = after_us(w->interval_us);
		while (!w->is_ending && pthread_cond_timedwait(&w->wake, &w->lock, &until) == 0)
			;
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static void watchdog_free(struct watchdog *w)
{
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

struct watchdog *watchdog_start(bool (*is_well)(void *context), void *context)
{
	uint64_t limit_us;
	if (sd_watchdog_enabled(0, &limit_us) <= 0)
		return NULL;
	struct watchdog *w = fail_if_null(calloc(1, sizeof(*w)));
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&w->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_mutex_init(&w->lock, NULL);
	w->interval_us = limit_us / 2;
	w->is_well = is_well;
	w->context = context;
	if (pthread_create(&w->thread, NULL, ping, w) == 0)
		return w;
	watchdog_free(w);
	return NULL;
}

void watchdog_end(struct watchdog *w)
{
	if (w == NULL)
		return;
	pthread_mutex_lock(&w->lock);
	w->is_ending = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	watchdog_free(w);
}

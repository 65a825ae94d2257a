#include "service/signals.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fail.h"

/* SIGUSR2 ends the waiting thread and is nobody else's. */
enum { SIGNAL_END = SIGUSR2 };

struct signals {
	struct signal_actions actions;
	pthread_t waiter, reloader;
	sem_t wake;
	atomic_bool wants_reload;
	atomic_bool is_ending;
};

static void set_of_ours(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGUSR1);
	sigaddset(set, SIGNAL_END);
}

void signals_block(void)
{
	sigset_t set;
	set_of_ours(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* A program's sigwait takes the place of the C library's in every library, so libmilter's signal thread waits here for
 * nothing. Which of two waiting threads the kernel wakes would be a matter of luck. Ours waits with sigwaitinfo. */
int sigwait(const sigset_t *restrict set, int *restrict number)
{
	(void)set;
	(void)number;
	for (;;)
		pause();
}

static void *wait_for_signals(void *arg)
{
	struct signals *s = arg;
	sigset_t set;
	set_of_ours(&set);
	while (!atomic_load(&s->is_ending)) {
		int number = sigwaitinfo(&set, NULL);
		if (number == SIGTERM || number == SIGINT) {
			s->actions.stop(s->actions.context);
		} else if (number == SIGHUP || number == SIGUSR1) {
			atomic_store(&s->wants_reload, true);
			sem_post(&s->wake);
		}
	}
	return NULL;
}

static void *reload_when_woken(void *arg)
{
	struct signals *s = arg;
	while (!atomic_load(&s->is_ending)) {
		if (sem_wait(&s->wake) != 0)
			continue;
		if (atomic_exchange(&s->wants_reload, false) && !atomic_load(&s->is_ending))
			s->actions.reload(s->actions.context);
	}
	return NULL;
}

struct signals *signals_start(const struct signal_actions *actions)
{
	struct signals *s = fail_if_null(calloc(1, sizeof(*s)));
	s->actions = *actions;
	BUG_IF(sem_init(&s->wake, 0, 0) != 0);
	if (pthread_create(&s->waiter, NULL, wait_for_signals, s) != 0)
		goto out_free;
	if (pthread_create(&s->reloader, NULL, reload_when_woken, s) != 0)
		goto out_waiter;
	return s;
out_waiter:
	atomic_store(&s->is_ending, true);
	pthread_kill(s->waiter, SIGNAL_END);
	pthread_join(s->waiter, NULL);
out_free:
	sem_destroy(&s->wake);
	free(s);
	return NULL;
}

void signals_end(struct signals *s)
{
	if (s == NULL)
		return;
	atomic_store(&s->is_ending, true);
	pthread_kill(s->waiter, SIGNAL_END);
	sem_post(&s->wake);
	pthread_join(s->waiter, NULL);
	pthread_join(s->reloader, NULL);
	sem_destroy(&s->wake);
	free(s);
}

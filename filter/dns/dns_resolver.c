#include "dns/dns_core.h"

#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "log/log.h"

enum {
	ASKED_AT_ONCE = 32,
	TTL_LEAST_S = 5, /* so that no question travels twice for one message, whatever its outcome */
	TTL_NEGATIVE_MOST_S = 3600,
	TTL_MOST_S = 86400,
};

void dns_flight_put_locked(struct flight *f)
{
	if (--f->refs > 0)
		return;
	if (f->answer != NULL)
		dns_answer_put(f->answer);
	pthread_cond_destroy(&f->answered);
	free(f);
}

/* How long an answer is kept. */
static int64_t kept_ms(const struct dns_answer *answer)
{
	uint32_t most_s = TTL_NEGATIVE_MOST_S;
	if (answer->status == DNS_OK)
		most_s = TTL_MOST_S;
	else if (dns_is_temporary(answer->status))
		most_s = TTL_LEAST_S;
	uint32_t ttl_s = answer->ttl_s < TTL_LEAST_S ? TTL_LEAST_S : answer->ttl_s;
	return (int64_t)(ttl_s < most_s ? ttl_s : most_s) * 1000;
}

static void keep_locked(const struct flight *f, struct dns_shared *answer)
{
	struct dns *d = f->dns;
	if (f->generation == d->generation)
		dns_cache_put(d->cache, f->question.name, f->question.type, answer,
			      clock_mono_ms() + kept_ms(&answer->answer));
}

/* Opens at once, closes by the tick: no more than one change a second. */
static void breaker_note(struct dns *d, bool has_failed)
{
	int64_t now_s = clock_mono_ms() / 1000;
	dns_breaker_note(&d->breaker, now_s, has_failed);
	if (atomic_load(&d->is_in_trouble) || !dns_breaker_is_open(&d->breaker, now_s))
		return;
	atomic_store(&d->is_in_trouble, true);
	log_warn(d->log, "dns: at least %d%% of the questions of the last %d s failed; dns.trouble is true",
		 d->breaker.percent, BREAKER_WINDOW_S);
	event_add(d->breaker_tick, &(struct timeval){ .tv_sec = 1 });
}

static void on_breaker_tick(evutil_socket_t fd, short what, void *arg)
{
	struct dns *d = arg;
	(void)fd, (void)what;
	if (dns_breaker_is_open(&d->breaker, clock_mono_ms() / 1000)) {
		event_add(d->breaker_tick, &(struct timeval){ .tv_sec = 1 });
		return;
	}
	atomic_store(&d->is_in_trouble, false);
	log_info(d->log, "dns: the failures of the last %d s are few again; dns.trouble is false", BREAKER_WINDOW_S);
}

/* Tells everyone who waits. */
static void flight_end(struct flight *f, struct dns_shared *answer)
{
	struct dns *d = f->dns;
	enum dns_status status = answer->answer.status;
	TAILQ_REMOVE(&d->by_age, f, by_age);
	dns_count(&d->by_status[status]);
	if (d->on_answer != NULL)
		d->on_answer(d->context, status, clock_mono_us() - f->sent_mono_us);
	breaker_note(d, dns_is_temporary(status));

	pthread_mutex_lock(&d->lock);
	struct flight **at = &d->flights[f->hash & (FLIGHT_SLOTS - 1)];
	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	f->answer = dns_answer_get(answer);
	pthread_cond_broadcast(&f->answered);
	pthread_mutex_unlock(&d->lock);

	while (!STAILQ_EMPTY(&f->follows)) { /* nobody finds this flight any more, so nobody adds one */
		struct follow *w = STAILQ_FIRST(&f->follows);
		STAILQ_REMOVE_HEAD(&f->follows, list);
		w->run(d, f->question.name, f->question.type, &answer->answer, w->context);
		free(w);
	}

	pthread_mutex_lock(&d->lock);
	dns_flight_put_locked(f);
	if (--d->flight_count == 0)
		pthread_cond_broadcast(&d->idle);
	pthread_mutex_unlock(&d->lock);
}

void dns_question_done(struct dns_question *q, struct dns_shared *answer)
{
	struct flight *f = (struct flight *)q;
	struct dns *d = f->dns;
	_Static_assert(offsetof(struct flight, question) == 0, "a question is found in its flight");
	if (answer != NULL) {
		pthread_mutex_lock(&d->lock);
		keep_locked(f, answer);
		bool is_late = f->answer != NULL;
		pthread_mutex_unlock(&d->lock);
		if (!is_late)
			flight_end(f, answer);
		dns_answer_put(answer);
	}
	pthread_mutex_lock(&d->lock);
	dns_flight_put_locked(f);
	pthread_mutex_unlock(&d->lock);
}

void dns_resolver_wake(struct dns *d)
{
	BUG_IF(eventfd_write(d->wake_fd, 1) != 0);
}

static void arm_oldest_timeout(struct dns *d)
{
	const struct flight *oldest = TAILQ_FIRST(&d->by_age);
	if (oldest == NULL)
		return;
	int64_t wait_ms = oldest->timeout_mono_ms - clock_mono_ms();
	if (wait_ms < 1)
		wait_ms = 1;
	event_add(d->oldest_timeout, &(struct timeval){ wait_ms / 1000, wait_ms % 1000 * 1000 });
}

static void on_oldest_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct dns *d = arg;
	(void)fd, (void)what;
	int64_t now_ms = clock_mono_ms();
	struct flight *f;
	while ((f = TAILQ_FIRST(&d->by_age)) != NULL && f->timeout_mono_ms <= now_ms) {
		struct dns_shared *silence = dns_answer_of_status(DNS_TIMEOUT, TTL_LEAST_S);
		pthread_mutex_lock(&d->lock);
		keep_locked(f, silence);
		pthread_mutex_unlock(&d->lock);
		flight_end(f, silence);
		dns_answer_put(silence);
	}
	arm_oldest_timeout(d);
}

/* A few at a time: answers to earlier questions are read in between, before libunbound takes them for lost. */
static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct dns *d = arg;
	struct flight *taken[ASKED_AT_ONCE];
	size_t n = 0;
	eventfd_t ignored;
	(void)what;
	eventfd_read(fd, &ignored);
	pthread_mutex_lock(&d->lock);
	while (n < ASKED_AT_ONCE && !STAILQ_EMPTY(&d->handed)) {
		taken[n++] = STAILQ_FIRST(&d->handed);
		STAILQ_REMOVE_HEAD(&d->handed, handed);
	}
	bool is_more = !STAILQ_EMPTY(&d->handed), is_closing = d->is_closing;
	pthread_mutex_unlock(&d->lock);
	bool was_idle = TAILQ_EMPTY(&d->by_age);
	for (size_t i = 0; i < n; i++) {
		taken[i]->timeout_mono_ms = clock_mono_ms() + d->timeout_ms;
		taken[i]->sent_mono_us = clock_mono_us();
		TAILQ_INSERT_TAIL(&d->by_age, taken[i], by_age);
		d->backend.ops->ask(d->backend.self, &taken[i]->question);
	}
	if (was_idle)
		arm_oldest_timeout(d);
	if (is_more)
		dns_resolver_wake(d);
	if (is_closing)
		event_base_loopbreak(d->events);
}

static void *run(void *arg)
{
	struct dns *d = arg;
	event_base_dispatch(d->events);
	return NULL;
}

void dns_resolver_init(struct dns *d)
{
	TAILQ_INIT(&d->by_age);
	d->events = fail_if_null(event_base_new());
	d->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	BUG_IF(d->wake_fd < 0);
	d->wake = fail_if_null(event_new(d->events, d->wake_fd, EV_READ | EV_PERSIST, on_wake, d));
	d->oldest_timeout = fail_if_null(event_new(d->events, -1, 0, on_oldest_timeout, d));
	d->breaker_tick = fail_if_null(event_new(d->events, -1, 0, on_breaker_tick, d));
	event_add(d->wake, NULL);
}

void dns_resolver_fini(struct dns *d)
{
	event_free(d->wake);
	event_free(d->oldest_timeout);
	event_free(d->breaker_tick);
	event_base_free(d->events);
	close(d->wake_fd);
}

/* Signals are for the signal thread only. */
void dns_resolver_start(struct dns *d)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&d->thread, NULL, run, d) != 0)
		fail_out_of_memory();
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void dns_resolver_stop(struct dns *d)
{
	pthread_mutex_lock(&d->lock);
	d->is_closing = true;
	pthread_mutex_unlock(&d->lock);
	dns_resolver_wake(d);
	pthread_join(d->thread, NULL);
}

#include "dns/dns_zone_backend.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "base/fail.h"

struct delayed {
	LIST_ENTRY(delayed) list;
	struct dns_question *question;
	struct dns_shared *answer;
	struct event *timer;
};

struct backend {
	struct event_base *events;
	LIST_HEAD(, delayed) delayed;
	pthread_mutex_t lock; /* guards the pointer */
	struct dns_zone *zone;
};

static void delayed_free(struct delayed *w)
{
	LIST_REMOVE(w, list);
	event_free(w->timer);
	free(w);
}

static void on_time(evutil_socket_t fd, short what, void *arg)
{
	struct delayed *w = arg;
	struct dns_question *q = w->question;
	struct dns_shared *answer = w->answer;
	(void)fd, (void)what;
	delayed_free(w);
	dns_question_done(q, answer);
}

static void ask(void *self, struct dns_question *q)
{
	struct backend *b = self;
	int delay_ms = 0;
	pthread_mutex_lock(&b->lock);
	struct dns_shared *answer = dns_zone_ask(b->zone, q->name, q->type, &delay_ms);
	pthread_mutex_unlock(&b->lock);
	if (answer == NULL || delay_ms == 0) {
		dns_question_done(q, answer);
		return;
	}
	struct delayed *w = fail_if_null(malloc(sizeof(*w)));
	w->question = q;
	w->answer = answer;
	w->timer = fail_if_null(event_new(b->events, -1, 0, on_time, w));
	LIST_INSERT_HEAD(&b->delayed, w, list);
	event_add(w->timer, &(struct timeval){ delay_ms / 1000, delay_ms % 1000 * 1000 });
}

static void backend_close(void *self)
{
	struct backend *b = self;
	while (!LIST_EMPTY(&b->delayed)) {
		struct delayed *w = LIST_FIRST(&b->delayed);
		struct dns_question *q = w->question;
		dns_answer_put(w->answer);
		delayed_free(w);
		dns_question_done(q, NULL);
	}
	dns_zone_free(b->zone);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

struct dns_backend dns_zone_backend_open(struct event_base *events, struct dns_zone *zone)
{
	static const struct dns_backend_ops ops = { .ask = ask, .close = backend_close };
	struct backend *b = fail_if_null(calloc(1, sizeof(*b)));
	b->events = events;
	b->zone = zone;
	LIST_INIT(&b->delayed);
	pthread_mutex_init(&b->lock, NULL);
	return (struct dns_backend){ &ops, b };
}

void dns_zone_backend_swap(struct dns_backend *backend, struct dns_zone *zone)
{
	struct backend *b = backend->self;
	pthread_mutex_lock(&b->lock);
	struct dns_zone *old = b->zone;
	b->zone = zone;
	pthread_mutex_unlock(&b->lock);
	dns_zone_free(old);
}

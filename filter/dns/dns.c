#include "dns/dns.h"

#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/map.h"
#include "dns/dns_backend.h"
#include "dns/dns_breaker.h"
#include "dns/dns_cache.h"
#include "dns/dns_name.h"
#include "dns/dns_unbound.h"
#include "dns/dns_zone_backend.h"
#include "log/log.h"

/* One resolver thread runs the backend; mail threads hand questions over and wait. What both sides touch is
 * under one lock: the cache and the questions in flight. Nothing is called while it is held. */

enum {
	FLIGHT_SLOTS = 1024, /* power of two */
	FLIGHTS_MAX = 8192,  /* questions beyond that fail at once */
	ASKED_AT_ONCE = 32,
	TTL_LEAST_S = 5,     /* so that no question travels twice for one message, whatever its outcome */
	TTL_NEGATIVE_MOST_S = 3600,
	TTL_MOST_S = 86400,
};

struct follow {
	STAILQ_ENTRY(follow) list;
	dns_follow *run;
	void *context;
};

/* A question on its way. Held by the core until it is answered or timed out, by the backend until it gives it
 * back, and by every thread that waits. */
struct flight {
	struct dns_question question;
	char name[DNS_NAME_MAX + 1];
	struct dns *dns;
	struct flight *next;         /* in the slot */
	STAILQ_ENTRY(flight) handed; /* to the resolver's thread */
	TAILQ_ENTRY(flight) by_age;  /* resolver's thread only */
	uint64_t hash;
	uint64_t generation;         /* of the content of the cache */
	int64_t timeout_mono_ms;
	unsigned refs;
	struct dns_shared *answer;   /* NULL while in flight */
	pthread_cond_t answered;
	STAILQ_HEAD(, follow) follows;
};

struct dns {
	struct log *log;
	int timeout_ms;
	struct dns_backend backend;
	char *zone_path; /* NULL: not from a file */

	pthread_t thread;
	struct event_base *events;
	struct event *wake, *oldest_timeout, *breaker_tick;
	int wake_fd;
	TAILQ_HEAD(, flight) by_age;
	struct dns_breaker breaker;

	pthread_mutex_t lock; /* guards what follows */
	pthread_condattr_t monotonic;
	pthread_cond_t idle;
	struct dns_cache *cache;
	uint64_t generation;
	struct flight *flights[FLIGHT_SLOTS];
	size_t flight_count;
	STAILQ_HEAD(, flight) handed;
	bool is_closing;

	_Atomic bool is_in_trouble;
	_Atomic uint64_t asked, from_cache, joined, sent, by_status[DNS_STATUS_COUNT];
};

const char *const dns_status_words[DNS_STATUS_COUNT] = {
	[DNS_OK] = "ok",           [DNS_NODATA] = "nodata",   [DNS_NXDOMAIN] = "nxdomain", [DNS_SERVFAIL] = "servfail",
	[DNS_TIMEOUT] = "timeout", [DNS_BOGUS] = "bogus",     [DNS_BAD_NAME] = "bad-name",
};

static const struct dns_answer bad_name = { .status = DNS_BAD_NAME };
static const struct dns_answer overloaded = { .status = DNS_SERVFAIL };
static const struct dns_answer timed_out = { .status = DNS_TIMEOUT };

bool dns_is_temporary(enum dns_status status)
{
	return status == DNS_SERVFAIL || status == DNS_TIMEOUT || status == DNS_BOGUS;
}

static const struct {
	enum dns_type type;
	const char *word;
} type_words[] = {
	{ DNS_A, "A" }, { DNS_PTR, "PTR" }, { DNS_MX, "MX" }, { DNS_TXT, "TXT" }, { DNS_AAAA, "AAAA" },
};

enum { TYPE_COUNT = sizeof(type_words) / sizeof(type_words[0]) };

const char *dns_type_word(enum dns_type type)
{
	for (size_t i = 0; i < TYPE_COUNT; i++)
		if (type_words[i].type == type)
			return type_words[i].word;
	BUG_IF(true);
}

bool dns_type_parse(struct str word, enum dns_type *type)
{
	for (size_t i = 0; i < TYPE_COUNT; i++) {
		if (str_eq_nocase(word, str_of(type_words[i].word))) {
			*type = type_words[i].type;
			return true;
		}
	}
	return false;
}

static void count(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static void wake(struct dns *d)
{
	BUG_IF(eventfd_write(d->wake_fd, 1) != 0);
}

/* Questions in flight ------------------------------------------------------------------------------------- */

static void flight_put_locked(struct flight *f)
{
	if (--f->refs > 0)
		return;
	if (f->answer != NULL)
		dns_answer_put(f->answer);
	pthread_cond_destroy(&f->answered);
	free(f);
}

static struct flight **flight_find(struct dns *d, uint64_t hash, struct str name, enum dns_type type)
{
	struct flight **at = &d->flights[hash & (FLIGHT_SLOTS - 1)];
	/* One that began before the content changed is not joined. */
	while (*at != NULL && !((*at)->hash == hash && (*at)->generation == d->generation &&
				(*at)->question.type == type && str_eq((*at)->question.name, name)))
		at = &(*at)->next;
	return at;
}

static struct flight *flight_new_locked(struct dns *d, uint64_t hash, struct str name, enum dns_type type)
{
	struct flight *f = fail_if_null(calloc(1, sizeof(*f)));
	memcpy(f->name, name.p, name.n);
	f->question = (struct dns_question){ { f->name, name.n }, type };
	f->dns = d;
	f->hash = hash;
	f->generation = d->generation;
	f->refs = 2; /* core and backend */
	pthread_cond_init(&f->answered, &d->monotonic);
	STAILQ_INIT(&f->follows);
	f->next = d->flights[hash & (FLIGHT_SLOTS - 1)];
	d->flights[hash & (FLIGHT_SLOTS - 1)] = f;
	d->flight_count++;
	bool must_wake = STAILQ_EMPTY(&d->handed);
	STAILQ_INSERT_TAIL(&d->handed, f, handed);
	if (must_wake)
		wake(d);
	return f;
}

static int64_t kept_ms(const struct dns_answer *answer)
{
	int64_t most = answer->status == DNS_OK		  ? TTL_MOST_S
		       : dns_is_temporary(answer->status) ? TTL_LEAST_S
							  : TTL_NEGATIVE_MOST_S;
	int64_t ttl = answer->ttl_s < TTL_LEAST_S ? TTL_LEAST_S : answer->ttl_s;
	return (ttl < most ? ttl : most) * 1000;
}

static void breaker_update(struct dns *d)
{
	bool is_open = dns_breaker_is_open(&d->breaker, clock_mono_ms() / 1000);
	bool was_open = atomic_exchange(&d->is_in_trouble, is_open);
	if (is_open && !was_open)
		log_warn(d->log, "dns: at least %d%% of the questions of the last %d s failed; dns.trouble is true",
			 d->breaker.percent, BREAKER_WINDOW_S);
	if (!is_open && was_open)
		log_info(d->log, "dns: questions are answered again; dns.trouble is false");
	if (is_open)
		event_add(d->breaker_tick, &(struct timeval){ .tv_sec = 1 });
}

/* Tells everyone who waits. On the resolver's thread. */
static void flight_end(struct flight *f, struct dns_shared *answer)
{
	struct dns *d = f->dns;
	enum dns_status status = answer->answer.status;
	TAILQ_REMOVE(&d->by_age, f, by_age);
	count(&d->by_status[status]);
	dns_breaker_note(&d->breaker, clock_mono_ms() / 1000, dns_is_temporary(status));
	breaker_update(d);

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
	flight_put_locked(f);
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
		if (f->generation == d->generation)
			dns_cache_put(d->cache, q->name, q->type, answer, clock_mono_ms() + kept_ms(&answer->answer));
		bool is_late = f->answer != NULL;
		pthread_mutex_unlock(&d->lock);
		if (!is_late)
			flight_end(f, answer);
		dns_answer_put(answer);
	}
	pthread_mutex_lock(&d->lock);
	flight_put_locked(f);
	pthread_mutex_unlock(&d->lock);
}

/* The resolver's thread ------------------------------------------------------------------------------------ */

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
		if (f->generation == d->generation)
			dns_cache_put(d->cache, f->question.name, f->question.type, silence,
				      now_ms + kept_ms(&silence->answer));
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
		TAILQ_INSERT_TAIL(&d->by_age, taken[i], by_age);
		d->backend.ops->ask(d->backend.self, &taken[i]->question);
	}
	if (was_idle)
		arm_oldest_timeout(d);
	if (is_more)
		wake(d);
	if (is_closing)
		event_base_loopbreak(d->events);
}

static void on_breaker_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	breaker_update(arg);
}

static void *run(void *arg)
{
	struct dns *d = arg;
	event_base_dispatch(d->events);
	return NULL;
}

/* Signals are for the signal thread only. */
static void start_thread(struct dns *d)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&d->thread, NULL, run, d) != 0)
		fail_out_of_memory();
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Open, reload, close -------------------------------------------------------------------------------------- */

static struct dns *core_new(const struct dns_settings *settings, struct log *log)
{
	struct dns *d = fail_if_null(calloc(1, sizeof(*d)));
	d->log = log;
	d->timeout_ms = settings->timeout_ms;
	d->breaker.percent = settings->breaker_percent;
	d->cache = dns_cache_new((size_t)settings->cache_entries);
	TAILQ_INIT(&d->by_age);
	STAILQ_INIT(&d->handed);
	pthread_mutex_init(&d->lock, NULL);
	pthread_condattr_init(&d->monotonic);
	pthread_condattr_setclock(&d->monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&d->idle, NULL);
	d->events = fail_if_null(event_base_new());
	d->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	BUG_IF(d->wake_fd < 0);
	d->wake = fail_if_null(event_new(d->events, d->wake_fd, EV_READ | EV_PERSIST, on_wake, d));
	d->oldest_timeout = fail_if_null(event_new(d->events, -1, 0, on_oldest_timeout, d));
	d->breaker_tick = fail_if_null(event_new(d->events, -1, 0, on_breaker_tick, d));
	event_add(d->wake, NULL);
	return d;
}

static void core_free(struct dns *d)
{
	dns_cache_free(d->cache);
	event_free(d->wake);
	event_free(d->oldest_timeout);
	event_free(d->breaker_tick);
	event_base_free(d->events);
	close(d->wake_fd);
	free(d->zone_path);
	pthread_cond_destroy(&d->idle);
	pthread_condattr_destroy(&d->monotonic);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

static struct dns *open_zone(struct dns_zone *zone, const struct dns_settings *settings, struct log *log)
{
	if (zone == NULL)
		return NULL;
	struct dns *d = core_new(settings, log);
	d->zone_path = settings->zone_file == NULL ? NULL : fail_if_null(strdup(settings->zone_file));
	d->backend = dns_zone_backend_open(d->events, zone);
	start_thread(d);
	return d;
}

struct dns *dns_open_zone_text(struct str text, const char *file, const struct dns_settings *settings,
			       struct log *log, struct diags *diags)
{
	static const struct dns_settings defaults = { .timeout_ms = 5000, .cache_entries = 1000 };
	return open_zone(dns_zone_parse(text, file, diags), settings == NULL ? &defaults : settings, log);
}

struct dns *dns_open(const struct dns_settings *settings, struct log *log, struct diags *diags)
{
	if (settings->zone_file != NULL)
		return open_zone(dns_zone_read(settings->zone_file, diags), settings, log);
	struct dns *d = core_new(settings, log);
	if (!dns_unbound_open(d->events, settings, diags, &d->backend)) {
		core_free(d);
		return NULL;
	}
	start_thread(d);
	return d;
}

bool dns_reload_zone(struct dns *d, struct diags *diags)
{
	if (d->zone_path == NULL)
		return true;
	struct dns_zone *zone = dns_zone_read(d->zone_path, diags);
	if (zone == NULL)
		return false;
	/* In this order: whatever was read from the old zone is either cleared or of an old generation. */
	dns_zone_backend_swap(&d->backend, zone);
	pthread_mutex_lock(&d->lock);
	d->generation++;
	dns_cache_clear(d->cache);
	pthread_mutex_unlock(&d->lock);
	return true;
}

void dns_close(struct dns *d)
{
	if (d == NULL)
		return;
	pthread_mutex_lock(&d->lock);
	while (d->flight_count > 0)
		pthread_cond_wait(&d->idle, &d->lock);
	d->is_closing = true;
	pthread_mutex_unlock(&d->lock);
	wake(d);
	pthread_join(d->thread, NULL);
	d->backend.ops->close(d->backend.self);
	core_free(d);
}

/* Questions ------------------------------------------------------------------------------------------------ */

/* The cached answer, with a reference; or NULL and the flight, begun now if there was none; or neither, when too
 * much is in flight. */
static struct dns_shared *look_up_locked(struct dns *d, struct str name, enum dns_type type, struct flight **flight)
{
	*flight = NULL;
	struct dns_shared *answer = dns_cache_get(d->cache, name, type, clock_mono_ms());
	if (answer != NULL) {
		count(&d->from_cache);
		return answer;
	}
	uint64_t hash = map_hash(name) + type;
	*flight = *flight_find(d, hash, name, type);
	if (*flight != NULL) {
		count(&d->joined);
	} else if (d->flight_count < FLIGHTS_MAX) {
		count(&d->sent);
		*flight = flight_new_locked(d, hash, name, type);
	}
	return NULL;
}

/* NULL when the deadline comes first. */
static struct dns_shared *wait_locked(struct dns *d, struct flight *f, int64_t deadline_mono_ms)
{
	int64_t until_ms = deadline_mono_ms < 0 ? 0 : deadline_mono_ms;
	struct timespec until = { .tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000 };
	f->refs++;
	while (f->answer == NULL && pthread_cond_timedwait(&f->answered, &d->lock, &until) == 0)
		;
	struct dns_shared *answer = f->answer == NULL ? NULL : dns_answer_get(f->answer);
	flight_put_locked(f);
	return answer;
}

static void put_answer(void *answer)
{
	dns_answer_put(answer);
}

const struct dns_answer *dns_ask(struct dns *d, struct str name, enum dns_type type, int64_t deadline_mono_ms,
				 struct arena *arena)
{
	char buffer[DNS_NAME_MAX + 1];
	struct str normal;
	struct flight *f;
	BUG_IF(pthread_equal(pthread_self(), d->thread)); /* a dns_follow must not wait */
	count(&d->asked);
	if (!dns_name_normalise(name, buffer, &normal)) {
		count(&d->by_status[DNS_BAD_NAME]);
		return &bad_name;
	}
	pthread_mutex_lock(&d->lock);
	struct dns_shared *answer = look_up_locked(d, normal, type, &f);
	bool is_overloaded = answer == NULL && f == NULL;
	if (f != NULL)
		answer = wait_locked(d, f, deadline_mono_ms);
	pthread_mutex_unlock(&d->lock);
	if (answer == NULL)
		return is_overloaded ? &overloaded : &timed_out;
	arena_defer(arena, put_answer, answer);
	return &answer->answer;
}

void dns_prefetch(struct dns *d, struct str name, enum dns_type type)
{
	dns_prefetch_then(d, name, type, NULL, NULL);
}

void dns_prefetch_then(struct dns *d, struct str name, enum dns_type type, dns_follow *follow, void *context)
{
	char buffer[DNS_NAME_MAX + 1];
	struct str normal = name;
	struct flight *f = NULL;
	struct dns_shared *answer = NULL;
	count(&d->asked);
	bool is_good = dns_name_normalise(name, buffer, &normal);
	if (is_good) {
		pthread_mutex_lock(&d->lock);
		answer = look_up_locked(d, normal, type, &f);
		if (f != NULL && follow != NULL) {
			struct follow *w = fail_if_null(malloc(sizeof(*w)));
			*w = (struct follow){ .run = follow, .context = context };
			STAILQ_INSERT_TAIL(&f->follows, w, list);
		}
		pthread_mutex_unlock(&d->lock);
	} else {
		count(&d->by_status[DNS_BAD_NAME]);
	}
	if (f == NULL && follow != NULL)
		follow(d, normal, type, answer != NULL ? &answer->answer : is_good ? &overloaded : &bad_name, context);
	if (answer != NULL)
		dns_answer_put(answer);
}

bool dns_is_in_trouble(const struct dns *d)
{
	return atomic_load(&d->is_in_trouble);
}

static uint64_t read_counter(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

struct dns_counters dns_counters(const struct dns *d)
{
	struct dns_counters c = {
		.asked = read_counter(&d->asked),
		.from_cache = read_counter(&d->from_cache),
		.joined = read_counter(&d->joined),
		.sent = read_counter(&d->sent),
	};
	for (size_t i = 0; i < DNS_STATUS_COUNT; i++)
		c.by_status[i] = read_counter(&d->by_status[i]);
	return c;
}

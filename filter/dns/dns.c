#include "dns/dns.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/map.h"
#include "dns/dns_core.h"
#include "dns/dns_unbound.h"
#include "dns/dns_zone_backend.h"

enum { FLIGHTS_MAX = 8192 }; /* questions beyond that fail at once */

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

/* Open, reload, close -------------------------------------------------------------------------------------- */

static struct dns *core_new(const struct dns_settings *settings, struct log *log)
{
	struct dns *d = fail_if_null(calloc(1, sizeof(*d)));
	d->log = log;
	d->timeout_ms = settings->timeout_ms;
	d->breaker.percent = settings->breaker_percent;
	d->on_answer = settings->on_answer;
	d->context = settings->context;
	d->cache = dns_cache_new((size_t)settings->cache_entries);
	STAILQ_INIT(&d->handed);
	pthread_mutex_init(&d->lock, NULL);
	pthread_condattr_init(&d->monotonic);
	pthread_condattr_setclock(&d->monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&d->idle, NULL);
	dns_resolver_init(d);
	return d;
}

static void core_free(struct dns *d)
{
	dns_cache_free(d->cache);
	dns_resolver_fini(d);
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
	dns_resolver_start(d);
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
	dns_resolver_start(d);
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
	pthread_mutex_unlock(&d->lock);
	dns_resolver_stop(d);
	d->backend.ops->close(d->backend.self);
	core_free(d);
}

/* Questions ------------------------------------------------------------------------------------------------ */

/* One that began before the content changed is not joined. */
static struct flight *flight_find_locked(struct dns *d, uint64_t hash, struct str name, enum dns_type type)
{
	struct flight *f = d->flights[hash & (FLIGHT_SLOTS - 1)];
	while (f != NULL && !(f->hash == hash && f->generation == d->generation && f->question.type == type &&
			      str_eq(f->question.name, name)))
		f = f->next;
	return f;
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
		dns_resolver_wake(d);
	return f;
}

/* The cached answer, with a reference; or NULL and the flight, begun now if there was none; or neither, when too
 * much is in flight. */
static struct dns_shared *look_up_locked(struct dns *d, struct str name, enum dns_type type, struct flight **flight)
{
	*flight = NULL;
	struct dns_shared *answer = dns_cache_get(d->cache, name, type, clock_mono_ms());
	if (answer != NULL) {
		dns_count(&d->from_cache);
		return answer;
	}
	uint64_t hash = map_hash(name) + type;
	*flight = flight_find_locked(d, hash, name, type);
	if (*flight != NULL) {
		dns_count(&d->joined);
	} else if (d->flight_count < FLIGHTS_MAX) {
		dns_count(&d->sent);
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
	dns_flight_put_locked(f);
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
	dns_count(&d->asked);
	if (!dns_name_normalise(name, buffer, &normal)) {
		dns_count(&d->by_status[DNS_BAD_NAME]);
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
	dns_count(&d->asked);
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
		dns_count(&d->by_status[DNS_BAD_NAME]);
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

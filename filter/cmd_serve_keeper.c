#include "cmd_serve_keeper.h"

#include <stdatomic.h>
#include <time.h>

#include "auth/keyring.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/fail.h"
#include "config/snapshot.h"
#include "log/log.h"
#include "milter/milter.h"
#include "policy/policy.h"
#include "policy/workflow.h"
#include "preflight/preflight.h"
#include "service/listen.h"
#include "service/notify.h"
#include "session/session.h"
#include "store/store.h"

enum {
	DRAIN_MS = 25000,         /* messages in flight may take this long after SIGTERM; systemd waits 90 s */
	EXPIRE_EVERY_S = 3600,
	KEYS_MS = 20000,          /* longest wait for the records of all keys */
	PREFLIGHT_MS = 10000,     /* longest wait for what receivers will find */
};

static void sleep_ms(long ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

bool wait_until_none(_Atomic long *count, int64_t wait_ms)
{
	for (int64_t end_ms = clock_mono_ms() + wait_ms; atomic_load(count) > 0; sleep_ms(10))
		if (clock_mono_ms() >= end_ms)
			return false;
	return true;
}

static void expire_records(struct keeper *k)
{
	const struct snapshot *now = snapshot_get();
	if (k->gate->store != NULL)
		store_expire(k->gate->store, clock_unix_ms() - now->options->record_days * 86400000);
	snapshot_put(now);
}

static void *stop_milter(void *context)
{
	(void)context;
	milter_stop();
	return NULL;
}

/* smfi_stop waits for a lock that libmilter's listener holds while it polls, for five seconds at a time. The MTA
 * would be without a filter for that long, so the listener is woken until it has let go. */
static void stop_listening(const struct keeper *k)
{
	pthread_t stopper;
	const struct snapshot *now = snapshot_get();
	BUG_IF(pthread_create(&stopper, NULL, stop_milter, NULL) != 0);
	do {
		listen_wake(&now->options->listen.items[k->listener]);
		sleep_ms(5);
	} while (pthread_tryjoin_np(stopper, NULL) != 0);
	snapshot_put(now);
}

int64_t keeper_check_keys(struct keeper *k, int64_t within_ms)
{
	const struct snapshot *now = snapshot_get();
	int64_t wait_ms = EXPIRE_EVERY_S * 1000;
	if (now->keys != NULL)
		wait_ms = keyring_check(now->keys, k->gate->dns, k->gate->log, clock_mono_ms() + within_ms);
	snapshot_put(now);
	return wait_ms;
}

/* Beside the mail, which does not wait for it. */
static void preflight(struct keeper *k, const struct snapshot *now)
{
	struct arena *a = arena_new();
	size_t count = policy_workflow_count(now->policy);
	const struct workflow **workflows = arena_array(a, count, sizeof(*workflows));
	for (size_t i = 0; i < count; i++)
		workflows[i] = policy_workflow_at(now->policy, i);
	const struct preflight *p = preflight_run(now->options, workflows, count, k->gate->dns,
						  clock_mono_ms() + PREFLIGHT_MS, a);
	for (size_t i = 0; i < count; i++)
		if (p->workflows[i].dmarc != RESULT_PASS)
			log_warn(k->gate->log, "workflow \"%s\" would pass DMARC at the receiver: %.*s; gatepost preflight "
				 "tells more", workflows[i]->place.rule, STR_ARG(p->workflows[i].verdict));
	arena_free(a);
}

/* Once for each configuration. */
static void preflight_if_new(struct keeper *k, unsigned *last_generation)
{
	const struct snapshot *now = snapshot_get();
	bool is_new = now->generation != *last_generation;
	*last_generation = now->generation;
	if (is_new && now->options->preflight_on_reload && k->gate->role != ROLE_INBOUND)
		preflight(k, now);
	snapshot_put(now);
}

/* Until then, or until it is woken. */
static void keeper_sleep(struct keeper *k, int64_t wait_ms)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += wait_ms / 1000 + 1;
	pthread_mutex_lock(&k->lock);
	while (!k->is_woken && pthread_cond_timedwait(&k->wake, &k->lock, &until) == 0)
		;
	k->is_woken = false;
	pthread_mutex_unlock(&k->lock);
}

static bool is_stopping(struct keeper *k)
{
	return atomic_load(&k->gate->is_stopping);
}

static void *keep(void *context)
{
	struct keeper *k = context;
	int64_t expire_at_ms = 0;
	unsigned preflight_generation = 0;
	while (!is_stopping(k)) {
		if (clock_mono_ms() >= expire_at_ms) {
			expire_records(k);
			expire_at_ms = clock_mono_ms() + EXPIRE_EVERY_S * 1000;
		}
		preflight_if_new(k, &preflight_generation);
		int64_t keys_ms = keeper_check_keys(k, KEYS_MS), expire_ms = expire_at_ms - clock_mono_ms();
		keeper_sleep(k, keys_ms < expire_ms ? keys_ms : expire_ms);
	}
	notify_stopping();
	log_info(k->gate->log, "stopping: %ld messages in flight", atomic_load(&k->gate->messages));
	if (!wait_until_none(&k->gate->messages, DRAIN_MS))
		log_warn(k->gate->log, "stopping with %ld messages unfinished: the MTA will try them again",
			 atomic_load(&k->gate->messages));
	stop_listening(k);
	return NULL;
}

void keeper_start(struct keeper *k)
{
	BUG_IF(pthread_create(&k->thread, NULL, keep, k) != 0);
}

void keeper_wake(struct keeper *k)
{
	pthread_mutex_lock(&k->lock);
	k->is_woken = true;
	pthread_cond_signal(&k->wake);
	pthread_mutex_unlock(&k->lock);
}

void keeper_end(struct keeper *k)
{
	keeper_wake(k);
	pthread_join(k->thread, NULL);
}

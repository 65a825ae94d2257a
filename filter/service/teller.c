#include "service/teller.h"

#include <stdlib.h>
#include <stdio.h>

#include "auth/keyring.h"
#include "base/clock.h"
#include "base/thread.h"
#include "config/snapshot.h"
#include "dns/dns.h"
#include "log/log.h"
#include "option/options.h"
#include "policy/workflow.h"
#include "record/board.h"
#include "record/metrics.h"
#include "store/store.h"

enum { EVERY_MS = 1000 };

struct teller {
	struct teller_sources from;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool is_ending;
	bool has_keys;
	/* What the board has been told so far. */
	uint64_t asked[SOURCE_COUNT], lost[SINK_COUNT];
};

static void add_new(struct board *b, enum metric_id id, size_t label, uint64_t now, uint64_t *told)
{
	if (now > *told)
		metrics_add(b, id, label, 0, 0, now - *told);
	*told = now;
}

static struct board_key key_told(const struct keyring_view *v)
{
	struct board_key k = { .is_published = v->is_published, .is_known = v->is_known };
	snprintf(k.key, sizeof(k.key), "%.*s", STR_ARG(v->key));
	snprintf(k.selector, sizeof(k.selector), "%.*s", STR_ARG(v->selector));
	snprintf(k.domain, sizeof(k.domain), "%.*s", STR_ARG(v->domain));
	snprintf(k.phase, sizeof(k.phase), "%s", v->phase);
	snprintf(k.why, sizeof(k.why), "%.*s", STR_ARG(v->why));
	return k;
}

static void tell_keys(struct teller *t)
{
	struct board *b = t->from.board;
	struct board_key keys[BOARD_KEYS];
	size_t count = 0;
	const struct snapshot *now = snapshot_get();
	if (now->keys == NULL && t->has_keys)
		board_set_keys(b, keys, 0);
	t->has_keys = now->keys != NULL;
	if (now->keys != NULL) {
		struct keyring_view view;
		while (count < BOARD_KEYS && keyring_view(now->keys, count, &view))
			keys[count++] = key_told(&view);
		board_set_keys(b, keys, count);
	}
	snapshot_put(now);
}

static void tell(struct teller *t)
{
	const struct teller_sources *f = &t->from;
	const struct dns_counters dns = dns_counters(f->dns);
	add_new(f->board, METRIC_DNS_QUESTIONS, SOURCE_CACHE, dns.from_cache, &t->asked[SOURCE_CACHE]);
	add_new(f->board, METRIC_DNS_QUESTIONS, SOURCE_JOINED, dns.joined, &t->asked[SOURCE_JOINED]);
	add_new(f->board, METRIC_DNS_QUESTIONS, SOURCE_SENT, dns.sent, &t->asked[SOURCE_SENT]);
	add_new(f->board, METRIC_LOST, LOST_LOG, log_lost_lines(f->log), &t->lost[LOST_LOG]);
	if (f->store != NULL)
		add_new(f->board, METRIC_LOST, LOST_STORE, store_lost_writes(f->store), &t->lost[LOST_STORE]);
	board_tell_process(f->board, f->process, atomic_load(f->connections), atomic_load(f->messages),
			   dns_is_in_trouble(f->dns), f->store != NULL && store_is_failing(f->store));
	tell_keys(t);
}

static void *work(void *context)
{
	struct teller *t = context;
	pthread_mutex_lock(&t->lock);
	while (!t->is_ending) {
		pthread_mutex_unlock(&t->lock);
		tell(t);
		pthread_mutex_lock(&t->lock);
		int64_t until_ms = clock_mono_ms() + EVERY_MS;
		while (!t->is_ending && condition_wait_until(&t->wake, &t->lock, until_ms))
			;
	}
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

struct teller *teller_start(const struct teller_sources *from)
{
	struct teller *t = fail_if_null(calloc(1, sizeof(*t)));
	t->from = *from;
	pthread_mutex_init(&t->lock, NULL);
	condition_init(&t->wake);
	t->thread = thread_start(work, t);
	return t;
}

void teller_end(struct teller *t)
{
	if (t == NULL)
		return;
	pthread_mutex_lock(&t->lock);
	t->is_ending = true;
	pthread_cond_signal(&t->wake);
	pthread_mutex_unlock(&t->lock);
	pthread_join(t->thread, NULL);
	tell(t);
	pthread_cond_destroy(&t->wake);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

void teller_config(struct board *b, const struct snapshot *s)
{
	struct board_config config = {
		.generation = s->generation,
		.loaded_unix_s = s->loaded_unix_s,
		.is_last_good = true,
		.files = policy_file_count(s->policy),
		.rules = policy_rule_count(s->policy),
		.workflows = policy_workflow_count(s->policy),
	};
	snprintf(config.authserv_id, sizeof(config.authserv_id), "%.*s", STR_ARG(s->options->authserv_id));
	snprintf(config.digest, sizeof(config.digest), "%s", s->digest);
	snprintf(config.needs_restart, sizeof(config.needs_restart), "%.*s", STR_ARG(s->options->kept));
	board_set_config(b, &config);
	/* Also those that have sent nothing yet. */
	for (size_t i = 0; i < config.workflows; i++)
		board_name(b, BOARD_WORKFLOWS, str_of(policy_workflow_at(s->policy, i)->place.rule));
}

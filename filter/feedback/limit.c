#include "feedback/limit.h"

#include <inttypes.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/fail.h"
#include "store/store.h"

enum thing { MESSAGES, RECIPIENTS, THING_COUNT };
enum { NAME_DIGITS = 32 };

static const char *const who_words[LIMIT_WHO_COUNT] = { "workflow", "login", "client" };
static const char *const thing_words[THING_COUNT] = { "messages", "recipients" };

/* The buckets that a message, or a recipient, is taken from. */
struct share {
	struct store_bucket buckets[LIMIT_WHO_COUNT];
	enum limit_who who[LIMIT_WHO_COUNT];
	size_t count;
	int64_t taken, taken_here; /* from the store; from the counts of this process */
};

struct limit {
	struct arena *arena;
	struct store *store;
	const struct limit_plan *plan;
	struct facts *facts;
	struct share shares[THING_COUNT];
	int64_t recipients;
};

static struct str name_in_store(struct arena *a, const struct limit_plan *p, enum limit_who who)
{
	if (!p->hides_names || who == LIMIT_WORKFLOW)
		return p->names[who];
	char hex[NAME_DIGITS + 1];
	struct digest digest = { 0 };
	digest_add(&digest, p->names[who]);
	digest_print(&digest, hex, sizeof(hex));
	return str_dup(a, str_of(hex));
}

/* A tab is in none of the names. */
static struct share share_of(struct arena *a, const struct limit_plan *p, enum thing thing)
{
	struct share s = { .count = 0 };
	for (enum limit_who who = 0; who < LIMIT_WHO_COUNT; who++) {
		struct rate rate = thing == MESSAGES ? p->limits.per[who].messages : p->limits.per[who].recipients;
		if (p->names[who].n == 0 || rate.amount == 0)
			continue;
		struct str key = str_printf(a, "%s %s\t%.*s\t%.*s", who_words[who], thing_words[thing],
					    STR_ARG(p->workflow), STR_ARG(name_in_store(a, p, who)));
		s.buckets[s.count] = (struct store_bucket){ key, rate.amount, rate.per_ms };
		s.who[s.count++] = who;
	}
	return s;
}

/* ---- decisions --------------------------------------------------------------------------------------------- */

static const struct decision go_on = { .action = ACTION_CONTINUE };

/* In the largest unit that it is a multiple of, else rounded up: "1 hour", "90 seconds", "3 minutes". */
static struct str in_words(struct arena *a, int64_t ms)
{
	static const struct {
		const char *word;
		int64_t ms, until_ms;
	} units[] = {
		{ "second", 1000, 120 * 1000 },
		{ "minute", 60 * 1000, 120 * 60 * 1000 },
		{ "hour", 3600 * 1000, 48 * 3600 * 1000 },
		{ "day", 24 * 3600 * 1000, INT64_MAX },
	};
	size_t i = 0;
	while (i < 3 && (ms >= units[i].until_ms || (ms > 0 && ms % units[i + 1].ms == 0)))
		i++;
	int64_t n = (ms + units[i].ms - 1) / units[i].ms;
	return str_printf(a, "%" PRId64 " %s%s", n, units[i].word, n == 1 ? "" : "s");
}

static struct decision refuse(struct limit *l, enum action action, struct reply reply)
{
	return (struct decision){ .action = action, .reply = reply, .from = l->plan->limits.place };
}

/* "login.messages" */
static struct decision refuse_share(struct limit *l, enum thing thing, size_t which, int64_t wait_ms)
{
	const struct share *s = &l->shares[thing];
	enum limit_who who = s->who[which];
	const struct store_bucket *b = &s->buckets[which];
	facts_set_text(l->facts, FACT_LIMIT_EXCEEDED,
		       str_printf(l->arena, "%s.%s", who_words[who], thing_words[thing]));
	struct str things = str_of(thing_words[thing]);
	things.n -= b->capacity == 1;
	struct str text = str_printf(
		l->arena, "The limit of %s %.*s is %" PRId64 " %.*s in %.*s, and it is used up: try again in %.*s",
		who_words[who], STR_ARG(str_sub(l->plan->names[who], 0, 100)), b->capacity, STR_ARG(things),
		STR_ARG(in_words(l->arena, b->per_ms)), STR_ARG(in_words(l->arena, wait_ms)));
	return refuse(l, ACTION_DEFER, reply_of(l->arena, 451, "4.7.1", text));
}

static struct decision defer_without_store(struct limit *l)
{
	facts_set_unknown(l->facts, FACT_LIMIT_EXCEEDED, STR("the store does not answer"));
	struct decision d = refuse(l, ACTION_DEFER, reply_of(l->arena, 451, "4.3.0",
							     STR("What was sent before cannot be looked up at present")));
	d.is_unknown = true;
	d.reason = STR("the store does not answer");
	return d;
}

/* ---- taking ------------------------------------------------------------------------------------------------ */

static struct decision take_one(struct limit *l, enum thing thing)
{
	static const int64_t ones[LIMIT_WHO_COUNT] = { 1, 1, 1 };
	struct share *s = &l->shares[thing];
	int64_t wait_ms = 0;
	size_t which = 0;
	if (s->count == 0)
		return go_on;
	switch (store_take(l->store, s->buckets, s->count, ones, &wait_ms, &which)) {
	case STORE_OK:
	case STORE_NOT_FOUND:
		s->taken += wait_ms == 0;
		break;
	case STORE_UNAVAILABLE:
		if (l->plan->defers_without_store)
			return defer_without_store(l);
		s->taken_here += store_take_here(l->store, s->buckets, s->count, ones, &wait_ms, &which);
		break;
	}
	return wait_ms == 0 ? go_on : refuse_share(l, thing, which, wait_ms);
}

struct limit *limit_begin(struct arena *a, struct store *store, const struct limit_plan *plan, struct facts *facts,
			  struct decision *decision)
{
	struct limit *l = ARENA_NEW(a, struct limit);
	*l = (struct limit){ .arena = a, .store = store, .plan = plan, .facts = facts };
	for (enum thing thing = 0; thing < THING_COUNT; thing++)
		l->shares[thing] = share_of(a, plan, thing);
	facts_set_absent(facts, FACT_LIMIT_EXCEEDED);
	*decision = take_one(l, MESSAGES);
	return l;
}

struct decision limit_recipient(struct limit *l)
{
	int64_t most = l->plan->limits.recipients_per_message;
	if (most > 0 && l->recipients >= most) {
		facts_set_text(l->facts, FACT_LIMIT_EXCEEDED, STR("workflow.recipients_per_message"));
		struct str text = str_printf(l->arena, "A message of workflow %.*s may have %" PRId64
						       " recipients: send the rest separately",
					     STR_ARG(str_sub(l->plan->workflow, 0, 100)), most);
		return refuse(l, ACTION_DEFER, reply_of(l->arena, 452, "4.5.3", text));
	}
	struct decision d = take_one(l, RECIPIENTS);
	l->recipients += d.action == ACTION_CONTINUE;
	return d;
}

struct decision limit_bytes(struct limit *l, int64_t bytes)
{
	int64_t most = l->plan->limits.message_bytes;
	if (most == 0 || bytes <= most)
		return go_on;
	facts_set_text(l->facts, FACT_LIMIT_EXCEEDED, STR("workflow.message_bytes"));
	struct str text = str_printf(l->arena, "A message of workflow %.*s may have %" PRId64 " bytes",
				     STR_ARG(str_sub(l->plan->workflow, 0, 100)), most);
	return refuse(l, ACTION_REJECT, reply_of(l->arena, 552, "5.3.4", text));
}

void limit_end(struct limit *l, bool is_accepted)
{
	if (l == NULL)
		return;
	for (enum thing thing = 0; thing < THING_COUNT; thing++) {
		struct share *s = &l->shares[thing];
		int64_t taken[LIMIT_WHO_COUNT], here[LIMIT_WHO_COUNT];
		for (size_t i = 0; i < s->count; i++) {
			taken[i] = s->taken;
			here[i] = s->taken_here;
		}
		if (!is_accepted && s->taken > 0)
			store_give_back(l->store, s->buckets, s->count, taken);
		if (!is_accepted && s->taken_here > 0)
			store_give_back_here(l->store, s->buckets, s->count, here);
		s->taken = s->taken_here = 0;
	}
}

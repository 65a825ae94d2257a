/* What every store promises, whatever is behind it. */
#include "bench.h"

#include <pthread.h>
#include <stdio.h>

#include "base/clock.h"

static void a_record_is_found_by_both_ids(void **state)
{
	struct bench *b = *state;
	store_put_record(b->store, STR("id1"), 1000, STR("Q1"), STR("{\"n\":1}"));
	store_put_record(b->store, STR("id2"), 2000, STR(""), STR("{\"n\":2}"));
	assert_int_equal(store_flush(b->store), STORE_OK);
	assert_found(b, b->store, "id1", "{\"n\":1}");
	assert_found(b, b->store, "Q1", "{\"n\":1}");
	assert_found(b, b->store, "id2", "{\"n\":2}");
	assert_found(b, b->store, "id3", NULL);
	assert_found(b, b->store, "", NULL);
	assert_found(b, b->store, "ID1", NULL);
	assert_int_equal(store_lost_writes(b->store), 0);
}

static void a_queue_id_that_was_used_again_gives_the_newest(void **state)
{
	struct bench *b = *state;
	store_put_record(b->store, STR("id1"), 1000, STR("Q"), STR("1"));
	store_put_record(b->store, STR("id2"), 3000, STR("Q"), STR("2"));
	store_put_record(b->store, STR("id3"), 2000, STR("Q"), STR("3"));
	store_flush(b->store);
	assert_found(b, b->store, "Q", "2");
	/* Of two in the same millisecond the later one. */
	store_put_record(b->store, STR("id4"), 3000, STR("Q"), STR("4"));
	store_flush(b->store);
	assert_found(b, b->store, "Q", "4");
}

static void a_decision_id_goes_before_a_queue_id(void **state)
{
	struct bench *b = *state;
	store_put_record(b->store, STR("x"), 1000, STR("y"), STR("1"));
	store_put_record(b->store, STR("y"), 1, STR("x"), STR("2"));
	store_flush(b->store);
	assert_found(b, b->store, "x", "1");
	assert_found(b, b->store, "y", "2");
}

static void the_same_id_again_replaces(void **state)
{
	struct bench *b = *state;
	store_put_record(b->store, STR("id1"), 1000, STR("Q1"), STR("old"));
	store_put_record(b->store, STR("id1"), 1001, STR("Q2"), STR("new"));
	store_flush(b->store);
	assert_found(b, b->store, "id1", "new");
	assert_found(b, b->store, "Q2", "new");
}

static void any_bytes_come_back(void **state)
{
	struct bench *b = *state;
	store_put_record(b->store, STR("'; DROP TABLE records; --"), 1, STR("\xff\xfe"), STR("a\0b\xff\n"));
	store_flush(b->store);
	struct str json;
	assert_int_equal(store_find_record(b->store, STR("\xff\xfe"), b->arena, &json), STORE_OK);
	assert_true(str_eq(json, STR("a\0b\xff\n")));
	assert_int_equal(store_find_record(b->store, STR("'; DROP TABLE records; --"), b->arena, &json), STORE_OK);
}

static void old_records_are_forgotten(void **state)
{
	struct bench *b = *state;
	char id[32];
	for (int i = 0; i < 1700; i++) {
		snprintf(id, sizeof(id), "id%d", i);
		store_put_record(b->store, str_of(id), i, str_of(id), STR("x"));
	}
	assert_int_equal(store_flush(b->store), STORE_OK);
	assert_int_equal(store_expire(b->store, 1600), STORE_OK);
	assert_found(b, b->store, "id1599", NULL);
	assert_found(b, b->store, "id0", NULL);
	assert_found(b, b->store, "id1600", "x");
	assert_found(b, b->store, "id1699", "x");
	assert_int_equal(store_expire(b->store, 0), STORE_OK);
	assert_found(b, b->store, "id1600", "x");
}

/* "id2 id3 ", all there are, so many at once. */
static const char *listed(struct bench *b, int64_t from_unix_ms, const char *behind, size_t at_once)
{
	static char ids[256];
	struct stored_record list[8];
	struct str last = str_of(behind);
	size_t count = at_once;
	ids[0] = '\0';
	while (count == at_once) {
		assert_int_equal(store_next_records(b->store, from_unix_ms, last, b->arena, list, at_once, &count),
				 STORE_OK);
		assert_true(count <= at_once);
		for (size_t i = 0; i < count; i++) {
			assert_true(str_eq(list[i].json, list[i].id));
			snprintf(ids + strlen(ids), sizeof(ids) - strlen(ids), "%.*s ", STR_ARG(list[i].id));
			from_unix_ms = list[i].unix_ms;
			last = list[i].id;
		}
	}
	return ids;
}

static void records_are_listed_in_order_of_time(void **state)
{
	struct bench *b = *state;
	static const struct { const char *id; int64_t unix_ms; } records[] = {
		{ "e", 1767225599002 }, { "c", 1767225599001 }, { "a", 1767225599000 }, { "d", 1767225599001 },
		{ "b", 1767225599001 },
	};
	assert_string_equal(listed(b, 0, "", 2), "");
	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++)
		store_put_record(b->store, str_of(records[i].id), records[i].unix_ms, STR_EMPTY, str_of(records[i].id));
	assert_int_equal(store_flush(b->store), STORE_OK);
	for (size_t at_once = 1; at_once <= 8; at_once++) {
		assert_string_equal(listed(b, 0, "", at_once), "a b c d e ");
		assert_string_equal(listed(b, 1767225599000, "", at_once), "a b c d e ");
		assert_string_equal(listed(b, 1767225599000, "a", at_once), "b c d e ");
		assert_string_equal(listed(b, 1767225599001, "b", at_once), "c d e ");
		assert_string_equal(listed(b, 1767225599001, "d", at_once), "e ");
		assert_string_equal(listed(b, 1767225599002, "e", at_once), "");
	}
}

/* "a b ", those behind the place, so many at once. */
static const char *arrived(struct bench *b, int64_t *place, size_t at_once)
{
	static char ids[256];
	struct stored_record list[8];
	size_t count = at_once;
	ids[0] = '\0';
	while (count == at_once) {
		assert_int_equal(store_next_arrivals(b->store, place, b->arena, list, at_once, &count), STORE_OK);
		assert_true(count <= at_once);
		for (size_t i = 0; i < count; i++) {
			assert_true(str_eq(list[i].json, list[i].id));
			snprintf(ids + strlen(ids), sizeof(ids) - strlen(ids), "%.*s ", STR_ARG(list[i].id));
		}
	}
	return ids;
}

static void put_at(struct bench *b, const char *id, int64_t unix_ms)
{
	store_put_record(b->store, str_of(id), unix_ms, STR_EMPTY, str_of(id));
	assert_int_equal(store_flush(b->store), STORE_OK);
}

static void records_are_followed_in_the_order_of_their_arrival(void **state)
{
	struct bench *b = *state;
	int64_t place = 7, last = 7;
	assert_int_equal(store_last_arrival(b->store, &last), STORE_OK);
	assert_int_equal(last, 0);
	assert_string_equal(arrived(b, &place, 2), "");
	put_at(b, "c", 3000);
	put_at(b, "b", 2000);
	put_at(b, "c", 3001); /* again: told already */
	assert_string_equal(arrived(b, &place, 8), "c b ");
	put_at(b, "late", 1000);
	put_at(b, "b", 2000);
	put_at(b, "d", 4000);
	assert_int_equal(store_last_arrival(b->store, &last), STORE_OK);
	assert_string_equal(arrived(b, &place, 1), "late d ");
	assert_int_equal(place, last);
	assert_string_equal(arrived(b, &place, 1), "");
	for (size_t at_once = 1; at_once <= 8; at_once++) {
		place = 0;
		assert_string_equal(arrived(b, &place, at_once), "c b late d ");
	}
	/* Whoever follows a store that was emptied sees what comes next. */
	assert_int_equal(store_expire(b->store, 5000), STORE_OK);
	assert_string_equal(arrived(b, &place, 8), "");
	put_at(b, "e", 500);
	assert_string_equal(arrived(b, &place, 8), "e ");
}

enum { THREADS = 4, PER_THREAD = 500 };

struct writer_of_many {
	struct bench *bench;
	int number;
	pthread_t thread;
};

static void *put_many(void *context)
{
	struct writer_of_many *w = context;
	struct arena *a = arena_new();
	struct str json;
	char id[32], queue_id[32];
	for (int i = 0; i < PER_THREAD; i++) {
		snprintf(id, sizeof(id), "t%d-%d", w->number, i);
		snprintf(queue_id, sizeof(queue_id), "Q%d-%d", w->number, i);
		store_put_record(w->bench->store, str_of(id), 1000 + i, str_of(queue_id), str_of(id));
		if (i % 100 == 0) {
			store_find_record(w->bench->store, str_of(id), a, &json);
			store_expire(w->bench->store, 500);
		}
	}
	arena_free(a);
	return NULL;
}

static void many_threads_lose_nothing(void **state)
{
	struct bench *b = *state;
	struct writer_of_many writers[THREADS];
	char id[32];
	for (int t = 0; t < THREADS; t++) {
		writers[t] = (struct writer_of_many){ .bench = b, .number = t };
		assert_int_equal(pthread_create(&writers[t].thread, NULL, put_many, &writers[t]), 0);
	}
	for (int t = 0; t < THREADS; t++)
		pthread_join(writers[t].thread, NULL);
	assert_int_equal(store_flush(b->store), STORE_OK);
	assert_int_equal(store_lost_writes(b->store), 0);
	for (int t = 0; t < THREADS; t++)
		for (int i = 0; i < PER_THREAD; i++) {
			snprintf(id, sizeof(id), "t%d-%d", t, i);
			assert_found(b, b->store, id, id);
		}
}

/* ---- token buckets --------------------------------------------------------------------------------------- */

enum { HOUR_MS = 3600000 };

/* The time to wait; 0: taken. */
static int64_t take_n(struct bench *b, struct store_bucket bucket, int64_t amount)
{
	int64_t wait_ms = -1;
	size_t which = 99;
	assert_int_equal(store_take(b->store, &bucket, 1, &amount, &wait_ms, &which), STORE_OK);
	assert_true(wait_ms == 0 || which == 0);
	return wait_ms;
}

static int64_t take(struct bench *b, struct store_bucket bucket)
{
	return take_n(b, bucket, 1);
}

static void give_back(struct bench *b, struct store_bucket bucket, int64_t amount)
{
	store_give_back(b->store, &bucket, 1, &amount);
}

static void a_bucket_gives_its_capacity_and_no_more(void **state)
{
	struct bench *b = *state;
	const struct store_bucket bucket = { STR("messages"), 3, HOUR_MS };
	for (int i = 0; i < 3; i++)
		assert_int_equal(take(b, bucket), 0);
	/* A third of an hour for one, less what has passed since. */
	assert_in_range(take(b, bucket), HOUR_MS / 3 - 5000, HOUR_MS / 3);
	assert_in_range(take_n(b, bucket, 2), 2 * HOUR_MS / 3 - 5000, 2 * HOUR_MS / 3);
	assert_int_equal(take(b, (struct store_bucket){ STR("other"), 3, HOUR_MS }), 0);
}

/* Taken from as often as it gives: its capacity at first, and then as much as time has passed. */
static void a_bucket_fills_evenly(void **state)
{
	struct bench *b = *state;
	const struct store_bucket bucket = { STR("k"), 5, 500 };
	int64_t begin_ms = clock_mono_ms(), passed_ms = 0, taken = 0, wait_ms;
	for (; passed_ms < 800; passed_ms = clock_mono_ms() - begin_ms) {
		while ((wait_ms = take(b, bucket)) == 0)
			taken++;
		assert_in_range(wait_ms, 1, 100);
		usleep((unsigned)wait_ms * 1000);
	}
	int64_t end_ms = clock_mono_ms() - begin_ms;
	assert_in_range(taken, 5 + (passed_ms - 200) / 100, 5 + end_ms / 100 + 1);
	usleep(600 * 1000);
	assert_int_equal(take_n(b, bucket, 5), 0);
}

static void all_buckets_give_or_none(void **state)
{
	struct bench *b = *state;
	const struct store_bucket both[] = { { STR("large"), 3, HOUR_MS }, { STR("small"), 1, HOUR_MS } };
	const int64_t one_each[] = { 1, 1 }, amounts[] = { 2, 1 };
	int64_t wait_ms;
	size_t which;
	assert_int_equal(store_take(b->store, both, 2, one_each, &wait_ms, &which), STORE_OK);
	assert_int_equal(wait_ms, 0);
	assert_int_equal(store_take(b->store, both, 2, one_each, &wait_ms, &which), STORE_OK);
	assert_in_range(wait_ms, HOUR_MS - 5000, HOUR_MS);
	assert_int_equal(which, 1);
	assert_int_equal(take_n(b, both[0], 2), 0); /* nothing went from the large one */
	assert_true(take(b, both[0]) > 0);
	/* Both refuse: the longer time counts. */
	assert_int_equal(store_take(b->store, both, 2, amounts, &wait_ms, &which), STORE_OK);
	assert_int_equal(which, 1);
	assert_in_range(wait_ms, HOUR_MS - 5000, HOUR_MS);
	/* None at all. */
	assert_int_equal(store_take(b->store, both, 0, amounts, &wait_ms, &which), STORE_OK);
	assert_int_equal(wait_ms, 0);
}

static void what_is_given_back_can_be_taken_again(void **state)
{
	struct bench *b = *state;
	const struct store_bucket bucket = { STR("k"), 3, HOUR_MS };
	assert_int_equal(take_n(b, bucket, 3), 0);
	give_back(b, bucket, 2);
	assert_int_equal(take_n(b, bucket, 2), 0);
	assert_true(take(b, bucket) > 0);
	/* Never more than it holds. */
	give_back(b, bucket, 50);
	give_back(b, (struct store_bucket){ STR("never taken from"), 3, HOUR_MS }, 3);
	assert_int_equal(take_n(b, bucket, 3), 0);
	assert_true(take(b, bucket) > 0);
	assert_int_equal(take_n(b, (struct store_bucket){ STR("never taken from"), 3, HOUR_MS }, 3), 0);
	assert_true(take(b, (struct store_bucket){ STR("never taken from"), 3, HOUR_MS }) > 0);
}

static void more_than_the_capacity_is_never_given(void **state)
{
	struct bench *b = *state;
	const struct store_bucket bucket = { STR("k"), 3, 30 };
	assert_true(take_n(b, bucket, 4) > 0);
	usleep(50 * 1000);
	assert_true(take_n(b, bucket, 4) > 0);
	assert_int_equal(take_n(b, bucket, 3), 0);
}

/* A limit that is changed keeps its meaning for what was taken before, and never locks out for longer than its time. */
static void a_bucket_outlives_a_change_of_its_limit(void **state)
{
	struct bench *b = *state;
	assert_int_equal(take_n(b, (struct store_bucket){ STR("k"), 2, HOUR_MS }, 2), 0);
	assert_in_range(take(b, (struct store_bucket){ STR("k"), 10, HOUR_MS }), HOUR_MS / 10 - 5000, HOUR_MS / 10);
	assert_in_range(take(b, (struct store_bucket){ STR("k"), 2, 10000 }), 1, 5000);
	assert_int_equal(take(b, (struct store_bucket){ STR("k"), 2, 24 * HOUR_MS }), 0); /* 23 of 24 hours are free */
}

static void keys_of_buckets_are_any_bytes(void **state)
{
	struct bench *b = *state;
	char lengthy[600];
	memset(lengthy, 'k', sizeof(lengthy));
	const struct str keys[] = { STR("a"), STR("a\0b"), STR("a\0c"), STR("A"), STR("a b\n%s*\xff"), STR("'"),
				    { lengthy, sizeof(lengthy) }, { lengthy, sizeof(lengthy) - 1 } };
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		assert_int_equal(take(b, (struct store_bucket){ keys[i], 1, HOUR_MS }), 0);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		assert_true(take(b, (struct store_bucket){ keys[i], 1, HOUR_MS }) > 0);
}

/* A day of a million messages, and one in a month. */
static void large_and_slow_buckets_are_exact(void **state)
{
	struct bench *b = *state;
	const struct store_bucket large = { STR("large"), 1000000, 24 * HOUR_MS };
	const struct store_bucket slow = { STR("slow"), 1, (int64_t)31 * 24 * HOUR_MS };
	assert_int_equal(take_n(b, large, 999999), 0);
	assert_int_equal(take(b, large), 0);
	assert_in_range(take_n(b, large, 1000), 1, 86400);
	assert_int_equal(take(b, slow), 0);
	assert_in_range(take(b, slow), slow.per_ms - 5000, slow.per_ms);
}

struct taker {
	struct bench *bench;
	pthread_t thread;
	int taken;
};

static void *take_many(void *context)
{
	struct taker *t = context;
	const struct store_bucket both[] = { { STR("shared"), 700, HOUR_MS }, { STR("wide"), 100000, HOUR_MS } };
	const int64_t amounts[] = { 1, 1 };
	for (int i = 0; i < PER_THREAD; i++) {
		int64_t wait_ms;
		size_t which;
		enum store_status status = store_take(t->bench->store, both, 2, amounts, &wait_ms, &which);
		t->taken += status == STORE_OK && wait_ms == 0;
		if (i % 5 == 0 && status == STORE_OK && wait_ms == 0) {
			store_give_back(t->bench->store, both, 2, amounts);
			t->taken--;
		}
	}
	return NULL;
}

static void threads_together_get_the_capacity(void **state)
{
	struct taker takers[THREADS];
	int taken = 0;
	for (int i = 0; i < THREADS; i++) {
		takers[i] = (struct taker){ .bench = *state };
		assert_int_equal(pthread_create(&takers[i].thread, NULL, take_many, &takers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(takers[i].thread, NULL);
		taken += takers[i].taken;
	}
	/* One is refilled in 5 seconds: more have passed only on a machine that stands still. */
	assert_in_range(taken, 700, 702);
}

/* ---- suppressed recipients ------------------------------------------------------------------------------- */

static struct suppression entry(const char *scope, const char *address, const char *reason)
{
	return (struct suppression){ .scope = str_of(scope), .address = str_of(address), .reason = str_of(reason),
				     .source = STR("admin"), .created_unix_s = 1700000000 };
}

static void suppress(struct bench *b, struct suppression e)
{
	assert_int_equal(store_suppress(b->store, &e, 1), STORE_OK);
}

/* The reason, or "-". */
static struct str reason_of(struct bench *b, const char *scope, const char *address)
{
	struct suppression found;
	switch (store_find_suppression(b->store, str_of(scope), str_of(address), b->arena, &found)) {
	case STORE_OK:
		return found.reason;
	case STORE_NOT_FOUND:
		return STR("-");
	case STORE_UNAVAILABLE:
		break;
	}
	return STR("unavailable");
}

static void the_entry_of_the_scope_goes_before_the_global_one(void **state)
{
	struct bench *b = *state;
	assert_str(reason_of(b, "news", "a@example.org"), "-");
	suppress(b, entry("", "a@example.org", "everywhere"));
	assert_str(reason_of(b, "news", "a@example.org"), "everywhere");
	assert_str(reason_of(b, "", "a@example.org"), "everywhere");
	suppress(b, entry("news", "a@example.org", "news only"));
	assert_str(reason_of(b, "news", "a@example.org"), "news only");
	assert_str(reason_of(b, "billing", "a@example.org"), "everywhere");
	assert_str(reason_of(b, "", "a@example.org"), "everywhere");
	suppress(b, entry("news", "b@example.org", "news only"));
	assert_str(reason_of(b, "", "b@example.org"), "-");
	assert_str(reason_of(b, "new", "b@example.org"), "-");
	assert_str(reason_of(b, "news", "B@example.org"), "-"); /* spelling is the caller's matter */
}

static void an_entry_comes_back_whole(void **state)
{
	struct bench *b = *state;
	const struct suppression e = { STR("s c\xff"), STR("\0'@x\n"), STR(""), STR("bounce \xc3\xa4"), 1700000000,
				       4000000000 };
	struct suppression found;
	suppress(b, e);
	assert_int_equal(store_find_suppression(b->store, e.scope, e.address, b->arena, &found), STORE_OK);
	assert_true(str_eq(found.scope, e.scope) && str_eq(found.address, e.address));
	assert_true(str_eq(found.reason, e.reason) && str_eq(found.source, e.source));
	assert_int_equal(found.created_unix_s, e.created_unix_s);
	assert_int_equal(found.expires_unix_s, e.expires_unix_s);
}

static void the_same_address_again_replaces(void **state)
{
	struct bench *b = *state;
	struct suppression e = entry("news", "a@example.org", "first");
	e.expires_unix_s = 4000000000;
	suppress(b, e);
	suppress(b, entry("news", "a@example.org", "second"));
	struct suppression found;
	assert_int_equal(store_find_suppression(b->store, e.scope, e.address, b->arena, &found), STORE_OK);
	assert_str(found.reason, "second");
	assert_int_equal(found.expires_unix_s, 0);
}

static void what_is_removed_is_not_found(void **state)
{
	struct bench *b = *state;
	suppress(b, entry("", "a@example.org", "x"));
	suppress(b, entry("news", "a@example.org", "y"));
	assert_int_equal(store_unsuppress(b->store, STR("billing"), STR("a@example.org")), STORE_NOT_FOUND);
	assert_int_equal(store_unsuppress(b->store, STR("news"), STR("a@example.org")), STORE_OK);
	assert_int_equal(store_unsuppress(b->store, STR("news"), STR("a@example.org")), STORE_NOT_FOUND);
	assert_str(reason_of(b, "news", "a@example.org"), "x");
	assert_int_equal(store_unsuppress(b->store, STR_EMPTY, STR("a@example.org")), STORE_OK);
	assert_str(reason_of(b, "news", "a@example.org"), "-");
}

struct listing {
	struct arena *arena;
	struct str text;
	size_t count, stop_at;
	bool is_in_order;
	struct str last;
};

static bool list_one(void *context, const struct suppression *e)
{
	struct listing *l = context;
	l->is_in_order = (l->count == 0 || l->is_in_order) && str_cmp(l->last, e->address) < 0;
	l->last = str_dup(l->arena, e->address);
	if (l->count < 10)
		l->text = str_printf(l->arena, "%.*s%.*s/%.*s=%.*s ", STR_ARG(l->text), STR_ARG(e->scope),
				     STR_ARG(e->address), STR_ARG(e->reason));
	return ++l->count != l->stop_at;
}

static struct listing list(struct bench *b, const struct str *scope, size_t stop_at)
{
	struct listing l = { .arena = b->arena, .stop_at = stop_at };
	assert_int_equal(store_each_suppression(b->store, scope, list_one, &l), STORE_OK);
	return l;
}

static void entries_are_listed_by_scope_and_address(void **state)
{
	struct bench *b = *state;
	assert_str(list(b, NULL, 0).text, "");
	const struct suppression many[] = { entry("news", "b@x", "1"), entry("", "c@x", "2"), entry("news2", "a@x", "3"),
					    entry("news", "a@x", "4"), entry("", "", "5"), entry("", "a@x", "6") };
	assert_int_equal(store_suppress(b->store, many, 6), STORE_OK);
	assert_int_equal(store_suppress(b->store, many, 0), STORE_OK);
	assert_str(list(b, NULL, 0).text, "/=5 /a@x=6 /c@x=2 news/a@x=4 news/b@x=1 news2/a@x=3 ");
	assert_str(list(b, &STR("news"), 0).text, "news/a@x=4 news/b@x=1 ");
	assert_str(list(b, &STR(""), 0).text, "/=5 /a@x=6 /c@x=2 ");
	assert_str(list(b, &STR("none"), 0).text, "");
	assert_str(list(b, NULL, 2).text, "/=5 /a@x=6 ");
}

static void many_entries_are_kept_and_listed(void **state)
{
	struct bench *b = *state;
	enum { MANY = 3000 };
	struct suppression *all = arena_array(b->arena, MANY, sizeof(*all));
	for (int i = 0; i < MANY; i++)
		all[i] = entry("news", str_printf(b->arena, "%05d@example.org", (i * 7) % MANY).p, "x");
	assert_int_equal(store_suppress(b->store, all, MANY), STORE_OK);
	struct listing l = list(b, &STR("news"), 0);
	assert_int_equal(l.count, MANY);
	assert_true(l.is_in_order);
	assert_int_equal(list(b, NULL, 2500).count, 2500);
	assert_int_equal(store_expire(b->store, 0), STORE_OK);
	assert_int_equal(list(b, NULL, 0).count, MANY);
}

/* ---- refusals given for good ----------------------------------------------------------------------------- */

static struct refusal refusal(const char *key, const char *id)
{
	return (struct refusal){ .key = str_of(key), .id = str_of(id), .enhanced = STR("5.1.1"),
				 .text = STR("No such user"), .source = STR("here"), .code = 550,
				 .unix_s = clock_unix_s(), .expires_unix_s = clock_unix_s() + 1000 };
}

static void remember(struct bench *b, struct refusal r)
{
	store_remember_refusal(b->store, &r);
	assert_int_equal(store_flush(b->store), STORE_OK);
}

/* The id and the number of the repeat, or "-". */
static struct str refused(struct bench *b, const char *key)
{
	struct refusal found;
	enum store_status status = store_find_refusal(b->store, str_of(key), b->arena, &found);
	assert_int_equal(store_flush(b->store), STORE_OK);
	if (status != STORE_OK)
		return status == STORE_NOT_FOUND ? STR("-") : STR("unavailable");
	return str_printf(b->arena, "%.*s %d", STR_ARG(found.id), (int)found.repeats);
}

static void a_refusal_comes_back_whole(void **state)
{
	struct bench *b = *state;
	struct refusal found, r = refusal("\xff key", "id1");
	r.text = STR("a\0b\n");
	remember(b, r);
	assert_int_equal(store_find_refusal(b->store, r.key, b->arena, &found), STORE_OK);
	assert_str(found.key, "\xff key");
	assert_str(found.id, "id1");
	assert_str(found.enhanced, "5.1.1");
	assert_true(str_eq(found.text, r.text));
	assert_str(found.source, "here");
	assert_int_equal(found.code, 550);
	assert_int_equal(found.unix_s, r.unix_s);
	assert_int_equal(found.expires_unix_s, r.expires_unix_s);
	assert_int_equal(found.repeats, 1);
	assert_str(refused(b, "another key"), "-");
}

static void repeats_are_counted_and_the_first_refusal_stays(void **state)
{
	struct bench *b = *state;
	remember(b, refusal("k", "id1"));
	assert_str(refused(b, "k"), "id1 1");
	assert_str(refused(b, "k"), "id1 2");
	remember(b, refusal("k", "id2"));
	assert_str(refused(b, "k"), "id1 3");
	remember(b, refusal("k2", "id3"));
	assert_str(refused(b, "k2"), "id3 1");
}

struct seen {
	struct bench *b;
	size_t count;
	int64_t repeats;
	bool wants_more;
};

static bool see(void *context, const struct refusal *r)
{
	struct seen *seen = context;
	assert_true(str_starts(r->key, STR("k")) && str_starts(r->id, STR("id")));
	assert_str(r->text, "No such user");
	assert_int_equal(r->code, 550);
	assert_true(r->expires_unix_s > r->unix_s);
	seen->repeats += r->repeats;
	seen->count++;
	return seen->wants_more;
}

static void refusals_are_listed_and_forgotten(void **state)
{
	struct bench *b = *state;
	struct seen seen = { .b = b, .wants_more = true }, one = { .b = b };
	for (int i = 0; i < 700; i++) {
		struct refusal r = refusal(str_printf(b->arena, "k%d", i).p, str_printf(b->arena, "id%d", i / 2).p);
		store_remember_refusal(b->store, &r);
	}
	suppress(b, entry("", "a@x", "no refusal"));
	assert_int_equal(store_flush(b->store), STORE_OK);
	assert_str(refused(b, "k77"), "id38 1");
	assert_int_equal(store_each_refusal(b->store, see, &seen), STORE_OK);
	assert_int_equal(seen.count, 700);
	assert_int_equal(seen.repeats, 1);
	assert_int_equal(store_each_refusal(b->store, see, &one), STORE_OK);
	assert_int_equal(one.count, 1);
	assert_int_equal(store_forget_refusal(b->store, STR("k77")), STORE_OK);
	assert_int_equal(store_forget_refusal(b->store, STR("k77")), STORE_NOT_FOUND);
	assert_str(refused(b, "k77"), "-");
	assert_str(refused(b, "k76"), "id38 1");
	/* It may be refused anew. */
	remember(b, refusal("k77", "id9"));
	assert_str(refused(b, "k77"), "id9 1");
}

/* ---- time ------------------------------------------------------------------------------------------------ */

static void what_has_an_end_ends(void **state)
{
	struct bench *b = *state;
	int64_t now_s = clock_unix_s();
	struct suppression over = entry("", "over@x", "x"), soon = entry("news", "soon@x", "y");
	struct refusal refused_over = refusal("over", "id1"), refused_soon = refusal("soon", "id2");
	over.expires_unix_s = refused_over.expires_unix_s = now_s;
	soon.expires_unix_s = refused_soon.expires_unix_s = now_s + 2;
	suppress(b, over);
	suppress(b, soon);
	suppress(b, entry("", "soon@x", "for ever"));
	remember(b, refused_over);
	remember(b, refused_soon);
	assert_str(reason_of(b, "", "over@x"), "-");
	assert_str(reason_of(b, "news", "soon@x"), "y");
	assert_str(list(b, NULL, 0).text, "/soon@x=for ever news/soon@x=y ");
	assert_str(refused(b, "over"), "-");
	assert_str(refused(b, "soon"), "id2 1");
	while (clock_unix_s() <= now_s + 2)
		usleep(50 * 1000);
	assert_str(reason_of(b, "news", "soon@x"), "for ever");
	assert_str(list(b, NULL, 0).text, "/soon@x=for ever ");
	assert_str(refused(b, "soon"), "-");
	/* Another refusal may take the place. */
	remember(b, refusal("soon", "id3"));
	assert_str(refused(b, "soon"), "id3 1");
	assert_int_equal(store_expire(b->store, 0), STORE_OK);
	assert_str(list(b, NULL, 0).text, "/soon@x=for ever ");
	assert_str(refused(b, "soon"), "id3 2");
}

int main(void)
{
#define ON(setup, name) { #name " (" #setup ")", name, setup, teardown, NULL }
#define EACH(name) ON(setup_memory, name), ON(setup_sqlite, name), ON(setup_redis, name)
	const struct CMUnitTest tests[] = {
		EACH(a_record_is_found_by_both_ids),
		EACH(a_queue_id_that_was_used_again_gives_the_newest),
		EACH(a_decision_id_goes_before_a_queue_id),
		EACH(the_same_id_again_replaces),
		EACH(any_bytes_come_back),
		EACH(old_records_are_forgotten),
		EACH(records_are_listed_in_order_of_time),
		EACH(records_are_followed_in_the_order_of_their_arrival),
		EACH(many_threads_lose_nothing),
		EACH(a_bucket_gives_its_capacity_and_no_more),
		EACH(a_bucket_fills_evenly),
		EACH(all_buckets_give_or_none),
		EACH(what_is_given_back_can_be_taken_again),
		EACH(more_than_the_capacity_is_never_given),
		EACH(a_bucket_outlives_a_change_of_its_limit),
		EACH(keys_of_buckets_are_any_bytes),
		EACH(large_and_slow_buckets_are_exact),
		EACH(threads_together_get_the_capacity),
		EACH(the_entry_of_the_scope_goes_before_the_global_one),
		EACH(an_entry_comes_back_whole),
		EACH(the_same_address_again_replaces),
		EACH(what_is_removed_is_not_found),
		EACH(entries_are_listed_by_scope_and_address),
		EACH(many_entries_are_kept_and_listed),
		EACH(a_refusal_comes_back_whole),
		EACH(repeats_are_counted_and_the_first_refusal_stays),
		EACH(refusals_are_listed_and_forgotten),
		EACH(what_has_an_end_ends),
	};
	return RUN_TESTS(tests);
}

/* What every store promises, whatever is behind it. */
#include "bench.h"

#include <pthread.h>
#include <stdio.h>

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
	assert_int_equal(store_lost_records(b->store), 0);
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
	assert_int_equal(store_expire_records(b->store, 1600), STORE_OK);
	assert_found(b, b->store, "id1599", NULL);
	assert_found(b, b->store, "id0", NULL);
	assert_found(b, b->store, "id1600", "x");
	assert_found(b, b->store, "id1699", "x");
	assert_int_equal(store_expire_records(b->store, 0), STORE_OK);
	assert_found(b, b->store, "id1600", "x");
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
			store_expire_records(w->bench->store, 500);
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
	assert_int_equal(store_lost_records(b->store), 0);
	for (int t = 0; t < THREADS; t++)
		for (int i = 0; i < PER_THREAD; i++) {
			snprintf(id, sizeof(id), "t%d-%d", t, i);
			assert_found(b, b->store, id, id);
		}
}

int main(void)
{
#define ON(setup, name) { #name " (" #setup ")", name, setup, teardown, NULL }
#define EACH(name) ON(setup_memory, name), ON(setup_sqlite, name)
	const struct CMUnitTest tests[] = {
		EACH(a_record_is_found_by_both_ids),
		EACH(a_queue_id_that_was_used_again_gives_the_newest),
		EACH(a_decision_id_goes_before_a_queue_id),
		EACH(the_same_id_again_replaces),
		EACH(any_bytes_come_back),
		EACH(old_records_are_forgotten),
		EACH(many_threads_lose_nothing),
	};
	return RUN_TESTS(tests);
}

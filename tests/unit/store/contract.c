/* What every store promises, whatever is behind it, and then what the file promises. */
#include "../test.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/diag.h"
#include "log/log.h"
#include "store/store.h"

struct bench {
	struct arena *arena;
	struct diags *diags;
	char folder[64];
	struct str path, url;
	struct store *store;
};

static struct bench *bench_new(const char *scheme)
{
	struct bench *b = calloc(1, sizeof(*b));
	b->arena = arena_new();
	b->diags = diags_new();
	strcpy(b->folder, "/tmp/gatepost-store-XXXXXX");
	assert_non_null(mkdtemp(b->folder));
	b->path = str_printf(b->arena, "%s/records.db", b->folder);
	b->url = strcmp(scheme, "sqlite") == 0 ? str_printf(b->arena, "sqlite:%.*s", STR_ARG(b->path)) : STR("memory:");
	return b;
}

static int setup_memory(void **state)
{
	struct bench *b = bench_new("memory");
	b->store = store_open(b->url, NULL, b->diags);
	*state = b;
	return b->store == NULL;
}

/* Nothing open yet. */
static int setup_file(void **state)
{
	*state = bench_new("sqlite");
	return 0;
}

static int setup_sqlite(void **state)
{
	setup_file(state);
	struct bench *b = *state;
	b->store = store_open(b->url, NULL, b->diags);
	return b->store == NULL;
}

static int teardown(void **state)
{
	struct bench *b = *state;
	store_close(b->store);
	DIR *d = opendir(b->folder);
	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
		if (e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
	rmdir(b->folder);
	diags_free(b->diags);
	arena_free(b->arena);
	free(b);
	return 0;
}

static void assert_found(struct bench *b, struct store *store, const char *key, const char *expected)
{
	struct str json = STR("untouched");
	enum store_status status = store_find_record(store, str_of(key), b->arena, &json);
	if (status != (expected == NULL ? STORE_NOT_FOUND : STORE_OK))
		fail_msg("\"%s\" gives status %d", key, status);
	assert_str(json, expected == NULL ? "untouched" : expected);
}

/* ---- every backend -------------------------------------------------------------------------------------- */

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

/* ---- the file ------------------------------------------------------------------------------------------- */

static void assert_diag(struct bench *b, const char *part)
{
	bool is_there = false;
	for (size_t i = 0; i < diags_count(b->diags); i++)
		is_there = is_there || strstr(diag_line(b->diags, diags_at(b->diags, i)), part) != NULL;
	if (!is_there)
		fail_msg("no diagnostic says \"%s\": %s", part,
			 diags_count(b->diags) > 0 ? diag_line(b->diags, diags_at(b->diags, 0)) : "none at all");
}

static void assert_refused(struct bench *b, const char *url, const char *part)
{
	assert_null(store_open(str_of(url), NULL, b->diags));
	assert_diag(b, part);
}

static void write_file(struct bench *b, const char *content, size_t size)
{
	FILE *f = fopen(str_to_c(b->arena, b->path), "w");
	assert_non_null(f);
	assert_int_equal(fwrite(content, 1, size, f), size);
	assert_int_equal(fclose(f), 0);
}

/* As another program would. */
static sqlite3 *foreign_connection(struct bench *b, const char *sql)
{
	sqlite3 *db = NULL;
	assert_int_equal(sqlite3_open(str_to_c(b->arena, b->path), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	return db;
}

static void records_outlive_the_store(void **state)
{
	struct bench *b = *state;
	store_put_record(b->store, STR("id1"), 1000, STR("Q1"), STR("one"));
	store_close(b->store); /* writes what is queued */
	b->store = store_open(b->url, NULL, b->diags);
	assert_non_null(b->store);
	assert_found(b, b->store, "id1", "one");
	assert_found(b, b->store, "Q1", "one");
}

static void a_reader_sees_what_the_daemon_writes(void **state)
{
	struct bench *b = *state;
	struct store *reader = store_open_reader(b->url, b->diags);
	assert_non_null(reader);
	assert_found(b, reader, "id1", NULL);
	store_put_record(b->store, STR("id1"), 1000, STR("Q1"), STR("one"));
	store_flush(b->store);
	assert_found(b, reader, "id1", "one");
	store_close(reader);
}

static void a_reader_needs_no_daemon(void **state)
{
	struct bench *b = *state;
	store_put_record(b->store, STR("id1"), 1000, STR("Q1"), STR("one"));
	store_close(b->store);
	b->store = store_open_reader(b->url, b->diags);
	assert_non_null(b->store);
	assert_found(b, b->store, "Q1", "one");
}

static void the_file_is_not_for_everybody(void **state)
{
	struct bench *b = *state;
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	store_put_record(b->store, STR("id1"), 1000, STR("Q1"), STR("one"));
	store_flush(b->store);
	for (size_t i = 0; i < 3; i++) {
		struct stat st;
		struct str path = str_printf(b->arena, "%.*s%s", STR_ARG(b->path), suffixes[i]);
		assert_int_equal(stat(path.p, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0640);
	}
}

static void what_cannot_be_opened_says_what_to_type(void **state)
{
	struct bench *b = *state;
	struct str below = str_printf(b->arena, "sqlite:%s/no/such/records.db", b->folder);
	assert_refused(b, below.p, "install -d -o gatepost -g gatepost -m 0750");
	assert_refused(b, "sqlite:", "needs a path");
	assert_refused(b, "mysql:x", "use \"sqlite:PATH\" or \"memory:\"");
	assert_refused(b, "", "use \"sqlite:PATH\" or \"memory:\"");
	assert_refused(b, "memory:x", "nothing may follow");
	assert_null(store_open_reader(STR("memory:"), b->diags));
	assert_diag(b, "inside the daemon only");
	assert_null(store_open_reader(b->url, b->diags));
	assert_diag(b, "No such file");
}

/* In a child, since nothing is forbidden to root: 0 if opening was refused with this text. */
static int refused_to_nobody(struct bench *b, struct str url, const char *part)
{
	int status;
	pid_t child = fork();
	if (child == 0) {
		bool is_nobody = geteuid() != 0 || setuid(65534) == 0;
		bool is_refused = is_nobody && store_open(url, NULL, b->diags) == NULL && diags_count(b->diags) == 1;
		_exit(is_refused && strstr(diag_line(b->diags, diags_at(b->diags, 0)), part) != NULL ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void missing_rights_say_what_to_type(void **state)
{
	struct bench *b = *state;
	assert_int_equal(chmod(b->folder, 0555), 0);
	assert_int_equal(refused_to_nobody(b, b->url, "may not write into the folder. Type: chown gatepost"), 0);
	assert_int_equal(chmod(b->folder, 0755), 0);
	store_close(store_open(b->url, NULL, b->diags));
	assert_int_equal(chmod(str_to_c(b->arena, b->path), 0444), 0);
	assert_int_equal(refused_to_nobody(b, b->url, "Type: chown gatepost:gatepost"), 0);
}

static void a_damaged_file_is_not_touched(void **state)
{
	struct bench *b = *state;
	static const char junk[8192] = "this is no database, and it is long enough to look like a page of one";
	write_file(b, junk, sizeof(junk));
	assert_refused(b, str_to_c(b->arena, b->url), ".damaged");
	struct stat st;
	assert_int_equal(stat(str_to_c(b->arena, b->path), &st), 0);
	assert_int_equal(st.st_size, sizeof(junk));
}

static void foreign_and_newer_files_are_refused(void **state)
{
	struct bench *b = *state;
	sqlite3_close(foreign_connection(b, "CREATE TABLE theirs (x)"));
	assert_refused(b, str_to_c(b->arena, b->url), "of another program");
	assert_null(store_open_reader(b->url, b->diags));
	unlink(str_to_c(b->arena, b->path));
	store_close(store_open(b->url, NULL, b->diags));
	sqlite3_close(foreign_connection(b, "PRAGMA user_version = 99"));
	assert_refused(b, str_to_c(b->arena, b->url), "newer Gatepost");
}

/* Somebody holds the write lock: putting does not wait, and what was put is written when the lock is gone. */
static void a_locked_file_delays_but_loses_nothing(void **state)
{
	struct bench *b = *state;
	sqlite3 *other = foreign_connection(b, "BEGIN IMMEDIATE");
	store_put_record(b->store, STR("id1"), 1000, STR("Q1"), STR("one"));
	assert_found(b, b->store, "id1", NULL);
	sqlite3_close(other);
	assert_int_equal(store_flush(b->store), STORE_OK);
	assert_found(b, b->store, "id1", "one");
	assert_int_equal(store_lost_records(b->store), 0);
}

/* The table is gone under the store's feet: a failure that lasts. */
static void failing_writes_are_a_status_and_then_a_count(void **state)
{
	struct bench *b = *state;
	sqlite3 *other = foreign_connection(b, "ALTER TABLE records RENAME TO hidden");
	for (int i = 0; i < 3; i++)
		store_put_record(b->store, STR("id"), 1000, STR("Q"), STR("x"));
	assert_int_equal(store_flush(b->store), STORE_UNAVAILABLE);
	assert_int_equal(store_flush(b->store), STORE_UNAVAILABLE);
	assert_int_equal(store_expire_records(b->store, 1), STORE_UNAVAILABLE);
	struct str json;
	assert_int_equal(store_find_record(b->store, STR("id"), b->arena, &json), STORE_UNAVAILABLE);
	assert_int_equal(store_lost_records(b->store), 0);
	/* It comes back, and so do the records. */
	assert_int_equal(sqlite3_exec(other, "ALTER TABLE hidden RENAME TO records", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
	assert_int_equal(store_flush(b->store), STORE_OK);
	assert_found(b, b->store, "id", "x");
}

static size_t count_in_file(const char *path, const char *part)
{
	char line[1024];
	size_t count = 0;
	FILE *f = fopen(path, "r");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		count += strstr(line, part) != NULL;
	fclose(f);
	return count;
}

/* However often it is tried again. */
static void trouble_is_logged_once(void **state)
{
	struct bench *b = *state;
	struct str path = str_printf(b->arena, "%s/log", b->folder);
	struct str target = str_printf(b->arena, "file:%.*s", STR_ARG(path));
	const struct log_settings settings = { .target = target.p, .level = LEVEL_INFO };
	struct log *log = log_open(&settings, b->diags);
	b->store = store_open(b->url, log, b->diags);
	sqlite3 *other = foreign_connection(b, "ALTER TABLE records RENAME TO hidden");
	store_put_record(b->store, STR("id1"), 1000, STR("Q"), STR("x"));
	for (int i = 0; i < 3; i++)
		assert_int_equal(store_flush(b->store), STORE_UNAVAILABLE);
	assert_int_equal(count_in_file(path.p, "error: store: records cannot be written"), 1);
	sqlite3_exec(other, "ALTER TABLE hidden RENAME TO records", NULL, NULL, NULL);
	assert_int_equal(store_flush(b->store), STORE_OK);
	/* With the trouble still there at the end the rest is given up, and that is said. */
	sqlite3_exec(other, "ALTER TABLE records RENAME TO hidden", NULL, NULL, NULL);
	sqlite3_close(other);
	store_put_record(b->store, STR("id2"), 1000, STR("Q"), STR("x"));
	store_put_record(b->store, STR("id3"), 1000, STR("Q"), STR("x"));
	store_close(b->store);
	b->store = NULL;
	log_close(log);
	assert_int_equal(count_in_file(path.p, "info: store: records are written again"), 1);
	assert_in_range(count_in_file(path.p, "records are lost"), 1, 2);
}

static void a_full_queue_drops_and_counts(void **state)
{
	struct bench *b = *state;
	enum { MANY = 45000 }; /* more than the batch in the writer's hands and the queue hold together */
	char id[32];
	sqlite3 *other = foreign_connection(b, "ALTER TABLE records RENAME TO hidden");
	for (int i = 0; i < MANY; i++) {
		snprintf(id, sizeof(id), "id%d", i);
		store_put_record(b->store, str_of(id), i, STR_EMPTY, STR("x"));
	}
	uint64_t lost = store_lost_records(b->store);
	assert_in_range(lost, MANY - 2 * 20000, MANY - 20000);
	assert_int_equal(sqlite3_exec(other, "ALTER TABLE hidden RENAME TO records", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
	assert_int_equal(store_flush(b->store), STORE_OK);
	assert_found(b, b->store, "id0", "x");
	assert_int_equal(store_lost_records(b->store), lost);
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
		ON(setup_sqlite, records_outlive_the_store),
		ON(setup_sqlite, a_reader_sees_what_the_daemon_writes),
		ON(setup_sqlite, a_reader_needs_no_daemon),
		ON(setup_sqlite, the_file_is_not_for_everybody),
		ON(setup_file, what_cannot_be_opened_says_what_to_type),
		ON(setup_file, missing_rights_say_what_to_type),
		ON(setup_file, a_damaged_file_is_not_touched),
		ON(setup_file, foreign_and_newer_files_are_refused),
		ON(setup_sqlite, a_locked_file_delays_but_loses_nothing),
		ON(setup_sqlite, failing_writes_are_a_status_and_then_a_count),
		ON(setup_file, trouble_is_logged_once),
		ON(setup_sqlite, a_full_queue_drops_and_counts),
	};
	return RUN_TESTS(tests);
}

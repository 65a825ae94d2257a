/* What the file promises beyond the contract of every store. */
#include "bench.h"

#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "log/log.h"

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
#define T(setup, name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(setup_sqlite, records_outlive_the_store),
		T(setup_sqlite, a_reader_sees_what_the_daemon_writes),
		T(setup_sqlite, a_reader_needs_no_daemon),
		T(setup_sqlite, the_file_is_not_for_everybody),
		T(setup_file, what_cannot_be_opened_says_what_to_type),
		T(setup_file, missing_rights_say_what_to_type),
		T(setup_file, a_damaged_file_is_not_touched),
		T(setup_file, foreign_and_newer_files_are_refused),
		T(setup_sqlite, a_locked_file_delays_but_loses_nothing),
		T(setup_sqlite, failing_writes_are_a_status_and_then_a_count),
		T(setup_file, trouble_is_logged_once),
		T(setup_sqlite, a_full_queue_drops_and_counts),
	};
	return RUN_TESTS(tests);
}

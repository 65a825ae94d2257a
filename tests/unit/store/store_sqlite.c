/* What the file promises beyond the contract of every store. */
#include "bench.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "log/log.h"
#include "store/buckets.h"

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
	sqlite3_busy_timeout(db, 20000); /* the writer may be at it */
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	return db;
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
	assert_refused(b, "mysql:x", "use \"sqlite:PATH\", \"redis:PATH\"");
	assert_refused(b, "", "use \"sqlite:PATH\", \"redis:PATH\"");
	assert_refused(b, "memory:x", "nothing may follow");
	assert_null(store_open_reader(STR("memory:"), b->diags));
	assert_diag(b, "inside the daemon only");
	assert_null(store_open_reader(b->url, b->diags));
	assert_diag(b, "no state yet");
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

static void make_junk(struct bench *b)
{
	static const char junk[8192] = "this is no database, and it is long enough to look like a page of one";
	write_file(b, junk, sizeof(junk));
}

/* As the diagnostic says. */
static void set_aside(struct bench *b)
{
	struct str command = str_printf(b->arena, "for s in '' -wal -shm; do mv %.*s$s %.*s.damaged$s; done 2>/dev/null; true",
					STR_ARG(b->path), STR_ARG(b->path));
	assert_int_equal(system(command.p), 0);
}

static void flush_within(struct store *store, int seconds)
{
	int64_t end_ms = clock_mono_ms() + seconds * 1000;
	while (store_flush(store) != STORE_OK) {
		assert_true(clock_mono_ms() < end_ms);
		usleep(20000);
	}
}

static void a_damaged_file_is_not_touched_and_mail_goes_on(void **state)
{
	struct bench *b = *state;
	struct str json;
	struct suppression found;
	make_junk(b);
	assert_null(store_open_editor(b->url, b->diags));
	assert_int_equal(diags_errors(b->diags), 1);
	b->store = store_open(b->url, NULL, b->diags);
	assert_non_null(b->store);
	assert_int_equal(diags_errors(b->diags), 1);
	assert_diag(b, ".damaged");
	assert_diag(b, "mail goes on without it");
	store_put_record(b->store, STR("id1"), 1000, STR("Q1"), STR("one"));
	assert_int_equal(store_find_record(b->store, STR("id1"), b->arena, &json), STORE_UNAVAILABLE);
	assert_int_equal(store_find_suppression(b->store, STR("s"), STR("a"), b->arena, &found), STORE_UNAVAILABLE);
	assert_int_equal(store_expire(b->store, 1), STORE_UNAVAILABLE);
	assert_int_equal(store_flush(b->store), STORE_UNAVAILABLE);
	assert_true(store_is_failing(b->store));
	struct stat st;
	assert_int_equal(stat(str_to_c(b->arena, b->path), &st), 0);
	assert_int_equal(st.st_size, 8192);
	/* The administrator sets it aside: no restart is needed, and what was kept is written. */
	set_aside(b);
	flush_within(b->store, 10);
	assert_false(store_is_failing(b->store));
	usleep(600000); /* the reader has rested */
	assert_found(b, b->store, "id1", "one");
	assert_int_equal(store_lost_writes(b->store), 0);
}

/* Rubbish over the file while it is in use. */
static void damage_while_running_is_mended_by_setting_the_file_aside(void **state)
{
	struct bench *b = *state;
	struct str log_path = str_printf(b->arena, "%s/log", b->folder), json;
	struct str target = str_printf(b->arena, "file:%.*s", STR_ARG(log_path));
	const struct log_settings settings = { .target = target.p, .level = LEVEL_INFO };
	struct log *log = log_open(&settings, b->diags);
	b->store = store_open(b->url, log, b->diags);
	for (int i = 0; i < 2000; i++) { /* more than SQLite keeps in memory */
		struct str id = str_printf(b->arena, "old%d", i);
		store_put_record(b->store, id, i, STR_EMPTY, str_printf(b->arena, "%0*d", 3000, i));
	}
	assert_int_equal(store_flush(b->store), STORE_OK);
	for (const char *const *suffix = (const char *const[]){ "", "-wal", NULL }; *suffix != NULL; suffix++) {
		struct str path = str_printf(b->arena, "%.*s%s", STR_ARG(b->path), *suffix);
		FILE *f = fopen(path.p, "r+");
		assert_non_null(f);
		for (int i = 0; i < 8 << 20; i++)
			fputc(0x5a, f);
		fclose(f);
	}
	assert_int_equal(store_find_record(b->store, STR("old7"), b->arena, &json), STORE_UNAVAILABLE);
	assert_int_equal(count_in_file(log_path.p, "error: store: cannot be read: "), 1);
	assert_int_equal(count_in_file(log_path.p, ".damaged$s; done"), 1);
	assert_int_equal(store_expire(b->store, 10000), STORE_UNAVAILABLE);
	set_aside(b);
	usleep(600000); /* it has rested */
	store_put_record(b->store, STR("new"), 1, STR_EMPTY, STR("new"));
	flush_within(b->store, 10);
	assert_found(b, b->store, "new", "new");
	assert_int_equal(count_in_file(log_path.p, "store: is read again"), 1);
	store_close(b->store);
	b->store = NULL;
	log_close(log);
}

static void rename_file(struct bench *b, const char *from, const char *to)
{
	struct str old = str_printf(b->arena, "%.*s%s", STR_ARG(b->path), from);
	struct str new = str_printf(b->arena, "%.*s%s", STR_ARG(b->path), to);
	assert_int_equal(rename(old.p, new.p), 0);
}

static void put_one(struct bench *b, const char *id)
{
	store_put_record(b->store, str_of(id), 1000, STR_EMPTY, str_of(id));
}

static void assert_whole(struct bench *b, const char *suffix, const char *id)
{
	struct str url = str_printf(b->arena, "%.*s%s", STR_ARG(b->url), suffix);
	struct store *reader = store_open_reader(url, b->diags);
	assert_non_null(reader);
	assert_found(b, reader, id, id);
	store_close(reader);
}

/* Each file is left whole, and is used again where it is put back. */
static void a_file_that_is_moved_away_is_noticed(void **state)
{
	struct bench *b = *state;
	struct str log_path = str_printf(b->arena, "%s/log", b->folder);
	struct str target = str_printf(b->arena, "file:%.*s", STR_ARG(log_path));
	struct log *log = log_open(&(struct log_settings){ .target = target.p, .level = LEVEL_INFO }, b->diags);
	b->store = store_open(b->url, log, b->diags);
	put_one(b, "one");
	assert_int_equal(store_flush(b->store), STORE_OK);
	rename_file(b, "", ".away");
	put_one(b, "two");
	flush_within(b->store, 10);
	assert_int_equal(count_in_file(log_path.p, "was moved away or replaced"), 1);
	assert_int_equal(count_in_file(log_path.p, "records are written again"), 1);
	assert_found(b, b->store, "two", "two");
	assert_found(b, b->store, "one", NULL);
	assert_whole(b, ".away", "one");
	assert_whole(b, "", "two");
	rename_file(b, "", ".second");
	rename_file(b, "-wal", ".second-wal");
	rename_file(b, "-shm", ".second-shm");
	rename_file(b, ".away", "");
	put_one(b, "three");
	flush_within(b->store, 10);
	assert_found(b, b->store, "one", "one");
	assert_found(b, b->store, "three", "three");
	assert_whole(b, ".second", "two");
	assert_int_equal(store_lost_writes(b->store), 0);
	store_close(b->store);
	b->store = NULL;
	log_close(log);
}

static void a_folder_that_is_gone_is_waited_for(void **state)
{
	struct bench *b = *state;
	struct str folder = str_printf(b->arena, "%s/state", b->folder);
	struct str away = str_printf(b->arena, "%s/away", b->folder);
	assert_int_equal(mkdir(folder.p, 0700), 0);
	b->store = store_open(str_printf(b->arena, "sqlite:%.*s/records.db", STR_ARG(folder)), NULL, b->diags);
	assert_non_null(b->store);
	put_one(b, "one");
	assert_int_equal(store_flush(b->store), STORE_OK);
	assert_int_equal(rename(folder.p, away.p), 0);
	put_one(b, "two");
	for (int i = 0; i < 3; i++)
		assert_int_equal(store_flush(b->store), STORE_UNAVAILABLE);
	assert_int_equal(mkdir(folder.p, 0700), 0);
	flush_within(b->store, 10);
	usleep(600000); /* the reader has rested */
	assert_found(b, b->store, "two", "two");
	assert_int_equal(store_lost_writes(b->store), 0);
	store_close(b->store);
	b->store = NULL;
	assert_int_equal(system(str_printf(b->arena, "rm -r %s %s", folder.p, away.p).p), 0);
}

/* Another program keeps everybody out: a call now and then waits for it a moment, all others are answered at once. */
static void an_exclusive_lock_costs_mail_little_time(void **state)
{
	struct bench *b = *state;
	struct suppression found;
	sqlite3 *other = foreign_connection(b, "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; CREATE TABLE t (x)");
	b->store = store_open(b->url, NULL, b->diags);
	assert_non_null(b->store);
	assert_diag(b, "database is locked");
	int64_t began_ms = clock_mono_ms();
	store_put_record(b->store, STR("id1"), 1000, STR("Q1"), STR("one"));
	for (int i = 0; i < 100; i++)
		assert_int_equal(store_find_suppression(b->store, STR("s"), STR("a"), b->arena, &found), STORE_UNAVAILABLE);
	assert_in_range(clock_mono_ms() - began_ms, 0, 3 * STORE_WAIT_MAX_MS);
	assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
	flush_within(b->store, 15);
	usleep(600000);
	assert_found(b, b->store, "id1", "one");
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
	assert_int_equal(store_lost_writes(b->store), 0);
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
	assert_int_equal(store_expire(b->store, 1), STORE_UNAVAILABLE);
	struct str json;
	assert_int_equal(store_find_record(b->store, STR("id"), b->arena, &json), STORE_UNAVAILABLE);
	assert_int_equal(store_lost_writes(b->store), 0);
	/* It comes back, and so do the records. */
	assert_int_equal(sqlite3_exec(other, "ALTER TABLE hidden RENAME TO records", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
	assert_int_equal(store_flush(b->store), STORE_OK);
	assert_found(b, b->store, "id", "x");
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
	uint64_t lost = store_lost_writes(b->store);
	assert_in_range(lost, MANY - 2 * 20000, MANY - 20000);
	assert_int_equal(sqlite3_exec(other, "ALTER TABLE hidden RENAME TO records", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
	assert_int_equal(store_flush(b->store), STORE_OK);
	assert_found(b, b->store, "id0", "x");
	assert_int_equal(store_lost_writes(b->store), lost);
}

/* ---- buckets, suppressions, refusals --------------------------------------------------------------------- */

static const struct store_bucket hourly = { { "messages", 8 }, 5, 3600000 };

/* How many of five it gives. */
static int drain(struct store *store)
{
	int taken = 0;
	int64_t one = 1, wait_ms = 0;
	size_t which;
	while (store_take(store, &hourly, 1, &one, &wait_ms, &which) == STORE_OK && wait_ms == 0)
		taken++;
	return taken;
}

static void take_n(struct store *store, int64_t amount)
{
	int64_t wait_ms;
	size_t which;
	assert_int_equal(store_take(store, &hourly, 1, &amount, &wait_ms, &which), STORE_OK);
	assert_int_equal(wait_ms, 0);
}

static void buckets_outlive_the_store(void **state)
{
	struct bench *b = *state;
	int64_t one = 1;
	take_n(b->store, 3);
	store_give_back(b->store, &hourly, 1, &one);
	store_close(b->store);
	b->store = store_open(b->url, NULL, b->diags);
	assert_int_equal(drain(b->store), 3);
	store_close(b->store);
	b->store = store_open(b->url, NULL, b->diags);
	assert_int_equal(drain(b->store), 0);
}

/* Without flush or close: what was taken is in the file a moment later. */
static void buckets_outlive_a_crash(void **state)
{
	struct bench *b = *state;
	int status;
	pid_t child = fork();
	if (child == 0) {
		b->store = store_open(b->url, NULL, b->diags);
		take_n(b->store, 4);
		usleep(1000 * 1000);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	b->store = store_open(b->url, NULL, b->diags);
	assert_int_equal(drain(b->store), 1);
}

/* One opens the file late, when the other's counts are newer than what stands there. */
static void stores_that_share_buckets_count_together(void **state)
{
	struct bench *b = *state;
	struct buckets *shared = buckets_new(BUCKETS_MAX);
	b->store = store_open_sharing(shared, b->url, NULL, b->diags);
	take_n(b->store, 1);
	assert_int_equal(store_flush(b->store), STORE_OK);
	take_n(b->store, 2);
	struct store *other = store_open_sharing(shared, b->url, NULL, b->diags);
	assert_int_equal(drain(other), 2);
	assert_int_equal(drain(b->store), 0);
	store_close(b->store);
	store_close(other);
	buckets_free(shared);
	b->store = store_open(b->url, NULL, b->diags);
	assert_int_equal(drain(b->store), 0);
}

/* While the file cannot be written counting goes on, and what was counted is written later. */
static void counting_needs_no_disk(void **state)
{
	struct bench *b = *state;
	sqlite3 *other = foreign_connection(b, "ALTER TABLE buckets RENAME TO hidden");
	take_n(b->store, 2);
	assert_int_equal(store_flush(b->store), STORE_UNAVAILABLE);
	take_n(b->store, 1);
	assert_int_equal(sqlite3_exec(other, "ALTER TABLE hidden RENAME TO buckets", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
	assert_int_equal(store_flush(b->store), STORE_OK);
	struct store *second = store_open(b->url, NULL, b->diags);
	assert_int_equal(drain(second), 2);
	store_close(second);
}

/* What `gatepost suppress` does is seen by the running daemon at once. */
static void an_editor_works_beside_the_daemon(void **state)
{
	struct bench *b = *state;
	struct suppression found, e = { .scope = STR("news"), .address = STR("a@x"), .reason = STR("r"), .source = STR("s") };
	struct store *editor = store_open_editor(b->url, b->diags);
	assert_non_null(editor);
	assert_int_equal(store_suppress(editor, &e, 1), STORE_OK);
	assert_int_equal(store_find_suppression(b->store, e.scope, e.address, b->arena, &found), STORE_OK);
	assert_int_equal(store_unsuppress(editor, e.scope, e.address), STORE_OK);
	assert_int_equal(store_find_suppression(b->store, e.scope, e.address, b->arena, &found), STORE_NOT_FOUND);
	store_close(editor);
}

static int64_t number_in_file(struct bench *b, const char *sql)
{
	sqlite3 *db = foreign_connection(b, "");
	sqlite3_stmt *s;
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	int64_t number = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	sqlite3_close(db);
	return number;
}

static void a_backup_is_whole_while_the_daemon_writes(void **state)
{
	struct bench *b = *state;
	struct stat st;
	char id[16];
	struct str copy = str_printf(b->arena, "%s/copy.db", b->folder);
	b->store = store_open(b->url, NULL, b->diags);
	for (int i = 0; i < 500; i++) {
		snprintf(id, sizeof(id), "id%d", i);
		store_put_record(b->store, str_of(id), i, STR_EMPTY, str_of(id));
		if (i % 100 == 0)
			assert_true(store_back_up(b->url, copy.p, b->diags));
	}
	take_n(b->store, 1);
	assert_int_equal(store_flush(b->store), STORE_OK);
	assert_true(store_back_up(b->url, copy.p, b->diags));
	assert_int_equal(stat(copy.p, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	store_close(b->store);
	/* It is a store like any other. */
	b->store = store_open(str_printf(b->arena, "sqlite:%.*s", STR_ARG(copy)), NULL, b->diags);
	assert_non_null(b->store);
	assert_found(b, b->store, "id0", "id0");
	assert_found(b, b->store, "id499", "id499");
	assert_int_equal(diags_count(b->diags), 0);
}

static void a_backup_that_fails_leaves_the_older_one(void **state)
{
	struct bench *b = *state;
	struct stat st;
	struct str copy = str_printf(b->arena, "%s/copy.db", b->folder);
	assert_false(store_back_up(b->url, copy.p, b->diags));
	assert_diag(b, "records.db");
	b->store = store_open(b->url, NULL, b->diags);
	assert_true(store_back_up(b->url, copy.p, b->diags));
	assert_false(store_back_up(b->url, "/nowhere/copy.db", b->diags));
	assert_diag(b, "cannot be written: No such file or directory");
	assert_int_equal(stat(copy.p, &st), 0);
	assert_false(store_back_up(STR("memory:"), copy.p, b->diags));
	assert_false(store_back_up(STR("redis:/s"), copy.p, b->diags));
	assert_diag(b, "redis-cli --rdb");
	assert_int_not_equal(stat(str_printf(b->arena, "%.*s.unfinished", STR_ARG(copy)).p, &st), 0);
}

/* As the first version made it. */
static void a_file_of_schema_1_is_brought_up_to_date(void **state)
{
	struct bench *b = *state;
	sqlite3_close(foreign_connection(
		b, "PRAGMA journal_mode = WAL; PRAGMA application_id = 1734440037; PRAGMA user_version = 1;"
		   "CREATE TABLE records (id TEXT PRIMARY KEY, unix_ms INTEGER NOT NULL, queue_id TEXT, json TEXT NOT NULL);"
		   "CREATE INDEX records_by_queue_id ON records (queue_id) WHERE queue_id IS NOT NULL;"
		   "CREATE INDEX records_by_time ON records (unix_ms);"
		   "INSERT INTO records VALUES ('id1', 1000, 'Q1', 'one');"));
	/* A reader takes it as it is, and says that it knows nothing of what came later. */
	struct suppression found;
	b->store = store_open_reader(b->url, b->diags);
	assert_found(b, b->store, "id1", "one");
	assert_int_equal(store_find_suppression(b->store, STR("s"), STR("a"), b->arena, &found), STORE_UNAVAILABLE);
	store_close(b->store);
	assert_int_equal(number_in_file(b, "PRAGMA user_version"), 1);
	b->store = store_open(b->url, NULL, b->diags);
	assert_non_null(b->store);
	assert_int_equal(diags_count(b->diags), 0);
	assert_int_equal(number_in_file(b, "PRAGMA user_version"), 2);
	assert_found(b, b->store, "Q1", "one");
	take_n(b->store, 1);
	assert_int_equal(store_find_suppression(b->store, STR("s"), STR("a"), b->arena, &found), STORE_NOT_FOUND);
	store_put_record(b->store, STR("id2"), 1, STR_EMPTY, STR("two"));
	assert_int_equal(store_flush(b->store), STORE_OK);
	assert_int_equal(number_in_file(b, "SELECT count(*) FROM buckets"), 1);
	assert_int_equal(number_in_file(b, "SELECT count(*) FROM records"), 2);
}

/* What could not be brought up to date stays as it was. */
static void a_failed_update_changes_nothing(void **state)
{
	struct bench *b = *state;
	sqlite3_close(foreign_connection(b, "PRAGMA application_id = 1734440037; PRAGMA user_version = 1;"
					    "CREATE TABLE refusals (x)"));
	assert_refused(b, str_to_c(b->arena, b->url), "cannot be opened: table refusals already exists");
	assert_int_equal(number_in_file(b, "PRAGMA user_version"), 1);
	assert_int_equal(number_in_file(b, "SELECT count(*) FROM sqlite_schema"), 1);
}

/* A file that is another program's is not even switched to another journal. */
static void a_foreign_file_is_not_touched(void **state)
{
	struct bench *b = *state;
	sqlite3_close(foreign_connection(b, "CREATE TABLE theirs (x)"));
	assert_refused(b, str_to_c(b->arena, b->url), "of another program");
	assert_int_equal(number_in_file(b, "SELECT count(*) FROM pragma_journal_mode WHERE journal_mode = 'delete'"), 1);
}

static void what_is_over_leaves_the_file(void **state)
{
	struct bench *b = *state;
	const struct suppression e = { .address = STR("a"), .expires_unix_s = 5 };
	const struct store_bucket brief = { STR("brief"), 1, 1 };
	struct refusal r = { .key = STR("k"), .unix_s = clock_unix_s(), .expires_unix_s = clock_unix_s() + 1 };
	int64_t one = 1, wait_ms;
	size_t which;
	assert_int_equal(store_suppress(b->store, &e, 1), STORE_OK);
	assert_int_equal(store_take(b->store, &brief, 1, &one, &wait_ms, &which), STORE_OK);
	take_n(b->store, 1);
	store_remember_refusal(b->store, &r);
	assert_int_equal(store_flush(b->store), STORE_OK);
	assert_int_equal(number_in_file(b, "SELECT count(*) FROM buckets"), 2);
	usleep(1100 * 1000);
	assert_int_equal(store_expire(b->store, 0), STORE_OK);
	assert_int_equal(number_in_file(b, "SELECT count(*) FROM suppressions"), 0);
	assert_int_equal(number_in_file(b, "SELECT count(*) FROM refusals"), 0);
	assert_int_equal(number_in_file(b, "SELECT count(*) FROM buckets"), 1);
}

/* A command of root's, before the daemon ever ran: the file is for the daemon. */
static void root_makes_the_file_for_the_owner_of_the_folder(void **state)
{
	struct bench *b = *state;
	struct stat st;
	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(b->folder, 12345, 12346), 0);
	b->store = store_open_editor(b->url, b->diags);
	assert_non_null(b->store);
	const struct suppression e = { .address = STR("a") };
	assert_int_equal(store_suppress(b->store, &e, 1), STORE_OK);
	for (size_t i = 0; i < 3; i++) {
		static const char *const suffixes[] = { "", "-wal", "-shm" };
		assert_int_equal(stat(str_printf(b->arena, "%.*s%s", STR_ARG(b->path), suffixes[i]).p, &st), 0);
		assert_int_equal(st.st_uid, 12345);
		assert_int_equal(st.st_gid, 12346);
	}
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
		T(setup_file, a_damaged_file_is_not_touched_and_mail_goes_on),
		T(setup_file, damage_while_running_is_mended_by_setting_the_file_aside),
		T(setup_file, a_file_that_is_moved_away_is_noticed),
		T(setup_file, a_folder_that_is_gone_is_waited_for),
		T(setup_file, an_exclusive_lock_costs_mail_little_time),
		T(setup_file, foreign_and_newer_files_are_refused),
		T(setup_sqlite, a_locked_file_delays_but_loses_nothing),
		T(setup_sqlite, failing_writes_are_a_status_and_then_a_count),
		T(setup_file, trouble_is_logged_once),
		T(setup_sqlite, a_full_queue_drops_and_counts),
		T(setup_sqlite, buckets_outlive_the_store),
		T(setup_file, buckets_outlive_a_crash),
		T(setup_file, stores_that_share_buckets_count_together),
		T(setup_sqlite, counting_needs_no_disk),
		T(setup_sqlite, an_editor_works_beside_the_daemon),
		T(setup_file, a_backup_is_whole_while_the_daemon_writes),
		T(setup_file, a_backup_that_fails_leaves_the_older_one),
		T(setup_file, a_file_of_schema_1_is_brought_up_to_date),
		T(setup_file, a_failed_update_changes_nothing),
		T(setup_file, a_foreign_file_is_not_touched),
		T(setup_sqlite, what_is_over_leaves_the_file),
		T(setup_file, root_makes_the_file_for_the_owner_of_the_folder),
	};
	return RUN_TESTS(tests);
}

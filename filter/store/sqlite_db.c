#include "store/sqlite_db.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/diag.h"
#include "base/fail.h"
#include "store/sqlite_file.h"
#include "store/sqlite_schema.h"

enum {
	BUSY_MS = 5000,
	BUSY_BRIEFLY_MS = 200,       /* where mail may be waiting; in WAL mode only a foreign exclusive lock is in the way */
	REST_MS = 500,               /* after trouble, until the next try */
};

static const char *const statements[SQL_COUNT] = {
#define STATEMENT(id, sql) [SQL_##id] = sql,
#include "store/sqlite_statement.def"
#undef STATEMENT
};

enum trouble {
	TROUBLE_NONE,   /* whatever failed, it is as good as before */
	TROUBLE_BUSY,
	TROUBLE_BROKEN, /* to be opened anew; also before it was opened at all */
	TROUBLE_MOVED,  /* likewise, but nothing is wrong with the file that is open */
};

struct sqlite_db {
	char *path;     /* NULL: in memory */
	bool is_reader;
	bool is_patient;
	sqlite3 *connection;
	sqlite3_stmt *prepared[SQL_COUNT];
	enum trouble trouble;
	int64_t rest_until_mono_ms; /* with trouble */
	int code;       /* of the last failure */
	char why[1000];
};

static enum trouble trouble_of(int primary_code)
{
	switch (primary_code) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return TROUBLE_BUSY;
	case SQLITE_CANTOPEN:
	case SQLITE_CORRUPT:
	case SQLITE_IOERR:
	case SQLITE_NOTADB:
	case SQLITE_PERM:
	case SQLITE_READONLY:
		return TROUBLE_BROKEN;
	default:
		return TROUBLE_NONE;
	}
}

static bool is_damage(int primary_code)
{
	return primary_code == SQLITE_CORRUPT || primary_code == SQLITE_NOTADB;
}

static void note_trouble(struct sqlite_db *db, enum trouble trouble)
{
	db->trouble = trouble;
	db->rest_until_mono_ms = clock_mono_ms() + REST_MS;
}

bool sqlite_db_note_failure(struct sqlite_db *db)
{
	db->code = sqlite3_extended_errcode(db->connection);
	int primary = db->code & 0xff;
	const char *text = sqlite3_errmsg(db->connection);
	if (db->path != NULL && is_damage(primary)) /* nothing is deleted: an expert may get rows out of it */
		snprintf(db->why, sizeof(db->why),
			 "%s (%d). Type: for s in '' -wal -shm; do mv %s$s %s.damaged$s; done", text, db->code,
			 db->path, db->path);
	else if (db->path != NULL && !db->is_reader && access(db->path, W_OK) != 0)
		snprintf(db->why, sizeof(db->why), "%s (%d): %s", text, db->code, strerrordesc_np(errno));
	else
		snprintf(db->why, sizeof(db->why), "%s (%d)", text, db->code);
	note_trouble(db, trouble_of(primary));
	return false;
}

bool sqlite_db_run(struct sqlite_db *db, const char *sql)
{
	return sqlite3_exec(db->connection, sql, NULL, NULL, NULL) == SQLITE_OK || sqlite_db_note_failure(db);
}

int64_t sqlite_db_number(struct sqlite_db *db, const char *sql)
{
	int64_t value = -1;
	sqlite3_stmt *s = NULL;
	if (sqlite3_prepare_v2(db->connection, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
		value = sqlite3_column_int64(s, 0);
	else
		sqlite_db_note_failure(db);
	sqlite3_finalize(s);
	return value;
}

/* ---- opening -------------------------------------------------------------------------------------------- */

static struct place place_of(const char *path)
{
	return (struct place){ .file = path, .setting = "store" };
}

/* An error, or for the patient a warning: what is wrong will be over, or needs no other configuration. */
#define REPORT_FOR_NOW(db, diags, ...) \
	((db)->is_patient ? diag_warn(diags, place_of((db)->path), __VA_ARGS__) \
			  : diag_error(diags, place_of((db)->path), __VA_ARGS__))

/* Says what to do about the last failure. */
static bool report(const struct sqlite_db *db, struct diags *diags)
{
	const char *path = db->path;
	int primary = db->code & 0xff;
	bool is_forbidden = access(path, db->is_reader ? R_OK : R_OK | W_OK) != 0 && errno == EACCES;
	if (is_damage(primary))
		REPORT_FOR_NOW(db, diags, "is damaged or no SQLite file: %s", db->why);
	else if (trouble_of(primary) == TROUBLE_BROKEN && is_forbidden)
		diag_error(diags, place_of(path), "user id %u may not use it: %s. Type: chown gatepost:gatepost %s*",
			   geteuid(), db->why, path);
	else if (trouble_of(primary) != TROUBLE_NONE || primary == SQLITE_FULL)
		REPORT_FOR_NOW(db, diags, "cannot be used: %s", db->why);
	else
		diag_error(diags, place_of(path), "cannot be opened: %s", db->why);
	return false;
}

static bool connect_file(struct sqlite_db *db, int flags)
{
	if (sqlite3_open_v2(db->path, &db->connection, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		return sqlite_db_note_failure(db);
	sqlite3_extended_result_codes(db->connection, 1);
	sqlite3_busy_timeout(db->connection, db->is_reader || db->is_patient ? BUSY_BRIEFLY_MS : BUSY_MS);
	return true;
}

/* False and a diagnostic unless it is a file of ours that this version understands. */
static bool check_file(struct sqlite_db *db, struct diags *diags)
{
	int64_t application = sqlite_db_number(db, "PRAGMA application_id");
	int64_t version = application < 0 ? -1 : sqlite_db_number(db, "PRAGMA user_version");
	if (application < 0 || version < 0)
		report(db, diags);
	else
		return sqlite_schema_accept(db->path, application, version, diags);
	return false;
}

static bool open_to_write(struct sqlite_db *db, struct diags *diags)
{
	if (!sqlite_file_create(db->path, db->is_patient, diags))
		return false;
	if (!connect_file(db, SQLITE_OPEN_READWRITE))
		return report(db, diags);
	int64_t tables = sqlite_db_number(db, "SELECT count(*) FROM sqlite_schema");
	if (tables > 0 && !check_file(db, diags))
		return false;
	/* WAL: readers and the writer do not wait for each other. NORMAL: a power failure may cost the last
	 * records, never the file. */
	bool is_open = tables >= 0 && sqlite_db_run(db, "PRAGMA journal_mode = WAL") && sqlite_db_run(db, "PRAGMA synchronous = NORMAL") &&
		       sqlite_schema_update(db);
	sqlite3_busy_timeout(db->connection, BUSY_MS);
	return is_open || report(db, diags);
}

static bool open_to_read(struct sqlite_db *db, struct diags *diags)
{
	if (access(db->path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR)) {
		diag_error(diags, place_of(db->path), "there is no state yet: the daemon has not been started with this configuration. "
			   "Type: systemctl start gatepost");
		return false;
	}
	if (access(db->path, R_OK) != 0) {
		diag_error(diags, place_of(db->path), "cannot be read by user id %u: %s", geteuid(), strerror(errno));
		return false;
	}
	if (!connect_file(db, SQLITE_OPEN_READONLY))
		return report(db, diags);
	return check_file(db, diags);
}

static void disconnect(struct sqlite_db *db)
{
	for (size_t i = 0; i < SQL_COUNT; i++) {
		sqlite3_finalize(db->prepared[i]);
		db->prepared[i] = NULL;
	}
	sqlite3_close_v2(db->connection);
	db->connection = NULL;
}

static void remove_beside(const struct sqlite_db *db, const char *suffix)
{
	char *path = NULL;
	if (asprintf(&path, "%s%s", db->path, suffix) < 0)
		fail_out_of_memory();
	unlink(path);
	free(path);
}

/* All that was written goes into the file, wherever it is now. The next one must not find what belongs to this one;
 * but if it is there already it may have brought its own. */
static void leave_moved_file(struct sqlite_db *db)
{
	sqlite3_exec(db->connection, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
	if (access(db->path, F_OK) == 0)
		return;
	remove_beside(db, "-wal");
	remove_beside(db, "-shm");
}

static bool open_file(struct sqlite_db *db, struct diags *diags)
{
	if (db->trouble == TROUBLE_MOVED)
		leave_moved_file(db);
	disconnect(db);
	db->trouble = TROUBLE_NONE;
	bool is_open = db->is_reader ? open_to_read(db, diags) : open_to_write(db, diags);
	if (!is_open) {
		disconnect(db);
		note_trouble(db, TROUBLE_BROKEN);
	}
	return is_open;
}

static struct sqlite_db *db_new(struct sqlite_db kind, struct str path)
{
	struct sqlite_db *db = fail_if_null(malloc(sizeof(*db)));
	*db = kind;
	db->path = fail_if_null(strndup(path.p, path.n));
	return db;
}

static struct sqlite_db *open_as(struct sqlite_db kind, struct str path, struct diags *diags)
{
	if (path.n == 0) {
		diag_error(diags, (struct place){ .setting = "store" }, "\"sqlite:\" needs a path behind the colon");
		return NULL;
	}
	struct sqlite_db *db = db_new(kind, path);
	size_t errors = diags_errors(diags);
	if (open_file(db, diags) || diags_errors(diags) == errors)
		return db;
	sqlite_db_close(db);
	return NULL;
}

struct sqlite_db *sqlite_db_open(struct str path, struct diags *diags)
{
	return open_as((struct sqlite_db){ .is_reader = false }, path, diags);
}

struct sqlite_db *sqlite_db_open_patiently(struct str path, struct diags *diags)
{
	return open_as((struct sqlite_db){ .is_patient = true }, path, diags);
}

struct sqlite_db *sqlite_db_open_reader(struct str path, struct diags *diags)
{
	return open_as((struct sqlite_db){ .is_reader = true }, path, diags);
}

struct sqlite_db *sqlite_db_reader_for_later(struct str path)
{
	return db_new((struct sqlite_db){ .is_reader = true, .trouble = TROUBLE_BROKEN }, path);
}

struct sqlite_db *sqlite_db_open_memory(void)
{
	struct sqlite_db *db = fail_if_null(calloc(1, sizeof(*db)));
	if (sqlite3_open_v2(":memory:", &db->connection, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK ||
	    !sqlite_schema_update(db))
		fail_out_of_memory(); /* there is nothing else that it needs */
	return db;
}

void sqlite_db_close(struct sqlite_db *db)
{
	if (db == NULL)
		return;
	disconnect(db);
	free(db->path);
	free(db);
}

bool sqlite_db_is_open(const struct sqlite_db *db)
{
	return db->connection != NULL;
}

const char *sqlite_db_why(const struct sqlite_db *db)
{
	return db->why;
}

/* Reads in one transaction, for which no writer waits. */
bool sqlite_db_copy(struct sqlite_db *db, const char *path)
{
	sqlite3_stmt *s = NULL;
	bool is_done = sqlite3_prepare_v2(db->connection, "VACUUM INTO ?1", -1, &s, NULL) == SQLITE_OK &&
		       sqlite3_bind_text(s, 1, path, -1, SQLITE_STATIC) == SQLITE_OK && sqlite3_step(s) == SQLITE_DONE;
	if (!is_done)
		sqlite_db_note_failure(db);
	sqlite3_finalize(s);
	return is_done;
}

/* ---- using ---------------------------------------------------------------------------------------------- */

bool sqlite_db_is_broken(const struct sqlite_db *db)
{
	return db->trouble == TROUBLE_BROKEN || db->trouble == TROUBLE_MOVED;
}

/* Some who move it do so in steps: the next one is opened only after a rest. */
bool sqlite_db_is_in_place(struct sqlite_db *db)
{
	int has_moved = 0;
	if (db->trouble != TROUBLE_NONE || db->path == NULL)
		return true;
	sqlite3_file_control(db->connection, "main", SQLITE_FCNTL_HAS_MOVED, &has_moved);
	if (!has_moved)
		return true;
	char *folder = sqlite_file_folder(db->path);
	if (access(folder, F_OK) != 0)
		snprintf(db->why, sizeof(db->why), "%s is gone, and its folder. " SQLITE_TYPE_FOLDER, db->path, folder);
	else
		snprintf(db->why, sizeof(db->why), "%s was moved away or replaced. What has its name now, else a new file, is used from now on, without "
			 "the suppressed recipients, refusals and records of the old one. To go on with that put it back", db->path);
	free(folder);
	note_trouble(db, TROUBLE_MOVED);
	return false;
}

void sqlite_db_let_go(struct sqlite_db *db)
{
	disconnect(db);
	db->trouble = TROUBLE_BROKEN;
	db->rest_until_mono_ms = 0;
}

bool sqlite_db_is_ready(struct sqlite_db *db)
{
	if (db->trouble == TROUBLE_NONE)
		return true;
	if (clock_mono_ms() < db->rest_until_mono_ms)
		return false;
	if (db->trouble == TROUBLE_BUSY) {
		db->trouble = TROUBLE_NONE;
		return true;
	}
	struct diags *diags = diags_new();
	bool is_open = open_file(db, diags);
	if (!is_open && diags_count(diags) > 0)
		snprintf(db->why, sizeof(db->why), "%s", diag_text(diags, diags_at(diags, 0)));
	diags_free(diags);
	return is_open;
}

sqlite3_stmt *sqlite_db_statement(struct sqlite_db *db, enum sqlite_statement id)
{
	sqlite3_stmt **s = &db->prepared[id];
	if (!sqlite_db_is_ready(db))
		return NULL;
	if (*s != NULL) {
		sqlite3_reset(*s);
		sqlite3_clear_bindings(*s);
	} else if (sqlite3_prepare_v3(db->connection, statements[id], -1, SQLITE_PREPARE_PERSISTENT, s, NULL) !=
		   SQLITE_OK) {
		sqlite_db_note_failure(db);
	}
	return *s;
}

int sqlite_db_changes(struct sqlite_db *db)
{
	return sqlite3_changes(db->connection);
}

bool sqlite_db_begin(struct sqlite_db *db)
{
	return sqlite_db_is_ready(db) && sqlite_db_run(db, "BEGIN IMMEDIATE");
}

bool sqlite_db_end(struct sqlite_db *db, bool is_good)
{
	if (is_good && sqlite_db_run(db, "COMMIT"))
		return true;
	/* Some failures have rolled back already; then this one has nothing to do. */
	sqlite3_exec(db->connection, "ROLLBACK", NULL, NULL, NULL);
	return false;
}

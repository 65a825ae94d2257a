#include "store/sqlite_db.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/fail.h"

enum {
	APPLICATION_ID = 0x67617465, /* "gate": tells our file from any other SQLite file */
	BUSY_MS = 5000,
};

/* What each version of the schema added to the one before: a file is brought up to date step by step. The queue id is
 * not unique: MTAs use them again. */
static const char *const schema_steps[] = {
	"CREATE TABLE records ("
	" id TEXT PRIMARY KEY,"
	" unix_ms INTEGER NOT NULL,"
	" queue_id TEXT,"
	" json TEXT NOT NULL);"
	"CREATE INDEX records_by_queue_id ON records (queue_id) WHERE queue_id IS NOT NULL;"
	"CREATE INDEX records_by_time ON records (unix_ms);",

	"CREATE TABLE buckets ("
	" key TEXT PRIMARY KEY,"
	" full_at_us INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE suppressions ("
	" scope TEXT NOT NULL," /* '': everywhere */
	" address TEXT NOT NULL,"
	" reason TEXT NOT NULL,"
	" source TEXT NOT NULL,"
	" created_unix_s INTEGER NOT NULL,"
	" expires_unix_s INTEGER NOT NULL," /* 0: never */
	" PRIMARY KEY (scope, address)) WITHOUT ROWID;"
	"CREATE INDEX suppressions_by_expiry ON suppressions (expires_unix_s) WHERE expires_unix_s > 0;"
	"CREATE TABLE refusals ("
	" key TEXT PRIMARY KEY,"
	" id TEXT NOT NULL,"
	" code INTEGER NOT NULL,"
	" enhanced TEXT NOT NULL,"
	" text TEXT NOT NULL,"
	" source TEXT NOT NULL,"
	" unix_s INTEGER NOT NULL,"
	" expires_unix_s INTEGER NOT NULL,"
	" repeats INTEGER NOT NULL);"
	"CREATE INDEX refusals_by_expiry ON refusals (expires_unix_s);",
};
enum { SCHEMA_VERSION = sizeof(schema_steps) / sizeof(schema_steps[0]) };

static const char *const statements[SQL_COUNT] = {
#define STATEMENT(id, sql) [SQL_##id] = sql,
#include "store/sqlite_statement.def"
#undef STATEMENT
};

struct sqlite_db {
	sqlite3 *connection;
	sqlite3_stmt *prepared[SQL_COUNT];
	int code;       /* of the last failure */
	char why[256];
};

bool sqlite_db_note_failure(struct sqlite_db *db)
{
	db->code = sqlite3_extended_errcode(db->connection);
	snprintf(db->why, sizeof(db->why), "%s (%d)", sqlite3_errmsg(db->connection), db->code);
	return false;
}

static bool run(struct sqlite_db *db, const char *sql)
{
	return sqlite3_exec(db->connection, sql, NULL, NULL, NULL) == SQLITE_OK || sqlite_db_note_failure(db);
}

/* The first column of the only row; -1 on failure. */
static int64_t number(struct sqlite_db *db, const char *sql)
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

/* SQLite would create it with the process's umask. Its -wal and -shm files take mode and owner over. A command of
 * root's makes it for the daemon, whose folder it is. */
static bool create_file(const char *path, struct diags *diags)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	int error = errno;
	struct stat st;
	char *copy = fail_if_null(strdup(path));
	const char *folder = dirname(copy);
	if (fd >= 0) {
		fchmod(fd, 0640);
		if (geteuid() == 0 && stat(folder, &st) == 0 && fchown(fd, st.st_uid, st.st_gid) != 0)
			diag_warn(diags, place_of(path), "does not belong to the folder's owner: %s", strerror(errno));
		close(fd);
		error = EEXIST;
	}
	if (error == EEXIST)
		; /* it is there now */
	else if (error == ENOENT)
		diag_error(diags, place_of(path),
			   "the folder %s is missing. Type: install -d -o gatepost -g gatepost -m 0750 %s", folder,
			   folder);
	else if (error == EACCES)
		diag_error(diags, place_of(path),
			   "user id %u may not write into the folder. Type: chown gatepost:gatepost %s", geteuid(),
			   folder);
	else
		diag_error(diags, place_of(path), "cannot be created: %s", strerror(error));
	free(copy);
	return error == EEXIST;
}

/* Says what to do about the last failure. */
static bool report(const struct sqlite_db *db, const char *path, struct diags *diags)
{
	int primary = db->code & 0xff;
	if (primary == SQLITE_NOTADB || primary == SQLITE_CORRUPT)
		diag_error(diags, place_of(path), "is damaged or no SQLite file: %s. Type: mv %s %s.damaged", db->why,
			   path, path);
	else if (primary == SQLITE_CANTOPEN || primary == SQLITE_READONLY || primary == SQLITE_PERM)
		diag_error(diags, place_of(path), "user id %u may not use it: %s. Type: chown gatepost:gatepost %s*",
			   geteuid(), db->why, path);
	else
		diag_error(diags, place_of(path), "cannot be opened: %s", db->why);
	return false;
}

static bool connect_file(struct sqlite_db *db, const char *path, int flags)
{
	if (sqlite3_open_v2(path, &db->connection, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		return sqlite_db_note_failure(db);
	sqlite3_extended_result_codes(db->connection, 1);
	sqlite3_busy_timeout(db->connection, BUSY_MS);
	return true;
}

/* Two processes may come at once: looked at again under the write lock. */
static bool update_schema(struct sqlite_db *db)
{
	char sql[128];
	if (!sqlite_db_begin(db))
		return false;
	int64_t version = number(db, "PRAGMA user_version");
	bool is_good = version >= 0;
	for (; is_good && version < SCHEMA_VERSION; version++)
		is_good = run(db, schema_steps[version]);
	snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %d;", APPLICATION_ID,
		 SCHEMA_VERSION);
	return sqlite_db_end(db, is_good && run(db, sql));
}

/* False and a diagnostic unless it is a file of ours that this version understands. */
static bool check_file(struct sqlite_db *db, const char *path, struct diags *diags)
{
	int64_t application = number(db, "PRAGMA application_id"), version = number(db, "PRAGMA user_version");
	if (application < 0 || version < 0)
		report(db, path, diags);
	else if (application != APPLICATION_ID)
		diag_error(diags, place_of(path), "is an SQLite file of another program; name another path");
	else if (version > SCHEMA_VERSION)
		diag_error(diags, place_of(path), "was written by a newer Gatepost (schema %d, this one knows %d)",
			   (int)version, SCHEMA_VERSION);
	else
		return true;
	return false;
}

static struct sqlite_db *db_of(struct str path, char **c_path)
{
	*c_path = fail_if_null(strndup(path.p, path.n));
	return fail_if_null(calloc(1, sizeof(struct sqlite_db)));
}

static bool open_file(struct sqlite_db *db, const char *path, struct diags *diags)
{
	if (path[0] == '\0') {
		diag_error(diags, (struct place){ .setting = "store" }, "\"sqlite:\" needs a path behind the colon");
		return false;
	}
	if (!create_file(path, diags))
		return false;
	if (!connect_file(db, path, SQLITE_OPEN_READWRITE))
		return report(db, path, diags);
	int64_t tables = number(db, "SELECT count(*) FROM sqlite_schema");
	if (tables > 0 && !check_file(db, path, diags))
		return false;
	/* WAL: readers and the writer do not wait for each other. NORMAL: a power failure may cost the last
	 * records, never the file. */
	bool is_open = tables >= 0 && run(db, "PRAGMA journal_mode = WAL") && run(db, "PRAGMA synchronous = NORMAL") &&
		       (number(db, "PRAGMA user_version") == SCHEMA_VERSION || update_schema(db));
	return is_open || report(db, path, diags);
}

struct sqlite_db *sqlite_db_open(struct str path, struct diags *diags)
{
	char *c_path;
	struct sqlite_db *db = db_of(path, &c_path);
	if (!open_file(db, c_path, diags)) {
		sqlite_db_close(db);
		db = NULL;
	}
	free(c_path);
	return db;
}

static bool open_file_to_read(struct sqlite_db *db, const char *path, struct diags *diags)
{
	if (access(path, R_OK) != 0) {
		diag_error(diags, place_of(path), "cannot be read by user id %u: %s", geteuid(), strerror(errno));
		return false;
	}
	if (!connect_file(db, path, SQLITE_OPEN_READONLY))
		return report(db, path, diags);
	return check_file(db, path, diags);
}

struct sqlite_db *sqlite_db_open_reader(struct str path, struct diags *diags)
{
	char *c_path;
	struct sqlite_db *db = db_of(path, &c_path);
	if (!open_file_to_read(db, c_path, diags)) {
		sqlite_db_close(db);
		db = NULL;
	}
	free(c_path);
	return db;
}

struct sqlite_db *sqlite_db_open_memory(void)
{
	struct sqlite_db *db = fail_if_null(calloc(1, sizeof(*db)));
	if (!connect_file(db, ":memory:", SQLITE_OPEN_READWRITE) || !update_schema(db))
		fail_out_of_memory(); /* there is nothing else that it needs */
	return db;
}

void sqlite_db_close(struct sqlite_db *db)
{
	if (db == NULL)
		return;
	for (size_t i = 0; i < SQL_COUNT; i++)
		sqlite3_finalize(db->prepared[i]);
	sqlite3_close_v2(db->connection);
	free(db);
}

const char *sqlite_db_why(const struct sqlite_db *db)
{
	return db->why;
}

/* ---- using ---------------------------------------------------------------------------------------------- */

sqlite3_stmt *sqlite_db_statement(struct sqlite_db *db, enum sqlite_statement id)
{
	sqlite3_stmt **s = &db->prepared[id];
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
	return run(db, "BEGIN IMMEDIATE");
}

bool sqlite_db_end(struct sqlite_db *db, bool is_good)
{
	if (is_good && run(db, "COMMIT"))
		return true;
	/* Some failures have rolled back already; then this one has nothing to do. */
	sqlite3_exec(db->connection, "ROLLBACK", NULL, NULL, NULL);
	return false;
}

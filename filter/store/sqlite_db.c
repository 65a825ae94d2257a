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
	SCHEMA_VERSION = 1,
	APPLICATION_ID = 0x67617465, /* "gate": tells our file from any other SQLite file */
	BUSY_MS = 5000,
	EXPIRE_AT_ONCE = 500,        /* so that a writer waits for milliseconds only */
};

/* The queue id is not unique: MTAs use them again. */
static const char schema[] = "CREATE TABLE records ("
			     " id TEXT PRIMARY KEY,"
			     " unix_ms INTEGER NOT NULL,"
			     " queue_id TEXT,"
			     " json TEXT NOT NULL);"
			     "CREATE INDEX records_by_queue_id ON records (queue_id) WHERE queue_id IS NOT NULL;"
			     "CREATE INDEX records_by_time ON records (unix_ms);";

static const char insert_sql[] = "INSERT OR REPLACE INTO records (id, unix_ms, queue_id, json) VALUES (?1, ?2, ?3, ?4)";
static const char by_id_sql[] = "SELECT json FROM records WHERE id = ?1";
static const char by_queue_id_sql[] = "SELECT json FROM records WHERE queue_id = ?1"
				      " ORDER BY unix_ms DESC, rowid DESC LIMIT 1";
static const char expire_sql[] = "DELETE FROM records WHERE rowid IN"
				 " (SELECT rowid FROM records WHERE unix_ms < ?1 LIMIT ?2)";

struct sqlite_db {
	sqlite3 *connection;
	int code;       /* of the last failure */
	char why[256];
};

static bool note_failure(struct sqlite_db *db)
{
	db->code = sqlite3_extended_errcode(db->connection);
	snprintf(db->why, sizeof(db->why), "%s (%d)", sqlite3_errmsg(db->connection), db->code);
	return false;
}

static bool run(struct sqlite_db *db, const char *sql)
{
	return sqlite3_exec(db->connection, sql, NULL, NULL, NULL) == SQLITE_OK || note_failure(db);
}

static sqlite3_stmt *prepare(struct sqlite_db *db, const char *sql)
{
	sqlite3_stmt *s = NULL;
	if (sqlite3_prepare_v2(db->connection, sql, -1, &s, NULL) != SQLITE_OK)
		note_failure(db);
	return s;
}

static void bind_text(sqlite3_stmt *s, int at, struct str text)
{
	sqlite3_bind_text64(s, at, text.p == NULL ? "" : text.p, text.n, SQLITE_STATIC, SQLITE_UTF8);
}

/* The first column of the only row; -1 on failure. */
static int64_t number(struct sqlite_db *db, const char *sql)
{
	int64_t value = -1;
	sqlite3_stmt *s = prepare(db, sql);
	if (s != NULL && sqlite3_step(s) == SQLITE_ROW)
		value = sqlite3_column_int64(s, 0);
	else
		note_failure(db);
	sqlite3_finalize(s);
	return value;
}

/* ---- opening -------------------------------------------------------------------------------------------- */

static struct place place_of(const char *path)
{
	return (struct place){ .file = path, .setting = "store" };
}

/* SQLite would create it with the process's umask. Its -wal and -shm files take the mode over. */
static bool create_file(const char *path, struct diags *diags)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (fd >= 0) {
		fchmod(fd, 0640);
		close(fd);
		return true;
	}
	if (errno == EEXIST)
		return true;
	int error = errno;
	char *copy = fail_if_null(strdup(path));
	const char *folder = dirname(copy);
	if (error == ENOENT)
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
	return false;
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
		return note_failure(db);
	sqlite3_extended_result_codes(db->connection, 1);
	sqlite3_busy_timeout(db->connection, BUSY_MS);
	return true;
}

static bool is_empty(struct sqlite_db *db)
{
	return number(db, "SELECT count(*) FROM sqlite_schema") == 0;
}

/* Two processes may come at once: looked at again under the write lock. */
static bool create_schema(struct sqlite_db *db)
{
	char sql[sizeof(schema) + 128];
	if (!run(db, "BEGIN IMMEDIATE"))
		return false;
	snprintf(sql, sizeof(sql), "%sPRAGMA application_id = %d; PRAGMA user_version = %d;", schema, APPLICATION_ID,
		 SCHEMA_VERSION);
	if ((!is_empty(db) || run(db, sql)) && run(db, "COMMIT"))
		return true;
	sqlite3_exec(db->connection, "ROLLBACK", NULL, NULL, NULL);
	return false;
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
	/* WAL: readers and the writer do not wait for each other. NORMAL: a power failure may cost the last
	 * records, never the file. */
	if (!connect_file(db, path, SQLITE_OPEN_READWRITE) || !run(db, "PRAGMA journal_mode = WAL") ||
	    !run(db, "PRAGMA synchronous = NORMAL") || (is_empty(db) && !create_schema(db)))
		return report(db, path, diags);
	return check_file(db, path, diags);
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

void sqlite_db_close(struct sqlite_db *db)
{
	if (db == NULL)
		return;
	sqlite3_close_v2(db->connection);
	free(db);
}

const char *sqlite_db_why(const struct sqlite_db *db)
{
	return db->why;
}

/* ---- statements ----------------------------------------------------------------------------------------- */

static bool insert_one(struct sqlite_db *db, sqlite3_stmt *s, const struct stored_record *r)
{
	sqlite3_reset(s);
	bind_text(s, 1, r->id);
	sqlite3_bind_int64(s, 2, r->unix_ms);
	if (r->queue_id.n > 0)
		bind_text(s, 3, r->queue_id);
	else
		sqlite3_bind_null(s, 3);
	bind_text(s, 4, r->json);
	return sqlite3_step(s) == SQLITE_DONE || note_failure(db);
}

bool sqlite_db_insert(struct sqlite_db *db, const struct node_list *list)
{
	if (!run(db, "BEGIN IMMEDIATE"))
		return false;
	sqlite3_stmt *s = prepare(db, insert_sql);
	bool ok = s != NULL;
	for (const struct node *n = list->first; ok && n != NULL; n = n->next)
		ok = insert_one(db, s, &n->record);
	sqlite3_finalize(s);
	if (ok && run(db, "COMMIT"))
		return true;
	/* Some failures have rolled back already; then this one has nothing to do. */
	sqlite3_exec(db->connection, "ROLLBACK", NULL, NULL, NULL);
	return false;
}

static enum store_status find_by(struct sqlite_db *db, const char *sql, struct str key, struct arena *a,
				 struct str *json)
{
	enum store_status status = STORE_UNAVAILABLE;
	sqlite3_stmt *s = prepare(db, sql);
	if (s == NULL)
		return status;
	bind_text(s, 1, key);
	int step = sqlite3_step(s);
	if (step == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(s, 0);
		*json = str_dup(a, (struct str){ text, (size_t)sqlite3_column_bytes(s, 0) });
		status = STORE_OK;
	} else if (step == SQLITE_DONE) {
		status = STORE_NOT_FOUND;
	} else {
		note_failure(db);
	}
	sqlite3_finalize(s);
	return status;
}

enum store_status sqlite_db_find(struct sqlite_db *db, struct str wanted, struct arena *a, struct str *json)
{
	enum store_status status = find_by(db, by_id_sql, wanted, a, json);
	return status == STORE_NOT_FOUND ? find_by(db, by_queue_id_sql, wanted, a, json) : status;
}

bool sqlite_db_expire_some(struct sqlite_db *db, int64_t before_unix_ms, bool *is_more)
{
	sqlite3_stmt *s = prepare(db, expire_sql);
	if (s == NULL)
		return false;
	sqlite3_bind_int64(s, 1, before_unix_ms);
	sqlite3_bind_int(s, 2, EXPIRE_AT_ONCE);
	bool ok = sqlite3_step(s) == SQLITE_DONE || note_failure(db);
	sqlite3_finalize(s);
	*is_more = ok && sqlite3_changes(db->connection) == EXPIRE_AT_ONCE;
	return ok;
}

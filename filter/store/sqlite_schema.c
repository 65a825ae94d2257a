#include "store/sqlite_schema.h"

#include <stdio.h>

#include "base/diag.h"
#include "store/sqlite_db.h"

enum {
	APPLICATION_ID = 0x67617465, /* "gate": tells our file from any other SQLite file */
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

bool sqlite_schema_accept(const char *path, int64_t application_id, int64_t user_version, struct diags *diags)
{
	const struct place at = { .file = path, .setting = "store" };
	if (application_id != APPLICATION_ID)
		diag_error(diags, at, "is an SQLite file of another program; name another path");
	else if (user_version > SCHEMA_VERSION)
		diag_error(diags, at, "was written by a newer Gatepost (schema %d, this one knows %d): install that one again, or put "
			   "a backup of before in its place", (int)user_version, SCHEMA_VERSION);
	else
		return true;
	return false;
}

/* Two processes may come at once: looked at again under the write lock. */
bool sqlite_schema_update(struct sqlite_db *db)
{
	char sql[128];
	if (sqlite_db_number(db, "PRAGMA user_version") == SCHEMA_VERSION)
		return true;
	if (!sqlite_db_begin(db))
		return false;
	int64_t version = sqlite_db_number(db, "PRAGMA user_version");
	bool is_good = version >= 0;
	for (; is_good && version < SCHEMA_VERSION; version++)
		is_good = sqlite_db_run(db, schema_steps[version]);
	snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %d;", APPLICATION_ID,
		 SCHEMA_VERSION);
	return sqlite_db_end(db, is_good && sqlite_db_run(db, sql));
}

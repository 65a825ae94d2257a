/* store/sqlite_db.h - the file of the store: opening, schema, transactions, and the rows in it.
 *
 * What an administrator may have to mend - a damaged file, a full disk - is found mended without a restart: after such
 * a failure the file is opened anew, at its next use a moment later. Until then every use fails at once. A file that
 * was moved away is left whole, with all that was written.
 * Owns:    one SQLite connection.
 * Threads: one at a time.
 * Fails:   opening with a diagnostic that says what to type; later as a value, sqlite_db_why says why. */
#pragma once

#include "store/buckets.h"
#include "store/node.h"

struct sqlite_db;
struct sqlite3_stmt;

/* Creates the file (mode 0640) if it is not there, and brings its schema up to date. */
struct sqlite_db *sqlite_db_open(struct str path, struct diags *);
/* Reads only; the file must be there. */
struct sqlite_db *sqlite_db_open_reader(struct str path, struct diags *);
/* For who goes on without: NULL and an error only for what the operator got wrong. A file that is damaged, locked, or
 * on a disk that is full, broken or read-only is a warning, and every use fails until that is over. */
struct sqlite_db *sqlite_db_open_patiently(struct str path, struct diags *);
/* Not now, but at its first use. */
struct sqlite_db *sqlite_db_reader_for_later(struct str path);
/* Without a file: gone when it is closed. */
struct sqlite_db *sqlite_db_open_memory(void);
void sqlite_db_close(struct sqlite_db *);
bool sqlite_db_is_open(const struct sqlite_db *);
/* False if another file, or none, has its name now: then it must be opened anew. Until it is, it can be read. */
bool sqlite_db_is_in_place(struct sqlite_db *);
/* It must be opened anew. */
bool sqlite_db_is_broken(const struct sqlite_db *);
/* False while it rests from trouble. When that is over, what is broken is opened anew. */
bool sqlite_db_is_ready(struct sqlite_db *);
/* Until its next use. */
void sqlite_db_let_go(struct sqlite_db *);
/* Into a file that is not there or is empty. */
bool sqlite_db_copy(struct sqlite_db *, const char *path);
/* Of the last failure. */
const char *sqlite_db_why(const struct sqlite_db *);

/* ---- for sqlite_rows.c and sqlite_schema.c --------------------------------------------------------------------- */

enum sqlite_statement {
#define STATEMENT(id, sql) SQL_##id,
#include "store/sqlite_statement.def"
#undef STATEMENT
	SQL_COUNT
};

/* Ready to be bound; prepared once. NULL if that fails. */
struct sqlite3_stmt *sqlite_db_statement(struct sqlite_db *, enum sqlite_statement);
/* Remembers why; answers false. */
bool sqlite_db_note_failure(struct sqlite_db *);
int sqlite_db_changes(struct sqlite_db *);
/* Statements that are needed once. */
bool sqlite_db_run(struct sqlite_db *, const char *sql);
/* The first column of the only row; -1 on failure. */
int64_t sqlite_db_number(struct sqlite_db *, const char *sql);
bool sqlite_db_begin(struct sqlite_db *);
/* Commits, or undoes all since begin. False unless everything is stored. */
bool sqlite_db_end(struct sqlite_db *, bool is_good);

/* ---- rows: sqlite_rows.c ----------------------------------------------------------------------------------- */

/* All of them in one transaction, or none. A NODE_BUCKETS stands for what has changed in the buckets. */
bool sqlite_db_write(struct sqlite_db *, const struct node_list *, struct buckets *);
/* Deletes a bounded number of records from before, and of what is over now; *is_more if there are others. */
bool sqlite_db_expire_some(struct sqlite_db *, int64_t records_before_unix_ms, bool *is_more);
/* Deletes all but so many of the newest records and refusals. */
bool sqlite_db_keep_newest(struct sqlite_db *, int64_t count);
enum store_status sqlite_db_find_record(struct sqlite_db *, struct str id_or_queue_id, struct arena *,
					struct str *json);
/* As store_next_records. */
enum store_status sqlite_db_next_records(struct sqlite_db *, int64_t from_unix_ms, struct str behind_id, struct arena *,
					 struct stored_record *list, size_t max, size_t *count);
/* As store_next_arrivals, store_last_arrival. */
enum store_status sqlite_db_next_arrivals(struct sqlite_db *, int64_t *place, struct arena *, struct stored_record *list,
					  size_t max, size_t *count);
enum store_status sqlite_db_last_arrival(struct sqlite_db *, int64_t *place);
/* Those that are not full. */
bool sqlite_db_each_bucket(struct sqlite_db *, void (*use)(void *context, const struct bucket_state *), void *context);
bool sqlite_db_suppress(struct sqlite_db *, const struct suppression *, size_t count);
enum store_status sqlite_db_unsuppress(struct sqlite_db *, struct str scope, struct str address);
enum store_status sqlite_db_find_suppression(struct sqlite_db *, struct str scope, struct str address, struct arena *,
					     struct suppression *);
enum store_status sqlite_db_each_suppression(struct sqlite_db *, const struct str *scope, store_use_suppression *,
					     void *context);
enum store_status sqlite_db_find_refusal(struct sqlite_db *, struct str key, struct arena *, struct refusal *);
enum store_status sqlite_db_each_refusal(struct sqlite_db *, store_use_refusal *, void *context);
enum store_status sqlite_db_forget_refusal(struct sqlite_db *, struct str key);

/* store/sqlite_db.h - the record file: its schema and the statements on it.
 *
 * Owns:    one SQLite connection, or two (one for the writer, one to read).
 * Threads: one at a time for each connection.
 * Fails:   opening with a diagnostic that says what to type; later as a value, sqlite_db_why says why. */
#pragma once

#include "store/node.h"

struct sqlite_db;

/* Creates the file (mode 0640) and the schema if they are not there. */
struct sqlite_db *sqlite_db_open(struct str path, struct diags *);
/* Reads only; the file must be there. */
struct sqlite_db *sqlite_db_open_reader(struct str path, struct diags *);
void sqlite_db_close(struct sqlite_db *);

/* All of them in one transaction, or none. */
bool sqlite_db_insert(struct sqlite_db *, const struct node_list *);
enum store_status sqlite_db_find(struct sqlite_db *, struct str id_or_queue_id, struct arena *, struct str *json);
/* Deletes a bounded number; *is_more if there are others. */
bool sqlite_db_expire_some(struct sqlite_db *, int64_t before_unix_ms, bool *is_more);
/* Of the last failure. */
const char *sqlite_db_why(const struct sqlite_db *);

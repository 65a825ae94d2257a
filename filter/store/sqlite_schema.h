/* store/sqlite_schema.h - which tables are in the file, by version.
 *
 * Owns: nothing. Threads: one at a time. Fails: as sqlite_db.h says. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct diags;
struct sqlite_db;

/* False and a diagnostic: it is another program's, or a newer Gatepost's. The numbers are those in the file. */
bool sqlite_schema_accept(const char *path, int64_t application_id, int64_t user_version, struct diags *);
/* Makes the tables, or brings them up to date. */
bool sqlite_schema_update(struct sqlite_db *);

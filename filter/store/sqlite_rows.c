/* The rows of the file and the statements on them. */
#include <sqlite3.h>

#include "base/arena.h"
#include "base/clock.h"
#include "store/sqlite_db.h"

enum { EXPIRE_AT_ONCE = 500 };

/* ---- statements ------------------------------------------------------------------------------------------ */

static void bind_text(sqlite3_stmt *s, int at, struct str text)
{
	sqlite3_bind_text64(s, at, text.p == NULL ? "" : text.p, text.n, SQLITE_STATIC, SQLITE_UTF8);
}

static struct str text_of(sqlite3_stmt *s, int column)
{
	const char *text = (const char *)sqlite3_column_text(s, column);
	return (struct str){ text == NULL ? "" : text, (size_t)sqlite3_column_bytes(s, column) };
}

/* One that answers no rows; s may be NULL. A statement left as it is would keep what it read from being written
 * over, so all are reset at once. */
static bool done(struct sqlite_db *db, sqlite3_stmt *s)
{
	bool is_done = s != NULL && (sqlite3_step(s) == SQLITE_DONE || sqlite_db_note_failure(db));
	sqlite3_reset(s);
	return is_done;
}

/* True with a row; the caller resets. */
static bool has_row(struct sqlite_db *db, sqlite3_stmt *s, enum store_status *status)
{
	int step = s == NULL ? SQLITE_ERROR : sqlite3_step(s);
	*status = step == SQLITE_ROW ? STORE_OK : step == SQLITE_DONE ? STORE_NOT_FOUND : STORE_UNAVAILABLE;
	if (s != NULL && *status == STORE_UNAVAILABLE)
		sqlite_db_note_failure(db);
	return *status == STORE_OK;
}

/* ---- what is queued -------------------------------------------------------------------------------------- */

static bool put_record(struct sqlite_db *db, const struct stored_record *r)
{
	sqlite3_stmt *s = sqlite_db_statement(db, SQL_RECORD_PUT);
	bind_text(s, 1, r->id);
	sqlite3_bind_int64(s, 2, r->unix_ms);
	if (r->queue_id.n > 0)
		bind_text(s, 3, r->queue_id);
	bind_text(s, 4, r->json);
	return done(db, s);
}

static bool put_refusal(struct sqlite_db *db, const struct refusal *r)
{
	sqlite3_stmt *s = sqlite_db_statement(db, SQL_REFUSAL_PUT);
	bind_text(s, 1, r->key);
	bind_text(s, 2, r->id);
	sqlite3_bind_int(s, 3, r->code);
	bind_text(s, 4, r->enhanced);
	bind_text(s, 5, r->text);
	bind_text(s, 6, r->source);
	sqlite3_bind_int64(s, 7, r->unix_s);
	sqlite3_bind_int64(s, 8, r->expires_unix_s);
	return done(db, s);
}

static bool count_repeat(struct sqlite_db *db, struct str key)
{
	sqlite3_stmt *s = sqlite_db_statement(db, SQL_REFUSAL_REPEAT);
	bind_text(s, 1, key);
	return done(db, s);
}

static bool put_buckets(struct sqlite_db *db, const struct bucket_state *buckets, size_t count)
{
	bool ok = true;
	for (size_t i = 0; ok && i < count; i++) {
		sqlite3_stmt *s = sqlite_db_statement(db, SQL_BUCKET_PUT);
		bind_text(s, 1, buckets[i].key);
		sqlite3_bind_int64(s, 2, buckets[i].full_at_us);
		ok = done(db, s);
	}
	return ok;
}

static bool put_node(struct sqlite_db *db, const struct node *n)
{
	switch (n->kind) {
	case NODE_RECORD:
		return put_record(db, &n->record);
	case NODE_REFUSAL:
		return put_refusal(db, &n->refusal);
	case NODE_REPEAT:
		return count_repeat(db, n->key);
	case NODE_BUCKETS:
		break;
	}
	return true;
}

static bool has_buckets(const struct node_list *list)
{
	const struct node *n = list->first;
	while (n != NULL && n->kind != NODE_BUCKETS)
		n = n->next;
	return n != NULL;
}

/* Changes are taken inside the transaction: of two processes the one that writes later has the newer ones. */
bool sqlite_db_write(struct sqlite_db *db, const struct node_list *list, struct buckets *buckets)
{
	const struct bucket_state *changes = NULL;
	size_t count = 0;
	if (!sqlite_db_begin(db))
		return false;
	struct arena *a = arena_new();
	if (has_buckets(list))
		changes = buckets_changes(buckets, a, &count);
	bool ok = put_buckets(db, changes, count);
	for (const struct node *n = list->first; ok && n != NULL; n = n->next)
		ok = put_node(db, n);
	ok = sqlite_db_end(db, ok);
	if (!ok && count > 0)
		buckets_keep_as_changes(buckets, changes, count);
	arena_free(a);
	return ok;
}

static bool expire(struct sqlite_db *db, enum sqlite_statement id, int64_t before, bool *is_more)
{
	sqlite3_stmt *s = sqlite_db_statement(db, id);
	sqlite3_bind_int64(s, 1, before);
	sqlite3_bind_int(s, 2, EXPIRE_AT_ONCE);
	bool ok = done(db, s);
	*is_more = *is_more || (ok && sqlite_db_changes(db) == EXPIRE_AT_ONCE);
	return ok;
}

bool sqlite_db_expire_some(struct sqlite_db *db, int64_t records_before_unix_ms, bool *is_more)
{
	int64_t now_s = clock_unix_s();
	*is_more = false;
	return expire(db, SQL_EXPIRE_RECORDS, records_before_unix_ms, is_more) &&
	       expire(db, SQL_EXPIRE_BUCKETS, now_s, is_more) &&
	       expire(db, SQL_EXPIRE_SUPPRESSIONS, now_s, is_more) &&
	       expire(db, SQL_EXPIRE_REFUSALS, now_s, is_more);
}

static bool keep_newest(struct sqlite_db *db, enum sqlite_statement id, int64_t count)
{
	sqlite3_stmt *s = sqlite_db_statement(db, id);
	sqlite3_bind_int64(s, 1, count);
	return done(db, s);
}

bool sqlite_db_keep_newest(struct sqlite_db *db, int64_t count)
{
	return keep_newest(db, SQL_RECORDS_KEEP, count) && keep_newest(db, SQL_REFUSALS_KEEP, count);
}

/* ---- records, buckets, refusals -------------------------------------------------------------------------- */

static enum store_status find_record_by(struct sqlite_db *db, enum sqlite_statement id, struct str key,
					struct arena *a, struct str *json)
{
	enum store_status status;
	sqlite3_stmt *s = sqlite_db_statement(db, id);
	bind_text(s, 1, key);
	if (has_row(db, s, &status))
		*json = str_dup(a, text_of(s, 0));
	sqlite3_reset(s);
	return status;
}

enum store_status sqlite_db_find_record(struct sqlite_db *db, struct str wanted, struct arena *a, struct str *json)
{
	enum store_status status = find_record_by(db, SQL_RECORD_BY_ID, wanted, a, json);
	return status == STORE_NOT_FOUND ? find_record_by(db, SQL_RECORD_BY_QUEUE_ID, wanted, a, json) : status;
}

static struct stored_record record_of(sqlite3_stmt *s, struct arena *a)
{
	return (struct stored_record){
		.id = str_dup(a, text_of(s, 0)),
		.unix_ms = sqlite3_column_int64(s, 1),
		.json = str_dup(a, text_of(s, 2)),
	};
}

enum store_status sqlite_db_next_records(struct sqlite_db *db, int64_t from_unix_ms, struct str behind_id,
					 struct arena *a, struct stored_record *list, size_t max, size_t *count)
{
	enum store_status status;
	sqlite3_stmt *s = sqlite_db_statement(db, SQL_RECORDS_NEXT);
	sqlite3_bind_int64(s, 1, from_unix_ms);
	bind_text(s, 2, behind_id);
	sqlite3_bind_int64(s, 3, (int64_t)max);
	while (has_row(db, s, &status))
		list[(*count)++] = record_of(s, a);
	sqlite3_reset(s);
	return status == STORE_NOT_FOUND ? STORE_OK : status;
}

/* Row ids are given in the order of commits. */
enum store_status sqlite_db_next_arrivals(struct sqlite_db *db, int64_t *place, struct arena *a,
					  struct stored_record *list, size_t max, size_t *count)
{
	enum store_status status;
	sqlite3_stmt *s = sqlite_db_statement(db, SQL_RECORDS_ARRIVED);
	sqlite3_bind_int64(s, 1, *place);
	sqlite3_bind_int64(s, 2, (int64_t)max);
	while (has_row(db, s, &status)) {
		list[(*count)++] = record_of(s, a);
		*place = sqlite3_column_int64(s, 3);
	}
	sqlite3_reset(s);
	return status == STORE_NOT_FOUND ? STORE_OK : status;
}

enum store_status sqlite_db_last_arrival(struct sqlite_db *db, int64_t *place)
{
	enum store_status status;
	sqlite3_stmt *s = sqlite_db_statement(db, SQL_RECORDS_LAST);
	if (has_row(db, s, &status))
		*place = sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return status;
}

bool sqlite_db_each_bucket(struct sqlite_db *db, void (*use)(void *context, const struct bucket_state *), void *context)
{
	enum store_status status;
	sqlite3_stmt *s = sqlite_db_statement(db, SQL_BUCKETS_EACH);
	sqlite3_bind_int64(s, 1, clock_unix_ms() * 1000);
	while (has_row(db, s, &status)) {
		const struct bucket_state b = { text_of(s, 0), sqlite3_column_int64(s, 1) };
		use(context, &b);
	}
	sqlite3_reset(s);
	return status == STORE_NOT_FOUND;
}

/* The texts are SQLite's. */
static struct refusal refusal_of(sqlite3_stmt *s)
{
	return (struct refusal){
		.key = text_of(s, 0),
		.id = text_of(s, 1),
		.code = sqlite3_column_int(s, 2),
		.enhanced = text_of(s, 3),
		.text = text_of(s, 4),
		.source = text_of(s, 5),
		.unix_s = sqlite3_column_int64(s, 6),
		.expires_unix_s = sqlite3_column_int64(s, 7),
		.repeats = sqlite3_column_int64(s, 8),
	};
}

enum store_status sqlite_db_find_refusal(struct sqlite_db *db, struct str key, struct arena *a, struct refusal *r)
{
	enum store_status status;
	sqlite3_stmt *s = sqlite_db_statement(db, SQL_REFUSAL_FIND);
	bind_text(s, 1, key);
	sqlite3_bind_int64(s, 2, clock_unix_s());
	if (has_row(db, s, &status)) {
		const struct refusal found = refusal_of(s);
		*r = refusal_dup(a, &found);
	}
	sqlite3_reset(s);
	return status;
}

enum store_status sqlite_db_each_refusal(struct sqlite_db *db, store_use_refusal *use, void *context)
{
	enum store_status status;
	bool wants_more = true;
	sqlite3_stmt *s = sqlite_db_statement(db, SQL_REFUSALS_EACH);
	sqlite3_bind_int64(s, 1, clock_unix_s());
	while (wants_more && has_row(db, s, &status)) {
		const struct refusal r = refusal_of(s);
		wants_more = use(context, &r);
	}
	sqlite3_reset(s);
	return status == STORE_UNAVAILABLE ? STORE_UNAVAILABLE : STORE_OK;
}

/* A DELETE: whether there was such a row. */
static enum store_status deleted(struct sqlite_db *db, sqlite3_stmt *s)
{
	if (!done(db, s))
		return STORE_UNAVAILABLE;
	return sqlite_db_changes(db) > 0 ? STORE_OK : STORE_NOT_FOUND;
}

enum store_status sqlite_db_forget_refusal(struct sqlite_db *db, struct str key)
{
	sqlite3_stmt *s = sqlite_db_statement(db, SQL_REFUSAL_DELETE);
	bind_text(s, 1, key);
	return deleted(db, s);
}

/* ---- suppressions ---------------------------------------------------------------------------------------- */

static bool put_suppression(struct sqlite_db *db, const struct suppression *e)
{
	sqlite3_stmt *s = sqlite_db_statement(db, SQL_SUPPRESSION_PUT);
	bind_text(s, 1, e->scope);
	bind_text(s, 2, e->address);
	bind_text(s, 3, e->reason);
	bind_text(s, 4, e->source);
	sqlite3_bind_int64(s, 5, e->created_unix_s);
	sqlite3_bind_int64(s, 6, e->expires_unix_s);
	return done(db, s);
}

bool sqlite_db_suppress(struct sqlite_db *db, const struct suppression *list, size_t count)
{
	bool ok = sqlite_db_begin(db);
	if (!ok)
		return false;
	for (size_t i = 0; ok && i < count; i++)
		ok = put_suppression(db, &list[i]);
	return sqlite_db_end(db, ok);
}

enum store_status sqlite_db_unsuppress(struct sqlite_db *db, struct str scope, struct str address)
{
	sqlite3_stmt *s = sqlite_db_statement(db, SQL_SUPPRESSION_DELETE);
	bind_text(s, 1, scope);
	bind_text(s, 2, address);
	return deleted(db, s);
}

/* The texts are SQLite's. */
static struct suppression suppression_of(sqlite3_stmt *s)
{
	return (struct suppression){
		.scope = text_of(s, 0),
		.address = text_of(s, 1),
		.reason = text_of(s, 2),
		.source = text_of(s, 3),
		.created_unix_s = sqlite3_column_int64(s, 4),
		.expires_unix_s = sqlite3_column_int64(s, 5),
	};
}

static enum store_status find_in_scope(struct sqlite_db *db, struct str scope, struct str address, struct arena *a,
				       struct suppression *found)
{
	enum store_status status;
	sqlite3_stmt *s = sqlite_db_statement(db, SQL_SUPPRESSION_FIND);
	bind_text(s, 1, scope);
	bind_text(s, 2, address);
	sqlite3_bind_int64(s, 3, clock_unix_s());
	if (has_row(db, s, &status)) {
		const struct suppression e = suppression_of(s);
		*found = suppression_dup(a, &e);
	}
	sqlite3_reset(s);
	return status;
}

/* Two look-ups by the whole key: SQLite would sort the rows of one that asks for both. */
enum store_status sqlite_db_find_suppression(struct sqlite_db *db, struct str scope, struct str address,
					     struct arena *a, struct suppression *found)
{
	enum store_status status = find_in_scope(db, scope, address, a, found);
	return status == STORE_NOT_FOUND && scope.n > 0 ? find_in_scope(db, STR_EMPTY, address, a, found) : status;
}

enum store_status sqlite_db_each_suppression(struct sqlite_db *db, const struct str *scope, store_use_suppression *use,
					     void *context)
{
	enum store_status status;
	bool wants_more = true;
	sqlite3_stmt *s = sqlite_db_statement(db, scope == NULL ? SQL_SUPPRESSIONS_EACH : SQL_SUPPRESSIONS_OF);
	sqlite3_bind_int64(s, 1, clock_unix_s());
	if (scope != NULL)
		bind_text(s, 2, *scope);
	while (wants_more && has_row(db, s, &status)) {
		const struct suppression e = suppression_of(s);
		wants_more = use(context, &e);
	}
	sqlite3_reset(s);
	return status == STORE_UNAVAILABLE ? STORE_UNAVAILABLE : STORE_OK;
}

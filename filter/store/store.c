#include "store/store.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/diag.h"
#include "base/fail.h"
#include "store/backend.h"

static const struct {
	const char *scheme;
	const struct store_backend *backend;
} store_table[] = {
	{ "memory", &store_mem },
	{ "redis", &store_redis },
	{ "sqlite", &store_sqlite },
};

struct store {
	const struct store_backend *backend;
	void *self;
	struct buckets *buckets;
	bool has_own_buckets;
};

static const struct store_backend *backend_of(struct str url, struct str *place, struct diags *diags)
{
	struct str scheme;
	bool has_scheme = str_cut(url, ':', &scheme, place);
	for (size_t i = 0; has_scheme && i < sizeof(store_table) / sizeof(store_table[0]); i++)
		if (str_eq(scheme, str_of(store_table[i].scheme)))
			return store_table[i].backend;
	diag_error(diags, (struct place){ .setting = "store" },
		   "\"%.*s\" names no store: use \"sqlite:PATH\", \"redis:PATH\", \"redis://HOST:PORT\" or \"memory:\"",
		   STR_ARG(url));
	return NULL;
}

static struct store *store_of(struct store parts)
{
	if (parts.self == NULL)
		return NULL;
	struct store *s = fail_if_null(malloc(sizeof(*s)));
	*s = parts;
	return s;
}

struct store *store_open_sharing(struct buckets *buckets, struct str url, struct log *log, struct diags *diags)
{
	struct str place;
	const struct store_backend *backend = backend_of(url, &place, diags);
	if (backend == NULL)
		return NULL;
	return store_of((struct store){ backend, backend->open(place, buckets, log, diags), buckets, false });
}

struct store *store_open(struct str url, struct log *log, struct diags *diags)
{
	struct buckets *own = buckets_new(BUCKETS_MAX);
	struct store *s = store_open_sharing(own, url, log, diags);
	if (s == NULL)
		buckets_free(own);
	else
		s->has_own_buckets = true;
	return s;
}

static struct store *open_beside(struct str url, bool may_write, struct diags *diags)
{
	struct str place;
	const struct store_backend *backend = backend_of(url, &place, diags);
	return backend == NULL ? NULL : store_of((struct store){ backend, backend->open_beside(place, may_write, diags),
								 NULL, false });
}

struct store *store_open_reader(struct str url, struct diags *diags)
{
	return open_beside(url, false, diags);
}

struct store *store_open_editor(struct str url, struct diags *diags)
{
	return open_beside(url, true, diags);
}

void store_check_url(struct str url, struct diags *diags)
{
	struct str place;
	const struct store_backend *backend = backend_of(url, &place, diags);
	if (backend != NULL)
		backend->check(place, diags);
}

bool store_back_up(struct str url, const char *path, struct diags *diags)
{
	struct str place;
	const struct store_backend *backend = backend_of(url, &place, diags);
	return backend != NULL && backend->back_up(place, path, diags);
}

void store_close(struct store *s)
{
	if (s == NULL)
		return;
	s->backend->close(s->self);
	if (s->has_own_buckets)
		buckets_free(s->buckets);
	free(s);
}

enum store_status store_expire(struct store *s, int64_t records_before_unix_ms)
{
	return s->backend->expire(s->self, records_before_unix_ms);
}

enum store_status store_flush(struct store *s)
{
	return s->backend->flush(s->self);
}

uint64_t store_lost_writes(const struct store *s)
{
	return s->backend->lost(s->self);
}

bool store_is_failing(const struct store *s)
{
	return s->backend->is_failing(s->self);
}

/* ---- records of decisions -------------------------------------------------------------------------------- */

void store_put_record(struct store *s, struct str id, int64_t unix_ms, struct str queue_id, struct str json)
{
	const struct stored_record record = { id, unix_ms, queue_id, json };
	BUG_IF(id.n == 0);
	s->backend->put(s->self, node_new_record(&record));
}

enum store_status store_find_record(struct store *s, struct str id_or_queue_id, struct arena *a, struct str *json)
{
	if (id_or_queue_id.n == 0)
		return STORE_NOT_FOUND;
	return s->backend->find_record(s->self, id_or_queue_id, a, json);
}

enum store_status store_next_records(struct store *s, int64_t from_unix_ms, struct str behind_id, struct arena *a,
				     struct stored_record *list, size_t max, size_t *count)
{
	*count = 0;
	return s->backend->next_records(s->self, from_unix_ms, behind_id, a, list, max, count);
}

/* Places begin anew when everything was forgotten. */
enum store_status store_next_arrivals(struct store *s, int64_t *place, struct arena *a, struct stored_record *list,
				      size_t max, size_t *count)
{
	int64_t last;
	*count = 0;
	enum store_status status = s->backend->next_arrivals(s->self, place, a, list, max, count);
	if (status != STORE_OK || *count > 0)
		return status;
	status = s->backend->last_arrival(s->self, &last);
	if (status == STORE_OK && last < *place)
		*place = last;
	return status;
}

enum store_status store_last_arrival(struct store *s, int64_t *place)
{
	return s->backend->last_arrival(s->self, place);
}

/* ---- token buckets --------------------------------------------------------------------------------------- */

enum store_status store_take(struct store *s, const struct store_bucket *buckets, size_t count, const int64_t *amounts,
			     int64_t *wait_ms, size_t *which)
{
	BUG_IF(count > STORE_BUCKETS_MAX);
	*wait_ms = 0;
	return count == 0 ? STORE_OK : s->backend->take(s->self, buckets, count, amounts, wait_ms, which);
}

void store_give_back(struct store *s, const struct store_bucket *buckets, size_t count, const int64_t *amounts)
{
	if (count > 0)
		s->backend->give_back(s->self, buckets, count, amounts);
}

bool store_take_here(struct store *s, const struct store_bucket *buckets, size_t count, const int64_t *amounts,
		     int64_t *wait_ms, size_t *which)
{
	return buckets_take(s->buckets, buckets, count, amounts, wait_ms, which);
}

void store_give_back_here(struct store *s, const struct store_bucket *buckets, size_t count, const int64_t *amounts)
{
	buckets_give_back(s->buckets, buckets, count, amounts);
}

/* ---- suppressed recipients ------------------------------------------------------------------------------- */

struct suppression suppression_dup(struct arena *a, const struct suppression *e)
{
	return (struct suppression){
		.scope = str_dup(a, e->scope),
		.address = str_dup(a, e->address),
		.reason = str_dup(a, e->reason),
		.source = str_dup(a, e->source),
		.created_unix_s = e->created_unix_s,
		.expires_unix_s = e->expires_unix_s,
	};
}

enum store_status store_suppress(struct store *s, const struct suppression *list, size_t count)
{
	return s->backend->suppress(s->self, list, count);
}

enum store_status store_unsuppress(struct store *s, struct str scope, struct str address)
{
	return s->backend->unsuppress(s->self, scope, address);
}

enum store_status store_find_suppression(struct store *s, struct str scope, struct str address, struct arena *a,
					 struct suppression *found)
{
	return s->backend->find_suppression(s->self, scope, address, a, found);
}

enum store_status store_each_suppression(struct store *s, const struct str *scope, store_use_suppression *use,
					 void *context)
{
	return s->backend->each_suppression(s->self, scope, use, context);
}

/* ---- refusals given for good ----------------------------------------------------------------------------- */

struct refusal refusal_dup(struct arena *a, const struct refusal *r)
{
	struct refusal copy = *r;
	copy.key = str_dup(a, r->key);
	copy.id = str_dup(a, r->id);
	copy.enhanced = str_dup(a, r->enhanced);
	copy.text = str_dup(a, r->text);
	copy.source = str_dup(a, r->source);
	return copy;
}

void store_remember_refusal(struct store *s, const struct refusal *refusal)
{
	BUG_IF(refusal->key.n == 0);
	if (refusal->expires_unix_s > clock_unix_s())
		s->backend->put(s->self, node_new_refusal(refusal));
}

enum store_status store_find_refusal(struct store *s, struct str key, struct arena *a, struct refusal *found)
{
	enum store_status status = s->backend->find_refusal(s->self, key, a, found);
	if (status == STORE_OK) {
		found->repeats++;
		s->backend->put(s->self, node_new_repeat(key));
	}
	return status;
}

enum store_status store_each_refusal(struct store *s, store_use_refusal *use, void *context)
{
	return s->backend->each_refusal(s->self, use, context);
}

enum store_status store_forget_refusal(struct store *s, struct str key)
{
	return s->backend->forget_refusal(s->self, key);
}

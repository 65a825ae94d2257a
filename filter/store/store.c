#include "store/store.h"

#include <stdlib.h>

#include "base/diag.h"
#include "base/fail.h"
#include "store/backend.h"

static const struct {
	const char *scheme;
	const struct store_backend *backend;
} store_table[] = {
	{ "memory", &store_mem },
	{ "sqlite", &store_sqlite },
};

struct store {
	const struct store_backend *backend;
	void *self;
};

static const struct store_backend *backend_of(struct str url, struct str *place, struct diags *diags)
{
	struct str scheme;
	bool has_scheme = str_cut(url, ':', &scheme, place);
	for (size_t i = 0; has_scheme && i < sizeof(store_table) / sizeof(store_table[0]); i++)
		if (str_eq(scheme, str_of(store_table[i].scheme)))
			return store_table[i].backend;
	diag_error(diags, (struct place){ .setting = "store" },
		   "\"%.*s\" names no store: use \"sqlite:PATH\" or \"memory:\"", STR_ARG(url));
	return NULL;
}

static struct store *store_of(const struct store_backend *backend, void *self)
{
	if (self == NULL)
		return NULL;
	struct store *s = fail_if_null(malloc(sizeof(*s)));
	*s = (struct store){ backend, self };
	return s;
}

struct store *store_open(struct str url, struct log *log, struct diags *diags)
{
	struct str place;
	const struct store_backend *backend = backend_of(url, &place, diags);
	return backend == NULL ? NULL : store_of(backend, backend->open(place, log, diags));
}

struct store *store_open_reader(struct str url, struct diags *diags)
{
	struct str place;
	const struct store_backend *backend = backend_of(url, &place, diags);
	return backend == NULL ? NULL : store_of(backend, backend->open_reader(place, diags));
}

void store_close(struct store *s)
{
	if (s == NULL)
		return;
	s->backend->close(s->self);
	free(s);
}

void store_put_record(struct store *s, struct str id, int64_t unix_ms, struct str queue_id, struct str json)
{
	const struct stored_record record = { id, unix_ms, queue_id, json };
	BUG_IF(id.n == 0);
	s->backend->put(s->self, &record);
}

enum store_status store_find_record(struct store *s, struct str id_or_queue_id, struct arena *a, struct str *json)
{
	if (id_or_queue_id.n == 0)
		return STORE_NOT_FOUND;
	return s->backend->find(s->self, id_or_queue_id, a, json);
}

enum store_status store_expire_records(struct store *s, int64_t before_unix_ms)
{
	return s->backend->expire(s->self, before_unix_ms);
}

enum store_status store_flush(struct store *s)
{
	return s->backend->flush(s->self);
}

uint64_t store_lost_records(const struct store *s)
{
	return s->backend->lost(s->self);
}

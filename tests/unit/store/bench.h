/* tests/unit/store/bench.h - a folder of its own and a store in it. */
#pragma once

#include "../test.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/diag.h"
#include "lib/redis_server.h"
#include "store/store.h"

struct bench {
	struct arena *arena;
	struct diags *diags;
	char folder[64];
	struct str path, url;
	struct store *store;
	struct redis_server server;
};

static inline struct bench *bench_new(const char *scheme)
{
	struct bench *b = calloc(1, sizeof(*b));
	b->arena = arena_new();
	b->diags = diags_new();
	strcpy(b->folder, "/tmp/gatepost-store-XXXXXX");
	assert_non_null(mkdtemp(b->folder));
	b->path = str_printf(b->arena, "%s/records.db", b->folder);
	b->url = strcmp(scheme, "sqlite") == 0 ? str_printf(b->arena, "sqlite:%.*s", STR_ARG(b->path)) : STR("memory:");
	return b;
}

static inline int setup_memory(void **state)
{
	struct bench *b = bench_new("memory");
	b->store = store_open(b->url, NULL, b->diags);
	*state = b;
	return b->store == NULL;
}

/* Nothing open yet. */
static inline int setup_file(void **state)
{
	*state = bench_new("sqlite");
	return 0;
}

static inline int setup_sqlite(void **state)
{
	setup_file(state);
	struct bench *b = *state;
	b->store = store_open(b->url, NULL, b->diags);
	return b->store == NULL;
}

/* A server, and no store yet. */
static inline int setup_server(void **state)
{
	struct bench *b = bench_new("redis");
	*state = b;
	if (!redis_server_start(&b->server, b->folder, NULL))
		return 1;
	b->url = str_printf(b->arena, "redis:%s", b->server.socket);
	return 0;
}

static inline int setup_redis(void **state)
{
	if (setup_server(state) != 0)
		return 1;
	struct bench *b = *state;
	b->store = store_open(b->url, NULL, b->diags);
	return b->store == NULL || diags_count(b->diags) > 0;
}

static inline int teardown(void **state)
{
	struct bench *b = *state;
	store_close(b->store);
	redis_server_kill(&b->server);
	DIR *d = opendir(b->folder);
	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
		if (e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
	rmdir(b->folder);
	diags_free(b->diags);
	arena_free(b->arena);
	free(b);
	return 0;
}

static inline void assert_found(struct bench *b, struct store *store, const char *key, const char *expected)
{
	struct str json = STR("untouched");
	enum store_status status = store_find_record(store, str_of(key), b->arena, &json);
	if (status != (expected == NULL ? STORE_NOT_FOUND : STORE_OK))
		fail_msg("\"%s\" gives status %d", key, status);
	assert_str(json, expected == NULL ? "untouched" : expected);
}

/* A request, as libmicrohttpd hands it over: one line each for where it came in ("unix", or the address), method, path,
 * host ("-": none) and whether it has the commands' field. Nobody but a command at the UNIX socket changes anything, and
 * no other site's name gets a figure. */
#include "fuzz/fuzz.h"

#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/fail.h"
#include "record/board.h"
#include "service/route.h"

enum { OK = 200, CONFLICT = 409, MISDIRECTED = 421, UNAVAILABLE = 503 };

static const char *next(struct arena *a, struct str *rest)
{
	struct str line, behind = STR_EMPTY;
	if (!str_cut(*rest, '\n', &line, &behind))
		line = *rest;
	*rest = behind;
	return str_to_c(a, line);
}

static bool reload(void *context, struct buf *said)
{
	bool *is_reloaded = context;
	*is_reloaded = true;
	buf_add(said, STR("reloaded\n"));
	return false;
}

/* However it is spelled, a name that browsers may take for this host. */
static bool is_of_this_host(const char *host, struct str address)
{
	struct str name = str_of(host);
	if (name.n > 0 && name.p[0] == '[')
		name = str_skip(name, 1);
	return str_starts_nocase(name, STR("localhost")) || str_starts(name, STR("127.0.0.1")) ||
	       str_starts(name, STR("::1")) || (address.n > 0 && str_starts(name, address));
}

static void check(const struct entrance *e, const struct request *r, const struct answer *a, bool is_reloaded)
{
	BUG_IF(a->type == NULL || a->body.n == 0 || a->status < OK || a->status > UNAVAILABLE);
	BUG_IF(r->host != NULL && !is_of_this_host(r->host, e->address) && a->status != MISDIRECTED);
	BUG_IF(r->host == NULL && !e->is_unix && a->status != MISDIRECTED);
	BUG_IF(is_reloaded != (a->status == CONFLICT));
	if (is_reloaded)
		BUG_IF(!e->is_unix || !r->is_of_command || strcmp(r->method, "POST") != 0 || strcmp(r->path, "/reload") != 0);
	else if (a->status == OK || a->status == UNAVAILABLE)
		BUG_IF(strcmp(r->method, "GET") != 0 && strcmp(r->method, "HEAD") != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct str rest = { (const char *)data, size };
	bool is_reloaded = false;
	clock_set_unix_s(1800000000);
	struct entrance e = { .board = board_new(), .reload = reload, .context = &is_reloaded };
	struct str where = str_of(next(arena, &rest));
	e.is_unix = str_eq(where, STR("unix"));
	if (!e.is_unix)
		e.address = where.n == 0 ? STR("127.0.0.2") : where;
	struct request r = { .method = next(arena, &rest), .path = next(arena, &rest), .host = next(arena, &rest) };
	if (strcmp(r.host, "-") == 0)
		r.host = NULL;
	r.is_of_command = *next(arena, &rest) != 0;
	struct answer a;
	buf_init(&a.body, 0);
	route_answer(&e, &r, &a);
	check(&e, &r, &a, is_reloaded);
	buf_fini(&a.body);
	board_free(e.board);
	arena_free(arena);
	return 0;
}

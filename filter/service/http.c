#include "service/http.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/fail.h"
#include "option/listener.h"
#include "record/board.h"
#include "record/metrics.h"
#include "service/listen.h"
#include "service/page.h"
#include "service/status.h"

enum {
	CONNECTIONS_MAX = 32,        /* each has a thread */
	CONNECTION_BYTES = 16384,    /* of a request */
	TIMEOUT_S = 10,
	SOCKET_MODE = 0600,
};

/* One socket. */
struct door {
	struct http *http;
	struct listener listener;
	int fd;
	bool is_unix;
	struct MHD_Daemon *daemon;
};

struct http {
	struct arena *arena;
	struct door doors[HTTP_LISTEN_MAX];
	size_t door_count;
	struct board *board;
	http_reload_fn *reload;
	void *context;
};

/* ---- answers -------------------------------------------------------------------------------------------- */

struct answer {
	unsigned status;
	const char *type;
	struct buf body;
};

#define TEXT "text/plain; charset=utf-8"

static void say(struct answer *a, unsigned status, const char *sentence)
{
	a->status = status;
	a->type = TEXT;
	buf_clear(&a->body);
	buf_printf(&a->body, "%s\n", sentence);
}

static void answer_metrics(const struct door *d, struct answer *a)
{
	a->type = "text/plain; version=0.0.4; charset=utf-8";
	metrics_print(d->http->board, &a->body);
}

static void answer_health(const struct door *d, struct answer *a)
{
	struct board_process processes[BOARD_LISTENERS];
	size_t count = board_processes(d->http->board, processes);
	a->type = TEXT;
	for (size_t i = 0; i < count; i++) {
		if (processes[i].state == PROCESS_SERVES)
			continue;
		a->status = MHD_HTTP_SERVICE_UNAVAILABLE;
		buf_printf(&a->body, "%s does not serve\n", processes[i].name);
	}
	if (a->status == MHD_HTTP_OK)
		buf_add(&a->body, STR("ok\n"));
}

static struct status *status_for(const struct door *d)
{
	struct status *s = status_new(d->http->board);
	if (!d->is_unix)
		status_hide_people(s);
	return s;
}

static void answer_json(const struct door *d, struct answer *a)
{
	struct status *s = status_for(d);
	a->type = "application/json";
	status_json(s, &a->body);
	status_free(s);
}

static void answer_page(const struct door *d, struct answer *a)
{
	struct status *s = status_for(d);
	a->type = "text/html; charset=utf-8";
	page_write(s, d->is_unix, &a->body);
	status_free(s);
}

static void answer_style(const struct door *d, struct answer *a)
{
	(void)d;
	a->type = "text/css; charset=utf-8";
	buf_add(&a->body, str_of(page_style));
}

static void answer_reload(const struct door *d, struct answer *a)
{
	a->type = TEXT;
	if (!d->http->reload(d->http->context, &a->body))
		a->status = MHD_HTTP_CONFLICT;
}

static const struct route {
	const char *method, *path;
	bool is_for_administrator;
	void (*answer)(const struct door *, struct answer *);
} routes[] = {
	{ "GET", "/", false, answer_page },
	{ "GET", "/page.css", false, answer_style },
	{ "GET", "/status.json", false, answer_json },
	{ "GET", "/metrics", false, answer_metrics },
	{ "GET", "/healthz", false, answer_health },
	{ "POST", "/reload", true, answer_reload },
};

/* ---- requests ------------------------------------------------------------------------------------------- */

/* A page of somebody else's in a browser of this host must not reach us by a name of its own (DNS rebinding). */
static bool is_our_name(const struct door *d, const char *host)
{
	struct str name = str_of(host), scheme, port, address;
	if (host == NULL)
		return d->is_unix;
	ptrdiff_t colon = str_find_last(name, ':');
	if (colon > 0 && name.p[name.n - 1] != ']')
		name = str_sub(name, 0, (size_t)colon);
	if (name.n > 2 && name.p[0] == '[' && name.p[name.n - 1] == ']')
		name = str_sub(name, 1, name.n - 2);
	if (str_eq_nocase(name, STR("localhost")) || str_eq(name, STR("127.0.0.1")) || str_eq(name, STR("::1")))
		return true;
	str_cut(d->listener.socket, ':', &scheme, &address);
	str_cut(address, '@', &port, &address);
	return !d->is_unix && str_eq(name, address);
}

/* Browsers send this only after asking, and are never told that they may. */
static bool is_from_a_page(struct MHD_Connection *c)
{
	return MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Gatepost-Control") == NULL;
}

static void answer_request(const struct door *d, struct MHD_Connection *c, const char *method, const char *path,
			   struct answer *a)
{
	bool is_known = false;
	if (strcmp(method, "HEAD") == 0)
		method = "GET"; /* libmicrohttpd leaves the body out */
	if (!is_our_name(d, MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Host"))) {
		say(a, MHD_HTTP_MISDIRECTED_REQUEST, "This is not the host that you asked for.");
		return;
	}
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		const struct route *r = &routes[i];
		if (strcmp(r->path, path) != 0)
			continue;
		is_known = true;
		if (strcmp(r->method, method) != 0)
			continue;
		if (r->is_for_administrator && (!d->is_unix || is_from_a_page(c)))
			say(a, MHD_HTTP_FORBIDDEN, "Only over the UNIX socket: use the gatepost command.");
		else
			r->answer(d, a);
		return;
	}
	if (is_known)
		say(a, MHD_HTTP_METHOD_NOT_ALLOWED, "Not with this method.");
	else
		say(a, MHD_HTTP_NOT_FOUND, "There is no such page.");
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *c, const char *path, const char *method,
				  const char *version, const char *upload, size_t *upload_bytes, void **state)
{
	static int seen;
	(void)version;
	(void)upload;
	/* The first call is for the header; a body is taken and thrown away. */
	if (*state == NULL || *upload_bytes > 0) {
		*state = &seen;
		*upload_bytes = 0;
		return MHD_YES;
	}
	static const struct { const char *name, *value; } headers[] = {
		{ "Cache-Control", "no-store" },
		{ "Content-Security-Policy", "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
					     "form-action 'none'" },
		{ "Referrer-Policy", "no-referrer" },
		{ "X-Content-Type-Options", "nosniff" },
	};
	struct answer a = { .status = MHD_HTTP_OK };
	buf_init(&a.body, 0);
	answer_request(context, c, method, path, &a);
	struct MHD_Response *response =
		fail_if_null(MHD_create_response_from_buffer(a.body.n, a.body.p, MHD_RESPMEM_MUST_COPY));
	MHD_add_response_header(response, "Content-Type", a.type);
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		MHD_add_response_header(response, headers[i].name, headers[i].value);
	enum MHD_Result result = MHD_queue_response(c, a.status, response);
	MHD_destroy_response(response);
	buf_fini(&a.body);
	return result;
}

/* ---- sockets -------------------------------------------------------------------------------------------- */

/* As the option's check took it. */
static void read_door(struct arena *a, struct str text, struct door *d)
{
	bool reaches_beyond;
	*d = (struct door){ .listener = { .socket = str_dup(a, text), .mode = SOCKET_MODE, .setting = "http.listen" }, .fd = -1 };
	BUG_IF(listener_socket_check(a, &d->listener, &d->is_unix, &reaches_beyond) != NULL || reaches_beyond);
}

static bool open_door(struct door *d, const struct account *serves, struct diags *diags)
{
	if (!listen_prepare(&d->listener, serves, diags))
		return false;
	d->fd = listen_open(&d->listener);
	return listen_finish(&d->listener, serves, d->fd >= 0, diags);
}

struct http *http_open(const struct strings *listen, const struct account *serves, struct diags *diags)
{
	struct http *h = fail_if_null(calloc(1, sizeof(*h)));
	h->arena = arena_new();
	bool is_good = true;
	for (size_t i = 0; i < listen->count && is_good; i++) {
		struct door *d = &h->doors[i];
		read_door(h->arena, listen->items[i], d);
		d->http = h;
		h->door_count++;
		is_good = open_door(d, serves, diags);
	}
	if (is_good)
		return h;
	http_close(h);
	return NULL;
}

bool http_start(struct http *h, struct board *board, http_reload_fn *reload, void *context)
{
	h->board = board;
	h->reload = reload;
	h->context = context;
	for (size_t i = 0; i < h->door_count; i++) {
		struct door *d = &h->doors[i];
		d->daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL,
					     0, NULL, NULL, on_request, d,
					     MHD_OPTION_LISTEN_SOCKET, d->fd,
					     MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
					     MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
					     MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S,
					     MHD_OPTION_END);
		if (d->daemon == NULL)
			return false;
	}
	return true;
}

void http_close(struct http *h)
{
	if (h == NULL)
		return;
	for (size_t i = 0; i < h->door_count; i++) {
		struct door *d = &h->doors[i];
		if (d->daemon != NULL)
			MHD_stop_daemon(d->daemon); /* closes its socket */
		else if (d->fd >= 0)
			close(d->fd);
		if (d->is_unix && d->fd >= 0)
			unlink(str_to_c(h->arena, listener_unix_path(&d->listener)));
	}
	arena_free(h->arena);
	free(h);
}

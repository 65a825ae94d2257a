#include "service/http.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/fail.h"
#include "option/listener.h"
#include "service/listen.h"
#include "service/route.h"

enum {
	CONNECTIONS_MAX = 32,        /* each has a thread */
	CONNECTION_BYTES = 16384,    /* of a request */
	TIMEOUT_S = 10,
	SOCKET_MODE = 0600,
};

/* One socket. */
struct door {
	struct listener listener;
	struct entrance entrance;
	int fd;
	struct MHD_Daemon *daemon;
};

struct http {
	struct arena *arena;
	struct door doors[HTTP_LISTEN_MAX];
	size_t door_count;
};

/* ---- requests ------------------------------------------------------------------------------------------- */

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
	const struct door *d = context;
	const struct request request = {
		.method = method,
		.path = path,
		.host = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Host"),
		.is_of_command = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Gatepost-Control") != NULL,
	};
	struct answer a;
	buf_init(&a.body, 0);
	route_answer(&d->entrance, &request, &a);
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
	struct str scheme, port;
	*d = (struct door){ .listener = { .socket = str_dup(a, text), .mode = SOCKET_MODE, .setting = "http.listen" }, .fd = -1 };
	BUG_IF(listener_socket_check(a, &d->listener, &d->entrance.is_unix, &reaches_beyond) != NULL || reaches_beyond);
	if (!d->entrance.is_unix && str_cut(d->listener.socket, ':', &scheme, &port))
		str_cut(port, '@', &port, &d->entrance.address);
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
	for (size_t i = 0; i < h->door_count; i++) {
		struct door *d = &h->doors[i];
		d->entrance.board = board;
		d->entrance.reload = reload;
		d->entrance.context = context;
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
		if (d->entrance.is_unix && d->fd >= 0)
			unlink(str_to_c(h->arena, listener_unix_path(&d->listener)));
	}
	arena_free(h->arena);
	free(h);
}

#include "service/route.h"

#include <microhttpd.h>
#include <string.h>

#include "record/board.h"
#include "record/metrics.h"
#include "service/page.h"
#include "service/status.h"

/* ---- answers -------------------------------------------------------------------------------------------- */

#define TEXT "text/plain; charset=utf-8"

static void say(struct answer *a, unsigned status, const char *sentence)
{
	a->status = status;
	a->type = TEXT;
	buf_clear(&a->body);
	buf_printf(&a->body, "%s\n", sentence);
}

static void answer_metrics(const struct entrance *e, struct answer *a)
{
	a->type = "text/plain; version=0.0.4; charset=utf-8";
	metrics_print(e->board, &a->body);
}

static void answer_health(const struct entrance *e, struct answer *a)
{
	struct board_process processes[BOARD_LISTENERS];
	size_t count = board_processes(e->board, processes);
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

static struct status *status_for(const struct entrance *e)
{
	struct status *s = status_new(e->board);
	if (!e->is_unix)
		status_hide_people(s);
	return s;
}

static void answer_json(const struct entrance *e, struct answer *a)
{
	struct status *s = status_for(e);
	a->type = "application/json";
	status_json(s, &a->body);
	status_free(s);
}

static void answer_page(const struct entrance *e, struct answer *a)
{
	struct status *s = status_for(e);
	a->type = "text/html; charset=utf-8";
	page_write(s, e->is_unix, &a->body);
	status_free(s);
}

static void answer_style(const struct entrance *e, struct answer *a)
{
	(void)e;
	a->type = "text/css; charset=utf-8";
	buf_add(&a->body, str_of(page_style));
}

static void answer_reload(const struct entrance *e, struct answer *a)
{
	a->type = TEXT;
	if (!e->reload(e->context, &a->body))
		a->status = MHD_HTTP_CONFLICT;
}

static const struct route {
	const char *method, *path;
	bool is_for_administrator;
	void (*answer)(const struct entrance *, struct answer *);
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
static bool is_our_name(const struct entrance *e, const char *host)
{
	struct str name = str_of(host);
	if (host == NULL)
		return e->is_unix;
	ptrdiff_t colon = str_find_last(name, ':');
	if (colon > 0 && name.p[name.n - 1] != ']')
		name = str_sub(name, 0, (size_t)colon);
	if (name.n > 2 && name.p[0] == '[' && name.p[name.n - 1] == ']')
		name = str_sub(name, 1, name.n - 2);
	if (str_eq_nocase(name, STR("localhost")) || str_eq(name, STR("127.0.0.1")) || str_eq(name, STR("::1")))
		return true;
	return !e->is_unix && str_eq(name, e->address);
}

void route_answer(const struct entrance *e, const struct request *request, struct answer *a)
{
	bool is_known = false;
	/* libmicrohttpd leaves the body out. */
	const char *method = strcmp(request->method, "HEAD") == 0 ? "GET" : request->method;
	a->status = MHD_HTTP_OK;
	if (!is_our_name(e, request->host)) {
		say(a, MHD_HTTP_MISDIRECTED_REQUEST, "This is not the host that you asked for.");
		return;
	}
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		const struct route *r = &routes[i];
		if (strcmp(r->path, request->path) != 0)
			continue;
		is_known = true;
		if (strcmp(r->method, method) != 0)
			continue;
		if (r->is_for_administrator && (!e->is_unix || !request->is_of_command))
			say(a, MHD_HTTP_FORBIDDEN, "Only over the UNIX socket: use the gatepost command.");
		else
			r->answer(e, a);
		return;
	}
	if (is_known)
		say(a, MHD_HTTP_METHOD_NOT_ALLOWED, "Not with this method.");
	else
		say(a, MHD_HTTP_NOT_FOUND, "There is no such page.");
}

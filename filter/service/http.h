/* service/http.h - what an administrator sees of a running gateway: metrics, health, a page, a reload.
 *
 *   GET  /             the status page, and /page.css
 *   GET  /status.json  the same as JSON
 *   GET  /metrics      for Prometheus
 *   GET  /healthz      200, or 503 with the listeners that do not serve
 *   POST /reload       UNIX socket only
 *
 * Served by libmicrohttpd on loopback addresses and UNIX sockets of mode 0600.
 * Who can open the UNIX socket is the administrator; on loopback are all users
 * of the host, who see no addresses of people and change nothing.
 * Owns:    its sockets and threads. Threads: http_open before any other and while root may be needed.
 * Fails:   with diagnostics; requests that are wrong with a status and a sentence. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "option/options.h"

struct account;
struct board;
struct diags;
struct http;

/* Tries the configuration now and puts in words how that went, one line each. True if it was taken. */
typedef bool http_reload_fn(void *context, struct buf *said);

/* The sockets, none is no error. NULL after a diagnostic. */
struct http *http_open(const struct strings *listen, const struct account *serves, struct diags *);
/* From now on requests are answered. False if libmicrohttpd cannot. */
bool http_start(struct http *, struct board *, http_reload_fn *, void *context);
/* Waits for requests under way. NULL is allowed. */
void http_close(struct http *);

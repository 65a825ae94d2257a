#include "option/check.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "option/listener.h"

struct checker {
	const struct options *o;
	const struct place *places;
	struct diags *diags;
};

static struct place at(const struct checker *c, enum option_id id)
{
	return c->places[id];
}

/* Postfix: milter_command_timeout */
enum { MTA_TIMEOUT_MS = 30000 };

static void check_file(const struct checker *c, enum option_id id, struct str path)
{
	struct arena *a = arena_new();
	if (path.n > 0 && access(str_to_c(a, path), R_OK) != 0)
		diag_error(c->diags, at(c, id), "%.*s: %s", STR_ARG(path), strerror(errno));
	arena_free(a);
}

bool option_is_authserv_id(struct str id)
{
	for (size_t i = 0; i < id.n; i++)
		if (!char_is_alnum(id.p[i]) && id.p[i] != '.' && id.p[i] != '-' && id.p[i] != '_')
			return false;
	return id.n <= 253; /* RFC 1035 2.3.4 */
}

static void check_authserv_id(const struct checker *c)
{
	if (!option_is_authserv_id(c->o->authserv_id))
		diag_error(c->diags, at(c, OPTION_ID_authserv_id),
			   "\"%.*s\" is no host name in ASCII: letters, digits, dots, hyphens",
			   STR_ARG(c->o->authserv_id));
}

/* "192.0.2.53", "127.0.0.1@5353" */
static bool is_server(struct str text)
{
	struct str address, port_text;
	struct ip ip;
	uint64_t port = 53;
	if (str_cut(text, '@', &address, &port_text) && !str_to_u64(port_text, &port))
		return false;
	return ip_parse(address, &ip) && port >= 1 && port <= 65535;
}

static void check_dns(const struct checker *c)
{
	const struct options *o = c->o;
	for (size_t i = 0; i < o->dns_servers.count; i++)
		if (!is_server(o->dns_servers.items[i]))
			diag_error(c->diags, at(c, OPTION_ID_dns_servers),
				   "\"%.*s\" is no server: an IP address, or with a port \"127.0.0.1@5353\"",
				   STR_ARG(o->dns_servers.items[i]));
	check_file(c, OPTION_ID_dns_trust_anchor, o->dns_trust_anchor);
	check_file(c, OPTION_ID_dns_zone_file, o->dns_zone_file);
	if (o->dns_dnssec && o->dns_trust_anchor.n == 0)
		diag_error(c->diags, at(c, OPTION_ID_dns_dnssec),
			   "needs dns.trust_anchor_file, such as \"/usr/share/dns/root.key\" (package dns-root-data)");
	if (!o->dns_dnssec && o->dns_trust_anchor.n > 0)
		diag_warn(c->diags, at(c, OPTION_ID_dns_trust_anchor), "has no effect without dns.dnssec = true");
	if (o->dns_zone_file.n > 0 && o->dns_servers.count > 0)
		diag_warn(c->diags, at(c, OPTION_ID_dns_servers), "are not asked: dns.zone_file answers everything");
	if (o->dns_zone_file.n > 0 && o->dns_dnssec)
		diag_warn(c->diags, at(c, OPTION_ID_dns_dnssec),
			  "has no effect: dns.zone_file answers everything");
}

static void check_egress(const struct checker *c)
{
	struct ip ip;
	for (size_t i = 0; i < c->o->egress.count; i++)
		if (!ip_parse(c->o->egress.items[i], &ip))
			diag_error(c->diags, at(c, OPTION_ID_egress), "\"%.*s\" is no IP address: \"192.0.2.10\"",
				   STR_ARG(c->o->egress.items[i]));
}

static void check_times_and_sizes(const struct checker *c)
{
	const struct options *o = c->o;
	if (o->dns_timeout_ms > o->deadline)
		diag_warn(c->diags, at(c, OPTION_ID_dns_timeout_ms),
			  "is longer than deadline: one slow question uses up the time of all others");
	if (o->deadline >= MTA_TIMEOUT_MS)
		diag_warn(c->diags, at(c, OPTION_ID_deadline),
			  "Postfix gives up after 30 s unless its milter_command_timeout is raised");
	if (o->max_header_bytes > o->max_message_bytes)
		diag_error(c->diags, at(c, OPTION_ID_max_header_bytes), "is larger than limits.message_bytes");
}

static bool is_absolute_after(struct str text, struct str scheme)
{
	return str_starts(text, scheme) && str_starts(str_skip(text, scheme.n), STR("/"));
}

static void check_store_and_log(const struct checker *c)
{
	static const char *const targets[] = { "stderr", "stdout", "syslog", "journal", "none" };
	const struct options *o = c->o;
	bool is_known = is_absolute_after(o->log_target, STR("file:"));
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
		is_known = is_known || str_eq(o->log_target, str_of(targets[i]));
	if (!is_known)
		diag_error(c->diags, at(c, OPTION_ID_log_target),
			   "\"%.*s\" is not known: stderr, stdout, syslog, journal, none or file:/PATH",
			   STR_ARG(o->log_target));
	if (!str_eq(o->store, STR("memory:")) && !is_absolute_after(o->store, STR("sqlite:")) &&
	    !is_absolute_after(o->store, STR("redis:")))
		diag_error(c->diags, at(c, OPTION_ID_store),
			   "\"%.*s\" is not known: \"sqlite:/PATH\", \"redis:/PATH\", \"redis://HOST:PORT\" or \"memory:\"",
			   STR_ARG(o->store));
}

static void check_http(const struct checker *c)
{
	const struct strings *listen = &c->o->http_listen;
	struct arena *a = arena_new();
	if (listen->count > HTTP_LISTEN_MAX)
		diag_error(c->diags, at(c, OPTION_ID_http_listen), "has %zu entries: at most %d", listen->count,
			   HTTP_LISTEN_MAX);
	for (size_t i = 0; i < listen->count; i++) {
		struct listener l = { .socket = listen->items[i] };
		bool is_unix, reaches_beyond = false;
		const char *wrong = listener_socket_check(a, &l, &is_unix, &reaches_beyond);
		if (wrong == NULL && reaches_beyond)
			wrong = "other hosts can reach it: use a UNIX socket or a loopback address";
		for (size_t j = 0; j < c->o->listen.count && wrong == NULL; j++)
			if (str_eq(l.socket, c->o->listen.items[j].socket))
				wrong = "is a milter socket (listen)";
		if (wrong != NULL)
			diag_error(c->diags, at(c, OPTION_ID_http_listen), "\"%.*s\": %s", STR_ARG(listen->items[i]), wrong);
	}
	arena_free(a);
}

void options_check(const struct options *o, const struct place places[OPTION_COUNT], struct diags *diags)
{
	const struct checker c = { o, places, diags };
	check_authserv_id(&c);
	check_dns(&c);
	check_egress(&c);
	check_times_and_sizes(&c);
	check_store_and_log(&c);
	check_http(&c);
}

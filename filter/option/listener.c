#include "option/listener.h"

#include <sys/un.h>

#include "base/arena.h"
#include "base/nametab.h"
#include "option/lc.h"

const char *const listen_role_words[ROLE_COUNT] = {
	[ROLE_BOTH] = "both",
	[ROLE_INBOUND] = "inbound",
	[ROLE_SUBMISSION] = "submission",
};

static const char *const names[] = { "socket", "role", "group", "mode", "peer_trusted" };
enum { NAME_COUNT = sizeof(names) / sizeof(names[0]), DEFAULT_MODE = 0660 };

struct str listener_unix_path(const struct listener *l)
{
	return str_starts(l->socket, STR("unix:")) ? str_skip(l->socket, 5) : STR_EMPTY;
}

struct listeners listeners_default(struct arena *a, const char *socket)
{
	struct listener *l = ARENA_NEW(a, struct listener);
	*l = (struct listener){ .socket = str_of(socket), .group = STR_EMPTY, .mode = DEFAULT_MODE };
	return (struct listeners){ l, 1 };
}

static const char *wrong_with_path(struct str path)
{
	if (path.n == 0 || path.p[0] != '/')
		return "a UNIX socket needs an absolute path: \"unix:/run/gatepost/milter.sock\"";
	if (path.n >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		return "the path is too long: a UNIX socket's path has at most 107 bytes";
	return NULL;
}

/* "PORT@ADDR", rewritten with a plain address, so that libmilter resolves no name. */
static const char *wrong_with_inet(struct arena *a, struct str where, enum ip_family family, struct listener *l,
				   bool *reaches_beyond)
{
	struct str port_text, address;
	uint64_t port;
	struct ip ip;
	char text[IP_TEXT_MAX];
	if (!str_cut(where, '@', &port_text, &address))
		return "an address is missing: \"inet:8891@127.0.0.1\"";
	if (!str_to_u64(port_text, &port) || port < 1 || port > 65535)
		return "the port must be a number from 1 to 65535";
	if (str_eq(address, STR("localhost")))
		address = family == IP_V4 ? STR("127.0.0.1") : STR("::1");
	if (address.n > 2 && address.p[0] == '[' && address.p[address.n - 1] == ']')
		address = str_sub(address, 1, address.n - 2);
	if (!ip_parse(address, &ip))
		return "after @ an IP address or localhost is wanted; names that DNS would have to find are not accepted";
	if (ip.family != family)
		return family == IP_V4 ? "an IPv6 address goes with inet6:" : "an IPv4 address goes with inet:";
	*reaches_beyond = !ip_is_loopback(ip);
	l->socket = str_printf(a, "%s:%u@%s", family == IP_V4 ? "inet" : "inet6", (unsigned)port, ip_print(ip, text));
	return NULL;
}

const char *listener_socket_check(struct arena *a, struct listener *l, bool *is_unix, bool *reaches_beyond)
{
	struct str scheme, rest;
	str_cut(l->socket, ':', &scheme, &rest);
	*is_unix = str_eq(scheme, STR("unix"));
	*reaches_beyond = false;
	if (*is_unix)
		return wrong_with_path(rest);
	if (str_eq(scheme, STR("inet")))
		return wrong_with_inet(a, rest, IP_V4, l, reaches_beyond);
	if (str_eq(scheme, STR("inet6")))
		return wrong_with_inet(a, rest, IP_V6, l, reaches_beyond);
	return "a socket is \"unix:/path\", \"inet:PORT@ADDRESS\" or \"inet6:PORT@ADDRESS\"";
}

struct reader {
	struct arena *arena;
	struct diags *diags;
	const config_setting_t *group;
};

static struct place place_of(struct reader *r, const config_setting_t *setting)
{
	return lc_place(r->arena, setting);
}

/* The member as text, copied; NULL setting if it is not there or no text. */
static const config_setting_t *read_text(struct reader *r, const char *name, struct str *text)
{
	const config_setting_t *setting = config_setting_get_member(r->group, name);
	if (setting == NULL)
		return NULL;
	if (!lc_text(setting, r->diags, text))
		return NULL;
	*text = str_dup(r->arena, *text);
	return setting;
}

static void read_role(struct reader *r, struct listener *l)
{
	struct str word;
	unsigned role;
	const config_setting_t *setting = read_text(r, "role", &word);
	if (setting == NULL)
		return;
	if (nametab_find(listen_role_words, ROLE_COUNT, word, &role))
		l->role = (enum listen_role)role;
	else
		diag_error(r->diags, place_of(r, setting), "\"%.*s\" is no role: %s", STR_ARG(word),
			   nametab_join(r->arena, listen_role_words, ROLE_COUNT).p);
}

static void read_mode(struct reader *r, struct listener *l, bool is_unix)
{
	struct str text;
	const config_setting_t *setting = read_text(r, "mode", &text);
	if (setting == NULL)
		return;
	const char *wrong = lc_parse_mode(text, &l->mode);
	if (wrong != NULL)
		diag_error(r->diags, place_of(r, setting), "\"%.*s\" %s", STR_ARG(text), wrong);
	else if (!is_unix)
		diag_warn(r->diags, place_of(r, setting), "has no effect: only a UNIX socket has a mode");
	else if ((l->mode & 0002) != 0)
		diag_warn(r->diags, place_of(r, setting),
			  "everybody on this host may connect and claim any login; let a group in instead");
}

static void read_group(struct reader *r, struct listener *l, bool is_unix)
{
	const config_setting_t *setting = read_text(r, "group", &l->group);
	if (setting != NULL && !is_unix)
		diag_warn(r->diags, place_of(r, setting), "has no effect: only a UNIX socket has a group");
}

static void read_listener(struct reader *r, struct listener *l)
{
	bool is_unix = false, reaches_beyond = false;
	*l = (struct listener){ .socket = STR_EMPTY, .group = STR_EMPTY, .mode = DEFAULT_MODE };
	lc_check_names(r->group, names, NAME_COUNT, r->diags);

	const config_setting_t *socket = read_text(r, "socket", &l->socket);
	const char *wrong = NULL;
	if (socket != NULL)
		wrong = listener_socket_check(r->arena, l, &is_unix, &reaches_beyond);
	else if (config_setting_get_member(r->group, "socket") == NULL)
		wrong = "socket is missing";
	if (wrong != NULL)
		diag_error(r->diags, place_of(r, socket == NULL ? r->group : socket), "%s", wrong);
	read_role(r, l);
	read_group(r, l, is_unix);
	read_mode(r, l, is_unix);
	const config_setting_t *trusted = config_setting_get_member(r->group, "peer_trusted");
	if (trusted != NULL)
		lc_bool(trusted, r->diags, &l->peer_trusted);
	/* Whoever reaches a milter socket can claim any login. */
	if (reaches_beyond && l->role != ROLE_INBOUND && !l->peer_trusted)
		diag_error(r->diags, place_of(r, socket),
			   "others than this host can reach it, and role %s believes the logins that its peer reports: "
			   "use a UNIX or loopback socket, or role = \"inbound\", or set peer_trusted = true if only "
			   "your MTA can connect", listen_role_words[l->role]);
}

bool listeners_load(struct arena *a, const config_setting_t *setting, struct diags *diags, struct listeners *out)
{
	if (!lc_is_group_list(setting, diags))
		return false;
	unsigned count = (unsigned)config_setting_length(setting);
	size_t errors_before = diags_errors(diags);
	struct reader r = { .arena = a, .diags = diags };
	struct listener *items = arena_array(a, count, sizeof(*items));
	for (unsigned i = 0; i < count; i++) {
		r.group = config_setting_get_elem(setting, i);
		read_listener(&r, &items[i]);
	}
	if (count > LISTENERS_MAX)
		diag_error(diags, lc_place(a, setting), "has %u entries: at most %d", count, LISTENERS_MAX);
	for (unsigned i = 0; i < count; i++)
		for (unsigned j = 0; j < i; j++)
			if (items[i].socket.n > 0 && str_eq(items[i].socket, items[j].socket))
				diag_error(diags, lc_place(a, config_setting_get_elem(setting, i)),
					   "another entry has the same socket");
	*out = (struct listeners){ items, count };
	return count > 0 && diags_errors(diags) == errors_before;
}

struct listeners listeners_dup(struct arena *a, const struct listeners *list)
{
	struct listener *items = arena_array(a, list->count, sizeof(*items));
	for (size_t i = 0; i < list->count; i++) {
		items[i] = list->items[i];
		items[i].socket = str_dup(a, items[i].socket);
		items[i].group = str_dup(a, items[i].group);
	}
	return (struct listeners){ items, list->count };
}

bool listeners_eq(const struct listeners *a, const struct listeners *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		const struct listener *x = &a->items[i], *y = &b->items[i];
		if (!str_eq(x->socket, y->socket) || !str_eq(x->group, y->group) || x->role != y->role ||
		    x->mode != y->mode || x->peer_trusted != y->peer_trusted)
			return false;
	}
	return true;
}

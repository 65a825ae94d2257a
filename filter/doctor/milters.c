/* The milters of a service: is one of them ours. */
#include "doctor/patient.h"

#include <limits.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/ip.h"
#include "option/listener.h"

static bool is_separator(char c)
{
	return char_is_space(c) || c == ',' || c == ';';
}

bool list_next(struct str *rest, struct str *item)
{
	size_t n = 0, depth = 0;
	while (rest->n > 0 && is_separator(rest->p[0]))
		*rest = str_skip(*rest, 1);
	for (; n < rest->n && (depth > 0 || !is_separator(rest->p[n])); n++) {
		depth += rest->p[n] == '{';
		depth -= rest->p[n] == '}' && depth > 0;
	}
	*item = str_sub(*rest, 0, n);
	*rest = str_skip(*rest, n);
	if (item->n > 1 && item->p[0] == '{' && item->p[item->n - 1] == '}')
		*item = str_sub(*item, 1, item->n - 2);
	return n > 0;
}

/* Where it leads to, or as it is, if nothing is there. */
static struct str real_path(struct arena *a, struct str path)
{
	char real[PATH_MAX];
	if (path.n == 0 || realpath(str_to_c(a, path), real) == NULL)
		return path;
	return str_dup(a, str_of(real));
}

/* "inet:HOST:PORT" of Postfix, "inet:PORT@HOST" of Sendmail and ours. */
static bool split_inet(struct str socket, struct str *host, struct str *port)
{
	struct str scheme, rest;
	if (!str_cut(socket, ':', &scheme, &rest) || !str_starts(scheme, STR("inet")))
		return false;
	if (str_cut(rest, '@', port, host))
		return true;
	ptrdiff_t colon = str_find_last(rest, ':');
	*host = str_sub(rest, 0, colon < 0 ? 0 : (size_t)colon);
	*port = str_skip(rest, (size_t)(colon + 1));
	return true;
}

static struct str without_brackets(struct str host)
{
	return host.n > 2 && host.p[0] == '[' ? str_sub(host, 1, host.n - 2) : host;
}

static bool is_same_host(struct str x, struct str y)
{
	struct ip a, b;
	x = without_brackets(x);
	y = without_brackets(y);
	bool is_a = ip_parse(str_eq_nocase(x, STR("localhost")) ? y : x, &a);
	bool is_b = ip_parse(str_eq_nocase(y, STR("localhost")) ? x : y, &b);
	return is_a && is_b ? ip_eq(a, b) : str_eq_nocase(x, y);
}

static bool is_listener(struct arena *a, const struct listener *l, const struct milter *m)
{
	struct str path = listener_unix_path(l), host, port, our_host, our_port;
	if (path.n > 0)
		return m->path.n > 0 && str_eq(real_path(a, path), real_path(a, m->path));
	return split_inet(m->written, &host, &port) && split_inet(l->socket, &our_host, &our_port) &&
	       str_eq(port, our_port) && is_same_host(host, our_host);
}

static bool has_name(struct str text, struct str name)
{
	for (size_t i = 0; i + name.n <= text.n; i++)
		if (str_eq_nocase(str_sub(text, i, name.n), name))
			return true;
	return false;
}

void milter_relate(const struct patient *p, struct milter *m)
{
	struct str scheme, written = STR_EMPTY;
	str_cut(m->written, ':', &scheme, &written);
	m->relation = has_name(m->written, STR("gatepost")) ? MILTER_MISSED : MILTER_OTHER;
	for (size_t i = 0; i < p->options->listen.count; i++) {
		const struct listener *l = &p->options->listen.items[i];
		if (is_listener(p->arena, l, m)) {
			m->relation = MILTER_OURS;
			m->listener = l;
		} else if (m->relation == MILTER_OTHER && m->path.n > 0 && str_eq(written, listener_unix_path(l))) {
			m->relation = MILTER_MISSED; /* right but for the chroot */
		}
	}
}

const struct listener *listener_for(const struct patient *p, const struct hook *h)
{
	const struct listeners *all = &p->options->listen;
	enum listen_role wanted = h->is_submission || h->is_local ? ROLE_SUBMISSION : ROLE_INBOUND;
	const struct listener *both = NULL;
	for (size_t i = 0; i < all->count; i++) {
		if (all->items[i].role == wanted)
			return &all->items[i];
		if (all->items[i].role == ROLE_BOTH)
			both = &all->items[i];
	}
	return both != NULL ? both : &all->items[0];
}

/* The path as Postfix in its queue directory would write it; empty if it is elsewhere. */
static struct str path_in_queue(const struct patient *p, struct str path)
{
	struct str queue = postfix_parameter(p, NULL, "queue_directory");
	bool is_inside = queue.n > 0 && str_starts(path, queue) && str_starts(str_skip(path, queue.n), STR("/"));
	return is_inside ? str_skip(path, queue.n + 1) : STR_EMPTY;
}

struct str path_to_move_to(const struct patient *p, const struct hook *h)
{
	struct str path = listener_unix_path(listener_for(p, h));
	if (!h->is_chrooted || path.n == 0 || path_in_queue(p, path).n > 0)
		return STR_EMPTY;
	return str_printf(p->arena, "%.*s/gatepost/%.*s", STR_ARG(postfix_parameter(p, NULL, "queue_directory")),
			  STR_ARG(str_skip(path, (size_t)(str_find_last(path, '/') + 1))));
}

struct str socket_for(const struct patient *p, const struct hook *h)
{
	const struct listener *l = listener_for(p, h);
	struct str path = listener_unix_path(l), better = path_to_move_to(p, h), host, port;
	if (p->mta == MTA_SENDMAIL)
		return path.n == 0 ? l->socket : str_printf(p->arena, "local:%.*s", STR_ARG(path));
	if (path.n == 0 && split_inet(l->socket, &host, &port))
		return str_printf(p->arena, str_find(host, ':') >= 0 ? "inet:[%.*s]:%.*s" : "inet:%.*s:%.*s",
				  STR_ARG(host), STR_ARG(port));
	path = better.n > 0 ? better : path;
	struct str inside = path_in_queue(p, path);
	return str_printf(p->arena, "unix:%.*s", STR_ARG(inside.n > 0 ? inside : path));
}

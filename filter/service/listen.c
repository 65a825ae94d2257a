#include "service/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/fail.h"
#include "option/listener.h"
#include "service/privileges.h"

enum { FOLDER_MODE = 0750, BACKLOG = 64 };

struct opening {
	const struct listener *listener;
	const struct account *serves;
	struct arena *arena;
	struct diags *diags;
	const char *path;   /* UNIX: of the socket */
	const char *folder; /* UNIX: that holds it */
	gid_t gid;          /* UNIX: of the socket and of a folder that we make */
};

static struct place place_of(const struct listener *l)
{
	return (struct place){ .setting = l->setting == NULL ? "listen" : l->setting };
}

/* At start there is one thread: getgrnam is safe. */
static bool find_group(const struct listener *l, gid_t *gid, struct diags *diags)
{
	struct arena *a = arena_new();
	errno = 0;
	const struct group *entry = getgrnam(str_to_c(a, l->group));
	if (entry == NULL)
		diag_error(diags, place_of(l), "there is no group \"%.*s\"%s%s", STR_ARG(l->group), errno == 0 ? "" : ": ",
			   errno == 0 ? "" : strerror(errno));
	else
		*gid = entry->gr_gid;
	arena_free(a);
	return entry != NULL;
}

bool listen_check(const struct listener *l, struct diags *diags)
{
	gid_t gid;
	return l->group.n == 0 || find_group(l, &gid, diags);
}

static bool begin(struct opening *o)
{
	struct str path = listener_unix_path(o->listener);
	ptrdiff_t slash = str_find_last(path, '/');
	o->path = str_to_c(o->arena, path);
	o->folder = slash <= 0 ? "/" : str_to_c(o->arena, str_sub(path, 0, (size_t)slash));
	o->gid = o->serves->gid;
	return o->listener->group.n == 0 || find_group(o->listener, &o->gid, o->diags);
}

static bool make_folder(struct opening *o)
{
	if (mkdir(o->folder, FOLDER_MODE) != 0) {
		if (errno == EEXIST)
			return true;
		diag_error(o->diags, place_of(o->listener), "%s: the folder cannot be made: %s", o->folder, strerror(errno));
		return false;
	}
	if (chown(o->folder, o->serves->uid, o->gid) != 0 || chmod(o->folder, FOLDER_MODE) != 0) {
		diag_error(o->diags, place_of(o->listener), "%s: owner and mode cannot be set: %s", o->folder, strerror(errno));
		return false;
	}
	return true;
}

/* Who can write into the folder can put another socket in place of ours. */
static bool folder_is_safe(struct opening *o)
{
	struct stat st;
	if (stat(o->folder, &st) != 0 || !S_ISDIR(st.st_mode)) {
		diag_error(o->diags, place_of(o->listener), "%s is no folder", o->folder);
		return false;
	}
	if ((st.st_mode & S_IWOTH) != 0 && (st.st_mode & S_ISVTX) == 0) {
		diag_error(o->diags, place_of(o->listener), "%s: everybody may write into this folder and replace the socket: chmod o-w",
			   o->folder);
		return false;
	}
	return true;
}

union address {
	struct sockaddr any;
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

/* "unix:PATH" or "inet:PORT@ADDRESS", checked at load. */
static socklen_t address_of(const struct listener *l, union address *out)
{
	struct str path = listener_unix_path(l), scheme, rest, port_text, host;
	struct ip ip = { .family = IP_NONE };
	uint64_t port = 0;
	if (path.n > 0) {
		*out = (union address){ .un.sun_family = AF_UNIX };
		BUG_IF(path.n >= sizeof(out->un.sun_path));
		memcpy(out->un.sun_path, path.p, path.n);
		return sizeof(out->un);
	}
	str_cut(l->socket, ':', &scheme, &rest);
	str_cut(rest, '@', &port_text, &host);
	BUG_IF(!str_to_u64(port_text, &port) || !ip_parse(host, &ip));
	*out = (union address){ .any.sa_family = ip.family == IP_V4 ? AF_INET : AF_INET6 };
	if (ip.family == IP_V4) {
		out->in4.sin_port = htons((uint16_t)port);
		memcpy(&out->in4.sin_addr, ip.b, sizeof(out->in4.sin_addr));
		return sizeof(out->in4);
	}
	out->in6.sin6_port = htons((uint16_t)port);
	memcpy(&out->in6.sin6_addr, ip.b, sizeof(out->in6.sin6_addr));
	return sizeof(out->in6);
}

/* 0, or why nobody answers. */
static int connect_error(const struct listener *l)
{
	union address address;
	socklen_t size = address_of(l, &address);
	int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return errno;
	int error = connect(fd, &address.any, size) == 0 ? 0 : errno;
	close(fd);
	return error;
}

int listen_open(const struct listener *l)
{
	union address address;
	socklen_t size = address_of(l, &address);
	int one = 1, fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0 &&
	    bind(fd, &address.any, size) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

int listen_dial(const struct listener *l, int timeout_ms, int *fd)
{
	union address address;
	struct timeval wait = { timeout_ms / 1000, timeout_ms % 1000 * 1000 };
	socklen_t size = address_of(l, &address);
	*fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd >= 0 && setsockopt(*fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) == 0 &&
	    setsockopt(*fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) == 0 && connect(*fd, &address.any, size) == 0)
		return 0;
	int error = errno;
	if (*fd >= 0)
		close(*fd);
	return error;
}

void listen_wake(const struct listener *l)
{
	connect_error(l);
}

static bool clear_path(struct opening *o)
{
	struct stat st;
	if (lstat(o->path, &st) != 0) {
		if (errno == ENOENT)
			return true;
		diag_error(o->diags, place_of(o->listener), "%s: %s", o->path, strerror(errno));
		return false;
	}
	if (!S_ISSOCK(st.st_mode)) {
		diag_error(o->diags, place_of(o->listener), "%s is in the way: it is no socket", o->path);
		return false;
	}
	int error = connect_error(o->listener);
	if (error == 0 || error == EAGAIN) {
		diag_error(o->diags, place_of(o->listener), "%s: a process answers there; is another gatepost running?", o->path);
		return false;
	}
	if (error != ECONNREFUSED || unlink(o->path) != 0) {
		diag_error(o->diags, place_of(o->listener), "%s: an old socket cannot be removed: %s", o->path,
			   strerror(error != ECONNREFUSED ? error : errno));
		return false;
	}
	return true;
}

/* libmilter tells syslog why it could not bind, and us nothing. */
static bool port_is_free(struct opening *o)
{
	union address address;
	socklen_t size = address_of(o->listener, &address);
	int one = 1, error = 0;
	int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
	    bind(fd, &address.any, size) != 0)
		error = errno;
	if (fd >= 0)
		close(fd);
	if (error == EADDRINUSE)
		diag_error(o->diags, place_of(o->listener), "%.*s: another process has this port; is another gatepost running? Type: ss -ltnp",
			   STR_ARG(o->listener->socket));
	else if (error != 0)
		diag_error(o->diags, place_of(o->listener), "%.*s: %s", STR_ARG(o->listener->socket), strerror(error));
	return error == 0;
}

bool listen_prepare(const struct listener *l, const struct account *serves, struct diags *diags)
{
	struct opening o = { .listener = l, .serves = serves, .arena = arena_new(), .diags = diags };
	bool is_ready;
	if (listener_unix_path(l).n > 0)
		is_ready = begin(&o) && make_folder(&o) && folder_is_safe(&o) && clear_path(&o);
	else
		is_ready = port_is_free(&o);
	arena_free(o.arena);
	if (is_ready)
		umask(0777);
	return is_ready;
}

static bool set_rights(struct opening *o)
{
	if (!begin(o))
		return false;
	if (lchown(o->path, o->serves->uid, o->gid) == 0 && chmod(o->path, o->listener->mode) == 0)
		return true;
	diag_error(o->diags, place_of(o->listener), "%s: group and mode 0%o cannot be set: %s", o->path, o->listener->mode,
		   strerror(errno));
	return false;
}

bool listen_finish(const struct listener *l, const struct account *serves, bool is_open, struct diags *diags)
{
	struct opening o = { .listener = l, .serves = serves, .arena = arena_new(), .diags = diags };
	bool is_done = is_open;
	umask(PRIVILEGES_UMASK);
	if (!is_open)
		diag_error(diags, place_of(l), "%.*s cannot be opened; the system log (mail) says more", STR_ARG(l->socket));
	else if (listener_unix_path(l).n > 0)
		is_done = set_rights(&o);
	arena_free(o.arena);
	return is_done;
}

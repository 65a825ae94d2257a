#include "store/redis_url.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/ip.h"
#include "base/nametab.h"

enum { PORT = 6379, PASSWORD_MAX = 512, PREFIX_MAX = 64, DATABASE_MAX = 65535 };

static const struct place at = { .setting = "store" };

/* "HOST", "HOST:PORT", "[ADDRESS]:PORT" */
static bool parse_authority(struct arena *a, struct str text, struct redis_url *u, struct diags *diags)
{
	struct str port = STR_EMPTY;
	uint64_t number = PORT;
	ptrdiff_t bracket = str_find(text, ']'), colon = str_find_last(text, ':');
	if (str_find(text, '@') >= 0) {
		diag_error(diags, at, "a password does not belong here: use redis://HOST:PORT?password_file=/PATH");
		return false;
	}
	if (colon > bracket) {
		port = str_skip(text, (size_t)colon + 1);
		text = str_sub(text, 0, (size_t)colon);
	}
	if (bracket > 0 && text.p[0] == '[')
		text = str_sub(text, 1, text.n - 2);
	u->host = str_of(str_to_c(a, text));
	if (u->host.n == 0 || (colon > bracket && (!str_to_u64(port, &number) || number < 1 || number > 65535))) {
		diag_error(diags, at, "\"%.*s\" is no Redis: use redis:/PATH or redis://HOST:PORT", STR_ARG(u->shown));
		return false;
	}
	u->port = (int)number;
	return true;
}

enum parameter { USER, PASSWORD_FILE, DATABASE, PREFIX, PARAMETER_COUNT };
static const char *const parameter_names[] = { "user", "password_file", "database", "prefix" };

/* NULL, or what is wrong with the value. */
static const char *set_parameter(struct arena *a, struct redis_url *u, enum parameter parameter, struct str value)
{
	uint64_t number;
	switch (parameter) {
	case USER:
		u->user = str_dup(a, value);
		break;
	case PASSWORD_FILE:
		u->password_file = str_of(str_to_c(a, value));
		return str_starts(value, STR("/")) ? NULL : "must begin with a slash";
	case DATABASE:
		if (!str_to_u64(value, &number) || number > DATABASE_MAX)
			return "is no number of a database";
		u->database = (int)number;
		break;
	case PREFIX:
		u->prefix = str_dup(a, value);
		return value.n > PREFIX_MAX ? "is too long: 64 bytes at most" : NULL;
	case PARAMETER_COUNT:
		break;
	}
	return NULL;
}

static void parse_parameters(struct arena *a, struct str rest, struct redis_url *u, struct diags *diags)
{
	struct str piece, name, value;
	while (str_next(&rest, '&', &piece)) {
		unsigned parameter;
		str_cut(piece, '=', &name, &value);
		if (!nametab_find(parameter_names, PARAMETER_COUNT, name, &parameter)) {
			diag_error(diags, at, "Redis has no parameter \"%.*s\" here: %s", STR_ARG(name),
				   nametab_join(a, parameter_names, PARAMETER_COUNT).p);
			continue;
		}
		const char *wrong = set_parameter(a, u, (enum parameter)parameter, value);
		if (wrong != NULL)
			diag_error(diags, at, "%s \"%.*s\" %s", parameter_names[parameter], STR_ARG(value), wrong);
	}
}

static bool is_loopback(struct str host)
{
	struct ip ip;
	return str_eq_nocase(host, STR("localhost")) || (ip_parse(host, &ip) && ip_is_loopback(ip));
}

static void warn_of_openness(const struct redis_url *u, struct diags *diags)
{
	struct stat st;
	if (u->path.n == 0 && !is_loopback(u->host))
		diag_warn(diags, at, "Redis on %s is spoken to in plain text: addresses and the password can be read on the way",
			  u->host.p);
	if (u->path.n == 0 && u->password_file.n == 0)
		diag_warn(diags, at, "Redis on a port without password_file: whoever can connect can change limits and lists");
	if (u->password_file.n > 0 && stat(u->password_file.p, &st) == 0 && (st.st_mode & S_IROTH) != 0)
		diag_warn(diags, at, "%s can be read by everybody. Type: chmod 0640 %s", u->password_file.p,
			  u->password_file.p);
}

bool redis_url_parse(struct arena *a, struct str place, struct redis_url *u, struct diags *diags)
{
	size_t errors = diags_errors(diags);
	struct str where, parameters;
	*u = (struct redis_url){ .prefix = STR("gatepost:") };
	str_cut(place, '?', &where, &parameters);
	u->shown = str_printf(a, "redis:%.*s", STR_ARG(where));
	if (str_starts(where, STR("//")))
		parse_authority(a, str_skip(where, 2), u, diags);
	else if (where.n > 1 && where.p[0] == '/')
		u->path = str_of(str_to_c(a, where));
	else
		diag_error(diags, at, "\"%.*s\" is no Redis: use redis:/PATH or redis://HOST:PORT", STR_ARG(u->shown));
	parse_parameters(a, parameters, u, diags);
	if (u->user.n > 0 && u->password_file.n == 0)
		diag_error(diags, at, "user needs a password_file");
	if (diags_errors(diags) > errors)
		return false;
	warn_of_openness(u, diags);
	return true;
}

bool redis_password_read(struct arena *a, const struct redis_url *u, struct str *password, struct str *why)
{
	char text[PASSWORD_MAX];
	*password = STR_EMPTY;
	if (u->password_file.n == 0)
		return true;
	int fd = open(u->password_file.p, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));
	int error = errno;
	if (fd >= 0)
		close(fd);
	if (n < 0) {
		*why = str_printf(a, "%s: %s", u->password_file.p, strerror(error));
		return false;
	}
	struct str line = { text, (size_t)n }, rest;
	str_cut(line, '\n', &line, &rest);
	*password = str_dup(a, str_trim(line));
	if (password->n == 0)
		*why = str_printf(a, "%s holds no password in its first line", u->password_file.p);
	return password->n > 0;
}

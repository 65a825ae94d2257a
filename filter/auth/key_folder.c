#include "auth/key_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "auth/key_state.h"
#include "auth/private_key.h"
#include "base/arena.h"
#include "base/diag.h"
#include "base/vec.h"

enum { FOLDER_MODE = 0700, FILE_MODE = 0600, PASSWD_ROOM = 4096 };

struct key_folder key_folder_at(struct arena *a, struct str path)
{
	while (path.n > 1 && path.p[path.n - 1] == '/')
		path.n--;
	return (struct key_folder){ str_dup(a, path), str_dup(a, str_of(getenv("CREDENTIALS_DIRECTORY"))) };
}

static bool may_be_there(const char *path)
{
	struct stat st;
	return lstat(path, &st) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

const char *key_folder_find(const struct key_folder *f, struct arena *a, struct str name)
{
	const char *paths[] = {
		str_printf(a, "%.*s/%.*s", STR_ARG(f->credentials), STR_ARG(name)).p,
		str_printf(a, "%.*s/keys_%.*s", STR_ARG(f->credentials), STR_ARG(name)).p,
		str_printf(a, "%.*s/%.*s", STR_ARG(f->path), STR_ARG(name)).p,
	};
	for (size_t i = f->credentials.n == 0 ? 2 : 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (may_be_there(paths[i]))
			return paths[i];
	return NULL;
}

/* ---- who may do what ------------------------------------------------------------------------------------ */

static struct str user_name(struct arena *a, uid_t uid)
{
	struct passwd entry, *found;
	char *room = arena_alloc(a, PASSWD_ROOM);
	if (getpwuid_r(uid, &entry, room, PASSWD_ROOM, &found) == 0 && found != NULL)
		return str_of(found->pw_name);
	return str_printf(a, "%u", (unsigned)uid);
}

static struct str owner_and_mode(struct arena *a, const struct stat *st)
{
	return str_printf(a, "owner %.*s, mode %04o", STR_ARG(user_name(a, st->st_uid)),
			  (unsigned)st->st_mode & 07777);
}

/* "DIR" of "DIR/NAME" */
static const char *folder_of(struct arena *a, const char *path)
{
	struct str whole = str_of(path);
	return str_to_c(a, str_sub(whole, 0, (size_t)str_find_last(whole, '/')));
}

static struct str why_not_opened(struct arena *a, const char *path, int error)
{
	struct stat st;
	const char *object = path, *may_not = "read";
	struct str us = user_name(a, geteuid());
	if (error != EACCES && error != EPERM)
		return str_printf(a, "%s: %s", path, strerror(error));
	if (stat(path, &st) != 0) {
		object = folder_of(a, path);
		may_not = "enter";
		if (stat(object, &st) != 0)
			return str_printf(a, "%s: user %.*s may not enter a folder above it", path, STR_ARG(us));
	}
	if (st.st_uid == geteuid())
		return str_printf(a, "%s: %.*s: its owner may not %s it: chmod %04o %s", object,
				  STR_ARG(owner_and_mode(a, &st)), may_not,
				  (unsigned)(S_ISDIR(st.st_mode) ? FOLDER_MODE : FILE_MODE), object);
	return str_printf(a, "%s: %.*s: user %.*s may not %s it: run this as %.*s, or chown %.*s %s", object,
			  STR_ARG(owner_and_mode(a, &st)), STR_ARG(us), may_not, STR_ARG(user_name(a, st.st_uid)),
			  STR_ARG(us), object);
}

/* A credential is guarded by the service manager, with means that mode bits do not show. */
static bool is_guarded(const struct key_folder *f, struct arena *a, const char *path, const struct stat *st,
		       struct str *why_not)
{
	struct stat folder;
	const char *folder_path = str_to_c(a, f->path);
	if (f->credentials.n > 0 && str_eq(str_of(folder_of(a, path)), f->credentials))
		return true;
	if ((st->st_mode & 0027) != 0) {
		*why_not = str_printf(a, "%s: %.*s: others can %s it: chmod 0600 %s", path,
				      STR_ARG(owner_and_mode(a, st)), st->st_mode & 0022 ? "change" : "read", path);
		return false;
	}
	if (stat(folder_path, &folder) != 0)
		return true;
	if ((folder.st_mode & 0022) != 0) {
		*why_not = str_printf(a, "%s: %.*s: others can put keys there: chmod 0700 %s", folder_path,
				      STR_ARG(owner_and_mode(a, &folder)), folder_path);
		return false;
	}
	/* Root may have it for the group of the daemon. What only root can read is good while root checks, and for no
	 * daemon. */
	bool is_right = st->st_uid == 0 ? (st->st_mode & 0040) != 0 : st->st_uid == geteuid();
	if (st->st_uid != folder.st_uid && !is_right) {
		struct str owner = user_name(a, folder.st_uid);
		*why_not = str_printf(a, "%s: %.*s: the folder is of %.*s: chown %.*s %s", path,
				      STR_ARG(owner_and_mode(a, st)), STR_ARG(owner), STR_ARG(owner), path);
		return false;
	}
	return true;
}

/* ---- reading -------------------------------------------------------------------------------------------- */

static bool read_all(int fd, char *room, size_t size, size_t *n)
{
	for (*n = 0; *n < size;) {
		ssize_t got = read(fd, room + *n, size - *n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return false;
		if (got == 0)
			break;
		*n += (size_t)got;
	}
	return true;
}

static EVP_PKEY *read_open(const struct key_folder *f, struct arena *a, const char *path, int fd, struct str *why_not)
{
	struct stat st;
	char pem[PRIVATE_KEY_BYTES_MAX + 1];
	size_t n = 0;
	EVP_PKEY *key = NULL;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		*why_not = str_printf(a, "%s: is no regular file", path);
	} else if (!is_guarded(f, a, path, &st, why_not)) {
		return NULL;
	} else if (!read_all(fd, pem, sizeof(pem), &n)) {
		*why_not = str_printf(a, "%s: %s", path, strerror(errno));
	} else {
		struct str wrong;
		key = private_key_parse(a, (struct str){ pem, n }, &wrong);
		if (key == NULL)
			*why_not = str_printf(a, "%s %.*s", path, STR_ARG(wrong));
	}
	OPENSSL_cleanse(pem, sizeof(pem));
	return key;
}

EVP_PKEY *key_folder_read_key(const struct key_folder *f, struct arena *a, const char *path, struct str *why_not)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* a FIFO must not block */
	if (fd < 0) {
		*why_not = why_not_opened(a, path, errno);
		return NULL;
	}
	EVP_PKEY *key = read_open(f, a, path, fd, why_not);
	close(fd);
	return key;
}

/* ---- listing -------------------------------------------------------------------------------------------- */

static bool fail(struct diags *diags, struct arena *a, const char *path, int error)
{
	struct str why = why_not_opened(a, path, error);
	diag_error(diags, (struct place){ 0 }, "%.*s", STR_ARG(why));
	return false;
}

/* "billing" of "billing.state", "billing.pem", "keys_billing.pem"; empty if it tells of no key. */
static struct str name_in(struct str file, bool is_credential)
{
	struct str name, rest;
	if (is_credential && str_starts(file, STR("keys_")))
		file = str_skip(file, 5);
	bool tells = str_cut(file, '.', &name, &rest) && key_name_is_good(name) &&
		     (str_eq(rest, STR("state")) || str_eq(rest, STR("pem")));
	return tells ? name : STR_EMPTY;
}

struct names {
	struct str *items;
	size_t count, room;
};

static bool add_names(struct arena *a, struct str path, bool is_credential, struct names *names, struct diags *diags)
{
	DIR *folder = opendir(str_to_c(a, path));
	if (folder == NULL)
		return errno == ENOENT || fail(diags, a, str_to_c(a, path), errno);
	for (const struct dirent *e; (e = readdir(folder)) != NULL;) {
		struct str name = name_in(str_of(e->d_name), is_credential);
		if (name.n > 0)
			VEC_PUSH(a, names, str_dup(a, name));
	}
	closedir(folder);
	return true;
}

static int by_text(const void *x, const void *y)
{
	return str_cmp(*(const struct str *)x, *(const struct str *)y);
}

bool key_folder_list(const struct key_folder *f, struct arena *a, struct diags *diags, const struct str **list,
		     size_t *count)
{
	struct names names = { NULL, 0, 0 };
	if ((f->credentials.n > 0 && !add_names(a, f->credentials, true, &names, diags)) ||
	    !add_names(a, f->path, false, &names, diags))
		return false;
	if (names.count > 0)
		qsort(names.items, names.count, sizeof(*names.items), by_text);
	*count = 0;
	for (size_t i = 0; i < names.count; i++)
		if (i == 0 || !str_eq(names.items[i], names.items[i - 1]))
			names.items[(*count)++] = names.items[i];
	*list = names.items;
	return true;
}

/* ---- writing -------------------------------------------------------------------------------------------- */

static bool make_folder(const char *path, uid_t uid, gid_t gid)
{
	if (mkdir(path, FOLDER_MODE) != 0)
		return errno == EEXIST;
	return geteuid() != 0 || chown(path, uid, gid) == 0;
}

bool key_writer_begin(struct key_writer *w, struct arena *a, const struct key_folder *f, uid_t uid, gid_t gid,
		      struct diags *diags)
{
	struct stat st;
	w->path = str_to_c(a, f->path);
	w->fd = -1;
	if (!make_folder(w->path, uid, gid) ||
	    (w->fd = open(w->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 || fstat(w->fd, &st) != 0 ||
	    flock(w->fd, LOCK_EX) != 0)
		return fail(diags, a, w->path, errno);
	w->uid = st.st_uid;
	w->gid = st.st_gid;
	return true;
}

void key_writer_end(struct key_writer *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}

static bool write_all(int fd, struct str bytes)
{
	while (bytes.n > 0) {
		ssize_t n = write(fd, bytes.p, bytes.n);
		if (n < 0 && errno != EINTR)
			return false;
		bytes = str_skip(bytes, n < 0 ? 0 : (size_t)n);
	}
	return true;
}

/* Under a name that nobody else uses, since the folder is locked; what a crash left there goes. */
static bool write_aside(const struct key_writer *w, const char *name, struct str bytes)
{
	unlinkat(w->fd, name, 0);
	int fd = openat(w->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
	if (fd < 0)
		return false;
	bool ok = fchmod(fd, FILE_MODE) == 0 && (geteuid() != 0 || fchown(fd, w->uid, w->gid) == 0) &&
		  write_all(fd, bytes) && fsync(fd) == 0;
	int error = errno;
	close(fd);
	errno = error;
	return ok;
}

bool key_writer_put(struct key_writer *w, struct arena *a, struct str name, struct str bytes, bool is_new,
		    struct diags *diags)
{
	const char *to = str_to_c(a, name), *aside = str_printf(a, ".%s.new", to).p;
	if (write_aside(w, aside, bytes) &&
	    renameat2(w->fd, aside, w->fd, to, is_new ? RENAME_NOREPLACE : 0) == 0 && fsync(w->fd) == 0)
		return true;
	int error = errno;
	unlinkat(w->fd, aside, 0);
	return fail(diags, a, str_printf(a, "%s/%s", w->path, to).p, error);
}

bool key_writer_remove(struct key_writer *w, struct arena *a, struct str name, struct diags *diags)
{
	const char *file = str_to_c(a, name);
	if ((unlinkat(w->fd, file, 0) == 0 || errno == ENOENT) && fsync(w->fd) == 0)
		return true;
	return fail(diags, a, str_printf(a, "%s/%s", w->path, file).p, errno);
}

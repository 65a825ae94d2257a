#include "doctor/spawn.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"

enum { OUTPUT_MAX = 4 << 20 };

extern char **environ;

static struct str read_back(struct arena *a, FILE *file)
{
	long size = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : 0;
	size_t n = size < 0 ? 0 : size > OUTPUT_MAX ? OUTPUT_MAX : (size_t)size;
	char *bytes = arena_alloc(a, n + 1);
	rewind(file);
	return (struct str){ bytes, fread(bytes, 1, n, file) };
}

static int wait_for(pid_t pid)
{
	int status;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int start(const char *const *argv, const posix_spawn_file_actions_t *actions, pid_t *pid)
{
	char *const *args = (char *const *)(uintptr_t)argv; /* it changes nothing, but says char * */
	char path[256];
	snprintf(path, sizeof(path), "/usr/sbin/%s", argv[0]);
	int error = posix_spawnp(pid, argv[0], actions, NULL, args, environ);
	return error == ENOENT ? posix_spawn(pid, path, actions, NULL, args, environ) : error;
}

bool spawn(struct arena *a, const char *const *argv, struct spawned *result)
{
	FILE *out = tmpfile(), *err = tmpfile();
	posix_spawn_file_actions_t actions;
	pid_t pid = 0;
	bool ok = out != NULL && err != NULL && posix_spawn_file_actions_init(&actions) == 0;
	if (ok) {
		ok = posix_spawn_file_actions_adddup2(&actions, fileno(out), STDOUT_FILENO) == 0 &&
		     posix_spawn_file_actions_adddup2(&actions, fileno(err), STDERR_FILENO) == 0 &&
		     start(argv, &actions, &pid) == 0;
		posix_spawn_file_actions_destroy(&actions);
	}
	if (ok) {
		result->code = wait_for(pid);
		result->out = read_back(a, out);
		result->err = read_back(a, err);
	}
	if (out != NULL)
		fclose(out);
	if (err != NULL)
		fclose(err);
	return ok;
}

/* ---- another user --------------------------------------------------------------------------------------- */

struct answer {
	size_t length; /* of the part of the path that is refused; 0: none is */
	int error;
};

static struct answer look(const char *path, enum access_wanted wanted)
{
	char part[4096];
	for (size_t i = 1; path[i] != 0 && i < sizeof(part) - 1; i++) {
		if (path[i] != '/')
			continue;
		memcpy(part, path, i);
		part[i] = 0;
		if (access(part, X_OK) != 0)
			return (struct answer){ i, errno };
	}
	/* To connect is to write (unix(7)). */
	bool may = access(path, wanted == MAY_CONNECT ? W_OK : R_OK) == 0;
	return (struct answer){ may ? 0 : strlen(path), may ? 0 : errno };
}

static void look_as(const struct passwd *entry, const char *root, const char *path, enum access_wanted wanted, int fd)
{
	struct answer answer = { 1, EPERM };
	if (initgroups(entry->pw_name, entry->pw_gid) == 0 && (root == NULL || (chroot(root) == 0 && chdir("/") == 0)) &&
	    setgid(entry->pw_gid) == 0 && setuid(entry->pw_uid) == 0)
		answer = look(path, wanted);
	_exit(write(fd, &answer, sizeof(answer)) != sizeof(answer));
}

bool user_may(struct arena *a, const char *user, const char *root, const char *path, enum access_wanted wanted,
	      struct str *object, int *why)
{
	size_t outside = root == NULL ? 0 : strlen(root);
	struct answer answer = { strlen(path) - outside, EAGAIN };
	const struct passwd *entry = getpwnam(user);
	int ends[2];
	if (entry == NULL || pipe(ends) != 0) {
		*object = str_of(path);
		*why = ENOENT;
		return false;
	}
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0)
		look_as(entry, root, path + outside, wanted, ends[1]);
	close(ends[1]);
	if (pid > 0 && read(ends[0], &answer, sizeof(answer)) != sizeof(answer))
		answer = (struct answer){ strlen(path) - outside, EIO };
	close(ends[0]);
	if (pid > 0)
		wait_for(pid);
	*object = str_dup(a, str_sub(str_of(path), 0, outside + answer.length));
	*why = answer.error;
	return answer.length == 0;
}

#include "lib/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"

enum { START_MS = 60000, RELOAD_MS = 20000, STOP_MS = 40000, POLL_US = 2000 };

static long file_size(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 ? (long)st.st_size : 0;
}

/* Does the file hold one of these words behind that offset. Answers its index, or -1. */
static int log_holds(const char *path, long from, const char *const *words, int count)
{
	int found = -1;
	FILE *f = fopen(path, "re");
	if (f == NULL)
		return -1;
	long size = file_size(path) - from;
	char *text = fail_if_null(calloc(1, (size_t)(size > 0 ? size : 0) + 1));
	if (size > 0 && fseek(f, from, SEEK_SET) == 0 && fread(text, 1, (size_t)size, f) > 0)
		for (int i = 0; i < count && found < 0; i++)
			if (strstr(text, words[i]) != NULL)
				found = i;
	free(text);
	fclose(f);
	return found;
}

static bool has_ended(struct daemon *d)
{
	int status;
	if (d->pid == 0 || waitpid(d->pid, &status, WNOHANG) != d->pid)
		return d->pid == 0;
	d->pid = 0;
	snprintf(d->failure, sizeof(d->failure), "the daemon ended by itself, %s %d",
		 WIFSIGNALED(status) ? "signal" : "exit code", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return true;
}

/* The index of the word that comes first, or -1 after a failure. */
static int wait_for_log(struct daemon *d, long from, const char *const *words, int count, int64_t wait_ms)
{
	for (int64_t end_ms = clock_mono_ms() + wait_ms; clock_mono_ms() < end_ms; usleep(POLL_US)) {
		int found = log_holds(d->log, from, words, count);
		if (found >= 0)
			return found;
		if (has_ended(d))
			return -1;
	}
	snprintf(d->failure, sizeof(d->failure), "timeout: \"%s\" did not come", words[0]);
	return -1;
}

static void become_gatepost(const char *config, const char *stderr_path)
{
	char path[4096];
	const char *binary = getenv("GATEPOST"), *build = getenv("builddir");
	snprintf(path, sizeof(path), "%s/gatepost", build != NULL ? build : ".");
	int fd = stderr_path == NULL ? -1 : open(stderr_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd >= 0)
		dup2(fd, STDERR_FILENO);
	execl(binary != NULL ? binary : path, "gatepost", "run", "-c", config, (char *)NULL);
	fprintf(stderr, "cannot run %s: %s\n", binary != NULL ? binary : path, strerror(errno));
	_exit(127);
}

bool daemon_start(struct daemon *d, const char *config, const char *log, const char *stderr_path)
{
	static const char *const ready[] = { " ready on " };
	*d = (struct daemon){ .log = log };
	long from = file_size(log);
	fflush(NULL);
	d->pid = fork();
	BUG_IF(d->pid < 0);
	if (d->pid == 0)
		become_gatepost(config, stderr_path);
	if (wait_for_log(d, from, ready, 1, START_MS) == 0)
		return true;
	char why[sizeof(d->failure)];
	memcpy(why, d->failure, sizeof(why));
	daemon_stop(d);
	memcpy(d->failure, why, sizeof(why));
	return false;
}

bool daemon_reload(struct daemon *d, bool *is_new)
{
	static const char *const words[] = { "reloaded: ", "reload refused" };
	long from = file_size(d->log);
	if (d->pid == 0 || kill(d->pid, SIGHUP) != 0)
		return false;
	int found = wait_for_log(d, from, words, 2, RELOAD_MS);
	*is_new = found == 0;
	return found >= 0;
}

bool daemon_stop(struct daemon *d)
{
	if (d->pid == 0)
		return false;
	int status = 0;
	kill(d->pid, SIGTERM);
	for (int64_t end_ms = clock_mono_ms() + STOP_MS; clock_mono_ms() < end_ms; usleep(POLL_US)) {
		if (waitpid(d->pid, &status, WNOHANG) != d->pid)
			continue;
		d->pid = 0;
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
			return true;
		snprintf(d->failure, sizeof(d->failure), "the daemon's end: %s %d", WIFSIGNALED(status) ? "signal" : "exit code",
			 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
		return false;
	}
	kill(d->pid, SIGKILL);
	waitpid(d->pid, &status, 0);
	d->pid = 0;
	snprintf(d->failure, sizeof(d->failure), "the daemon did not stop within %d s", STOP_MS / 1000);
	return false;
}

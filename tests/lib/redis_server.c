#include "lib/redis_server.h"

#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { START_MS = 20000, POLL_MS = 10 };

static void become_redis(const struct redis_server *s, const char *folder)
{
	char log[120];
	snprintf(log, sizeof(log), "%s/redis.log", folder);
	int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execlp("redis-server", "redis-server", s->config, (char *)NULL);
	_exit(127);
}

bool redis_server_tell(struct redis_server *s, const char *command, char *reply, int reply_size)
{
	struct timeval wait = { .tv_sec = 10 };
	redisContext *c = redisConnectUnixWithTimeout(s->socket, wait);
	redisReply *r = c == NULL || c->err != 0 ? NULL : redisCommand(c, command);
	bool ok = r != NULL && r->type != REDIS_REPLY_ERROR;
	if (r != NULL && reply != NULL && r->type == REDIS_REPLY_INTEGER)
		snprintf(reply, (size_t)reply_size, "%lld", r->integer);
	else if (r != NULL && reply != NULL)
		snprintf(reply, (size_t)reply_size, "%s", r->str == NULL ? "" : r->str);
	freeReplyObject(r);
	if (c != NULL)
		redisFree(c);
	return ok;
}

bool redis_server_start(struct redis_server *s, const char *folder, const char *settings)
{
	int status;
	snprintf(s->socket, sizeof(s->socket), "%s/redis.sock", folder);
	snprintf(s->config, sizeof(s->config), "%s/redis.conf", folder);
	FILE *f = fopen(s->config, "we");
	if (f == NULL)
		return false;
	fprintf(f, "unixsocket %s\nport %d\nbind 127.0.0.1\ndir %s\nsave \"\"\nappendonly no\n%s\n", s->socket, s->port,
		folder, settings == NULL ? "" : settings);
	fclose(f);
	s->pid = fork();
	if (s->pid == 0)
		become_redis(s, folder);
	for (int waited_ms = 0; s->pid > 0 && waited_ms < START_MS; waited_ms += POLL_MS) {
		char reply[64] = "";
		/* Without the password PING is an error, but an answer. */
		if (redis_server_tell(s, "PING", reply, sizeof(reply)) || strncmp(reply, "NOAUTH", 6) == 0)
			return true;
		if (waitpid(s->pid, &status, WNOHANG) == s->pid) {
			fprintf(stderr, "redis-server ended by itself; is it installed? apt-get install redis-server\n");
			s->pid = 0;
		}
		usleep(POLL_MS * 1000);
	}
	return false;
}

void redis_server_kill(struct redis_server *s)
{
	if (s->pid <= 0)
		return;
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	unlink(s->socket);
	s->pid = 0;
}

void redis_server_freeze(struct redis_server *s, bool is_frozen)
{
	kill(s->pid, is_frozen ? SIGSTOP : SIGCONT);
}

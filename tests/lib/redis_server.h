/* tests/lib/redis_server.h - a real Redis of the test's own, on a UNIX socket in a folder.
 *
 * Owns: the process. Threads: one. Fails: with a failed test. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct redis_server {
	pid_t pid;          /* 0: it does not run */
	char socket[100];
	char config[100];   /* where it keeps settings of the test */
	int port;           /* 0: no TCP */
};

/* folder must be there; settings are lines of redis.conf. False if it does not answer. */
bool redis_server_start(struct redis_server *, const char *folder, const char *settings);
/* At once, as a crash. */
void redis_server_kill(struct redis_server *);
/* It stands still and answers nobody; or goes on. */
void redis_server_freeze(struct redis_server *, bool is_frozen);
/* One command, answered with OK or a number: for tests to look in or change. Its reply as a text. */
bool redis_server_tell(struct redis_server *, const char *command, char *reply, int reply_size);

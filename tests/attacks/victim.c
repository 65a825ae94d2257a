#include "attacks/victim.h"

#include <dirent.h>
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/ip.h"
#include "lib/dns_server.h"
#include "lib/milter_client.h"

enum { NEIGHBOUR_REPLY_MS = 60000, NEIGHBOUR_PAUSE_US = 20000 };

/* ---- the daemon ----------------------------------------------------------------------------------------- */

/* This program and the daemon are of one build. */
static int slack_of_build(void)
{
	if (dlsym(RTLD_DEFAULT, "__tsan_init") != NULL)
		return 30;
	return dlsym(RTLD_DEFAULT, "__asan_init") != NULL ? 10 : 1;
}

bool victim_start(struct victim *v, const struct dns_server *dns, const char *options)
{
	const char *top = getenv("srcdir");
	*v = (struct victim){ .slack = slack_of_build() };
	strcpy(v->folder, "/tmp/gatepost-attack-XXXXXX");
	BUG_IF(mkdtemp(v->folder) == NULL);
	snprintf(v->socket, sizeof(v->socket), "unix:%s/milter.sock", v->folder);
	snprintf(v->config, sizeof(v->config), "%s/gatepost.conf", v->folder);
	snprintf(v->log, sizeof(v->log), "%s/log", v->folder);
	snprintf(v->errors, sizeof(v->errors), "%s/stderr", v->folder);
	FILE *f = fail_if_null(fopen(v->config, "we"));
	char *policies = fail_if_null(realpath(top == NULL ? "policies" : top, NULL));
	fprintf(f,
		"listen = ( { socket = \"%s\"; } );\nauthserv_id = \"mx.example.com\";\npolicies = \"%s%s\";\n"
		"store = \"sqlite:%s/gatepost.db\";\nlog = { target = \"file:%s\"; };\n"
		"dns = { servers = [ \"%s\" ]; %s",
		v->socket, policies, top == NULL ? "" : "/policies", v->folder, v->log, dns_server_address(dns), options);
	free(policies);
	BUG_IF(fclose(f) != 0);
	if (!daemon_start(&v->daemon, v->config, v->log, v->errors)) {
		fprintf(stderr, "%s\n", v->daemon.failure);
		return false;
	}
	BUG_IF(clock_getcpuclockid(v->daemon.pid, &v->cpu) != 0);
	return true;
}

static void remove_folder(const char *folder)
{
	DIR *d = opendir(folder);
	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
		if (e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
	rmdir(folder);
}

/* True if it said nothing. */
static bool show_errors(const char *path)
{
	char line[4096];
	bool is_silent = true;
	FILE *f = fopen(path, "re");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		fprintf(stderr, "the daemon said: %s", line);
		is_silent = false;
	}
	if (f != NULL)
		fclose(f);
	return is_silent;
}

bool victim_stop(struct victim *v)
{
	bool is_well = daemon_stop(&v->daemon);
	if (!is_well)
		fprintf(stderr, "%s\n", v->daemon.failure);
	is_well = show_errors(v->errors) && is_well;
	if (is_well || getenv("KEEP") == NULL)
		remove_folder(v->folder);
	return is_well;
}

bool victim_is_alive(const struct victim *v)
{
	siginfo_t info = { 0 };
	return v->daemon.pid != 0 && waitid(P_PID, (id_t)v->daemon.pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid == 0;
}

static int entries_in(const char *folder)
{
	int count = 0;
	DIR *d = opendir(folder);
	while (d != NULL && readdir(d) != NULL)
		count++;
	if (d != NULL)
		closedir(d);
	return count > 2 ? count - 2 : 0;
}

struct usage victim_usage(const struct victim *v)
{
	struct usage u = { 0 };
	struct timespec t;
	char path[64], line[256];
	if (clock_gettime(v->cpu, &t) == 0)
		u.cpu_us = (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
	snprintf(path, sizeof(path), "/proc/%d/status", (int)v->daemon.pid);
	FILE *f = fopen(path, "re");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		sscanf(line, "VmRSS: %ld kB", &u.memory_kb);
		sscanf(line, "VmHWM: %ld kB", &u.peak_kb);
		sscanf(line, "Threads: %d", &u.threads);
	}
	if (f != NULL)
		fclose(f);
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)v->daemon.pid);
	u.files = entries_in(path);
	return u;
}

void victim_forget_peak(const struct victim *v)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/clear_refs", (int)v->daemon.pid);
	FILE *f = fopen(path, "we");
	if (f == NULL)
		return;
	fputs("5\n", f);
	fclose(f);
}

/* ---- the neighbour -------------------------------------------------------------------------------------- */

static bool send_plain_message(struct milter_client *c)
{
	struct str sender = STR("<a@neighbour.example>"), recipient = STR("<b@example.com>");
	return milter_goes_on(milter_client_mail(c, &sender, 1)) &&
	       milter_goes_on(milter_client_rcpt(c, &recipient, 1)) && milter_goes_on(milter_client_data(c)) &&
	       milter_goes_on(milter_client_header(c, STR("From"), STR(" A <a@neighbour.example>"))) &&
	       milter_goes_on(milter_client_header(c, STR("Subject"), STR(" hello"))) &&
	       milter_goes_on(milter_client_headers_end(c)) &&
	       milter_goes_on(milter_client_body(c, STR("Hi\r\n"))) && milter_client_end(c).kind == MILTER_ACCEPT;
}

static void note(struct neighbour *n, int64_t latency_us)
{
	pthread_mutex_lock(&n->lock);
	if (n->count == n->room) {
		n->room = n->room == 0 ? 1024 : 2 * n->room;
		n->latencies_us = fail_if_null(realloc(n->latencies_us, n->room * sizeof(*n->latencies_us)));
	}
	n->latencies_us[n->count++] = latency_us;
	pthread_mutex_unlock(&n->lock);
}

static void *live_beside(void *context)
{
	struct neighbour *n = context;
	struct milter_client *c = milter_client_new(NEIGHBOUR_REPLY_MS);
	struct ip ip;
	BUG_IF(!ip_parse(STR("192.0.2.1"), &ip));
	n->is_broken = !milter_client_dial(c, n->socket) || !milter_client_negotiate(c) ||
		       !milter_goes_on(milter_client_connect(c, "mx.neighbour.example", ip, 25)) ||
		       !milter_goes_on(milter_client_helo(c, "mx.neighbour.example"));
	while (!n->is_broken && !atomic_load(&n->is_ending)) {
		int64_t start_us = clock_mono_us();
		n->is_broken = !send_plain_message(c);
		note(n, clock_mono_us() - start_us);
		usleep(NEIGHBOUR_PAUSE_US);
	}
	if (n->is_broken)
		fprintf(stderr, "the neighbour's mail was not taken: %s\n", milter_client_failure(c));
	milter_client_quit(c);
	milter_client_free(c);
	return NULL;
}

void neighbour_begin(struct victim *v)
{
	struct neighbour *n = &v->neighbour;
	n->socket = v->socket;
	pthread_mutex_init(&n->lock, NULL);
	BUG_IF(pthread_create(&n->thread, NULL, live_beside, n) != 0);
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

struct latency neighbour_latency(struct victim *v)
{
	struct neighbour *n = &v->neighbour;
	struct latency l = { 0 };
	for (int64_t end_ms = clock_mono_ms() + NEIGHBOUR_REPLY_MS;
	     l.count == 0 && !n->is_broken && clock_mono_ms() < end_ms; usleep(1000)) {
		pthread_mutex_lock(&n->lock);
		if (n->count > 0) {
			qsort(n->latencies_us, n->count, sizeof(*n->latencies_us), by_size);
			l = (struct latency){ n->latencies_us[n->count / 2], n->latencies_us[n->count - 1], n->count };
		}
		n->count = 0;
		pthread_mutex_unlock(&n->lock);
	}
	return l;
}

bool neighbour_end(struct victim *v)
{
	struct neighbour *n = &v->neighbour;
	atomic_store(&n->is_ending, true);
	pthread_join(n->thread, NULL);
	pthread_mutex_destroy(&n->lock);
	free(n->latencies_us);
	return !n->is_broken;
}

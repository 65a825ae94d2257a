#include "record/board.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/shared.h"
#include "record/board_state.h"

struct board *board_new(void)
{
	struct board *b = shared_new(sizeof(*b));
	shared_lock_init(&b->lock);
	b->started_unix_s = clock_unix_s();
	b->names[BOARD_WORKFLOWS] = (struct names){ 0, b->workflow_names, WORKFLOW_NAMES };
	b->names[BOARD_RULES] = (struct names){ 0, b->rule_names, RULE_NAMES };
	for (enum board_names which = 0; which < BOARD_NAMES_COUNT; which++) {
		strcpy(b->names[which].list[NAME_NONE], "none");
		strcpy(b->names[which].list[NAME_OTHER], "other");
		atomic_store(&b->names[which].count, NAME_FIRST);
	}
	return b;
}

void board_free(struct board *b)
{
	if (b != NULL)
		shared_free(b, sizeof(*b));
}

/* What a process that died left half written is one entry of a list for people. */
void board_lock(struct board *b)
{
	shared_lock(&b->lock);
}

void board_unlock(struct board *b)
{
	pthread_mutex_unlock(&b->lock);
}

/* ---- names ---------------------------------------------------------------------------------------------- */

static size_t find(const struct names *n, struct str name)
{
	size_t count = atomic_load_explicit(&n->count, memory_order_acquire);
	for (size_t i = 0; i < count; i++)
		if (str_eq(str_of(n->list[i]), name))
			return i;
	return SIZE_MAX;
}

size_t board_name(struct board *b, enum board_names which, struct str name)
{
	if (b == NULL || name.n == 0)
		return NAME_NONE;
	struct names *n = &b->names[which];
	size_t index = find(n, name);
	if (index != SIZE_MAX)
		return index;
	if (name.n >= NAME_BYTES || memchr(name.p, 0, name.n) != NULL)
		return NAME_OTHER;
	board_lock(b);
	index = find(n, name);
	size_t count = atomic_load(&n->count);
	if (index == SIZE_MAX && count < n->room) {
		index = count;
		memcpy(n->list[index], name.p, name.n);
		atomic_store_explicit(&n->count, count + 1, memory_order_release);
	}
	board_unlock(b);
	return index == SIZE_MAX ? NAME_OTHER : index;
}

size_t board_name_count(const struct board *b, enum board_names which)
{
	return atomic_load_explicit(&b->names[which].count, memory_order_acquire);
}

const char *board_name_at(const struct board *b, enum board_names which, size_t index)
{
	return b->names[which].list[index];
}

/* ---- processes ------------------------------------------------------------------------------------------ */

void board_add_process(struct board *b, const char *name, struct str socket)
{
	if (b == NULL)
		return;
	BUG_IF(b->process_count == BOARD_LISTENERS);
	struct board_process *p = &b->processes[b->process_count++];
	snprintf(p->name, sizeof(p->name), "%s", name);
	snprintf(p->socket, sizeof(p->socket), "%.*s", STR_ARG(socket));
	p->since_unix_s = clock_unix_s();
}

void board_set_process(struct board *b, size_t index, enum process_state state, pid_t pid, uint64_t restarts)
{
	if (b == NULL)
		return;
	board_lock(b);
	struct board_process *p = &b->processes[index];
	p->state = state;
	p->pid = pid;
	p->restarts = restarts;
	p->since_unix_s = clock_unix_s();
	if (state == PROCESS_GONE)
		p->connections = p->messages = 0;
	board_unlock(b);
}

void board_tell_process(struct board *b, size_t index, int64_t connections, int64_t messages, bool is_dns_in_trouble,
			bool is_store_failing)
{
	if (b == NULL)
		return;
	board_lock(b);
	struct board_process *p = &b->processes[index];
	p->connections = connections;
	p->messages = messages;
	p->is_dns_in_trouble = is_dns_in_trouble;
	p->is_store_failing = is_store_failing;
	board_unlock(b);
}

size_t board_processes(struct board *b, struct board_process out[BOARD_LISTENERS])
{
	board_lock(b);
	size_t count = b->process_count;
	memcpy(out, b->processes, count * sizeof(*out));
	board_unlock(b);
	return count;
}

/* ---- configuration, keys -------------------------------------------------------------------------------- */

void board_set_config(struct board *b, const struct board_config *config)
{
	if (b == NULL)
		return;
	board_lock(b);
	b->config = *config;
	board_unlock(b);
}

void board_refuse_config(struct board *b, const char *why)
{
	if (b == NULL)
		return;
	board_lock(b);
	b->config.is_last_good = false;
	snprintf(b->config.refused_why, sizeof(b->config.refused_why), "%s", why);
	board_unlock(b);
	metrics_add(b, METRIC_RELOADS, OUTCOME_REFUSED, 0, 0, 1);
}

struct board_config board_config(struct board *b)
{
	board_lock(b);
	struct board_config copy = b->config;
	board_unlock(b);
	return copy;
}

int64_t board_started_unix_s(const struct board *b)
{
	return b->started_unix_s;
}

void board_set_keys(struct board *b, const struct board_key *keys, size_t count)
{
	if (b == NULL)
		return;
	board_lock(b);
	b->key_count = count < BOARD_KEYS ? count : BOARD_KEYS;
	memcpy(b->keys, keys, b->key_count * sizeof(*keys));
	board_unlock(b);
}

size_t board_keys(struct board *b, struct board_key out[BOARD_KEYS])
{
	board_lock(b);
	size_t count = b->key_count;
	memcpy(out, b->keys, count * sizeof(*out));
	board_unlock(b);
	return count;
}

/* record/board.h - what all processes of one gateway tell about themselves, in one place.
 *
 * Memory that is shared before the first fork: counts (record/metrics.h), the
 * last day and the last refusals (record/history.h), the listeners' processes,
 * the keys, the configuration in force. What a process counted stays when it dies.
 * Owns:    its memory; everything in it has a bound. A board may be NULL wherever one is given: nothing happens.
 * Threads: any, of any process. Counts are atomic, the rest is under one lock,
 *          held for a copy; a process that dies with it does not keep it.
 * Fails:   never; what does not fit is cut or counted as "other". */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/str.h"
#include "option/options.h"

struct board;

struct board *board_new(void);
void board_free(struct board *);

/* ---- names of the configuration that are labels ---------------------------------------------------------- */

enum board_names { BOARD_WORKFLOWS, BOARD_RULES, BOARD_NAMES_COUNT };
enum { WORKFLOW_NAMES = 64, RULE_NAMES = 256 };
enum { NAME_NONE, NAME_OTHER, NAME_FIRST }; /* the first two are always there */

/* Its number, from now on. Empty: NAME_NONE. NAME_OTHER if there is no room, or if it is over long. */
size_t board_name(struct board *, enum board_names, struct str);
size_t board_name_count(const struct board *, enum board_names);
const char *board_name_at(const struct board *, enum board_names, size_t index);

/* ---- listeners and their processes ----------------------------------------------------------------------- */

enum { BOARD_LISTENERS = LISTENERS_MAX + 1 }; /* and the process that answers requests for this */
enum process_state { PROCESS_STARTING, PROCESS_SERVES, PROCESS_GONE };

struct board_process {
	char name[32];         /* "inbound", "submission-2" */
	char socket[128];
	enum process_state state;
	pid_t pid;
	uint64_t restarts;
	int64_t since_unix_s;  /* of this state */
	int64_t connections, messages;
	bool is_dns_in_trouble, is_store_failing;
};

void board_add_process(struct board *, const char *name, struct str socket);
void board_set_process(struct board *, size_t index, enum process_state, pid_t, uint64_t restarts);
/* What the process itself knows. */
void board_tell_process(struct board *, size_t index, int64_t connections, int64_t messages, bool is_dns_in_trouble,
			bool is_store_failing);
size_t board_processes(struct board *, struct board_process out[BOARD_LISTENERS]);

/* ---- the configuration in force -------------------------------------------------------------------------- */

struct board_config {
	unsigned generation;         /* 0: none yet */
	int64_t loaded_unix_s;
	bool is_last_good;           /* the last attempt to load */
	char refused_why[300];       /* that attempt, if not: its first error */
	char digest[17];             /* of the files that were read */
	char needs_restart[200];     /* names of options in them that a reload does not put into force */
	size_t files, rules, workflows;
	char authserv_id[256];
};

void board_set_config(struct board *, const struct board_config *);
/* A reload was refused; why is for people. */
void board_refuse_config(struct board *, const char *why);
struct board_config board_config(struct board *);
int64_t board_started_unix_s(const struct board *);

/* ---- signing keys ---------------------------------------------------------------------------------------- */

enum { BOARD_KEYS = 64 };

struct board_key {
	char key[65], selector[64], domain[256];
	char phase[12];       /* a word of key_state.h */
	bool is_published;
	bool is_known;        /* false: DNS has not told yet */
	char why[256];        /* what is wrong, or empty */
};

void board_set_keys(struct board *, const struct board_key *, size_t count);
size_t board_keys(struct board *, struct board_key out[BOARD_KEYS]);

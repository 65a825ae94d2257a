/* option/options.h - the options of gatepost.conf, from option_table.def.
 *
 * Owns:    everything lives in the arena given at load.
 * Threads: any; immutable after load.
 * Fails:   options_load collects every error; the values of wrong options are the defaults. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/diag.h"
#include "base/digest.h"
#include "base/ip.h"

struct arena;

enum listen_role { ROLE_BOTH, ROLE_INBOUND, ROLE_SUBMISSION, ROLE_COUNT };
extern const char *const listen_role_words[ROLE_COUNT];

enum { LISTENERS_MAX = 16, HTTP_LISTEN_MAX = 8 };

struct listener {
	struct str socket;     /* "unix:/path", "inet:PORT@ADDR", "inet6:PORT@ADDR" */
	enum listen_role role;
	struct str group;      /* UNIX: group of the socket; empty: unchanged */
	unsigned mode;         /* UNIX: 0660 by default */
	bool peer_trusted;     /* allows role submission beyond UNIX and loopback */
	const char *setting;   /* that names it; NULL: listen */
};

struct strings {
	const struct str *items;
	size_t count;
};

struct listeners {
	const struct listener *items;
	size_t count;
};

#define OPTION_C_STRING   struct str
#define OPTION_C_FILE     struct str
#define OPTION_C_FOLDER   struct str
#define OPTION_C_WORD     struct str
#define OPTION_C_INT      int64_t
#define OPTION_C_SIZE     int64_t
#define OPTION_C_DURATION int64_t
#define OPTION_C_BOOL     bool
#define OPTION_C_STRINGS  struct strings
#define OPTION_C_NETS     const struct ip_set *
#define OPTION_C_LISTEN   struct listeners

struct options {
	struct str folder; /* of the configuration file, with the final slash or empty: FILE and FOLDER start there */
	bool is_read;      /* the file was there and its syntax right */
	struct digest digest;
	struct str kept;   /* names of what the file says and only a restart puts into force: "listen, user" */
#define OPTION(field, name, type, def, min, max, when, doc) OPTION_C_##type field;
#include "option/option_table.def"
#undef OPTION
};

/* Rows of the table: OPTION_ID_log_target. */
enum option_id {
#define OPTION(field, name, type, def, min, max, when, doc) OPTION_ID_##field,
#include "option/option_table.def"
#undef OPTION
	OPTION_COUNT
};

enum option_type {
	OPTION_STRING, OPTION_FILE, OPTION_FOLDER, OPTION_WORD, OPTION_INT, OPTION_SIZE,
	OPTION_DURATION, OPTION_BOOL, OPTION_STRINGS, OPTION_NETS, OPTION_LISTEN,
};
enum option_when { OPTION_RELOAD, OPTION_RESTART };

struct option_desc {
	const char *name;
	enum option_type type;
	const char *default_text;
	int64_t min, max;
	enum option_when when;
	const char *doc;
	size_t offset;
};

extern const struct option_desc option_descs[OPTION_COUNT];
extern const char *const option_type_words[];
extern const char *const option_when_words[];

/* A number of this option as one would write it: "10MB", "30s", "5". */
struct str option_print_number(struct arena *, const struct option_desc *, int64_t);

/* All defaults, as with an empty file at the built-in path. */
struct options *options_default(struct arena *);
/* Never NULL; wrong settings are diagnosed and keep their default. */
struct options *options_load(struct arena *, const char *path, struct diags *);
/* A warning for each RESTART option that differs, then a copy of the old value is put in its place: the daemon
 * never shows a value that it does not use. The arena is that of next. */
void options_keep_restart_values(struct arena *, struct options *next, const struct options *running, const char *path,
				 struct diags *);
/* Effective values in the syntax of gatepost.conf, defaults marked. */
void options_dump(const struct options *, FILE *);

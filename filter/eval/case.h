/* eval/case.h - a .case file: what is set up, what the client does, what must follow.
 *
 * The format is told in tests/README.md; each keyword is a row in case.c. A
 * case says nothing about where it runs: in this process (eval/inside.c) or
 * behind a milter socket.
 * Owns:    everything lives in the arena given.
 * Threads: one at a time; a read case is immutable.
 * Fails:   case_read answers NULL; every error is in the diags with its line. */
#pragma once

#include "base/diag.h"
#include "base/ip.h"
#include "fact/fact.h"

struct arena;

enum case_event_kind {
	EVENT_CONNECT,
	EVENT_HELO,
	EVENT_MAIL,
	EVENT_RCPT,
	EVENT_DATA,
	EVENT_HEADERS, /* the header section only; the body never comes */
	EVENT_MESSAGE, /* header section, body and end */
	EVENT_UNKNOWN,
	EVENT_ABORT,   /* RSET */
	EVENT_QUIT,
	EVENT_DROP,    /* the connection to the filter ends without a word */
	EVENT_RELOAD,  /* the set-up lines since the last event take effect */
	EVENT_COUNT
};
extern const char *const case_event_words[EVENT_COUNT];

enum case_outcome {
	OUTCOME_CONTINUE, /* the step goes on; at the end of a message: accept */
	OUTCOME_ACCEPT,
	OUTCOME_REJECT,
	OUTCOME_DEFER,
	OUTCOME_DISCARD,
	OUTCOME_QUARANTINE,
	OUTCOME_REFUSED,  /* RELOAD: the old configuration stays */
	OUTCOME_COUNT
};
extern const char *const case_outcome_words[OUTCOME_COUNT];

struct case_answer {
	enum case_outcome outcome;
	int code;            /* 0: any */
	struct str enhanced; /* empty: any */
	struct str text;     /* a part of the text; empty: any */
};

/* What must hold after an event. */
enum case_check_kind {
	CHECK_FACT,      /* name, in the record of this event */
	CHECK_RECORD,    /* dotted path in the record */
	CHECK_HEADER,    /* a header field of that name was added whose value holds the text */
	CHECK_NO_HEADER, /* none was added */
	CHECK_DELETED,   /* that field, the nth of its name, was deleted */
	CHECK_COUNT
};

struct case_check {
	enum case_check_kind kind;
	struct place at;
	struct str name;
	struct str value;
	bool is_part; /* "~": the value holds the text; else equal */
	int nth;
};

struct case_macro {
	struct str name;
	struct str value; /* p NULL: the macro is gone */
};

struct case_text {
	struct str name;  /* of a file or an option */
	struct str text;
};

struct case_texts {
	struct case_text *items;
	size_t count, room;
};

/* Files and options, as they stand at start or at a reload. */
struct case_setup {
	struct case_texts policies, files, options;
	struct str zone;
};

struct case_event {
	enum case_event_kind kind;
	struct place at;
	const struct str *args;  /* CONNECT: host; HELO: name; MAIL, RCPT: path and parameters; UNKNOWN: the command */
	size_t arg_count;
	struct ip client;        /* CONNECT */
	uint16_t port;
	struct str message;      /* HEADERS, MESSAGE: as in the file, padded */
	unsigned times;
	const struct case_macro *macros; /* that change before this event */
	size_t macro_count;
	const struct case_setup *setup;  /* RELOAD */
	struct case_answer want;
	const struct case_check *checks;
	size_t check_count;
};

struct case_file {
	const char *path;
	const struct case_setup *setup;
	int64_t time_unix_s;     /* 0: the clock runs */
	const struct case_event *events;
	size_t event_count;
};

/* Policy files that a case names are looked for beside it, then in policy_folder (may be NULL). */
const struct case_file *case_read(struct arena *, const char *path, const char *policy_folder, struct diags *);

/* "reject 550 5.7.1 text", "continue": false if it is no outcome. */
bool case_answer_parse(struct str, struct case_answer *);
/* The file's bytes; false if it cannot be read or is larger. */
bool case_slurp(struct arena *, const char *path, size_t max_bytes, struct str *);

/* eval/case_reader.h - what the keywords of a case share while its file is read.
 *
 * For the files case*.c only.
 * Owns:    everything lives in the reader's arena.
 * Threads: one at a time.
 * Fails:   a mistake is a diagnostic at the line; reading goes on. */
#pragma once

#include "base/vec.h"
#include "eval/case.h"

enum { CASE_BYTES_MAX = 16 << 20 };

/* Lines that a message is padded with. */
struct pads {
	struct pad {
		uint64_t count;
		struct str text;
	} *items;
	size_t count, room;
};

struct reader {
	struct arena *arena;
	struct diags *diags;
	const char *path, *folder, *policy_folder;
	struct str rest;                 /* of the file */
	int line;
	struct str answer;               /* behind "->" of this line; p NULL: none */
	struct case_file *file;
	struct case_setup setup;         /* so far */
	VEC(struct case_event) events;
	VEC(struct case_macro) macros;   /* for the next event */
	VEC(struct case_check) checks;   /* of the last event */
	struct pads header_pads, body_pads;
	size_t pad_bytes;                /* in the whole file */
	unsigned times;
	bool has_errors;
};

/* Tells what is wrong with the line that is being read. */
void case_error(struct reader *, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct place case_place(const struct reader *);

/* The next line without its end; false at the end of the file. */
bool line_next(struct reader *, struct str *line);
/* The first word of *rest, which keeps what follows. */
struct str word_take(struct str *rest);
/* The lines up to the one that is the end word alone. */
struct str block_take(struct reader *, struct str end);
/* The text of "<<END", or of a file beside the case or in the second folder (may be NULL). False after a diagnostic. */
bool text_take(struct reader *, struct str rest, const char *second_folder, struct str *text);

/* What a keyword does with the rest of its line: case_setup.c, case_event.c, case_check.c. */
typedef void keyword_fn(struct reader *, struct str rest);
keyword_fn take_policy, take_file, take_option, take_dns, take_zone, take_time, take_forget;
keyword_fn take_connect, take_helo, take_mail, take_rcpt, take_data, take_headers, take_message, take_unknown, take_abort,
	take_quit, take_drop, take_reload;
keyword_fn take_macro, take_repeat, take_pad;
keyword_fn take_fact, take_record, take_header, take_no_header, take_deleted;

/* The set-up lines so far. */
const struct case_setup *setup_now(struct reader *);
/* The checks since the last event are its own. */
void event_close(struct reader *);

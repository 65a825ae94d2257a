/* eval/target.h - where a case runs: in this process, or a daemon behind a milter socket.
 *
 * Owns:    the target owns what open made, until close. Texts in answers
 *          live until the next event, edits and records until close.
 * Threads: one at a time.
 * Fails:   an answer of kind EVAL_BROKEN with the reason: the target itself
 *          misbehaved; open and reload by diagnostics or false. */
#pragma once

#include "base/diag.h"
#include "base/ip.h"
#include "mail/reply.h"

enum eval_answer_kind { EVAL_GOES_ON, EVAL_REPLY, EVAL_ACCEPT, EVAL_DISCARD, EVAL_SKIP, EVAL_BROKEN };

struct eval_answer {
	enum eval_answer_kind kind;
	struct reply reply; /* REPLY */
	const char *why;    /* BROKEN */
};

enum eval_edit_kind { EVAL_INSERT_HEADER, EVAL_ADD_HEADER, EVAL_DELETE_HEADER, EVAL_QUARANTINE };

struct eval_edit {
	enum eval_edit_kind kind;
	int index;         /* INSERT: position; DELETE: nth of that name, from 1 */
	struct str name;
	struct str value;  /* QUARANTINE: the reason */
};

struct eval_target;

struct eval_target_ops {
	/* config: a gatepost.conf; a daemon listens at milter.sock beside it (eval/workspace.h). */
	bool (*open)(struct eval_target *, const char *config, int64_t time_unix_s, struct diags *);
	void (*close)(struct eval_target *);
	/* The files have changed. False: the old configuration stays; broken too if why is set. */
	bool (*reload)(struct eval_target *, const char **why);

	/* From the next event on; value NULL: gone. */
	void (*macro)(struct eval_target *, const char *name, const char *value);
	struct eval_answer (*connect)(struct eval_target *, const char *host, struct ip, uint16_t port);
	struct eval_answer (*helo)(struct eval_target *, const char *name);
	struct eval_answer (*mail)(struct eval_target *, const struct str *args, size_t count);
	struct eval_answer (*rcpt)(struct eval_target *, const struct str *args, size_t count);
	struct eval_answer (*data)(struct eval_target *);
	struct eval_answer (*header)(struct eval_target *, struct str name, struct str value);
	struct eval_answer (*headers_end)(struct eval_target *);
	struct eval_answer (*body)(struct eval_target *, struct str bytes);
	struct eval_answer (*end)(struct eval_target *);
	struct eval_answer (*unknown)(struct eval_target *, const char *command);
	void (*abort)(struct eval_target *);
	void (*quit)(struct eval_target *);
	void (*drop)(struct eval_target *);

	/* Edits of the last message that came to its end. */
	size_t (*edits)(struct eval_target *, const struct eval_edit **);
	/* Records so far, once there are that many or it is certain that they do not come. */
	size_t (*records)(struct eval_target *, size_t wanted);
	/* JSON, one line. */
	struct str (*record_at)(struct eval_target *, size_t);
};

struct eval_target {
	const struct eval_target_ops *ops;
};

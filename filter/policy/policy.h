/* policy/policy.h - compiled rules, and what they decide.
 *
 * Owns:    a policy lives in the arena given at load (the snapshot's); a
 *          decision's texts live in the message's arena.
 * Threads: any; a policy is immutable.
 * Fails:   loading collects every error with file:line; evaluation never fails:
 *          what cannot be told follows the rule's `unknown`. */
#pragma once

#include <stdio.h>

#include "base/bits.h"
#include "base/diag.h"
#include "fact/facts.h"
#include "mail/reply.h"

enum action {
	ACTION_CONTINUE, /* no final rule held */
#define ACTION(id, name, first, last, final, reply, doc) ACTION_##id,
#include "policy/action_table.def"
#undef ACTION
	ACTION_COUNT
};

struct action_desc {
	const char *name;
	enum stage first, last;
	bool is_final;
	int reply_class;
	const char *doc;
};

extern const struct action_desc action_descs[ACTION_COUNT];

struct rule_place {
	const char *rule; /* its name */
	const char *file;
	int line;
};

/* An effect of a rule that is not final. */
struct policy_effect {
	enum action action;  /* ADD_HEADER, TAG, LOG */
	struct str name;     /* ADD_HEADER: field name */
	struct str value;    /* expanded: header value, tag word, log text */
	struct rule_place from;
};

/* A rule with observe = true that held. */
struct policy_observed {
	enum action action;
	struct reply reply;
	struct rule_place from;
};

struct decision {
	enum action action;            /* CONTINUE, or a final one */
	struct reply reply;            /* with REJECT and DEFER: complete */
	struct str reason;             /* QUARANTINE: for the MTA; "cannot tell" deferral: which fact and why */
	struct rule_place from;        /* of the rule that decided; rule NULL without one */
	bool is_unknown;               /* deferred because a fact could not be told */
	const struct policy_effect *effects;
	size_t effect_count;
	const struct policy_observed *observed;
	size_t observed_count;
};

struct policy;

/* Reads *.conf of the folder in name order (file lists are relative to the file that names them). Never
 * NULL; look at the diags. A missing folder is an error, an empty one a warning. */
const struct policy *policy_load(struct arena *, const char *folder, struct diags *);
/* The same for the files named. */
const struct policy *policy_load_files(struct arena *, const char *const *paths, size_t count, struct diags *);

/* The *.conf files of a folder in name order. */
const char *const *policy_folder_files(struct arena *, const char *folder, struct diags *, size_t *count);

/* Of the files that it was read from, those of lists too. */
struct str policy_digest(const struct policy *);
/* All facts that any rule, workflow, reply or header template asks about. */
const struct bits *policy_facts(const struct policy *);
/* Facts that rules of this stage, or templates in them, ask about; at MAIL also workflows and ports. */
const struct bits *policy_facts_at(const struct policy *, enum stage);
/* Facts that rules of stages behind this one ask about, of those rules that can hold still by the facts known here: what
 * need not be found out is not. */
struct bits policy_facts_asked_after(const struct policy *, enum stage, const struct facts *, struct arena *);
/* Does any rule run at this stage. */
bool policy_has_rules_at(const struct policy *, enum stage);
/* May any rule, workflow or group of ports refuse at this stage. */
bool policy_decides_at(const struct policy *, enum stage);
size_t policy_rule_count(const struct policy *);
/* The files read, in order. */
size_t policy_file_count(const struct policy *);
const char *policy_file_at(const struct policy *, size_t);

/* What became of one rule, for `gatepost eval` and tests. */
struct rule_trace {
	struct rule_place rule;
	enum stage stage;
	enum { RULE_HELD, RULE_NOT, RULE_CANNOT_TELL, RULE_NOT_REACHED } outcome;
	bool is_observed;
	struct str why; /* "spf.result is pass, wanted fail" */
};
typedef void policy_trace_fn(void *context, const struct rule_trace *);

/* Evaluates the rules of a stage. For rules on recipient facts at END (`recipients = "any"|"all"`), recipients are
 * the facts of every accepted recipient; elsewhere pass NULL, 0 and, at RCPT, the recipient's facts as `facts`.
 * trace may be NULL. */
struct decision policy_eval(const struct policy *, enum stage, const struct facts *,
			    const struct facts *const *recipients, size_t recipient_count, struct arena *,
			    policy_trace_fn *trace, void *trace_context);

/* Runs tests = ( ... ) of all files. Prints one line a failure (all with verbose) and answers how many failed. */
struct policy_test_counts { size_t passed, failed; };
struct policy_test_counts policy_run_tests(const struct policy *, bool is_verbose, FILE *out);

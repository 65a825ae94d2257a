/* preflight/preflight.h - what receivers will find of each workflow, before its mail is sent.
 *
 * SPF of the envelope domains for the addresses that we send from, reverse names
 * of these, key records against keys, DMARC records and alignment of the authors'
 * domains: asked by the same code that judges the mail of others.
 * Owns:    everything lives in the arena given.
 * Threads: any; waits for DNS until the deadline.
 * Fails:   never; what DNS does not tell now is PREFLIGHT_TEMPERROR. */
#pragma once

#include <stdint.h>

#include "fact/fact.h"

struct arena;
struct diags;
struct dns;
struct options;
struct workflow;

/* The worst is the last. */
enum preflight_grade { PREFLIGHT_OK, PREFLIGHT_WARN, PREFLIGHT_TEMPERROR, PREFLIGHT_FAIL, PREFLIGHT_GRADE_COUNT };
extern const char *const preflight_grade_words[PREFLIGHT_GRADE_COUNT];

struct preflight_line {
	const char *check;          /* "iprev", "spf", "dkim", "align", "dmarc" */
	enum preflight_grade grade;
	struct str subject;         /* domain, address or name of a record */
	struct str found;
	struct str advice;          /* what to do; empty: nothing */
	struct str record;          /* what to publish, as a line of a zone file; empty: nothing */
};

struct preflight_lines {
	struct preflight_line *items;
	size_t count, room;
	enum preflight_grade grade; /* the worst of them */
};

struct preflight_workflow {
	const struct workflow *workflow;
	struct preflight_lines lines;
	/* What a receiver makes of each message: pass, fail, none (an author's domain has no record, or none can be
	 * told), temperror. */
	enum result dmarc;
	bool by_spf, by_dkim;       /* with pass: alone enough */
	struct str verdict;         /* "yes, by SPF and DKIM", "no: ..." */
};

struct preflight {
	struct preflight_lines egress;
	struct preflight_workflow *workflows;
	size_t count;
	enum preflight_grade grade; /* the worst of all */
};

/* Keys are read from the folder of the options, which the workflows were loaded with. */
const struct preflight *preflight_run(const struct options *, const struct workflow *const *, size_t count,
				      struct dns *, int64_t deadline_mono_ms, struct arena *);

/* preflight/report.h - one run of the preflight, for the files of preflight/ only.
 *
 * Owns:    nothing; all of it lives in the arena. Threads: one run, one thread. */
#pragma once

#include "auth/key_folder.h"
#include "auth/results.h"
#include "base/ip.h"
#include "policy/workflow.h"
#include "preflight/preflight.h"

struct run {
	const struct options *options;
	struct key_folder keys;
	struct dns *dns;
	int64_t deadline_mono_ms;
	struct arena *arena;
	const struct ip *egress;
	size_t egress_count;
};

/* What is found out of one workflow on the way to its verdict. */
struct flight {
	const struct run *run;
	struct preflight_workflow *report;
	const struct workflow_domains *senders, *authors;
	const struct spf_verdict **spf;    /* of each sender's domain for each egress address */
	size_t spf_count;
	struct dkim_verdict dkim[WORKFLOW_SIGN_MAX];
	size_t dkim_count;
};

struct preflight_line *report_add(const struct run *, struct preflight_lines *, const char *check,
				  enum preflight_grade, struct str subject, const char *format, ...)
	__attribute__((format(printf, 6, 7)));

/* The reverse names of the addresses. */
void check_egress(const struct run *, struct preflight_lines *);
/* Fills spf. */
void check_spf(struct flight *);
/* Fills dkim. */
void check_dkim(struct flight *);
/* Needs both; fills the verdict. */
void check_dmarc(struct flight *);

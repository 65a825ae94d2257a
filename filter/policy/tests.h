/* policy/tests.h - the setting `tests` of policy files; policy_run_tests runs them.
 *
 * Owns:    everything lives in the policy's arena.
 * Threads: one at a time.
 * Fails:   diagnostics for tests that cannot be run: unknown facts, rules, words. */
#pragma once

#include "policy/given.h"

/* What rules leave behind besides the decision, each as one text. */
enum trail {
	TRAIL_TAGS,
	TRAIL_HEADERS,  /* "Name: value" */
	TRAIL_LOGS,
	TRAIL_OBSERVED, /* names of rules */
	TRAIL_COUNT
};
extern const char *const trail_names[TRAIL_COUNT];

struct texts {
	struct str *items;
	size_t count, room;
};

struct expectation {
	bool has_action, has_stage;
	enum action action;
	enum stage stage;
	int64_t code;           /* 0: any */
	struct str enhanced;    /* empty: any */
	struct str text;        /* part of the reply's text; empty: any */
	struct rule_place rule; /* of a rule or workflow; its name NULL: any */
	struct str workflow;    /* "none": of none; empty: any */
	bool has_trail[TRAIL_COUNT];
	struct texts trails[TRAIL_COUNT]; /* each of these, or, where none are named, none at all */
};

struct policy_test {
	struct rule_place place; /* rule: the test's name */
	struct given given;
	struct expectation expect;
};

/* Once all rules are read. */
void tests_parse(struct loader *, const config_setting_t *);

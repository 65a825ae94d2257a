/* policy/rule.h - compiled rules, as the loader makes them and the evaluation reads them.
 *
 * For the files of policy/ only.
 * Owns:    nothing; all of it lives in the policy's arena.
 * Threads: any once loading is over. */
#pragma once

#include "base/ip.h"
#include "base/map.h"
#include "base/vec.h"
#include "option/lc.h"
#include "policy/policy.h"

struct limits;
struct lists;
struct named_list;
struct policy_test;
struct port_group;
struct rule_index;
struct workflow;
struct workflow_index;
struct text_set;

struct int_range {
	int64_t min, max;
};

enum test_kind { TEST_VALUE, TEST_HAS, TEST_LACKS };

/* One fact asked. With TEST_VALUE the fact's type says which members count; any of what they name will do. */
struct condition {
	enum fact_id fact;
	enum test_kind test;
	bool is_good;                /* false: a diagnostic was given, what it names is incomplete */
	struct place at;
	struct str wanted;           /* for people: "fail or softfail" */
	unsigned results;            /* RESULT: 1 << enum result */
	bool truth;                  /* BOOL */
	VEC(struct int_range) ranges;
	VEC(struct ip_net) nets;
	struct ip_set *net_set;      /* the same nets */
	VEC(struct str) literals;    /* STRING, ADDRESS, DOMAIN, LIST: normalized */
	struct text_set *text_set;   /* the same texts */
	VEC(const struct named_list *) lists;
};

struct conditions {
	struct condition *items;
	size_t count, room;
};

/* One group of `then`. */
struct consequence {
	enum action action;
	struct place at;
	struct reply_template reply; /* REJECT, DEFER */
	struct str name;             /* ADD_HEADER: field name */
	struct str text;             /* template of ADD_HEADER, LOG, QUARANTINE; the word of TAG */
};

enum recipients { RECIPIENTS_NONE, RECIPIENTS_ANY, RECIPIENTS_ALL, RECIPIENTS_COUNT };

struct rule {
	struct rule_place place;
	struct place at;
	struct conditions when, unless;
	VEC(struct consequence) then; /* a final action, if any, is the last */
	bool has_stage;               /* `at` was given */
	enum stage stage;
	enum recipients recipients;
	bool is_observed, skips_unknown;
	bool is_good;                 /* no diagnostic was given about it */
	struct bits facts;            /* asked by conditions and templates */
};

struct stage_rules {
	VEC(const struct rule *) rules;
	const struct rule_index *index;
	struct bits facts;
};

struct policy {
	struct arena *arena;
	VEC(const char *) files;
	struct digest digest;     /* of them and of the files of lists */
	VEC(struct rule *) rules; /* in order of files and places */
	VEC(struct policy_test *) tests;
	VEC(struct workflow *) workflows; /* in order of files and places */
	const struct workflow_index *workflow_index;
	size_t workflows_compared;        /* pairs, while loading: for tests, as the time that it took */
	VEC(struct port_group *) port_groups;
	struct limits *limits;            /* for mail of no workflow; NULL: none */
	struct conditions limits_unless;
	struct stage_rules at[STAGE_COUNT];
	struct bits facts;
	struct lists *lists;
};

/* What the loader carries along. */
struct loader {
	struct arena *arena;
	struct diags *diags;
	struct policy *policy;
	struct map *rule_names;     /* to struct rule */
	struct map *test_names;     /* to struct policy_test */
	struct map *workflow_names; /* to struct workflow */
};

/* The action of a final rule, else ACTION_CONTINUE. */
static inline enum action rule_final_action(const struct rule *r)
{
	enum action last = r->then.count == 0 ? ACTION_CONTINUE : r->then.items[r->then.count - 1].action;
	return action_descs[last].is_final ? last : ACTION_CONTINUE;
}

/* policy/workflow.h - who may send what: `workflows` and `ports` of the policy files.
 *
 * A message belongs to the first workflow whose `match` holds at MAIL. That
 * workflow says what the client has to bring (port, TLS, login), what may stand
 * in envelope and header, what signs, how much may be sent.
 * Owns:    nothing; workflows live in the policy's arena, a decision's texts in the one given.
 * Threads: any; a policy is immutable.
 * Fails:   never; what is not allowed is a decision. */
#pragma once

#include "policy/limits.h"

struct header_list;
struct workflow_terms;

enum workflow_kind { WORKFLOW_TRANSACTIONAL, WORKFLOW_BULK, WORKFLOW_KIND_COUNT };
extern const char *const workflow_kind_words[WORKFLOW_KIND_COUNT];

/* One signature. Domain and selector are normalized (mail/domain.h), the key is a name without path or ending. No
 * selector: that of the key's version in force (auth/keyring.h). */
struct workflow_sign {
	struct str domain, selector, key;
	struct place at;
};

enum { WORKFLOW_SIGN_MAX = 8 };

struct workflow {
	struct rule_place place;          /* its name, file, line */
	enum workflow_kind kind;
	const struct workflow_sign *sign; /* none: unsigned by intent */
	size_t sign_count;
	struct limits limits;
	struct str suppression;           /* scope of the suppression list; empty: the global one only */
	bool is_shared;                   /* other workflows may write as the same authors */
	bool signs_bounces;               /* the null sender is part of the identity, and signed */
	const struct workflow_terms *terms;
};

size_t policy_workflow_count(const struct policy *);
/* In the order of files and places. */
const struct workflow *policy_workflow_at(const struct policy *, size_t index);

enum { WORKFLOW_DOMAINS_MAX = 50 };

/* Domains that an identity may use, each once. */
struct workflow_domains {
	struct workflow_domain {
		struct str name;          /* normalized; or a pattern: "*.example.org", ".example.org", "*" */
		struct str address;       /* there; '*' stands for anything */
		bool is_pattern;
	} items[WORKFLOW_DOMAINS_MAX];
	size_t count;
	bool is_cut;                      /* there are more */
};

/* Of the envelope sender, of From. They live in the arena. */
const struct workflow_domains *workflow_sender_domains(const struct workflow *, struct arena *);
const struct workflow_domains *workflow_author_domains(const struct workflow *, struct arena *);

/* The workflow that a message belongs to, by the facts of MAIL; NULL: none. Never one behind an inbound listener. */
const struct workflow *workflow_match(const struct policy *, const struct facts *, struct arena *);
/* Why each was chosen or not, as of rules. */
void workflow_trace(const struct policy *, const struct workflow *chosen, const struct facts *, struct arena *,
		    policy_trace_fn *, void *context);

/* At MAIL: the port, a login without workflow, what the workflow requires, the envelope sender. At HEADERS: From, Sender,
 * Reply-To. Sets workflow.* and identity.*. The decision is CONTINUE, REJECT or DEFER; its place is that of the
 * setting that is not met, the name there "workflow:NAME", "ports:NAME", or "workflows" for a login without one.
 * workflow may be NULL, headers before HEADERS. */
struct decision workflow_judge(const struct policy *, const struct workflow *, enum stage, struct facts *,
			       const struct header_list *, struct arena *);

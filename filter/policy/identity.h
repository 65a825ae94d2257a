/* policy/identity.h - what a workflow may write in envelope and header.
 *
 * What `identity` leaves out is as `from`. An address is compared as it
 * stands there: a pattern covers "+" extensions only if it says so.
 * Owns:    everything lives in the policy's arena.
 * Threads: any once loading is over.
 * Fails:   diagnostics at load, nothing later. */
#pragma once

#include "policy/rule.h"

struct header_list;
struct workflow_domains;

enum identity_part {
	PART_MAIL_FROM,          /* envelope sender */
	PART_RETURN_PATH_DOMAIN, /* its domain: either will do */
	PART_FROM,
	PART_SENDER,
	PART_REPLY_TO,
	PART_COUNT
};

struct identity {
	const struct condition *parts[PART_COUNT]; /* NULL: nothing is allowed by this part */
	struct str allowed[PART_COUNT];            /* for people: "a@example.org or *@example.net"; may be empty */
};

/* The group `identity` of a workflow. */
void identity_parse(struct loader *, const config_setting_t *, struct identity *);

/* mail.from is one that the identity may use; the null sender is not asked here. */
bool identity_has_sender(const struct identity *, const struct facts *, struct arena *);
bool identity_has_author(const struct identity *, struct str address, struct arena *);
/* Every address in every field of that name (PART_SENDER, PART_REPLY_TO) is one that the identity may use. Else
 * *wrong is the first that is not, or empty if a field cannot be read. */
bool identity_has_field(const struct identity *, enum identity_part, const struct header_list *, struct arena *,
			struct str *wrong);

/* Adds the domains that this part may have, those that are not among them yet. */
void identity_add_domains(const struct identity *, enum identity_part, struct arena *, struct workflow_domains *);

/* What two identities may both write in From: an address or pattern; empty if nothing. */
struct str identity_common_author(struct arena *, const struct identity *, const struct identity *);

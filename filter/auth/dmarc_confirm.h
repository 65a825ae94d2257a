/* auth/dmarc_confirm.h - the wall around libopendmarc.
 *
 * The library gets inputs made here and nothing that a peer or a domain owner
 * wrote but the author domain, which is normalized: no record, no other
 * domain, no DNS. It repeats the last step of RFC 9989 5.3: policy and aligned
 * results to an outcome.
 * Owns:    nothing; one library context for each call. Threads: any.
 * Fails:   any difference or refusal of the library is false. */
#pragma once

#include <stdbool.h>

#include "auth/dmarc_record.h"

/* Does libopendmarc come to the same end: pass if one of the two is aligned, else the policy. */
bool dmarc_confirm(struct str author_domain, enum dmarc_request policy, bool spf_aligned, bool dkim_aligned);

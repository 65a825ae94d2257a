/* feedback/retry.h - what was refused for good and is tried again.
 *
 * A recipient that we refused for good to a workflow, and a message that we
 * refused for good to a recipient of it, are refused again at once for a time,
 * with the first refusal's id, so that software that does not read replies
 * costs little and is seen. A message is known by From, Subject and body, not
 * by Date and Message-ID. One refused for its header, before there is a body,
 * is judged anew each time, since what it lacked may be there now; only that
 * it is refused once more, for the same reason, is seen.
 * Owns:    nothing; all lives in the message's arena. Threads: one at a time for a message.
 * Fails:   while the store cannot be asked, nothing is a retry and the facts are unknown. */
#pragma once

#include "mail/hide.h"
#include "policy/policy.h"

struct header_list;
struct retry_content;
struct store;

/* Whose refusals; workflow is its name. */
struct retry_scope {
	struct store *store;
	struct str workflow;
	int64_t memory_ms; /* how long they are remembered; 0: not, and none is looked up */
	enum addresses addresses; /* in the text that is remembered */
};

/* At RCPT, on a recipient's facts, of which rcpt.to is set: sets rcpt.retry_*. CONTINUE, or REJECT if it was refused
 * before; that one is not to be remembered. */
struct decision retry_judge_recipient(const struct retry_scope *, struct facts *recipient, struct arena *);
/* For a REJECT decided at RCPT about this recipient; its reply as it was before an id was added. Others do nothing. */
void retry_remember_recipient(const struct retry_scope *, const struct facts *recipient, const struct decision *,
			      struct str id, struct arena *);

/* At HEADERS; then all of the body, in any pieces. */
struct retry_content *retry_content_begin(struct arena *, const struct header_list *);
void retry_content_body(struct retry_content *, const void *bytes, size_t count);
/* At END, on the message's facts, with those of the accepted recipients: sets retry.*. */
struct decision retry_judge_message(const struct retry_scope *, struct retry_content *, struct facts *,
				    const struct facts *const *recipients, size_t count, struct arena *);
/* For a REJECT decided at END, in the same way; behind retry_judge_message. */
void retry_remember_message(const struct retry_scope *, struct retry_content *,
			    const struct facts *const *recipients, size_t count, const struct decision *, struct str id,
			    struct arena *);

/* For a REJECT decided at HEADERS, in the same way: the decision with the first one's id and the number of repeats, or as
 * it was, and then it is remembered. Sets retry.*. */
struct decision retry_judge_refused(const struct retry_scope *, const struct header_list *, struct facts *,
				    const struct facts *const *recipients, size_t count, const struct decision *,
				    struct str id, struct arena *);

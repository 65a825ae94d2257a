/* mail/unsubscribe.h - does a message offer to leave the list with one click (RFC 8058)?
 *
 * Owns:    nothing. Threads: any. */
#pragma once

struct arena;
struct header_list;

enum unsubscribe_status {
	UNSUBSCRIBE_NONE,      /* neither of the fields is there */
	UNSUBSCRIBE_OK,
	UNSUBSCRIBE_NO_HTTPS,  /* no https URI in List-Unsubscribe, or no such field */
	UNSUBSCRIBE_NO_POST,   /* no List-Unsubscribe-Post */
	UNSUBSCRIBE_MALFORMED, /* a field twice, no list of RFC 2369, several web addresses, another value to post */
	UNSUBSCRIBE_STATUS_COUNT
};

extern const char *const unsubscribe_status_words[UNSUBSCRIBE_STATUS_COUNT];

enum unsubscribe_status unsubscribe_of(struct arena *, const struct header_list *);

/* tests/attacks/messages.h - messages that are made to cost.
 *
 * Each is sent on a connection that has said HELO, from MAIL to the end or
 * to the first refusal, and gives the last answer. */
#pragma once

#include "lib/milter_client.h"

struct attack {
	const char *name;
	struct milter_answer (*send)(struct milter_client *);
	int code;             /* of the refusal; 0: accepted; BROKEN_OFF */
	bool waits_for_dns;   /* so its wall time is the deadline's */
	int megabytes;        /* on the wire, for the budget */
};

enum { BROKEN_OFF = -1 }; /* the connection was ended: the MTA answers 4xx */

extern const struct attack attacks[];
extern const size_t attack_count;

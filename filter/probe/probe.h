/* probe/probe.h - all that a probe may see, and its shape.
 *
 * A probe finds facts out: it may ask DNS, it decides nothing. It sees this
 * struct and nothing else, so it runs without a session.
 * Owns:    nothing. Threads: one probe of a message at a time.
 * Fails:   a probe always sets all its facts, if only to absent or unknown. */
#pragma once

#include "fact/facts.h"

struct arena;
struct auth_dkim_verify;
struct auth_results;
struct dns;
struct header_list;
struct log;
struct options;

struct probe_env {
	const struct options *options;
	struct dns *dns;
	struct log *log;
	struct arena *arena;                /* of the scope that the facts belong to */
	struct facts *facts;                /* connection's or message's, by the scope of the probe's facts */
	const struct header_list *headers;  /* NULL before the header section is complete */
	struct auth_dkim_verify *dkim;      /* NULL unless the message was fed to it */
	struct auth_results *results;       /* the probe fills its part */
	int64_t deadline_mono_ms;
};

typedef void probe_fn(struct probe_env *);

/* tests/lib/dkim_run.h - one message through DKIM verification, as a session does it. */
#pragma once

#include "auth/dkim.h"
#include "base/str.h"

struct arena;
struct dns;
struct header_list;

struct dkim_run {
	bool is_signed;       /* false: verification did not begin */
	const struct dkim_verdict *list;
	size_t count;
	size_t skipped;
	size_t body_taken;    /* bytes given before the answer was that no more matter */
};

struct dkim_run dkim_run(const struct auth_dkim *, struct dns *, struct arena *, const struct header_list *,
			 struct str body, size_t chunk_bytes);
/* The same for the text of a message. */
struct dkim_run dkim_run_message(const struct auth_dkim *, struct dns *, struct arena *, struct str message,
				 size_t chunk_bytes);
struct header_list *dkim_run_headers(struct arena *, struct str message, struct str *body);

/* A whole file; fails the program if it cannot be read. Relative to the folder of the DKIM suite. */
struct str dkim_run_file(struct arena *, const char *name);
/* Answers from the suite's keys.zone. */
struct dns *dkim_run_dns(void);
/* When the suite's signatures were made. */
enum { DKIM_RUN_NOW_S = 1700000000 };

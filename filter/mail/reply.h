/* mail/reply.h - an SMTP reply: code, enhanced code (RFC 3463), text.
 *
 * Owns:    nothing; texts live in the arena. Threads: any. */
#pragma once

#include <stdbool.h>

#include "fact/facts.h"

struct arena;

enum {
	REPLY_TEXT_MAX = 400,    /* bytes of text of one reply; longer is cut (RFC 5321 4.5.3.1.5: 512 for the line) */
	TEXT_EXPANDED_MAX = 900, /* bytes of a header value (RFC 5322 2.1.1: 998 for the line) */
};

struct reply {
	int code;             /* 0: no reply of our own */
	struct str enhanced;  /* "5.7.1" */
	struct str text;      /* printable ASCII; "%" is single: doubling for libmilter is milter/'s job */
};

/* A template as policies write it: "550 5.7.1 Text with %{fact.name}". Checked once, at load. */
struct reply_template {
	int code;
	struct str enhanced;
	struct str text;
};

/* NULL if good; else a sentence that says what is wrong: code not 4xx/5xx, enhanced code missing or of another
 * class, unknown fact in %{...}, control or non-ASCII characters, empty text. In texts "%%" is a percent sign
 * and "%{fact.name}" a value; any other '%' is an error. */
const char *reply_template_parse(struct arena *, struct str, struct reply_template *);
/* Calls use(id) for each fact the template names: for need-sets and stage checks. */
void reply_template_facts(const struct reply_template *, void (*use)(void *context, enum fact_id), void *context);
/* Values are cleaned (control and non-ASCII bytes become '?') and bounded; a fact without value prints as "-". */
struct reply reply_expand(struct arena *, const struct reply_template *, const struct facts *);
/* One that no policy wrote; the text is cleaned and cut in the same way. */
struct reply reply_of(struct arena *, int code, const char *enhanced, struct str text);
/* The same fact syntax without code, for header values and tags; a template without text is good. Only a
 * template that text_template_check found good may be given to the other two. */
const char *text_template_check(struct arena *, struct str);
void text_template_facts(struct str, void (*use)(void *context, enum fact_id), void *context);
/* Cleaned like a reply, cut at TEXT_EXPANDED_MAX bytes. */
struct str text_template_expand(struct arena *, struct str, const struct facts *);

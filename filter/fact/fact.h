/* fact/fact.h - what there is to know: facts, stages, results, probes.
 *
 * Everything here comes from fact_table.def, result_table.def and
 * probe_table.def; policies, record, replies and documentation use the same rows.
 * Owns:    nothing. Threads: any (constants). Fails: never. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* SMTP stages at which a reply is possible, in order. */
enum stage {
	STAGE_CONNECT,
	STAGE_HELO,
	STAGE_MAIL,
	STAGE_RCPT,
	STAGE_DATA,
	STAGE_HEADERS, /* all header fields are here, the body is not */
	STAGE_END,
	STAGE_COUNT
};

enum fact_scope { SCOPE_CONN, SCOPE_MSG, SCOPE_RCPT };

enum fact_type {
	TYPE_RESULT,
	TYPE_STRING,
	TYPE_ADDRESS,
	TYPE_DOMAIN,
	TYPE_IP,
	TYPE_INT,
	TYPE_BOOL,
	TYPE_LIST,
};

enum result {
#define RESULT(id, word) RESULT_##id,
#include "fact/result_table.def"
#undef RESULT
	RESULT_COUNT
};

enum probe_id {
#define PROBE(id, name, asks_dns) PROBE_##id,
#include "fact/probe_table.def"
#undef PROBE
	PROBE_COUNT
};

enum fact_id {
#define FACT(id, name, type, stage, scope, probe, doc) FACT_##id,
#include "fact/fact_table.def"
#undef FACT
	FACT_COUNT
};

struct fact_desc {
	const char *name;
	enum fact_type type;
	enum stage stage;
	enum fact_scope scope;
	enum probe_id probe;
	const char *doc;
};

extern const struct fact_desc fact_descs[FACT_COUNT];
extern const char *const result_words[RESULT_COUNT];
extern const char *const stage_words[STAGE_COUNT];  /* "connect", ... "end": the words of `at` */
extern const char *const fact_type_words[];         /* "result", "string", ... by enum fact_type */

/* FACT_COUNT if there is no such name. */
enum fact_id fact_find(struct str name);
bool probe_asks_dns(enum probe_id);
/* The first stage at which a rule on this fact runs by itself: END for facts that wait for DNS. */
enum stage fact_ready_stage(enum fact_id);
/* The words of word_table.def for this fact; NULL if it may be any text or result. */
const char *const *fact_words(enum fact_id, size_t *count);
/* False if it is no word of result_table.def. */
bool result_parse(struct str word, enum result *);

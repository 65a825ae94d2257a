/* record/schema.h - what a record holds, and other JSON of ours, for documents and for programs that read it.
 *
 * Owns: nothing. Threads: any. Fails: never. */
#pragma once

#include <jansson.h>

enum member_type {
	MEMBER_TEXT,
	MEMBER_TEXTS,
	MEMBER_INT,
	MEMBER_INTS,
	MEMBER_BOOL,
	MEMBER_NUMBERS,
	MEMBER_OBJECT,
	MEMBER_OBJECTS,
	MEMBER_REPLY,
	MEMBER_STAGE,
};

/* Whether a member is in its object. */
enum member_there { ALWAYS, IF_KNOWN, IF_ANY };

struct member_desc {
	const char *path;
	enum member_type type;
	enum member_there there;
	const char *doc;
};

#define MEMBER(path, type, there, doc) +1
enum {
	MEMBER_COUNT = 0
#include "record/member_table.def"
};
#undef MEMBER

extern const struct member_desc member_descs[MEMBER_COUNT];
extern const char *const member_type_words[];  /* "text", "list of texts", ... */
extern const char *const member_there_words[]; /* "always", ... */

/* JSON Schema (draft 2020-12) of an object; a new reference. Members that it does not name are allowed, as later versions
 * add some. */
json_t *schema_of(const char *title, const struct member_desc *, size_t count);
/* Of a record, facts included. */
json_t *record_schema(void);

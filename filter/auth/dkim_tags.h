/* auth/dkim_tags.h - tag=value lists (RFC 6376 3.2), strictly.
 *
 * DKIM-Signature fields and key records share this syntax. Unlike the
 * library's parser it refuses duplicates, empty tags, names out of the
 * grammar and control characters, and it never changes what it reads.
 * Owns:    nothing; names and values point into the text given.
 * Threads: any.
 * Fails:   with the reason, for people. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct arena;

enum { TAGS_MAX = 40 };

struct tag {
	struct str name;      /* case matters */
	struct str value;     /* blanks and folds at the ends are gone, those inside stay */
	bool has_blank;       /* between the name and "=" */
};

struct tags {
	struct tag items[TAGS_MAX];
	size_t count;
	bool is_ascii;
};

/* NULL if good. Bytes from 0x80 on are allowed in values: see is_ascii. */
const char *auth_dkim_tags_parse(struct str text, struct tags *);
/* NULL if there is no such tag. */
const struct tag *auth_dkim_tag(const struct tags *, struct str name);
/* The value, empty if there is no such tag. */
struct str auth_dkim_tag_value(const struct tags *, struct str name);

/* Takes the next item off a list with colons ("h=", "q=", "t=" ...), without blanks around it. */
bool auth_dkim_next_item(struct str *rest, struct str *item);
/* True if a list with colons names this word; case does not matter. */
bool auth_dkim_list_has(struct str list, struct str word);
/* Without any blanks and folds. */
struct str auth_dkim_squeeze(struct arena *, struct str);
/* Decodes base64string of RFC 6376 2.10: folding is ignored, padding may be missing. */
bool auth_dkim_base64(struct arena *, struct str, struct str *bytes);

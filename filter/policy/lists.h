/* policy/lists.h - named lists: lists = ( { name; type; items or file } ).
 *
 * A list of one file may be used in all. Ten thousand entries are looked up
 * by binary search or hash.
 * Owns:    everything lives in the policy's arena.
 * Threads: any once loading is over.
 * Fails:   diagnostics; a bad entry of a list file has that file's name and line. */
#pragma once

#include "policy/rule.h"

enum list_type { LIST_IP, LIST_DOMAIN, LIST_ADDRESS, LIST_STRING, LIST_TYPE_COUNT };
extern const char *const list_type_words[LIST_TYPE_COUNT];

struct named_list {
	const char *name;
	enum list_type type;
	bool has_type;          /* false after a diagnostic */
	bool is_used;
	struct place at;
	struct ip_set *nets;    /* LIST_IP */
	struct text_set *texts; /* all others */
};

struct lists *lists_new(struct arena *);
/* The setting `lists` of one file. */
void lists_parse(struct loader *, const config_setting_t *);
/* The list that a condition names, now used. NULL after a diagnostic. */
const struct named_list *lists_use(struct loader *, const config_setting_t *, struct str name, enum fact_id);
void lists_warn_unused(struct loader *);

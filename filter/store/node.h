/* store/node.h - what is to be written, as copies on the heap, and lists of them.
 *
 * Owns: its texts, in the same allocation. Threads: one at a time. Fails: never. */
#pragma once

#include "store/store.h"

enum node_kind {
	NODE_RECORD,
	NODE_REFUSAL,
	NODE_REPEAT,  /* one more of the refusal with this key */
	NODE_BUCKETS, /* those that have changed: the backend knows them */
};

struct node {
	struct node *next;
	size_t size_bytes;
	enum node_kind kind;
	union {
		struct stored_record record;
		struct refusal refusal;
		struct str key;
	};
};

/* First in, first out. */
struct node_list {
	struct node *first, **end;
	size_t count, size_bytes;
};

struct node *node_new_record(const struct stored_record *);
struct node *node_new_refusal(const struct refusal *);
struct node *node_new_repeat(struct str key);
struct node *node_new_buckets(void);
void node_list_init(struct node_list *);
void node_list_add(struct node_list *, struct node *);
/* NULL if there is none. */
struct node *node_list_take(struct node_list *);
/* Everything from one list to another one that is empty. */
void node_list_move(struct node_list *to, struct node_list *from);
void node_list_free(struct node_list *);

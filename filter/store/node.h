/* store/node.h - a copy of a record on the heap, and lists of them.
 *
 * Owns: node_free_all frees a list. Threads: one at a time. Fails: never. */
#pragma once

#include "store/backend.h"

struct node {
	struct node *next;
	struct stored_record record; /* texts in the same allocation */
	size_t size_bytes;
};

/* First in, first out. */
struct node_list {
	struct node *first, **end;
	size_t count, size_bytes;
};

struct node *node_new(const struct stored_record *);
void node_list_init(struct node_list *);
void node_list_add(struct node_list *, struct node *);
/* NULL if there is none. */
struct node *node_list_take(struct node_list *);
/* Everything from one list to another one that is empty. */
void node_list_move(struct node_list *to, struct node_list *from);
void node_list_free(struct node_list *);

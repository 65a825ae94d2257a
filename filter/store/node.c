#include "store/node.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

static struct str put(char **at, struct str s)
{
	struct str copy = { *at, s.n };
	if (s.n > 0)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return copy;
}

struct node *node_new(const struct stored_record *r)
{
	size_t size = sizeof(struct node) + r->id.n + r->queue_id.n + r->json.n;
	struct node *n = fail_if_null(malloc(size));
	char *at = (char *)(n + 1);
	n->next = NULL;
	n->size_bytes = size;
	n->record.unix_ms = r->unix_ms;
	n->record.id = put(&at, r->id);
	n->record.queue_id = put(&at, r->queue_id);
	n->record.json = put(&at, r->json);
	return n;
}

void node_list_init(struct node_list *l)
{
	*l = (struct node_list){ .end = &l->first };
}

void node_list_add(struct node_list *l, struct node *n)
{
	n->next = NULL;
	*l->end = n;
	l->end = &n->next;
	l->count++;
	l->size_bytes += n->size_bytes;
}

struct node *node_list_take(struct node_list *l)
{
	struct node *n = l->first;
	if (n == NULL)
		return NULL;
	l->first = n->next;
	if (l->first == NULL)
		l->end = &l->first;
	l->count--;
	l->size_bytes -= n->size_bytes;
	return n;
}

void node_list_move(struct node_list *to, struct node_list *from)
{
	BUG_IF(to->first != NULL);
	if (from->first == NULL)
		return;
	*to = *from;
	node_list_init(from);
}

void node_list_free(struct node_list *l)
{
	for (struct node *n; (n = node_list_take(l)) != NULL; free(n))
		;
}

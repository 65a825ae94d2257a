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

static struct node *node_new(enum node_kind kind, size_t text_bytes, char **at)
{
	size_t size = sizeof(struct node) + text_bytes;
	struct node *n = fail_if_null(calloc(1, size));
	*at = (char *)(n + 1);
	n->kind = kind;
	n->size_bytes = size;
	return n;
}

struct node *node_new_record(const struct stored_record *r)
{
	char *at;
	struct node *n = node_new(NODE_RECORD, r->id.n + r->queue_id.n + r->json.n, &at);
	n->record.unix_ms = r->unix_ms;
	n->record.id = put(&at, r->id);
	n->record.queue_id = put(&at, r->queue_id);
	n->record.json = put(&at, r->json);
	return n;
}

struct node *node_new_refusal(const struct refusal *r)
{
	char *at;
	size_t bytes = r->key.n + r->id.n + r->enhanced.n + r->text.n + r->source.n;
	struct node *n = node_new(NODE_REFUSAL, bytes, &at);
	n->refusal = *r;
	n->refusal.key = put(&at, r->key);
	n->refusal.id = put(&at, r->id);
	n->refusal.enhanced = put(&at, r->enhanced);
	n->refusal.text = put(&at, r->text);
	n->refusal.source = put(&at, r->source);
	n->refusal.repeats = 0;
	return n;
}

struct node *node_new_repeat(struct str key)
{
	char *at;
	struct node *n = node_new(NODE_REPEAT, key.n, &at);
	n->key = put(&at, key);
	return n;
}

struct node *node_new_buckets(void)
{
	char *at;
	return node_new(NODE_BUCKETS, 0, &at);
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

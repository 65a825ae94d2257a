#include "mail/header.h"

#include <string.h>

#include "base/arena.h"
#include "base/fail.h"

struct header_list {
	struct arena *arena;
	struct header *fields;
	size_t count;
	size_t room;
	size_t bytes;
};

struct header_list *header_list_new(struct arena *a)
{
	struct header_list *l = ARENA_NEW(a, struct header_list);
	l->arena = a;
	return l;
}

void header_list_add(struct header_list *l, struct str name, struct str value)
{
	if (l->count == l->room) {
		l->room = l->room == 0 ? 32 : 2 * l->room;
		struct header *larger = arena_array(l->arena, l->room, sizeof(*larger));
		if (l->count > 0)
			memcpy(larger, l->fields, l->count * sizeof(*larger));
		l->fields = larger;
	}
	l->fields[l->count++] = (struct header){ str_dup(l->arena, name), str_dup(l->arena, value) };
	l->bytes += name.n + STR(":").n + value.n + STR("\r\n").n;
}

size_t header_list_count(const struct header_list *l)
{
	return l->count;
}

size_t header_list_bytes(const struct header_list *l)
{
	return l->bytes;
}

const struct header *header_list_at(const struct header_list *l, size_t index)
{
	BUG_IF(index >= l->count);
	return &l->fields[index];
}

const struct header *header_list_find(const struct header_list *l, struct str name, size_t nth)
{
	for (size_t i = 0; i < l->count; i++)
		if (str_eq_nocase(l->fields[i].name, name) && nth-- == 0)
			return &l->fields[i];
	return NULL;
}

size_t header_list_count_of(const struct header_list *l, struct str name)
{
	size_t count = 0;
	for (size_t i = 0; i < l->count; i++)
		count += str_eq_nocase(l->fields[i].name, name);
	return count;
}

/* Bytes of the line end at the start of s if a blank follows it (RFC 5322 2.2.3), else 0. */
static size_t fold_at(struct str s)
{
	size_t n = str_starts(s, STR("\r\n")) ? 2 : str_starts(s, STR("\n")) ? 1 : 0;
	return n > 0 && n < s.n && (s.p[n] == ' ' || s.p[n] == '\t') ? n : 0;
}

struct str header_unfold(struct arena *a, struct str value)
{
	value = str_trim(value);
	if (str_find(value, '\n') < 0)
		return value;
	char *p = arena_alloc(a, value.n + 1);
	size_t n = 0;
	while (value.n > 0) {
		size_t fold = fold_at(value);
		if (fold == 0) {
			p[n++] = value.p[0];
			fold = 1;
		}
		value = str_skip(value, fold);
	}
	return (struct str){ p, n };
}

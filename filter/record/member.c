#include "record/member.h"

#include <stdio.h>
#include <string.h>

json_t *member_read_record(struct str json)
{
	json_t *record = json_loadb(json.p, json.n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	if (json_integer_value(member_at(record, "v")) == 1 && member_text(record, "id")[0] != '\0')
		return record;
	json_decref(record);
	return NULL;
}

const json_t *member_at(const json_t *from, const char *path)
{
	char name[32];
	struct str rest = str_of(path), part;
	while (from != NULL && str_next(&rest, '.', &part)) {
		snprintf(name, sizeof(name), "%.*s", STR_ARG(part));
		from = json_object_get(from, name);
	}
	return from;
}

const char *member_text(const json_t *from, const char *path)
{
	const char *s = json_string_value(member_at(from, path));
	return s == NULL ? "" : s;
}

bool member_is(const json_t *from, const char *path, const char *word)
{
	return strcmp(member_text(from, path), word) == 0;
}

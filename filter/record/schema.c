#include "record/schema.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/str.h"
#include "fact/fact.h"

const struct member_desc member_descs[MEMBER_COUNT] = {
#define MEMBER(path, type, there, doc) { path, MEMBER_##type, there, doc },
#include "record/member_table.def"
#undef MEMBER
};

const char *const member_type_words[] = {
	[MEMBER_TEXT] = "text",
	[MEMBER_TEXTS] = "list of texts",
	[MEMBER_INT] = "number",
	[MEMBER_INTS] = "list of numbers",
	[MEMBER_BOOL] = "true or false",
	[MEMBER_NUMBERS] = "object of numbers",
	[MEMBER_OBJECT] = "object",
	[MEMBER_OBJECTS] = "list of objects",
	[MEMBER_REPLY] = "reply",
	[MEMBER_STAGE] = "stage",
};

const char *const member_there_words[] = {
	[ALWAYS] = "always",
	[IF_KNOWN] = "if known",
	[IF_ANY] = "if any",
};

/* From JSON text with ' for ". */
static json_t *from(const char *text)
{
	char json[512];
	snprintf(json, sizeof(json), "%s", text);
	for (char *p = json; *p != '\0'; p++)
		if (*p == '\'')
			*p = '"';
	return fail_if_null(json_loads(json, 0, NULL));
}

static json_t *words(const char *const *list, size_t count)
{
	json_t *array = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_string(list[i]));
	return fail_if_null(json_pack("{s:o}", "enum", array));
}

static json_t *of_type(enum member_type type)
{
	switch (type) {
	case MEMBER_TEXT:
		return from("{'type': 'string'}");
	case MEMBER_TEXTS:
		return from("{'type': 'array', 'items': {'type': 'string'}, 'minItems': 1}");
	case MEMBER_INT:
		return from("{'type': 'integer'}");
	case MEMBER_INTS:
		return from("{'type': 'array', 'items': {'type': 'integer'}}");
	case MEMBER_BOOL:
		return from("{'type': 'boolean'}");
	case MEMBER_NUMBERS:
		return from("{'type': 'object', 'additionalProperties': {'type': 'integer'}}");
	case MEMBER_OBJECT:
		return from("{'type': 'object', 'properties': {}, 'required': []}");
	case MEMBER_OBJECTS:
		return from("{'type': 'array', 'items': {'type': 'object', 'properties': {}, 'required': []}, "
			    "'minItems': 1}");
	case MEMBER_REPLY:
		return from("{'type': 'object', 'properties': {'code': {'type': 'integer'}, "
			    "'enhanced': {'type': 'string'}, 'text': {'type': 'string'}}, "
			    "'required': ['code', 'enhanced', 'text']}");
	case MEMBER_STAGE:
		return words(stage_words, STAGE_COUNT);
	}
	BUG_IF(true);
}

static json_t *of_fact(enum fact_id id)
{
	size_t count;
	const char *const *fixed = fact_words(id, &count);
	switch (fact_descs[id].type) {
	case TYPE_RESULT:
		return words(result_words, RESULT_COUNT);
	case TYPE_STRING:
		return fixed == NULL ? of_type(MEMBER_TEXT) : words(fixed, count);
	case TYPE_ADDRESS:
	case TYPE_DOMAIN:
	case TYPE_IP:
		return of_type(MEMBER_TEXT);
	case TYPE_INT:
		return of_type(MEMBER_INT);
	case TYPE_BOOL:
		return of_type(MEMBER_BOOL);
	case TYPE_LIST:
		return of_type(MEMBER_TEXTS);
	}
	BUG_IF(true);
}

/* The schema of the object that a path leads to; those on the way are made. */
static json_t *object_at(json_t *object, struct str path)
{
	struct str part;
	while (str_next(&path, '.', &part)) {
		struct str name = part;
		bool is_list = str_cut(part, '[', &name, &part);
		json_t *properties = json_object_get(object, "properties");
		object = json_object_getn(properties, name.p, name.n);
		if (object == NULL) {
			object = of_type(MEMBER_OBJECT);
			json_object_setn_new(properties, name.p, name.n, object);
		}
		if (is_list)
			object = json_object_get(object, "items");
	}
	return object;
}

static void put(json_t *root, const char *path, bool is_always_there, const char *doc, json_t *schema)
{
	ptrdiff_t dot = str_find_last(str_of(path), '.');
	const char *name = path + dot + 1;
	json_t *object = object_at(root, str_sub(str_of(path), 0, dot < 0 ? 0 : (size_t)dot));
	if (doc[0] != '\0')
		json_object_set_new(schema, "description", json_string(doc));
	json_object_set_new(json_object_get(object, "properties"), name, schema);
	if (is_always_there)
		json_array_append_new(json_object_get(object, "required"), json_string(name));
}

json_t *schema_of(const char *title, const struct member_desc *members, size_t count)
{
	json_t *root = of_type(MEMBER_OBJECT);
	json_object_set_new(root, "$schema", json_string("https://json-schema.org/draft/2020-12/schema"));
	json_object_set_new(root, "title", json_string(title));
	for (size_t i = 0; i < count; i++) {
		const struct member_desc *m = &members[i];
		put(root, m->path, m->there == ALWAYS, m->doc, of_type(m->type));
	}
	return root;
}

json_t *record_schema(void)
{
	json_t *root = schema_of("A record of Gatepost, version 1", member_descs, MEMBER_COUNT);
	for (enum fact_id id = 0; id < FACT_COUNT; id++) {
		/* Or it could not be told. */
		json_t *any = json_pack("{s:[o, o]}", "anyOf", of_fact(id),
					from("{'type': 'object', 'properties': {'unknown': {'type': 'string'}}, "
					     "'required': ['unknown']}"));
		put(root, fact_descs[id].name, false, fact_descs[id].doc, fail_if_null(any));
	}
	return root;
}

#include "fact/fact.h"

#include "base/bits.h"
#include "base/nametab.h"

_Static_assert(FACT_COUNT <= BITS_MAX, "need-sets are too small for all facts");

const struct fact_desc fact_descs[FACT_COUNT] = {
#define FACT(id, name, type, stage, scope, probe, doc)                                             \
	{ name, TYPE_##type, STAGE_##stage, SCOPE_##scope, PROBE_##probe, doc },
#include "fact/fact_table.def"
#undef FACT
};

const char *const result_words[RESULT_COUNT] = {
#define RESULT(id, word) word,
#include "fact/result_table.def"
#undef RESULT
};

const char *const stage_words[STAGE_COUNT] = {
	"connect", "helo", "mail", "rcpt", "data", "headers", "end",
};

const char *const fact_type_words[] = {
	[TYPE_RESULT] = "result", [TYPE_STRING] = "string", [TYPE_ADDRESS] = "address",
	[TYPE_DOMAIN] = "domain", [TYPE_IP] = "ip",         [TYPE_INT] = "integer",
	[TYPE_BOOL] = "boolean",  [TYPE_LIST] = "list",
};

static const bool asks_dns[PROBE_COUNT] = {
#define PROBE(id, name, dns) dns,
#include "fact/probe_table.def"
#undef PROBE
};

enum fact_id fact_find(struct str name)
{
	for (enum fact_id id = 0; id < FACT_COUNT; id++)
		if (str_eq(str_of(fact_descs[id].name), name))
			return id;
	return FACT_COUNT;
}

bool probe_asks_dns(enum probe_id id)
{
	return asks_dns[id];
}

enum stage fact_ready_stage(enum fact_id id)
{
	return probe_asks_dns(fact_descs[id].probe) ? STAGE_END : fact_descs[id].stage;
}

static const struct {
	const char *const *list;
	size_t count;
} words[FACT_COUNT] = {
#define WORDS(id, ...)                                                                             \
	[FACT_##id] = { (const char *const[]){ __VA_ARGS__ },                                      \
			sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *) },
#include "fact/word_table.def"
#undef WORDS
};

const char *const *fact_words(enum fact_id id, size_t *count)
{
	*count = words[id].count;
	return words[id].list;
}

bool result_parse(struct str word, enum result *out)
{
	unsigned value;
	if (!nametab_find(result_words, RESULT_COUNT, word, &value))
		return false;
	*out = (enum result)value;
	return true;
}

#include "suites/coverage.h"

#include <jansson.h>
#include <string.h>

#include "option/options.h"
#include "policy/policy.h"

static bool facts[FACT_COUNT], results[RESULT_COUNT], actions[ACTION_COUNT], options[OPTION_COUNT];

/* Options and facts that a case cannot show, and what shows them instead. */
static const struct {
	const char *name, *where;
} elsewhere[] = {
	{ "user", "tests/e2e/test_daemon.py" },
	{ "dns.servers", "tests/unit/dns/dns_unbound.c" },
	{ "dns.dnssec", "tests/unit/dns/dns_unbound.c" },
	{ "dns.trust_anchor_file", "tests/unit/dns/dns_unbound.c" },
	{ "log.level", "tests/e2e/test_daemon.py" },
	{ "record_days", "tests/e2e/test_daemon.py" },
	{ "limits.connections", "tests/e2e/test_daemon.py" },
	{ "egress", "tests/check-preflight" },
	{ "preflight_on_reload", "tests/e2e/test_daemon.py" },
	{ "http.listen", "tests/e2e/test_status.py" },
	{ "sign.overlap", "tests/check-keys" },
	{ "limits.store_unavailable", "tests/unit/feedback/limit.c" },
	{ "rcpt.suppressed", "tests/unit/feedback/suppress.c" },
	{ "rcpt.suppression_reason", "tests/unit/feedback/suppress.c" },
};

static void add_option(struct str name)
{
	for (size_t i = 0; i < OPTION_COUNT; i++)
		options[i] |= str_eq(name, str_of(option_descs[i].name));
}

static void add_setup(const struct case_setup *s)
{
	for (size_t i = 0; i < s->options.count; i++)
		add_option(s->options.items[i].name);
}

void coverage_add_case(const struct case_file *file)
{
	/* Every case has these (eval/workspace.c). */
	static const char *const always[] = { "listen", "authserv_id", "policies", "dns.zone_file", "dns.timeout_ms",
					      "store", "log.target", "log.format" };
	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		add_option(str_of(always[i]));
	add_setup(file->setup);
	for (size_t i = 0; i < file->event_count; i++) {
		const struct case_event *e = &file->events[i];
		if (e->setup != NULL)
			add_setup(e->setup);
		for (size_t k = 0; k < e->check_count; k++) {
			const struct case_check *c = &e->checks[k];
			enum fact_id id = c->kind == CHECK_FACT ? fact_find(c->name) : FACT_COUNT;
			enum result result;
			if (id == FACT_COUNT)
				continue;
			/* A fact that is only ever said to be absent shows nothing. */
			facts[id] |= !str_eq(c->value, STR("absent"));
			if (fact_descs[id].type == TYPE_RESULT && result_parse(c->value, &result))
				results[result] = true;
		}
	}
}

static void add_action(const json_t *word)
{
	for (enum action a = ACTION_CONTINUE + 1; a < ACTION_COUNT; a++)
		actions[a] |= json_is_string(word) && strcmp(json_string_value(word), action_descs[a].name) == 0;
}

void coverage_add_record(struct str text)
{
	json_t *record = json_loadb(text.p, text.n, 0, NULL);
	json_t *decision = json_object_get(record, "decision");
	add_action(json_object_get(decision, "action"));
	actions[ACTION_ADD_HEADER] |= json_array_size(json_object_get(decision, "headers")) > 0;
	actions[ACTION_TAG] |= json_array_size(json_object_get(decision, "tags")) > 0;
	actions[ACTION_LOG] |= json_array_size(json_object_get(decision, "logs")) > 0;
	json_decref(record);
}

static size_t report(FILE *out, const char *what, const char *name)
{
	fprintf(out, "no case shows %s %s\n", what, name);
	return 1;
}

size_t coverage_report(FILE *out)
{
	size_t missing = 0;
	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
		enum fact_id id = fact_find(str_of(elsewhere[i].name));
		add_option(str_of(elsewhere[i].name));
		if (id != FACT_COUNT)
			facts[id] = true;
	}
	for (enum fact_id f = 0; f < FACT_COUNT; f++)
		missing += facts[f] ? 0 : report(out, "fact", fact_descs[f].name);
	for (enum result r = 0; r < RESULT_COUNT; r++)
		missing += results[r] ? 0 : report(out, "result", result_words[r]);
	for (enum action a = ACTION_CONTINUE + 1; a < ACTION_COUNT; a++)
		missing += actions[a] ? 0 : report(out, "action", action_descs[a].name);
	for (size_t i = 0; i < OPTION_COUNT; i++)
		missing += options[i] ? 0 : report(out, "option", option_descs[i].name);
	return missing;
}

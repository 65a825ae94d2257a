#include "service/page_tables.h"

#include <string.h>

#include "service/html.h"
#include "service/status.h"

/* A heading that begins with '#' stands over numbers. */
static void begin(struct buf *b, const char *kind, const char *const *headings, size_t count)
{
	buf_printf(b, "<div class=\"wide\"><table class=\"%s\"><thead><tr>", kind);
	for (size_t i = 0; i < count; i++)
		buf_printf(b, headings[i][0] == '#' ? "<th scope=\"col\" class=\"n\">%s</th>" : "<th scope=\"col\">%s</th>",
			   headings[i] + (headings[i][0] == '#'));
	buf_add(b, STR("</tr></thead><tbody>"));
}

#define BEGIN(b, kind, headings) begin(b, kind, headings, sizeof(headings) / sizeof(headings[0]))

static void end(struct buf *b, size_t rows, size_t columns, const char *without)
{
	if (rows == 0)
		buf_printf(b, "<tr><td class=\"nothing\" colspan=\"%zu\">%s</td></tr>", columns, without);
	buf_add(b, STR("</tbody></table></div>"));
}

#define END(b, rows, headings, without) end(b, rows, sizeof(headings) / sizeof(headings[0]), without)

static void cell_text(struct buf *b, const char *label, const char *text)
{
	buf_printf(b, "<td data-label=\"%s\">", label);
	html_text(b, text);
	buf_add(b, STR("</td>"));
}

static void cell_number(struct buf *b, const char *label, uint64_t n)
{
	buf_printf(b, n == 0 ? "<td class=\"n zero\" data-label=\"%s\">" : "<td class=\"n\" data-label=\"%s\">", label);
	html_number(b, n);
	buf_add(b, STR("</td>"));
}

/* A word with a dot before it; kind good, bad, warn or plain. */
static void cell_state(struct buf *b, const char *label, const char *kind, const char *word)
{
	buf_printf(b, "<td data-label=\"%s\"><span class=\"state %s\">", label, kind);
	html_text(b, word);
	buf_add(b, STR("</span></td>"));
}

void table_workflows(struct buf *b, const struct status *s)
{
	static const char *const headings[] = { "Workflow", "#Accepted", "#Refused", "#Deferred", "#Over limit", "#Suppressed",
						"#Tried again", "#Signatures" };
	BEGIN(b, "stack", headings);
	for (size_t i = 0; i < s->workflow_count; i++) {
		const struct status_workflow *w = &s->workflows[i];
		buf_add(b, STR("<tr>"));
		buf_add(b, STR("<th scope=\"row\">"));
		html_text(b, w->name);
		buf_add(b, STR("</th>"));
		cell_number(b, "Accepted", w->decisions[DECISION_ACCEPT] + w->decisions[DECISION_QUARANTINE]);
		cell_number(b, "Refused", w->decisions[DECISION_REJECT]);
		cell_number(b, "Deferred", w->decisions[DECISION_DEFER]);
		cell_number(b, "Over limit", w->limited);
		cell_number(b, "Suppressed", w->suppressed);
		cell_number(b, "Tried again", w->retries);
		cell_number(b, "Signatures", w->signatures);
		buf_add(b, STR("</tr>"));
	}
	END(b, s->workflow_count, headings, "The policies have no workflows.");
}

void table_rules(struct buf *b, const struct status *s)
{
	enum { SHOWN = 12 };
	static const char *const headings[] = { "Rule", "#Decided", "#Observed" };
	BEGIN(b, "", headings);
	for (size_t i = 0; i < s->rule_count && i < SHOWN; i++) {
		buf_add(b, STR("<tr><th scope=\"row\">"));
		html_text(b, s->rules[i].name);
		buf_add(b, STR("</th>"));
		cell_number(b, "Decided", s->rules[i].decisions);
		cell_number(b, "Observed", s->rules[i].observed);
		buf_add(b, STR("</tr>"));
	}
	END(b, s->rule_count, headings, "No rule has held yet.");
}

void table_listeners(struct buf *b, const struct status *s)
{
	static const char *const headings[] = { "Listener", "State", "For", "#Connections", "#Messages", "#Restarts" };
	static const struct { const char *kind, *word; } states[] = {
		[PROCESS_STARTING] = { "warn", "starting" },
		[PROCESS_SERVES] = { "good", "serves" },
		[PROCESS_GONE] = { "bad", "does not serve" },
	};
	BEGIN(b, "", headings);
	for (size_t i = 0; i < s->process_count; i++) {
		const struct board_process *p = &s->processes[i];
		buf_add(b, STR("<tr><th scope=\"row\">"));
		html_text(b, p->name);
		buf_add(b, STR("<small>"));
		html_text(b, p->socket);
		buf_add(b, STR("</small></th>"));
		cell_state(b, "State", states[p->state].kind, states[p->state].word);
		buf_add(b, STR("<td data-label=\"For\">"));
		html_age(b, s->now_unix_s - p->since_unix_s);
		buf_add(b, STR("</td>"));
		cell_number(b, "Connections", (uint64_t)p->connections);
		cell_number(b, "Messages", (uint64_t)p->messages);
		cell_number(b, "Restarts", p->restarts);
		buf_add(b, STR("</tr>"));
	}
	END(b, s->process_count, headings, "None.");
}

void table_keys(struct buf *b, const struct status *s)
{
	static const char *const headings[] = { "Key", "Record", "Version", "Published" };
	BEGIN(b, "", headings);
	for (size_t i = 0; i < s->key_count; i++) {
		const struct board_key *k = &s->keys[i];
		const char *missing = strcmp(k->phase, "active") == 0 ? "bad" : "warn"; /* a pending one waits for it */
		const char *kind = !k->is_known ? "plain" : k->is_published ? "good" : missing;
		buf_add(b, STR("<tr><th scope=\"row\">"));
		html_text(b, k->key);
		buf_add(b, STR("</th><td data-label=\"Record\"><code>"));
		html_text(b, k->selector);
		buf_add(b, STR("._domainkey.</code><wbr><code>"));
		html_text(b, k->domain);
		buf_add(b, STR("</code></td>"));
		cell_text(b, "Version", k->phase);
		cell_state(b, "Published", kind, !k->is_known ? "not known yet" : k->is_published ? "published" : "not seen");
		buf_add(b, STR("</tr>"));
	}
	END(b, s->key_count, headings, "No workflow signs.");
}

static void refusal_who(struct buf *b, const struct refusal_told *r, bool people)
{
	buf_add(b, STR("<td data-label=\"From\">"));
	if (people) {
		html_text(b, r->from[0] == 0 ? "<>" : r->from);
		if (r->to[0] != 0) {
			buf_add(b, STR("<small>to "));
			html_text(b, r->to);
			buf_add(b, STR("</small>"));
		}
		buf_add(b, STR("<small>"));
		html_text(b, r->client);
		buf_add(b, STR("</small>"));
	} else {
		html_text(b, r->domain[0] == 0 ? "-" : r->domain);
	}
	buf_add(b, STR("</td>"));
}

void table_refusals(struct buf *b, const struct status *s, bool people)
{
	enum { SHOWN = 50 };
	static const char *const headings[] = { "Time (UTC)", "Reply", "From", "Reason", "Rule", "Id" };
	BEGIN(b, "stack refusals", headings);
	for (size_t i = 0; i < s->refusal_count && i < SHOWN; i++) {
		const struct refusal_told *r = &s->refusals[i];
		buf_add(b, STR("<tr><td data-label=\"Time\">"));
		html_time(b, r->unix_ms / 1000);
		buf_printf(b, "</td><td data-label=\"Reply\"><span class=\"state %s\">%d ", r->code >= 500 ? "bad" : "warn", r->code);
		html_text(b, r->enhanced);
		buf_add(b, STR("</span><small>at "));
		html_text(b, r->stage);
		buf_add(b, STR("</small></td>"));
		refusal_who(b, r, people);
		cell_text(b, "Reason", r->text);
		buf_add(b, STR("<td data-label=\"Rule\">"));
		html_text(b, r->rule[0] == 0 ? "-" : r->rule);
		if (r->workflow[0] != 0 && !str_starts(str_of(r->rule), STR("workflow:"))) {
			buf_add(b, STR("<small>workflow "));
			html_text(b, r->workflow);
			buf_add(b, STR("</small>"));
		}
		buf_add(b, STR("</td><td data-label=\"Id\"><code>"));
		html_text(b, r->id);
		buf_add(b, STR("</code></td></tr>"));
	}
	END(b, s->refusal_count, headings, "Nothing was refused yet.");
}

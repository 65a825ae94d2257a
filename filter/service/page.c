#include "service/page.h"

#include <inttypes.h>

#include "service/html.h"
#include "service/page_chart.h"
#include "service/page_tables.h"
#include "service/status.h"

static uint64_t sum(const uint64_t *values, size_t count)
{
	uint64_t all = 0;
	for (size_t i = 0; i < count; i++)
		all += values[i];
	return all;
}

static void begin_card(struct buf *b, const char *id, const char *title, const char *note, bool is_wide)
{
	buf_printf(b, "<section class=\"card%s\" id=\"%s\"><header><h2>%s</h2><p>%s</p></header>", is_wide ? " full" : "", id,
		   title, note);
}

static void end_card(struct buf *b)
{
	buf_add(b, STR("</section>"));
}

/* ---- top ------------------------------------------------------------------------------------------------ */

static void write_head(struct buf *b, const struct status *s, size_t problems)
{
	buf_add(b, STR("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Gatepost "));
	html_text(b, s->config.authserv_id);
	buf_add(b, STR("</title><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
		       "<meta name=\"color-scheme\" content=\"light dark\"><meta http-equiv=\"refresh\" content=\"30\">"
		       "<link rel=\"stylesheet\" href=\"/page.css\"></head><body><header class=\"top\"><div><h1>Gatepost</h1><p>"));
	html_text(b, s->config.authserv_id);
	buf_add(b, STR("</p></div>"));
	if (problems == 0)
		buf_add(b, STR("<p class=\"pill good\">All is well</p>"));
	else
		buf_printf(b, "<p class=\"pill bad\"><a href=\"#problems\">%zu to look at</a></p>", problems);
	buf_add(b, STR("</header><main>"));
}

static void write_problems(struct buf *b, const struct status_problem *list, size_t count)
{
	if (count == 0)
		return;
	buf_add(b, STR("<section class=\"problems\" id=\"problems\"><h2>To look at</h2><ul>"));
	for (size_t i = 0; i < count; i++) {
		buf_add(b, STR("<li>"));
		html_text(b, list[i].found);
		buf_add(b, STR(" <code>"));
		html_text(b, list[i].advice);
		buf_add(b, STR("</code></li>"));
	}
	buf_add(b, STR("</ul></section>"));
}

/* A number with its name above, and a line below that the caller goes on with. */
static void begin_tile(struct buf *b, const char *kind, const char *name)
{
	buf_printf(b, "<div class=\"tile %s\"><h3>%s</h3><p class=\"figure\">", kind, name);
}

static void tile_note(struct buf *b)
{
	buf_add(b, STR("</p><p class=\"note\">"));
}

static void end_tile(struct buf *b)
{
	buf_add(b, STR("</p></div>"));
}

static void decision_tile(struct buf *b, const struct status *s, enum decision_word d, const char *name)
{
	begin_tile(b, decision_words[d], name);
	html_number(b, s->day[d]);
	tile_note(b);
	html_share(b, s->day[d], sum(s->day, DECISION_COUNT));
	buf_add(b, sum(s->day, DECISION_COUNT) > 0 ? STR(" of the day, ") : STR(""));
	html_number(b, s->hour[d]);
	buf_add(b, STR(" in the last hour"));
	end_tile(b);
}

static void write_tiles(struct buf *b, const struct status *s)
{
	int64_t connections = 0, messages = 0;
	for (size_t i = 0; i < s->process_count; i++) {
		connections += s->processes[i].connections;
		messages += s->processes[i].messages;
	}
	buf_add(b, STR("<section class=\"tiles\" aria-label=\"The last 24 hours\">"));
	begin_tile(b, "all", "Messages, 24 h");
	html_number(b, sum(s->day, DECISION_COUNT));
	tile_note(b);
	html_number(b, sum(s->hour, DECISION_COUNT));
	buf_add(b, STR(" in the last hour"));
	end_tile(b);
	decision_tile(b, s, DECISION_ACCEPT, "Accepted");
	decision_tile(b, s, DECISION_REJECT, "Refused");
	decision_tile(b, s, DECISION_DEFER, "Deferred");
	begin_tile(b, "open", "Open now");
	html_number(b, (uint64_t)connections);
	tile_note(b);
	buf_printf(b, "connections, %" PRId64 " messages in flight", messages);
	end_tile(b);
	begin_tile(b, "time", "95&nbsp;% done within");
	if (s->end.count > 0)
		html_seconds(b, s->end.p95_s);
	else
		buf_add(b, STR("&ndash;"));
	tile_note(b);
	if (s->end.count > 0) {
		buf_add(b, STR("median "));
		html_seconds(b, s->end.median_s);
	}
	end_tile(b);
	buf_add(b, STR("</section>"));
}

/* ---- cards ---------------------------------------------------------------------------------------------- */

static void legend_of_decisions(struct buf *b, const uint64_t values[DECISION_COUNT])
{
	buf_add(b, STR("<ul class=\"legend\">"));
	for (enum decision_word d = 0; d < DECISION_COUNT; d++) {
		if (values[d] == 0 && d > DECISION_DEFER)
			continue;
		buf_printf(b, "<li><i class=\"b-%s\"></i>%s <b>", decision_words[d], decision_words[d]);
		html_number(b, values[d]);
		buf_add(b, STR("</b></li>"));
	}
	buf_add(b, STR("</ul>"));
}

static void write_traffic(struct buf *b, const struct status *s)
{
	begin_card(b, "day", "Traffic and decisions", "Messages in each quarter of an hour of the last 24 hours, UTC", true);
	chart_traffic(b, s, HISTORY_MINUTES, 15);
	legend_of_decisions(b, s->day);
	end_card(b);
	begin_card(b, "hour", "The last hour", "Messages in each minute, UTC", false);
	chart_traffic(b, s, 60, 1);
	legend_of_decisions(b, s->hour);
	end_card(b);
}

static void write_authentication(struct buf *b, const struct status *s)
{
	static const char *const names[METHOD_COUNT] = {
		[METHOD_SPF] = "SPF", [METHOD_DKIM] = "DKIM", [METHOD_DMARC] = "DMARC", [METHOD_IPREV] = "Reverse name",
	};
	/* From what helps to what harms. */
	static const enum result order[RESULT_COUNT] = {
		RESULT_PASS, RESULT_NEUTRAL, RESULT_NONE, RESULT_POLICY, RESULT_SOFTFAIL, RESULT_TEMPERROR, RESULT_PERMERROR,
		RESULT_FAIL,
	};
	uint64_t values[RESULT_COUNT];
	const char *words[RESULT_COUNT];
	begin_card(b, "authentication", "Authentication", "Results of inbound messages since the start", false);
	for (enum method m = 0; m < METHOD_COUNT; m++) {
		buf_printf(b, "<div class=\"method\" id=\"%s\"><h3>%s</h3>", method_words[m], names[m]);
		for (size_t i = 0; i < RESULT_COUNT; i++) {
			values[i] = s->results[m][order[i]];
			words[i] = result_words[order[i]];
		}
		chart_parts(b, values, words, RESULT_COUNT);
		buf_add(b, STR("</div>"));
	}
	end_card(b);
}

static void begin_list(struct buf *b)
{
	buf_add(b, STR("<dl>"));
}

static void entry(struct buf *b, const char *name)
{
	buf_printf(b, "<dt>%s</dt><dd>", name);
}

static void end_entry(struct buf *b)
{
	buf_add(b, STR("</dd>"));
}

static void write_resolver(struct buf *b, const struct status *s)
{
	bool is_in_trouble = false;
	uint64_t asked = sum(s->dns_sources, SOURCE_COUNT);
	for (size_t i = 0; i < s->process_count; i++)
		is_in_trouble |= s->processes[i].is_dns_in_trouble;
	begin_card(b, "resolver", "Resolver", "Questions since the start, and how those that were sent ended", false);
	chart_parts(b, s->dns_answers, dns_status_words, DNS_STATUS_COUNT);
	begin_list(b);
	entry(b, "State");
	buf_printf(b, "<span class=\"state %s\">%s</span>", is_in_trouble ? "bad" : "good",
		   is_in_trouble ? "most questions fail" : "answers");
	end_entry(b);
	entry(b, "Answered from memory");
	html_share(b, s->dns_sources[SOURCE_CACHE] + s->dns_sources[SOURCE_JOINED], asked);
	buf_add(b, STR(" of "));
	html_number(b, asked);
	end_entry(b);
	if (s->dns.count > 0) {
		entry(b, "Time of an answer");
		buf_add(b, STR("median "));
		html_seconds(b, s->dns.median_s);
		buf_add(b, STR(", 95&nbsp;% below "));
		html_seconds(b, s->dns.p95_s);
		end_entry(b);
	}
	buf_add(b, STR("</dl>"));
	end_card(b);
}

static void write_configuration(struct buf *b, const struct status *s)
{
	const struct board_config *c = &s->config;
	begin_card(b, "configuration", "Configuration", "What is in force", false);
	begin_list(b);
	entry(b, "Generation");
	buf_printf(b, "%u, loaded ", c->generation);
	html_age(b, s->now_unix_s - c->loaded_unix_s);
	buf_add(b, STR(" ago"));
	end_entry(b);
	entry(b, "Policies");
	buf_printf(b, "%zu rules, %zu workflows in %zu files", c->rules, c->workflows, c->files);
	end_entry(b);
	entry(b, "Reloads");
	html_number(b, s->reloads[OUTCOME_GOOD]);
	buf_add(b, STR(" taken, "));
	html_number(b, s->reloads[OUTCOME_REFUSED]);
	buf_add(b, STR(" refused"));
	end_entry(b);
	entry(b, "Deferred, could not tell");
	html_number(b, s->deferred_unknown);
	end_entry(b);
	entry(b, "Lost");
	html_number(b, s->lost[LOST_STORE]);
	buf_add(b, STR(" records, "));
	html_number(b, s->lost[LOST_LOG]);
	buf_add(b, STR(" log lines"));
	end_entry(b);
	entry(b, "Gatepost");
	buf_printf(b, "%s, up for ", GATEPOST_VERSION);
	html_age(b, s->now_unix_s - s->started_unix_s);
	end_entry(b);
	buf_add(b, STR("</dl>"));
	end_card(b);
}

void page_write(const struct status *s, bool people, struct buf *b)
{
	struct status_problem problems[STATUS_PROBLEMS];
	size_t problem_count = status_problems(s, problems);
	write_head(b, s, problem_count);
	write_problems(b, problems, problem_count);
	write_tiles(b, s);
	buf_add(b, STR("<div class=\"cards\">"));
	write_traffic(b, s);
	write_authentication(b, s);
	begin_card(b, "workflows", "Workflows", "Mail that is sent from here, since the start", true);
	table_workflows(b, s);
	end_card(b);
	begin_card(b, "rules", "Rules", "That decided or were observed, since the start", false);
	table_rules(b, s);
	end_card(b);
	write_resolver(b, s);
	begin_card(b, "keys", "Signing keys", "As the resolver sees their records", false);
	table_keys(b, s);
	end_card(b);
	write_configuration(b, s);
	begin_card(b, "listeners", "Listeners", "Each with its process", true);
	table_listeners(b, s);
	end_card(b);
	begin_card(b, "refusals", "Recent refusals",
		   people ? "The last ones; <code>gatepost why ID</code> tells all about one"
			  : "The last ones; <code>gatepost why ID</code> tells all about one. Addresses are shown over the UNIX "
			    "socket only", true);
	table_refusals(b, s, people);
	end_card(b);
	buf_add(b, STR("</div></main><footer><p>As of "));
	html_time(b, s->now_unix_s);
	buf_add(b, STR(" UTC; the page renews itself every 30 seconds. Also <a href=\"/metrics\">metrics</a> and "
		       "<a href=\"/status.json\">JSON</a>.</p></footer></body></html>\n"));
}

#include "service/page_chart.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "service/html.h"
#include "service/status.h"

/* SVG has no size of its own: the style says how high, and bars take what width there is. */
enum { HEIGHT = 1000, BAR = 10, GAP = 2, PARTS_WIDTH = 10000 };

/* The next of 4, 6, 8, 10, 20, 30, 40, 50, 60, 80, 100, ...: each has a half. */
static uint64_t round_up(uint64_t n)
{
	static const uint64_t steps[] = { 10, 20, 30, 40, 50, 60, 80 };
	for (uint64_t even = 4; even < 10; even += 2)
		if (even >= n)
			return even;
	for (uint64_t scale = 1;; scale *= 10)
		for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
			if (steps[i] * scale >= n)
				return steps[i] * scale;
}

static uint64_t sum(const uint64_t *values, size_t count)
{
	uint64_t all = 0;
	for (size_t i = 0; i < count; i++)
		all += values[i];
	return all;
}

/* "14:05" of minutes since 1970 */
static void add_clock(struct buf *b, uint64_t minute)
{
	buf_printf(b, "%02d:%02d", (int)(minute / 60 % 24), (int)(minute % 60));
}

struct bars {
	const struct status *s;
	size_t first, step, count; /* the first minute; minutes in a bar; bars */
	uint64_t top;
};

static uint64_t value_of(const struct bars *c, size_t bar, enum decision_word d)
{
	return sum(&c->s->minutes[d][c->first + bar * c->step], c->step);
}

static uint64_t total_of(const struct bars *c, size_t bar)
{
	uint64_t all = 0;
	for (enum decision_word d = 0; d < DECISION_COUNT; d++)
		all += value_of(c, bar, d);
	return all;
}

static uint64_t minute_of(const struct bars *c, size_t bar)
{
	uint64_t now = (uint64_t)c->s->now_unix_s / 60;
	return now - (HISTORY_MINUTES - 1) + c->first + bar * c->step;
}

static void add_bar(struct buf *b, const struct bars *c, size_t bar)
{
	uint64_t below = 0;
	if (total_of(c, bar) == 0)
		return;
	buf_add(b, STR("<g><title>"));
	add_clock(b, minute_of(c, bar));
	buf_add(b, STR(" to "));
	add_clock(b, minute_of(c, bar) + c->step);
	for (enum decision_word d = 0; d < DECISION_COUNT; d++)
		if (value_of(c, bar, d) > 0)
			buf_printf(b, ", %s %" PRIu64, decision_words[d], value_of(c, bar, d));
	buf_add(b, STR("</title>"));
	for (enum decision_word d = 0; d < DECISION_COUNT; d++) {
		uint64_t n = value_of(c, bar, d);
		if (n == 0)
			continue;
		below += n;
		double y = HEIGHT * (1 - (double)below / (double)c->top), height = HEIGHT * (double)n / (double)c->top;
		buf_printf(b, "<rect class=\"c-%s\" x=\"%zu\" y=\"%.1f\" width=\"%d\" height=\"%.1f\"/>",
			   decision_words[d], bar * BAR, y, BAR - GAP, height);
	}
	buf_add(b, STR("</g>"));
}

static void add_axis_times(struct buf *b, const struct bars *c)
{
	enum { TIMES = 5 };
	buf_add(b, STR("<div class=\"times\">"));
	for (size_t i = 0; i < TIMES; i++) {
		buf_add(b, STR("<span>"));
		add_clock(b, minute_of(c, 0) + i * c->count * c->step / (TIMES - 1));
		buf_add(b, STR("</span>"));
	}
	buf_add(b, STR("</div>"));
}

void chart_traffic(struct buf *b, const struct status *s, size_t minutes, size_t step)
{
	struct bars c = { s, HISTORY_MINUTES - minutes, step, minutes / step, 0 };
	for (size_t bar = 0; bar < c.count; bar++)
		if (total_of(&c, bar) > c.top)
			c.top = total_of(&c, bar);
	c.top = round_up(c.top);
	buf_add(b, STR("<div class=\"chart\"><div class=\"axis\"><span>"));
	html_number(b, c.top);
	buf_add(b, STR("</span><span>"));
	html_number(b, c.top / 2);
	buf_printf(b, "</span><span>0</span></div><svg role=\"img\" aria-label=\"Messages by decision over time\" "
		      "viewBox=\"0 0 %zu %d\" preserveAspectRatio=\"none\">", c.count * BAR - GAP, HEIGHT);
	for (int line = 0; line <= 2; line++)
		buf_printf(b, "<line class=\"grid\" x1=\"0\" x2=\"%zu\" y1=\"%d\" y2=\"%d\"/>", c.count * BAR, line * HEIGHT / 2,
			   line * HEIGHT / 2);
	for (size_t bar = 0; bar < c.count; bar++)
		add_bar(b, &c, bar);
	buf_add(b, STR("</svg></div>"));
	add_axis_times(b, &c);
}

void chart_parts(struct buf *b, const uint64_t *values, const char *const *words, size_t count)
{
	uint64_t all = sum(values, count), before = 0;
	buf_printf(b, "<svg class=\"parts\" aria-hidden=\"true\" viewBox=\"0 0 %d 10\" preserveAspectRatio=\"none\">"
		      "<rect class=\"empty\" width=\"%d\" height=\"10\"/>", PARTS_WIDTH, PARTS_WIDTH);
	for (size_t i = 0; i < count; i++) {
		if (values[i] == 0)
			continue;
		buf_printf(b, "<rect class=\"c-%s\" x=\"%.1f\" width=\"%.1f\" height=\"10\"/>", words[i],
			   PARTS_WIDTH * (double)before / (double)all, PARTS_WIDTH * (double)values[i] / (double)all);
		before += values[i];
	}
	buf_add(b, STR("</svg><ul class=\"legend\">"));
	for (size_t i = 0; i < count; i++) {
		if (values[i] == 0)
			continue;
		buf_printf(b, "<li><i class=\"b-%s\"></i>%s <b>", words[i], words[i]);
		html_number(b, values[i]);
		buf_add(b, STR("</b> <span>"));
		html_share(b, values[i], all);
		buf_add(b, STR("</span></li>"));
	}
	buf_add(b, all == 0 ? STR("<li>none yet</li></ul>") : STR("</ul>"));
}

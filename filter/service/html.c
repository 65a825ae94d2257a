#include "service/html.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

void html_text(struct buf *b, const char *text)
{
	for (const char *p = text; *p != 0; p++) {
		switch (*p) {
		case '&':
			buf_add(b, STR("&amp;"));
			break;
		case '<':
			buf_add(b, STR("&lt;"));
			break;
		case '>':
			buf_add(b, STR("&gt;"));
			break;
		case '"':
			buf_add(b, STR("&quot;"));
			break;
		case '\'':
			buf_add(b, STR("&#39;"));
			break;
		default:
			if (char_is_printable(*p))
				buf_add_char(b, *p);
			else
				buf_printf(b, "\\x%02x", (unsigned char)*p);
		}
	}
}

void html_number(struct buf *b, uint64_t n)
{
	char digits[24];
	int count = snprintf(digits, sizeof(digits), "%" PRIu64, n);
	for (int i = 0; i < count; i++) {
		if (i > 0 && (count - i) % 3 == 0)
			buf_add_char(b, ',');
		buf_add_char(b, digits[i]);
	}
}

void html_share(struct buf *b, uint64_t part, uint64_t whole)
{
	if (whole > 0)
		buf_printf(b, "%.1f&nbsp;%%", 100.0 * (double)part / (double)whole);
}

void html_age(struct buf *b, int64_t seconds)
{
	static const struct { int64_t seconds; const char *word; } units[] = {
		{ 2 * 86400, "days" }, { 2 * 3600, "h" }, { 120, "min" },
	};
	static const int64_t sizes[] = { 86400, 3600, 60 };
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (seconds >= units[i].seconds) {
			buf_printf(b, "%" PRId64 "&nbsp;%s", seconds / sizes[i], units[i].word);
			return;
		}
	buf_printf(b, "%" PRId64 "&nbsp;s", seconds < 0 ? 0 : seconds);
}

void html_seconds(struct buf *b, double seconds)
{
	if (seconds < 0.0995)
		buf_printf(b, "%.1f&nbsp;ms", seconds * 1000);
	else if (seconds < 0.9995)
		buf_printf(b, "%.0f&nbsp;ms", seconds * 1000);
	else
		buf_printf(b, "%.2f&nbsp;s", seconds);
}

void html_time(struct buf *b, int64_t unix_s)
{
	time_t t = (time_t)unix_s;
	struct tm utc;
	char full[40], clock[16];
	gmtime_r(&t, &utc);
	strftime(full, sizeof(full), "%Y-%m-%dT%H:%M:%SZ", &utc);
	strftime(clock, sizeof(clock), "%H:%M:%S", &utc);
	buf_printf(b, "<time datetime=\"%s\" title=\"%s\">%s</time>", full, full, clock);
}

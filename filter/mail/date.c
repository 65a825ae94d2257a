#include "mail/date.h"

#include <time.h>

#include "mail/header.h"
#include "mail/token.h"

const char *const date_status_words[DATE_STATUS_COUNT] = { "ok", "missing", "malformed" };

struct date {
	int weekday; /* -1: not said */
	int year, month, day, hour, minute, second;
	int zone_minutes; /* east of UTC */
};

static bool is_digit(char c)
{
	return char_is_digit(c);
}

static bool is_letter(char c)
{
	return char_is_alpha(c);
}

static bool take_number(struct str *rest, size_t least_digits, size_t most_digits, int *number)
{
	struct str digits = token_take_while(rest, is_digit);
	uint64_t value;
	if (digits.n < least_digits || digits.n > most_digits || !str_to_u64(digits, &value))
		return false;
	*number = (int)value;
	return true;
}

static bool take_name(struct str *rest, const char *const *names, int count, int *index)
{
	struct str name = token_take_while(rest, is_letter);
	for (*index = 0; *index < count; ++*index)
		if (str_eq_nocase(name, str_of(names[*index])))
			return true;
	return false;
}

static bool take_weekday(struct str *rest, struct date *d)
{
	static const char *const names[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	d->weekday = -1;
	if (!token_skip_cfws(rest))
		return false;
	if (!char_is_alpha(token_peek(*rest)))
		return true;
	return take_name(rest, names, 7, &d->weekday) && token_skip_cfws(rest) && token_take(rest, ',');
}

/* RFC 5322 3.3: no year before 1900. It allows more than four digits; no clock needs them. */
static bool take_year(struct str *rest, int *year)
{
	struct str before = *rest;
	if (!take_number(rest, 2, 4, year))
		return false;
	size_t digits = before.n - rest->n;
	if (digits < 4) /* RFC 5322 4.3 */
		*year += digits == 2 && *year < 50 ? 2000 : 1900;
	return *year >= 1900;
}

static bool take_day(struct str *rest, struct date *d)
{
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
					      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	return token_skip_cfws(rest) && take_number(rest, 1, 2, &d->day) &&
	       token_skip_cfws(rest) && take_name(rest, months, 12, &d->month) &&
	       token_skip_cfws(rest) && take_year(rest, &d->year);
}

static bool take_time(struct str *rest, struct date *d)
{
	d->second = 0;
	if (!token_skip_cfws(rest) || !take_number(rest, 2, 2, &d->hour) ||
	    !token_skip_cfws(rest) || !token_take(rest, ':') ||
	    !token_skip_cfws(rest) || !take_number(rest, 2, 2, &d->minute) || !token_skip_cfws(rest))
		return false;
	if (token_take(rest, ':') &&
	    (!token_skip_cfws(rest) || !take_number(rest, 2, 2, &d->second) || !token_skip_cfws(rest)))
		return false;
	return d->hour <= 23 && d->minute <= 59 && d->second <= 60; /* 60: a leap second */
}

/* RFC 5322 4.3: what the one-letter zones of the military meant nobody knows, so they say as much as -0000. */
static bool take_named_zone(struct str *rest, int *minutes)
{
	static const struct {
		const char *name;
		int hours;
	} zones[] = {
		{ "UT", 0 },   { "GMT", 0 },  { "EST", -5 }, { "EDT", -4 }, { "CST", -6 },
		{ "CDT", -5 }, { "MST", -7 }, { "MDT", -6 }, { "PST", -8 }, { "PDT", -7 },
	};
	struct str name = token_take_while(rest, is_letter);
	*minutes = 0;
	if (name.n == 1)
		return char_lower(name.p[0]) != 'j';
	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
		if (str_eq_nocase(name, str_of(zones[i].name))) {
			*minutes = zones[i].hours * 60;
			return true;
		}
	}
	return false;
}

/* The blanks behind the time are taken already. */
static bool take_zone(struct str *rest, int *minutes)
{
	bool is_west = token_peek(*rest) == '-', is_behind_blank = token_is_blank(rest->p[-1]);
	int number;
	if (!is_west && token_peek(*rest) != '+')
		return take_named_zone(rest, minutes);
	*rest = str_skip(*rest, 1);
	if (!is_behind_blank || !take_number(rest, 4, 4, &number) || number % 100 > 59)
		return false;
	*minutes = (number / 100 * 60 + number % 100) * (is_west ? -1 : 1);
	return true;
}

/* False if there is no such day, or if it is another day of the week. */
static bool to_unix_s(const struct date *d, int64_t *unix_s)
{
	struct tm tm = {
		.tm_year = d->year - 1900, .tm_mon = d->month, .tm_mday = d->day, .tm_hour = d->hour, .tm_min = d->minute,
	};
	int64_t minute = timegm(&tm);
	if (tm.tm_mday != d->day || (d->weekday >= 0 && tm.tm_wday != d->weekday))
		return false;
	*unix_s = minute + d->second - (int64_t)d->zone_minutes * 60;
	return true;
}

bool date_parse(struct str text, int64_t *unix_s)
{
	struct date d;
	return take_weekday(&text, &d) && take_day(&text, &d) && take_time(&text, &d) &&
	       take_zone(&text, &d.zone_minutes) && token_skip_cfws(&text) && text.n == 0 && to_unix_s(&d, unix_s);
}

enum date_status date_of(struct arena *a, const struct header_list *headers, int64_t *unix_s)
{
	const struct header *h = header_list_find(headers, STR("Date"), 0);
	if (h == NULL)
		return DATE_MISSING;
	return date_parse(header_unfold(a, h->value), unix_s) ? DATE_OK : DATE_MALFORMED;
}

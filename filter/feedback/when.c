#include "feedback/when.h"

#include <time.h>

#include "base/arena.h"

struct str when_print(struct arena *a, int64_t unix_s)
{
	time_t t = (time_t)unix_s;
	struct tm utc = { 0 };
	char text[64];
	gmtime_r(&t, &utc);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
	return str_dup(a, str_of(text));
}

/* Takes the digits that the form asks for with '0'; other bytes have to be there. */
static bool matches(struct str s, const char *form, int numbers[static 6])
{
	size_t i = 0, field = 0;
	for (; i < s.n && form[i] != '\0'; i++) {
		if (form[i] == '0' && char_is_digit(s.p[i]))
			numbers[field] = numbers[field] * 10 + (s.p[i] - '0');
		else if (form[i] != '0' && form[i] == s.p[i])
			field++;
		else
			return false;
	}
	return i == s.n && form[i] == '\0';
}

bool when_parse(struct str s, int64_t *unix_s)
{
	int day[6] = { 0 }, full[6] = { 0 };
	const int *n = matches(s, "0000-00-00", day) ? day : full;
	if (n == full && !matches(s, "0000-00-00T00:00:00Z", full))
		return false;
	struct tm utc = { .tm_year = n[0] - 1900, .tm_mon = n[1] - 1, .tm_mday = n[2],
			  .tm_hour = n[3], .tm_min = n[4], .tm_sec = n[5] };
	struct tm asked = utc;
	time_t t = timegm(&utc);
	/* What does not exist, such as 30 February, has become another day. */
	if (n[0] < 1970 || asked.tm_mon != utc.tm_mon || asked.tm_mday != utc.tm_mday || asked.tm_hour != utc.tm_hour ||
	    asked.tm_min != utc.tm_min || asked.tm_sec != utc.tm_sec)
		return false;
	*unix_s = (int64_t)t;
	return true;
}

/* The value of a Date field, unfolded; up to a NUL, which no MTA passes on. */
#include "fuzz/fuzz.h"

#include <time.h>

#include "base/arena.h"
#include "base/fail.h"
#include "mail/date.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size }, rest;
	str_cut(text, '\0', &text, &rest);
	struct arena *a = arena_new();
	int64_t unix_s = INT64_MIN, again = INT64_MIN;
	if (date_parse(text, &unix_s)) {
		char printed[64];
		struct tm tm;
		time_t t = unix_s;
		/* Years 1900 to 9999, zones of at most 99:59. */
		BUG_IF(unix_s < -2208988800 - 359940 || unix_s > 253402300800 + 359940);
		/* Written plainly it is the same moment, unless the zone took it out of the years that a date may name. */
		BUG_IF(gmtime_r(&t, &tm) == NULL);
		if (tm.tm_year >= 0 && tm.tm_year <= 9999 - 1900) {
			BUG_IF(strftime(printed, sizeof(printed), "%a, %d %b %Y %H:%M:%S +0000", &tm) == 0);
			BUG_IF(!date_parse(str_of(printed), &again) || again != unix_s);
		}
		/* Comments around it change nothing, anything else behind it does. */
		BUG_IF(!date_parse(str_printf(a, "(x) %.*s (y)", STR_ARG(text)), &again) || again != unix_s);
		BUG_IF(date_parse(str_printf(a, "%.*s 0", STR_ARG(text)), &again));
	} else {
		BUG_IF(unix_s != INT64_MIN);
	}
	arena_free(a);
	return 0;
}

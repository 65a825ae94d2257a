#include "preflight/report.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/vec.h"

const char *const preflight_grade_words[PREFLIGHT_GRADE_COUNT] = {
	[PREFLIGHT_OK] = "ok",
	[PREFLIGHT_WARN] = "warn",
	[PREFLIGHT_TEMPERROR] = "temperror",
	[PREFLIGHT_FAIL] = "fail",
};

enum { TEXT_ROOM = 2000 };

struct preflight_line *report_add(const struct run *run, struct preflight_lines *lines, const char *check,
				  enum preflight_grade grade, struct str subject, const char *format, ...)
{
	char text[TEXT_ROOM];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	VEC_PUSH(run->arena, lines, (struct preflight_line){ check, grade, subject, str_dup(run->arena, str_of(text)),
							     STR_EMPTY, STR_EMPTY });
	if (grade > lines->grade)
		lines->grade = grade;
	return &lines->items[lines->count - 1];
}

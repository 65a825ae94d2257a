#include "config/logging.h"

#include "base/arena.h"
#include "log/log.h"
#include "option/options.h"

struct log *logging_open(const struct options *o, const char *who, bool is_threadless, struct diags *diags)
{
	static const struct { const char *word; enum log_level level; } levels[] = {
		{ "error", LEVEL_ERROR }, { "warn", LEVEL_WARN }, { "info", LEVEL_INFO }, { "debug", LEVEL_DEBUG },
	};
	struct arena *scratch = arena_new();
	struct log_settings settings = {
		.target = str_to_c(scratch, o->log_target),
		.format = str_eq(o->log_format, STR("json")) ? FORMAT_JSON : FORMAT_TEXT,
		.level = LEVEL_INFO,
		.syslog_ident = "gatepost",
		.who = who,
		.is_threadless = is_threadless,
	};
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (str_eq(o->log_level, str_of(levels[i].word)))
			settings.level = levels[i].level;
	struct log *log = log_open(&settings, diags);
	arena_free(scratch);
	return log;
}

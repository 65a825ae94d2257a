#include "eval/case.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/nametab.h"
#include "eval/case_reader.h"

const char *const case_event_words[EVENT_COUNT] = {
	"connect", "helo", "mail", "rcpt", "data", "headers", "message", "unknown", "abort", "quit", "drop", "reload",
};

const char *const case_outcome_words[OUTCOME_COUNT] = {
	"continue", "accept", "reject", "defer", "discard", "quarantine", "refused",
};

bool case_answer_parse(struct str text, struct case_answer *a)
{
	unsigned value;
	struct str rest = text;
	*a = (struct case_answer){ .enhanced = STR_EMPTY, .text = STR_EMPTY };
	if (!nametab_find(case_outcome_words, OUTCOME_COUNT, word_take(&rest), &value))
		return false;
	a->outcome = (enum case_outcome)value;
	if (a->outcome != OUTCOME_REJECT && a->outcome != OUTCOME_DEFER)
		return rest.n == 0;
	uint64_t code;
	struct str after = rest;
	if (str_to_u64(word_take(&after), &code)) {
		if (code / 100 != (a->outcome == OUTCOME_REJECT ? 5 : 4))
			return false;
		a->code = (int)code;
		rest = after;
		struct str enhanced = word_take(&after);
		if (enhanced.n >= 5 && enhanced.p[1] == '.') {
			a->enhanced = enhanced;
			rest = after;
		}
	}
	a->text = rest;
	return true;
}

static const struct keyword {
	const char *word;
	keyword_fn *take;
	bool may_answer; /* "-> ..." at the end of the line */
} keywords[] = {
	{ "policy", take_policy, false },
	{ "file", take_file, false },
	{ "option", take_option, false },
	{ "dns", take_dns, false },
	{ "zone", take_zone, false },
	{ "forget", take_forget, false },
	{ "time", take_time, false },
	{ "macro", take_macro, false },
	{ "repeat", take_repeat, false },
	{ "pad", take_pad, false },
	{ "connect", take_connect, true },
	{ "helo", take_helo, true },
	{ "mail", take_mail, true },
	{ "rcpt", take_rcpt, true },
	{ "data", take_data, true },
	{ "headers", take_headers, true },
	{ "message", take_message, true },
	{ "unknown", take_unknown, true },
	{ "abort", take_abort, true },
	{ "quit", take_quit, true },
	{ "drop", take_drop, true },
	{ "reload", take_reload, true },
	{ "fact", take_fact, false },
	{ "record", take_record, false },
	{ "header", take_header, false },
	{ "no-header", take_no_header, false },
	{ "deleted", take_deleted, false },
};

/* Takes " -> ANSWER" off the end. */
static void answer_cut(struct reader *r, struct str *rest)
{
	for (size_t i = 0; i + 1 < rest->n; i++) {
		bool is_word = (i == 0 || char_is_space(rest->p[i - 1])) && (i + 2 == rest->n || char_is_space(rest->p[i + 2]));
		if (rest->p[i] == '-' && rest->p[i + 1] == '>' && is_word) {
			r->answer = str_trim(str_skip(*rest, i + 2));
			*rest = str_trim(str_sub(*rest, 0, i));
			return;
		}
	}
}

static void line_take(struct reader *r, struct str line)
{
	struct str rest = line, word = word_take(&rest);
	if (word.n == 0 || word.p[0] == '#')
		return;
	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
		if (!str_eq(word, str_of(keywords[i].word)))
			continue;
		if (keywords[i].may_answer)
			answer_cut(r, &rest);
		keywords[i].take(r, rest);
		return;
	}
	case_error(r, "there is no keyword %.*s", STR_ARG(word));
}

static const char *folder_of(struct arena *a, const char *path)
{
	ptrdiff_t slash = str_find_last(str_of(path), '/');
	return slash < 0 ? "." : str_to_c(a, str_sub(str_of(path), 0, slash == 0 ? 1 : (size_t)slash));
}

const struct case_file *case_read(struct arena *a, const char *path, const char *policy_folder, struct diags *diags)
{
	struct reader r = {
		.arena = a, .diags = diags, .path = str_to_c(a, str_of(path)), .policy_folder = policy_folder, .times = 1,
		.setup = { .zone = STR_EMPTY },
	};
	r.folder = folder_of(a, r.path);
	r.file = ARENA_NEW(a, struct case_file);
	r.file->path = r.path;
	if (!case_slurp(a, path, CASE_BYTES_MAX, &r.rest)) {
		diag_error(diags, (struct place){ .file = r.path }, "cannot read: %s", strerror(errno));
		return NULL;
	}
	struct str line;
	while (line_next(&r, &line))
		line_take(&r, line);
	event_close(&r);
	if (r.events.count == 0)
		case_error(&r, "nothing happens in this case");
	r.file->events = r.events.items;
	r.file->event_count = r.events.count;
	return r.has_errors ? NULL : r.file;
}

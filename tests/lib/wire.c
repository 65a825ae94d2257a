#include "lib/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/fail.h"
#include "eval/case.h"
#include "lib/daemon.h"
#include "lib/milter_client.h"

enum { REPLY_MS = 15000, RECORD_MS = 5000, STDERR_BYTES_MAX = 1 << 20, LOG_BYTES_MAX = 64 << 20, EDITS_MAX = 512 };

struct wire {
	struct eval_target target;
	struct arena *arena;
	struct daemon daemon;
	struct milter_client *client;
	const char *socket, *log, *stderr_path;
	struct case_macro macros[64];   /* set before there is a client, or for the next one */
	size_t macro_count;
	struct eval_edit edits[EDITS_MAX];
	struct str *records;
	size_t record_count;
	off_t log_bytes;                /* of the log that the records were read from */
	char trouble[2048];
};

static struct wire *of(struct eval_target *t)
{
	return (struct wire *)t;
}

/* --- the daemon --- */

static bool wire_open(struct eval_target *t, const char *config, int64_t time_unix_s, struct diags *diags)
{
	struct wire *w = of(t);
	w->arena = arena_new();
	BUG_IF(time_unix_s != 0); /* a daemon's clock cannot be stopped: the runner leaves such cases out */
	ptrdiff_t slash = str_find_last(str_of(config), '/');
	struct str folder = str_sub(str_of(config), 0, (size_t)slash);
	w->socket = str_printf(w->arena, "unix:%.*s/milter.sock", STR_ARG(folder)).p;
	w->log = str_printf(w->arena, "%.*s/log", STR_ARG(folder)).p;
	w->stderr_path = str_printf(w->arena, "%.*s/stderr", STR_ARG(folder)).p;
	w->trouble[0] = '\0';
	if (daemon_start(&w->daemon, config, w->log, w->stderr_path))
		return true;
	struct str words = STR_EMPTY;
	case_slurp(w->arena, w->stderr_path, STDERR_BYTES_MAX, &words);
	diag_error(diags, (struct place){ .file = config }, "%s: %.*s", w->daemon.failure, STR_ARG(str_sub(words, 0, 1500)));
	return false;
}

static void wire_close(struct eval_target *t)
{
	struct wire *w = of(t);
	if (w->arena == NULL)
		return;
	milter_client_free(w->client);
	struct str words = STR_EMPTY;
	bool is_clean = w->daemon.pid != 0 && daemon_stop(&w->daemon);
	bool has_words = case_slurp(w->arena, w->stderr_path, STDERR_BYTES_MAX, &words) && words.n > 0;
	if (!is_clean || has_words)
		snprintf(w->trouble, sizeof(w->trouble), "%s%s%.*s", w->daemon.failure, has_words ? "the daemon said: " : "",
			 STR_ARG(str_sub(words, 0, 1500)));
	arena_free(w->arena);
	char kept[sizeof(w->trouble)];
	memcpy(kept, w->trouble, sizeof(kept));
	*w = (struct wire){ .target = w->target };
	memcpy(w->trouble, kept, sizeof(kept));
}

const char *wire_trouble(const struct eval_target *t)
{
	return ((const struct wire *)t)->trouble;
}

static bool wire_reload(struct eval_target *t, const char **why)
{
	struct wire *w = of(t);
	bool is_new = false;
	*why = daemon_reload(&w->daemon, &is_new) ? NULL : w->daemon.failure;
	return *why == NULL && is_new;
}

/* --- answers --- */

static struct eval_answer broken(const char *why)
{
	return (struct eval_answer){ .kind = EVAL_BROKEN, .why = why };
}

static struct eval_answer answer_of(struct wire *w, struct milter_answer a)
{
	switch (a.kind) {
	case MILTER_CONTINUE:
	case MILTER_NOT_SENT:
	case MILTER_NO_REPLY:
		return (struct eval_answer){ .kind = EVAL_GOES_ON };
	case MILTER_ACCEPT:
		return (struct eval_answer){ .kind = EVAL_ACCEPT };
	case MILTER_DISCARD:
		return (struct eval_answer){ .kind = EVAL_DISCARD };
	case MILTER_SKIP:
		return (struct eval_answer){ .kind = EVAL_SKIP };
	case MILTER_REPLY:
		if (a.is_plain)
			return broken("the daemon refused without a reply of its own");
		return (struct eval_answer){ .kind = EVAL_REPLY, .reply = { a.code, a.enhanced, a.text } };
	case MILTER_BROKEN:
	case MILTER_ANSWER_COUNT:
		break;
	}
	return broken(milter_client_failure(w->client));
}

/* --- events --- */

static const char no_client[] = "the case wants a connect first";

static void macro_keep(struct wire *w, struct str name, const char *value)
{
	size_t i = 0;
	while (i < w->macro_count && !str_eq(w->macros[i].name, name))
		i++;
	BUG_IF(i == sizeof(w->macros) / sizeof(w->macros[0]));
	if (i == w->macro_count)
		w->macros[w->macro_count++].name = str_dup(w->arena, name);
	w->macros[i].value = value == NULL ? (struct str){ NULL, 0 } : str_dup(w->arena, str_of(value));
}

static void wire_macro(struct eval_target *t, const char *name, const char *value)
{
	struct wire *w = of(t);
	macro_keep(w, str_of(name), value);
	if (w->client != NULL)
		milter_client_macro(w->client, name, value);
}

static struct eval_answer wire_connect(struct eval_target *t, const char *host, struct ip ip, uint16_t port)
{
	struct wire *w = of(t);
	milter_client_free(w->client);
	w->client = milter_client_new(REPLY_MS);
	for (size_t i = 0; i < w->macro_count; i++)
		if (w->macros[i].value.p != NULL)
			milter_client_macro(w->client, str_to_c(w->arena, w->macros[i].name),
					    str_to_c(w->arena, w->macros[i].value));
	if (!milter_client_dial(w->client, w->socket) || !milter_client_negotiate(w->client))
		return broken(milter_client_failure(w->client));
	return answer_of(w, milter_client_connect(w->client, host, ip, port));
}

static struct eval_answer wire_helo(struct eval_target *t, const char *name)
{
	struct wire *w = of(t);
	return w->client == NULL ? broken(no_client) : answer_of(w, milter_client_helo(w->client, name));
}

static struct eval_answer wire_mail(struct eval_target *t, const struct str *args, size_t count)
{
	struct wire *w = of(t);
	return w->client == NULL ? broken(no_client) : answer_of(w, milter_client_mail(w->client, args, count));
}

static struct eval_answer wire_rcpt(struct eval_target *t, const struct str *args, size_t count)
{
	struct wire *w = of(t);
	return w->client == NULL ? broken(no_client) : answer_of(w, milter_client_rcpt(w->client, args, count));
}

static struct eval_answer wire_data(struct eval_target *t)
{
	struct wire *w = of(t);
	return w->client == NULL ? broken(no_client) : answer_of(w, milter_client_data(w->client));
}

static struct eval_answer wire_header(struct eval_target *t, struct str name, struct str value)
{
	struct wire *w = of(t);
	return w->client == NULL ? broken(no_client) : answer_of(w, milter_client_header(w->client, name, value));
}

static struct eval_answer wire_headers_end(struct eval_target *t)
{
	struct wire *w = of(t);
	return w->client == NULL ? broken(no_client) : answer_of(w, milter_client_headers_end(w->client));
}

static struct eval_answer wire_body(struct eval_target *t, struct str bytes)
{
	struct wire *w = of(t);
	return w->client == NULL ? broken(no_client) : answer_of(w, milter_client_body(w->client, bytes));
}

static struct eval_answer wire_end(struct eval_target *t)
{
	struct wire *w = of(t);
	return w->client == NULL ? broken(no_client) : answer_of(w, milter_client_end(w->client));
}

static struct eval_answer wire_unknown(struct eval_target *t, const char *command)
{
	struct wire *w = of(t);
	return w->client == NULL ? broken(no_client) : answer_of(w, milter_client_unknown(w->client, command));
}

static void wire_abort(struct eval_target *t)
{
	if (of(t)->client != NULL)
		milter_client_abort(of(t)->client);
}

static void wire_quit(struct eval_target *t)
{
	if (of(t)->client != NULL)
		milter_client_quit(of(t)->client);
}

static void wire_drop(struct eval_target *t)
{
	if (of(t)->client != NULL)
		milter_client_drop(of(t)->client);
}

/* --- what came of it --- */

static size_t wire_edits(struct eval_target *t, const struct eval_edit **edits)
{
	struct wire *w = of(t);
	static const enum eval_edit_kind kinds[] = {
		[EDIT_ADD_HEADER] = EVAL_ADD_HEADER,
		[EDIT_INSERT_HEADER] = EVAL_INSERT_HEADER,
		[EDIT_CHANGE_HEADER] = EVAL_DELETE_HEADER,
		[EDIT_QUARANTINE] = EVAL_QUARANTINE,
	};
	*edits = w->edits;
	size_t count = w->client == NULL ? 0 : milter_client_edit_count(w->client), kept = 0;
	for (size_t i = 0; i < count && kept < EDITS_MAX; i++) {
		const struct milter_edit *e = milter_client_edit_at(w->client, i);
		if (e->kind == EDIT_OTHER || (e->kind == EDIT_CHANGE_HEADER && e->value.n > 0))
			continue; /* Gatepost makes none of these; the case would miss what it expects */
		w->edits[kept++] = (struct eval_edit){ kinds[e->kind], (int)e->index, e->name, e->value };
	}
	return kept;
}

static bool is_record(struct str line)
{
	static const char mark[] = "\"disposition\":";
	return line.n > 0 && line.p[0] == '{' && line.p[line.n - 1] == '}' &&
	       memmem(line.p, line.n, mark, sizeof(mark) - 1) != NULL;
}

static void read_records(struct wire *w)
{
	struct str text, line;
	struct stat st;
	size_t lines = 0;
	if (stat(w->log, &st) != 0 || st.st_size == w->log_bytes || !case_slurp(w->arena, w->log, LOG_BYTES_MAX, &text))
		return;
	w->log_bytes = (off_t)text.n;
	w->record_count = 0;
	for (size_t i = 0; i < text.n; i++)
		lines += text.p[i] == '\n';
	w->records = arena_array(w->arena, lines + 1, sizeof(*w->records));
	while (str_next(&text, '\n', &line))
		if (is_record(line))
			w->records[w->record_count++] = line;
}

static size_t wire_records(struct eval_target *t, size_t wanted)
{
	struct wire *w = of(t);
	int64_t end_ms = clock_mono_ms() + RECORD_MS;
	for (read_records(w); w->record_count < wanted && clock_mono_ms() < end_ms; read_records(w))
		usleep(2000);
	return w->record_count;
}

static struct str wire_record_at(struct eval_target *t, size_t index)
{
	return of(t)->records[index];
}

static const struct eval_target_ops wire_ops = {
	.open = wire_open,
	.close = wire_close,
	.reload = wire_reload,
	.macro = wire_macro,
	.connect = wire_connect,
	.helo = wire_helo,
	.mail = wire_mail,
	.rcpt = wire_rcpt,
	.data = wire_data,
	.header = wire_header,
	.headers_end = wire_headers_end,
	.body = wire_body,
	.end = wire_end,
	.unknown = wire_unknown,
	.abort = wire_abort,
	.quit = wire_quit,
	.drop = wire_drop,
	.edits = wire_edits,
	.records = wire_records,
	.record_at = wire_record_at,
};

struct eval_target *wire_new(void)
{
	struct wire *w = fail_if_null(calloc(1, sizeof(*w)));
	w->target.ops = &wire_ops;
	return &w->target;
}

void wire_free(struct eval_target *t)
{
	if (t == NULL)
		return;
	wire_close(t);
	free(of(t));
}

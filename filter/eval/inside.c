#include "eval/inside.h"

#include <stdlib.h>
#include <string.h>

#include "auth/keyring.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/vec.h"
#include "config/resolver.h"
#include "config/snapshot.h"
#include "dns/dns.h"
#include "record/record.h"
#include "session/session.h"
#include "store/store.h"

enum { BODY_CHUNK_BYTES = 65535 };

struct macro {
	const char *name, *value; /* value NULL: gone */
};

struct inside {
	struct eval_target target;
	struct arena *arena;         /* from open to close */
	struct arena *event_arena;   /* C strings of one event */
	const char *config;
	struct gate gate;
	struct session *session;     /* NULL between connections */
	VEC(struct macro) macros;
	VEC(struct eval_edit) edits;
	VEC(struct str) records;
	policy_trace_fn *trace;
	void *trace_context;
};

static struct inside *of(struct eval_target *t)
{
	return (struct inside *)t;
}

/* --- the made-up MTA --- */

static struct macro *macro_find(struct inside *in, const char *name)
{
	for (size_t i = 0; i < in->macros.count; i++)
		if (strcmp(in->macros.items[i].name, name) == 0)
			return &in->macros.items[i];
	return NULL;
}

static const char *mta_macro(void *mta, const char *name)
{
	const struct macro *m = macro_find(mta, name);
	return m == NULL ? NULL : m->value;
}

static bool edit_add(struct inside *in, enum eval_edit_kind kind, int index, const char *name, const char *value)
{
	struct eval_edit e = { kind, index, str_dup(in->arena, str_of(name)), str_dup(in->arena, str_of(value)) };
	VEC_PUSH(in->arena, &in->edits, e);
	return true;
}

static bool mta_insert_header(void *mta, int index, const char *name, const char *value)
{
	return edit_add(mta, EVAL_INSERT_HEADER, index, name, value);
}

static bool mta_add_header(void *mta, const char *name, const char *value)
{
	return edit_add(mta, EVAL_ADD_HEADER, 0, name, value);
}

static bool mta_delete_header(void *mta, const char *name, int nth)
{
	return edit_add(mta, EVAL_DELETE_HEADER, nth, name, NULL);
}

static bool mta_quarantine(void *mta, const char *reason)
{
	return edit_add(mta, EVAL_QUARANTINE, 0, NULL, reason);
}

static const struct mta_ops mta_ops = {
	.macro = mta_macro,
	.insert_header = mta_insert_header,
	.add_header = mta_add_header,
	.delete_header = mta_delete_header,
	.quarantine = mta_quarantine,
};

static void take_record(void *context, const struct record *record)
{
	struct inside *in = context;
	VEC_PUSH(in->arena, &in->records, record_json(in->arena, record));
}

static void take_trace(void *context, const struct rule_trace *trace)
{
	struct inside *in = context;
	in->trace(in->trace_context, trace);
}

/* --- open and close --- */

static bool inside_open(struct eval_target *t, const char *config, int64_t time_unix_s, struct diags *diags)
{
	struct inside *in = of(t);
	in->arena = arena_new();
	in->event_arena = arena_new();
	in->config = str_to_c(in->arena, str_of(config));
	clock_set_unix_s(time_unix_s);
	struct snapshot *snapshot = snapshot_load(config, NULL, diags);
	if (snapshot == NULL)
		return false;
	const struct options *o = snapshot->options;
	in->gate = (struct gate){
		.snapshot = snapshot_get,
		.role = o->listen.count > 0 ? o->listen.items[0].role : ROLE_BOTH,
		.on_record = take_record,
		.on_rule = in->trace == NULL ? NULL : take_trace,
		.context = in,
	};
	in->gate.dns = resolver_open(o, NULL, diags);
	in->gate.store = store_open(STR("memory:"), NULL, diags); /* limits count, and nobody else's are touched */
	/* The daemon's keeper does this beside the mail. */
	if (in->gate.dns != NULL)
		keyring_check(snapshot->keys, in->gate.dns, NULL, clock_mono_ms() + o->deadline);
	snapshot_publish(snapshot);
	return in->gate.dns != NULL;
}

static void inside_close(struct eval_target *t)
{
	struct inside *in = of(t);
	if (in->arena == NULL)
		return;
	session_free(in->session);
	snapshot_publish(NULL);
	store_close(in->gate.store);
	dns_close(in->gate.dns);
	clock_set_unix_s(0);
	arena_free(in->event_arena);
	arena_free(in->arena);
	*in = (struct inside){ .target = in->target, .trace = in->trace, .trace_context = in->trace_context };
}

static bool inside_reload(struct eval_target *t, const char **why)
{
	struct inside *in = of(t);
	struct diags *diags = diags_new();
	const struct snapshot *running = snapshot_get();
	struct snapshot *next = snapshot_load(in->config, running, diags);
	snapshot_put(running);
	bool ok = next != NULL && dns_reload_zone(in->gate.dns, diags);
	if (ok)
		snapshot_publish(next);
	else
		snapshot_put(next);
	*why = NULL;
	diags_free(diags);
	return ok;
}

/* --- events --- */

static const struct eval_answer goes_on = { .kind = EVAL_GOES_ON };

static struct eval_answer broken(const char *why)
{
	return (struct eval_answer){ .kind = EVAL_BROKEN, .why = why };
}

static struct eval_answer answer_of(struct answer a, bool may_reply)
{
	if (a.kind != ANSWER_CONTINUE && a.kind != ANSWER_SKIP && !may_reply)
		return broken("answered at a step for which no answer was agreed on");
	switch (a.kind) {
	case ANSWER_CONTINUE:
		return goes_on;
	case ANSWER_REPLY:
		return (struct eval_answer){ .kind = EVAL_REPLY, .reply = a.reply };
	case ANSWER_ACCEPT:
		return (struct eval_answer){ .kind = EVAL_ACCEPT };
	case ANSWER_DISCARD:
		return (struct eval_answer){ .kind = EVAL_DISCARD };
	case ANSWER_SKIP:
		return (struct eval_answer){ .kind = EVAL_SKIP };
	}
	return broken("answered with an unknown kind");
}

static bool may_reply(const struct inside *in, enum stage stage)
{
	return session_agreed(in->session)->reply[stage];
}

static void inside_macro(struct eval_target *t, const char *name, const char *value)
{
	struct inside *in = of(t);
	struct macro *m = macro_find(in, name);
	if (m == NULL) {
		VEC_PUSH(in->arena, &in->macros, (struct macro){ .name = str_to_c(in->arena, str_of(name)) });
		m = &in->macros.items[in->macros.count - 1];
	}
	m->value = value == NULL ? NULL : str_to_c(in->arena, str_of(value));
}

static struct eval_answer inside_connect(struct eval_target *t, const char *host, struct ip client, uint16_t port)
{
	struct inside *in = of(t);
	session_free(in->session);
	in->session = session_new(&in->gate, &mta_ops, in);
	return answer_of(stage_connect(in->session, host, client, port), may_reply(in, STAGE_CONNECT));
}

static const char no_session[] = "the case wants a connect first";

static struct eval_answer inside_helo(struct eval_target *t, const char *name)
{
	struct inside *in = of(t);
	if (in->session == NULL)
		return broken(no_session);
	if (!session_agreed(in->session)->helo)
		return goes_on;
	return answer_of(stage_helo(in->session, name), may_reply(in, STAGE_HELO));
}

static char **argv_of(struct inside *in, const struct str *args, size_t count)
{
	arena_reset(in->event_arena);
	char **argv = arena_array(in->event_arena, count + 1, sizeof(*argv));
	for (size_t i = 0; i < count; i++)
		argv[i] = str_to_c(in->event_arena, args[i]);
	return argv;
}

static struct eval_answer inside_mail(struct eval_target *t, const struct str *args, size_t count)
{
	struct inside *in = of(t);
	if (in->session == NULL)
		return broken(no_session);
	memset(&in->edits, 0, sizeof(in->edits));
	return answer_of(stage_mail(in->session, argv_of(in, args, count)), may_reply(in, STAGE_MAIL));
}

static struct eval_answer inside_rcpt(struct eval_target *t, const struct str *args, size_t count)
{
	struct inside *in = of(t);
	if (in->session == NULL)
		return broken(no_session);
	return answer_of(stage_rcpt(in->session, argv_of(in, args, count)), may_reply(in, STAGE_RCPT));
}

static struct eval_answer inside_data(struct eval_target *t)
{
	struct inside *in = of(t);
	if (in->session == NULL)
		return broken(no_session);
	if (!session_agreed(in->session)->data)
		return goes_on;
	return answer_of(stage_data(in->session), may_reply(in, STAGE_DATA));
}

static struct eval_answer inside_header(struct eval_target *t, struct str name, struct str value)
{
	struct inside *in = of(t);
	arena_reset(in->event_arena);
	const char *c_name = str_to_c(in->event_arena, name), *c_value = str_to_c(in->event_arena, value);
	return in->session == NULL ? broken(no_session) : answer_of(stage_header(in->session, c_name, c_value), false);
}

static struct eval_answer inside_headers_end(struct eval_target *t)
{
	struct inside *in = of(t);
	return in->session == NULL ? broken(no_session)
				   : answer_of(stage_headers_end(in->session), may_reply(in, STAGE_HEADERS));
}

static struct eval_answer inside_body(struct eval_target *t, struct str bytes)
{
	struct inside *in = of(t);
	struct eval_answer a = goes_on;
	if (in->session == NULL)
		return broken(no_session);
	if (!session_agreed(in->session)->body)
		return goes_on;
	while (bytes.n > 0 && a.kind == EVAL_GOES_ON) {
		struct str chunk = str_sub(bytes, 0, BODY_CHUNK_BYTES);
		bytes = str_skip(bytes, chunk.n);
		a = answer_of(stage_body(in->session, (const unsigned char *)chunk.p, chunk.n), false);
	}
	return a.kind == EVAL_SKIP ? goes_on : a;
}

static struct eval_answer inside_end(struct eval_target *t)
{
	struct inside *in = of(t);
	return in->session == NULL ? broken(no_session) : answer_of(stage_end(in->session), true);
}

static struct eval_answer inside_unknown(struct eval_target *t, const char *command)
{
	struct inside *in = of(t);
	if (in->session == NULL)
		return broken(no_session);
	return session_agreed(in->session)->unknown ? answer_of(stage_unknown(in->session, command), false) : goes_on;
}

static void inside_abort(struct eval_target *t)
{
	struct inside *in = of(t);
	if (in->session != NULL)
		stage_abort(in->session);
}

static void inside_quit(struct eval_target *t)
{
	struct inside *in = of(t);
	session_free(in->session);
	in->session = NULL;
}

static size_t inside_edits(struct eval_target *t, const struct eval_edit **edits)
{
	*edits = of(t)->edits.items;
	return of(t)->edits.count;
}

static size_t inside_records(struct eval_target *t, size_t wanted)
{
	(void)wanted; /* they are made within the event */
	return of(t)->records.count;
}

static struct str inside_record_at(struct eval_target *t, size_t index)
{
	return of(t)->records.items[index];
}

static const struct eval_target_ops inside_ops = {
	.open = inside_open,
	.close = inside_close,
	.reload = inside_reload,
	.macro = inside_macro,
	.connect = inside_connect,
	.helo = inside_helo,
	.mail = inside_mail,
	.rcpt = inside_rcpt,
	.data = inside_data,
	.header = inside_header,
	.headers_end = inside_headers_end,
	.body = inside_body,
	.end = inside_end,
	.unknown = inside_unknown,
	.abort = inside_abort,
	.quit = inside_quit,
	.drop = inside_quit,
	.edits = inside_edits,
	.records = inside_records,
	.record_at = inside_record_at,
};

struct eval_target *eval_inside_new(policy_trace_fn *trace, void *trace_context)
{
	struct inside *in = fail_if_null(calloc(1, sizeof(*in)));
	in->target.ops = &inside_ops;
	in->trace = trace;
	in->trace_context = trace_context;
	return &in->target;
}

void eval_inside_free(struct eval_target *t)
{
	if (t == NULL)
		return;
	inside_close(t);
	free(of(t));
}

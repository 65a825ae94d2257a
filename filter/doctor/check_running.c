/* The running daemon, as it tells of itself. */
#include "doctor/patient.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "base/arena.h"
#include "config/snapshot.h"
#include "option/options.h"
#include "service/control.h"

enum { ASK_MS = 3000, MINUTE_S = 60 };

#define RESTART "systemctl restart gatepost"

/* For a terminal. */
static struct str text_of(struct arena *a, const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	struct str copy = str_dup(a, str_of(text == NULL ? "" : text));
	char *p = arena_alloc(a, copy.n + 1);
	for (size_t i = 0; i < copy.n; i++)
		p[i] = char_is_printable(copy.p[i]) ? copy.p[i] : '?';
	return (struct str){ p, copy.n };
}

static void tell_unreachable(struct patient *p, const struct control_call *call)
{
	if (call->error == EACCES || call->error == EPERM)
		skip(p, "%.*s: run this as root to ask the daemon", STR_ARG(call->socket));
	else if (!p->is_daemon_there)
		skip(p, "the daemon is not there");
	else
		complain(p, "%.*s: %s: the daemon takes mail, but nobody is at its socket for commands: it was started with another "
			 "configuration", STR_ARG(call->socket), strerror(call->error))->advice = STR(RESTART);
}

static void take_answer(struct patient *p, const struct control_call *call, const struct buf *answer)
{
	if (call->is_good)
		p->running = json_loadb(answer->p, answer->n, 0, NULL);
	if (!json_is_object(p->running))
		complain(p, "%.*s: what answers there is not understood: another version, or another program", STR_ARG(call->socket))->advice =
			STR(RESTART);
}

void check_running(struct patient *p)
{
	struct control_call call = { .options = p->options, .method = "GET", .path = "/status.json", .wait_ms = ASK_MS };
	struct buf answer;
	buf_init(&answer, 0);
	switch (control_try(&call, &answer)) {
	case CONTROL_TOLD:
		take_answer(p, &call, &answer);
		break;
	case CONTROL_NO_SOCKET:
		skip(p, "http.listen is not set, so the daemon cannot be asked");
		break;
	case CONTROL_UNREACHABLE:
		tell_unreachable(p, &call);
		break;
	case CONTROL_NO_ANSWER:
		complain(p, "%.*s: no whole answer within %d s: it hangs", STR_ARG(call.socket), ASK_MS / 1000)->advice =
			STR("journalctl -u gatepost -n 50; " RESTART);
		break;
	}
	buf_fini(&answer);
}

/* False after having said so. */
static bool is_known(struct patient *p)
{
	if (json_is_object(p->running))
		return true;
	skip(p, "the daemon does not tell");
	return false;
}

void check_in_force(struct patient *p)
{
	if (!is_known(p))
		return;
	const json_t *config = json_object_get(p->running, "config");
	struct str version = text_of(p->arena, p->running, "version");
	int64_t age_s = json_integer_value(json_object_get(p->running, "now_unix_s")) -
			json_integer_value(json_object_get(config, "loaded_unix_s"));
	if (!str_eq(version, STR(GATEPOST_VERSION)))
		complain(p, "version %.*s is running, %s is installed", STR_ARG(version), GATEPOST_VERSION)->advice = STR(RESTART);
	if (p->snapshot != NULL && !str_eq(text_of(p->arena, config, "digest"), str_of(p->snapshot->digest)))
		complain(p, "configuration or policies were changed since the daemon read them, %" PRId64 " minutes ago (generation %"
			 PRId64 "): it does not have what is in the files", age_s / MINUTE_S,
			 (int64_t)json_integer_value(json_object_get(config, "generation")))->advice = STR("gatepost reload");
}

void check_health(struct patient *p)
{
	size_t i;
	const json_t *problem;
	if (!is_known(p))
		return;
	json_array_foreach(json_object_get(p->running, "problems"), i, problem)
		complain_as(p, str_eq(text_of(p->arena, problem, "severity"), STR("error")) ? DOCTOR_ERROR : DOCTOR_WARN, "%.*s",
			    STR_ARG(text_of(p->arena, problem, "found")))->advice = text_of(p->arena, problem, "advice");
}

#include "config/load.h"

#include <netdb.h>
#include <unistd.h>

#include "auth/dkim.h"
#include "auth/dkim_sign.h"
#include "auth/keyring.h"
#include "base/arena.h"
#include "base/clock.h"
#include "config/snapshot.h"
#include "option/check.h"
#include "option/options.h"
#include "policy/policy.h"
#include "policy/workflow.h"

enum { HOST_NAME_ROOM = 256, HOSTS_LINE_ROOM = 8192 };

static bool is_full_name(const char *name)
{
	ptrdiff_t dot = str_find(str_of(name), '.');
	return dot > 0 && name[dot + 1] != 0;
}

/* The full name that /etc/hosts has for this host. Enumerating asks no DNS server, which looking up could, for
 * as long as its timeouts take. */
static struct str full_name_in_hosts(struct arena *a, const char *host)
{
	char *room = arena_alloc(a, HOSTS_LINE_ROOM);
	struct hostent line, *found;
	struct str name = STR_EMPTY;
	int error;
	sethostent(0);
	while (name.n == 0 && gethostent_r(&line, room, HOSTS_LINE_ROOM, &found, &error) == 0 && found != NULL) {
		bool is_ours = str_eq_nocase(str_of(line.h_name), str_of(host));
		const char *full = is_full_name(line.h_name) ? line.h_name : NULL;
		for (char **alias = line.h_aliases; *alias != NULL; alias++) {
			is_ours = is_ours || str_eq_nocase(str_of(*alias), str_of(host));
			full = full == NULL && is_full_name(*alias) ? *alias : full;
		}
		if (is_ours && full != NULL)
			name = str_lower(a, str_of(full));
	}
	endhostent();
	return name;
}

static struct str host_name(struct arena *a, struct place at, struct diags *diags)
{
	char host[HOST_NAME_ROOM] = "";
	if (gethostname(host, sizeof(host) - 1) != 0 || host[0] == 0)
		snprintf(host, sizeof(host), "localhost");
	if (is_full_name(host))
		return str_lower(a, str_of(host));
	struct str full = full_name_in_hosts(a, host);
	if (full.n > 0)
		return full;
	diag_warn(diags, at, "is not set, and neither the host name nor /etc/hosts has a full name: \"%s\" is used",
		  host);
	return str_lower(a, str_of(host));
}

static void settle_authserv_id(struct arena *a, struct options *o, struct place at, struct diags *diags)
{
	if (o->authserv_id.n > 0)
		return; /* checked with the options */
	o->authserv_id = host_name(a, at, diags);
	if (!option_is_authserv_id(o->authserv_id))
		diag_error(diags, at, "is not set, and the host name \"%.*s\" cannot take its place",
			   STR_ARG(o->authserv_id));
}

static void free_dkim(void *dkim)
{
	auth_dkim_free(dkim);
}

static const struct auth_dkim *make_dkim(struct arena *a, const struct options *o, struct diags *diags)
{
	const struct dkim_limits limits = {
		.max_signatures = (int)o->dkim_max_signatures,
		.min_rsa_bits = (int)o->dkim_min_rsa_bits,
	};
	struct auth_dkim *dkim = auth_dkim_new(&limits);
	if (dkim == NULL)
		diag_error(diags, (struct place){ .setting = "dkim" }, "libopendkim cannot be set up");
	else
		arena_defer(a, free_dkim, dkim);
	return dkim;
}

static void free_signer(void *signer)
{
	auth_dkim_signer_free(signer);
}

static size_t count_signatures(const struct policy *p)
{
	size_t count = 0;
	for (size_t i = 0; i < policy_workflow_count(p); i++)
		count += policy_workflow_at(p, i)->sign_count;
	return count;
}

/* Behind an inbound listener no message belongs to a workflow. */
static bool is_inbound_only(const struct options *o, size_t listener)
{
	size_t inbound = 0;
	if (listener < o->listen.count)
		return o->listen.items[listener].role == ROLE_INBOUND;
	for (size_t i = 0; i < o->listen.count; i++)
		inbound += o->listen.items[i].role == ROLE_INBOUND;
	return inbound > 0 && inbound == o->listen.count;
}

/* A daemon that starts has no keys of before to go on with, and all the other mail to serve. */
static void tell_as_warnings(struct diags *from, struct diags *to)
{
	for (size_t i = 0; i < diags_count(from); i++) {
		const struct diag *g = diags_at(from, i);
		diag_warn(to, g->at, g->is_error ? "%s; what needs it is answered 451" : "%s", g->text);
	}
}

/* Every key that a workflow signs with, so that a missing one is known now and not with the first message. */
static void load_keys(struct arena *a, enum load_for purpose, const struct snapshot *running, struct diags *diags,
		      struct snapshot *s)
{
	struct diags *of_keys = diags_new();
	const struct options *o = s->options;
	size_t count = count_signatures(s->policy), n = 0;
	struct sign_use *uses = arena_array(a, count, sizeof(*uses));
	for (size_t i = 0; i < policy_workflow_count(s->policy); i++) {
		const struct workflow *w = policy_workflow_at(s->policy, i);
		for (size_t j = 0; j < w->sign_count; j++)
			uses[n++] = (struct sign_use){ w->sign[j].domain, w->sign[j].selector, w->sign[j].key,
						       w->sign[j].at };
	}
	const struct keyring_settings settings = { .folder = o->keys, .needs_record = o->sign_check_records };
	s->keys = keyring_load(a, &settings, uses, count, running == NULL ? NULL : running->keys,
			       purpose == LOAD_TO_START ? of_keys : diags);
	tell_as_warnings(of_keys, diags);
	diags_free(of_keys);
	const struct sign_settings signing = {
		.expires_s = o->sign_expires / 1000,
		.is_body_simple = str_eq(o->sign_body, STR("simple")),
	};
	s->signer = auth_dkim_signer_new(&signing);
	if (s->signer == NULL)
		diag_error(diags, (struct place){ .setting = "sign" }, "libopendkim cannot be set up");
	else
		arena_defer(a, free_signer, s->signer);
}

/* What listeners and workflows can do for each other. */
static void check_roles(const struct snapshot *s, struct diags *diags)
{
	const struct options *o = s->options;
	const struct place at = { .file = s->config_path, .setting = "listen" };
	if (is_inbound_only(o, EVERY_LISTENER) && policy_workflow_count(s->policy) > 0)
		diag_warn(diags, at, "has the role inbound only, and there are workflows: no message will belong to one");
}

static void settle_digest(struct snapshot *s)
{
	struct digest all = s->options->digest;
	digest_add(&all, policy_digest(s->policy));
	digest_print(&all, s->digest, sizeof(s->digest));
}

void config_fill(struct arena *a, const char *config_path, size_t listener, enum load_for purpose,
		 const struct snapshot *running, struct diags *diags, struct snapshot *s)
{
	s->config_path = str_to_c(a, str_of(config_path));
	s->loaded_unix_s = clock_unix_s();
	struct options *o = options_load(a, config_path, diags);
	s->options = o;
	/* Where the policies are is not known then. */
	if (!o->is_read)
		return;
	if (running != NULL)
		options_keep_restart_values(a, o, running->options, s->config_path, diags);
	settle_authserv_id(a, o, (struct place){ .file = s->config_path, .setting = "authserv_id" }, diags);
	s->policy = policy_load(a, str_to_c(a, o->policies), diags);
	settle_digest(s);
	s->dkim = make_dkim(a, o, diags);
	if (count_signatures(s->policy) > 0 && !is_inbound_only(o, listener))
		load_keys(a, purpose, running, diags, s);
	check_roles(s, diags);
}

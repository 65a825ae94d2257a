#include "dns/dns_unbound.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <unbound-event.h>
#include <unbound.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/fail.h"
#include "dns/dns_name.h"
#include "dns/dns_packet.h"

enum {
	ASKED_MAX = 8192,  /* each costs libunbound some 10 kB for as long as a server is silent */
	SOCKETS_MAX = 512, /* one for each question under way by UDP; more questions wait for one */
	CLASS_IN = 1,
	SECURITY_BOGUS = 1, /* of ub_event_callback_type */
	SECURITY_SECURE = 2,
};

/* Every question that libunbound still works on, also those whose time is over. */
struct asked {
	LIST_ENTRY(asked) list;
	struct backend *backend;
	struct dns_question *question;
};

struct backend {
	struct ub_ctx *ctx;
	LIST_HEAD(, asked) asked;
	size_t asked_count;
};

static void give_back(struct asked *w, struct dns_shared *answer)
{
	struct dns_question *q = w->question;
	LIST_REMOVE(w, list);
	w->backend->asked_count--;
	free(w);
	dns_question_done(q, answer);
}

/* rcode is libunbound's own trouble; what servers said is in the packet, which is none if rcode is not 0. */
static void on_answer(void *arg, int rcode, void *packet, int packet_bytes, int security, char *why_bogus,
		      int was_ratelimited)
{
	struct asked *w = arg;
	const struct dns_question *q = w->question;
	(void)why_bogus, (void)was_ratelimited;
	if (security == SECURITY_BOGUS)
		give_back(w, dns_answer_of_status(DNS_BOGUS, 0));
	else if (rcode != 0 || packet == NULL || packet_bytes <= 0)
		give_back(w, dns_answer_of_status(DNS_SERVFAIL, 0));
	else
		give_back(w, dns_packet_answer(packet, (size_t)packet_bytes, q->name, q->type,
					       security == SECURITY_SECURE));
}

static void ask(void *self, struct dns_question *q)
{
	struct backend *b = self;
	char name[DNS_ESCAPED_MAX + 1];
	if (b->asked_count >= ASKED_MAX) {
		dns_question_done(q, dns_answer_of_status(DNS_SERVFAIL, 0));
		return;
	}
	struct asked *w = fail_if_null(malloc(sizeof(*w)));
	*w = (struct asked){ .backend = b, .question = q };
	LIST_INSERT_HEAD(&b->asked, w, list);
	b->asked_count++;
	/* May call on_answer at once. */
	if (ub_resolve_event(b->ctx, dns_name_escape(q->name, name), (int)q->type, CLASS_IN, w, on_answer, NULL) != 0)
		give_back(w, dns_answer_of_status(DNS_SERVFAIL, 0));
}

static void backend_close(void *self)
{
	struct backend *b = self;
	ub_ctx_delete(b->ctx); /* answers some of what is open, forgets the rest */
	while (!LIST_EMPTY(&b->asked))
		give_back(LIST_FIRST(&b->asked), NULL);
	free(b);
}

/* Settings -------------------------------------------------------------------------------------------------- */

static void set(struct ub_ctx *ctx, struct diags *diags, const char *option, const char *value)
{
	int error = ub_ctx_set_option(ctx, option, value);
	if (error != 0)
		diag_error(diags, (struct place){ .setting = "dns" }, "libunbound refuses %s %s: %s", option, value,
			   ub_strerror(error));
}

/* A quarter of the files that the process may open at most; connections of the MTA need the rest. */
static unsigned socket_count(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur / 4 >= SOCKETS_MAX)
		return SOCKETS_MAX;
	return limit.rlim_cur < 64 ? 16 : (unsigned)limit.rlim_cur / 4;
}

static void set_options(struct ub_ctx *ctx, const struct dns_settings *settings, struct diags *diags)
{
	char sockets[16];
	snprintf(sockets, sizeof(sockets), "%u", socket_count());
	set(ctx, diags, "module-config:", settings->dnssec ? "validator iterator" : "iterator");
	set(ctx, diags, "outgoing-range:", sockets);
	set(ctx, diags, "outgoing-num-tcp:", "32");
	set(ctx, diags, "do-not-query-localhost:", "no");
	set(ctx, diags, "minimal-responses:", "yes");
	set(ctx, diags, "trust-anchor-signaling:", "no");
	set(ctx, diags, "rrset-roundrobin:", "no");
	/* What is true of private addresses our resolvers know better than a built-in list. */
	set(ctx, diags, "unblock-lan-zones:", "yes");
	set(ctx, diags, "insecure-lan-zones:", "yes");
	/* Resolvers that were down are tried again at once, not after minutes. */
	set(ctx, diags, "infra-keep-probing:", "yes");
	set(ctx, diags, "infra-host-ttl:", "30");
	/* A resolver that knows most answers at once needs its time for the others: with libunbound's 50 ms every
	 * third question is sent twice under load. */
	set(ctx, diags, "infra-cache-min-rtt:", "300");
}

static void set_servers(struct ub_ctx *ctx, const struct dns_settings *settings, struct diags *diags)
{
	char text[128];
	if (settings->server_count == 0 && ub_ctx_resolvconf(ctx, NULL) != 0)
		diag_error(diags, (struct place){ .file = "/etc/resolv.conf", .setting = "dns.servers" },
			   "cannot be read: %s", strerror(errno));
	for (size_t i = 0; i < settings->server_count; i++) {
		struct str server = settings->servers[i];
		int n = snprintf(text, sizeof(text), "%.*s", STR_ARG(server));
		if (n >= (int)sizeof(text) || ub_ctx_set_fwd(ctx, text) != 0)
			diag_error(diags, (struct place){ .setting = "dns.servers" },
				   "\"%.*s\" is no address of a resolver, such as 192.0.2.53 or 127.0.0.1@5353",
				   STR_ARG(server));
	}
}

static void set_trust_anchor(struct ub_ctx *ctx, const struct dns_settings *settings, struct diags *diags)
{
	const char *file = settings->trust_anchor_file;
	struct place at = { .setting = "dns.trust_anchor_file" };
	if (!settings->dnssec)
		return;
	if (file == NULL)
		diag_error(diags, at, "is needed for dns.dnssec");
	else if (access(file, R_OK) != 0)
		diag_error(diags, at, "%s cannot be read: %s", file, strerror(errno));
	else if (ub_ctx_add_ta_file(ctx, file) != 0)
		diag_error(diags, at, "%s is refused by libunbound", file);
}

/* Reads the trust anchor, among others. Names of RFC 6761 and 8375 are asked like any other: the resolver that we
 * forward to knows whether they mean something here. */
static void finalize(struct ub_ctx *ctx, const struct dns_settings *settings, struct diags *diags)
{
	static const char *const zones[] = { "test.", "invalid.", "onion.", "home.arpa." };
	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
		int error = ub_ctx_zone_remove(ctx, zones[i]);
		if (error != 0) {
			diag_error(diags, (struct place){ .setting = "dns" }, "libunbound cannot start: %s%s",
				   ub_strerror(error), settings->dnssec ? "; is the trust anchor one?" : "");
			return;
		}
	}
}

bool dns_unbound_open(struct event_base *events, const struct dns_settings *settings, struct diags *diags,
		      struct dns_backend *backend)
{
	static const struct dns_backend_ops ops = { .ask = ask, .close = backend_close };
	size_t errors_before = diags_errors(diags);
	struct ub_ctx *ctx = fail_if_null(ub_ctx_create_event(events));
	ub_ctx_debugout(ctx, NULL); /* says the same as the answers, on stderr */
	set_options(ctx, settings, diags);
	set_servers(ctx, settings, diags);
	set_trust_anchor(ctx, settings, diags);
	if (diags_errors(diags) == errors_before)
		finalize(ctx, settings, diags);
	if (diags_errors(diags) > errors_before) {
		ub_ctx_delete(ctx);
		return false;
	}
	struct backend *b = fail_if_null(calloc(1, sizeof(*b)));
	b->ctx = ctx;
	LIST_INIT(&b->asked);
	*backend = (struct dns_backend){ &ops, b };
	return true;
}

/* This host: resolver, clock. */
#include "doctor/patient.h"

#include <sys/timex.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/diag.h"
#include "config/resolver.h"
#include "dns/dns.h"
#include "option/options.h"

enum { SLOW_MS = 500, RESOLVER_MS = 10000 };

/* Names that are always there, with the types that are asked for most: what is slow or cut off shows with them. */
static const struct { const char *name; enum dns_type type; } questions[] = {
	{ "example.org", DNS_TXT }, { "example.org", DNS_A }, { "8.8.8.8.in-addr.arpa", DNS_PTR },
};

static void ask_all(struct patient *p, struct dns *dns)
{
	size_t count = sizeof(questions) / sizeof(questions[0]), failed = 0;
	int64_t slowest_ms = 0;
	const char *word = "";
	for (size_t i = 0; i < count; i++) {
		int64_t begin_ms = clock_mono_ms();
		const struct dns_answer *answer =
			dns_ask(dns, str_of(questions[i].name), questions[i].type, begin_ms + RESOLVER_MS, p->arena);
		int64_t took_ms = clock_mono_ms() - begin_ms;
		slowest_ms = took_ms > slowest_ms ? took_ms : slowest_ms;
		if (dns_is_temporary(answer->status)) {
			failed++;
			word = dns_status_words[answer->status];
		}
	}
	p->is_resolver_well = failed == 0;
	if (failed > 0)
		complain(p, "%zu of %zu questions were not answered (%s): mail will be deferred", failed, count, word)->advice =
			STR("dig example.org TXT; look at /etc/resolv.conf, or set dns.servers in gatepost.conf; best is a "
			    "resolver on this host: apt install unbound");
	else if (slowest_ms > SLOW_MS)
		complain_as(p, DOCTOR_WARN, "a question took %d ms", (int)slowest_ms)->advice =
			STR("a resolver on this host answers faster: apt install unbound; dns = { servers = [ \"127.0.0.1\" ]; };");
}

/* NULL after a finding, if there is no resolver to be asked. */
static struct dns *open_resolver(struct patient *p)
{
	struct diags *diags = diags_new();
	struct dns *dns = resolver_open(p->options, NULL, diags);
	if (dns == NULL)
		complain(p, "the resolver cannot be opened")->advice = STR("gatepost check tells why");
	diags_free(diags);
	return dns;
}

void check_resolver(struct patient *p)
{
	if (p->options->dns_zone_file.n > 0) {
		complain_as(p, DOCTOR_WARN, "dns.zone_file answers everything: DNS is never asked")->advice =
			STR("take dns.zone_file out of gatepost.conf, unless you are trying things out");
		return;
	}
	struct dns *dns = open_resolver(p);
	if (dns != NULL)
		ask_all(p, dns);
	dns_close(dns);
}

/* A name whose signatures are wrong on purpose: who validates does not answer it. */
static void ask_forged(struct patient *p, struct dns *dns)
{
	struct str forged = STR("dnssec-failed.org");
	enum dns_status status = dns_ask(dns, forged, DNS_A, clock_mono_ms() + RESOLVER_MS, p->arena)->status;
	if (status == DNS_OK)
		complain(p, "the resolver answers for %.*s, so it takes forged answers, and dns.dnssec is not set",
			 STR_ARG(forged))->advice =
			STR("apt install unbound, which validates; or apt install dns-root-data and in gatepost.conf: "
			    "dns = { dnssec = true; trust_anchor_file = \"/usr/share/dns/root.key\"; };");
	else if (status != DNS_SERVFAIL)
		skip(p, "%.*s tells nothing (%s)", STR_ARG(forged), dns_status_words[status]);
}

void check_validation(struct patient *p)
{
	if (p->options->dns_zone_file.n > 0) {
		skip(p, "dns.zone_file answers everything");
		return;
	}
	if (!p->is_resolver_well) {
		skip(p, "the resolver does not answer");
		return;
	}
	if (p->options->dns_dnssec)
		return;
	struct dns *dns = open_resolver(p);
	if (dns != NULL)
		ask_forged(p, dns);
	dns_close(dns);
}

/* The kernel does not tell what happens outside. */
static bool is_container(void)
{
	static const char *const marks[] = { "/run/systemd/container", "/run/.containerenv", "/.dockerenv" };
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (access(marks[i], F_OK) == 0)
			return true;
	return false;
}

void check_clock(struct patient *p)
{
	struct timex state = { .modes = 0 };
	int64_t built_s = 1767225600; /* 2026-01-01: the program is younger */
	if (clock_unix_s() < built_s)
		complain_as(p, DOCTOR_ERROR, "the clock is years behind: signatures will not be valid")->advice =
			STR("timedatectl set-ntp true");
	else if (is_container())
		skip(p, "this is a container: its host keeps the clock");
	else if (adjtimex(&state) == TIME_ERROR || (state.status & STA_UNSYNC) != 0)
		complain(p, "the kernel says that nothing keeps the clock right; t= and x= of signatures, and Date, need it")->advice =
			STR("apt install systemd-timesyncd && timedatectl set-ntp true");
}

/* spf_check ZONE-FILE - checks MAIL FROM for every line of stdin, a JSON object {helo, host, mailfrom}, with
 * answers from the zone file, and prints the verdicts as JSON lines. For tests/suites/rfc7208.py. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "auth/spf.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/fail.h"
#include "dns/dns.h"

static struct str member(const json_t *line, const char *name)
{
	const json_t *value = json_object_get(line, name);
	return (struct str){ json_string_value(value), json_string_length(value) };
}

static json_t *text(struct str s)
{
	return fail_if_null(json_stringn_nocheck(s.p, s.n));
}

static bool check(struct dns *dns, const char *line)
{
	json_error_t error;
	struct arena *a = arena_new();
	json_t *in = json_loads(line, 0, &error);
	struct spf_check c = { .helo = member(in, "helo"),
			       .mail_from = member(in, "mailfrom"),
			       .our_name = STR("receiver.example") };
	bool is_good =
		in != NULL && c.helo.p != NULL && c.mail_from.p != NULL && ip_parse(member(in, "host"), &c.client);
	if (is_good) {
		const struct spf_verdict *v = spf_check_mailfrom(dns, &c, clock_mono_ms() + 5000, a);
		json_t *out =
			json_pack("{s:s, s:o, s:o, s:o}", "result", result_words[v->result], "mechanism",
				  text(v->mechanism), "reason", text(v->reason), "explanation", text(v->explanation));
		json_dumpf(out, stdout, JSON_ENSURE_ASCII);
		putchar('\n');
		json_decref(out);
	} else {
		fprintf(stderr, "spf_check: no question: %s", line);
	}
	json_decref(in);
	arena_free(a);
	return is_good;
}

int main(int argc, char **argv)
{
	char *line = NULL;
	size_t room = 0;
	bool is_good = true;
	if (argc != 2) {
		fprintf(stderr, "usage: spf_check ZONE-FILE < QUESTIONS\n");
		return 2;
	}
	struct diags *diags = diags_new();
	struct dns *dns = dns_open(
		&(struct dns_settings){ .zone_file = argv[1], .timeout_ms = 100, .cache_entries = 1000 }, NULL, diags);
	diags_print(diags, stderr);
	diags_free(diags);
	if (dns == NULL)
		return 1;
	while (is_good && getline(&line, &room, stdin) > 0)
		is_good = check(dns, line);
	free(line);
	dns_close(dns);
	return is_good ? 0 : 1;
}

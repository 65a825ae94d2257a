#include "lib/dkim_run.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/diag.h"
#include "dns/dns.h"
#include "eval/eml.h"
#include "mail/header.h"

struct dkim_run dkim_run(const struct auth_dkim *dkim, struct dns *dns, struct arena *a,
			 const struct header_list *headers, struct str body, size_t chunk)
{
	struct dkim_run run = { 0 };
	struct auth_dkim_verify *v = auth_dkim_verify_begin(dkim, dns, NULL, headers, a);
	if (v == NULL)
		return run;
	run.is_signed = true;
	for (bool more = true; more && run.body_taken < body.n;) {
		struct str part = str_sub(body, run.body_taken, chunk);
		more = auth_dkim_verify_body(v, (const unsigned char *)part.p, part.n);
		run.body_taken += part.n;
	}
	auth_dkim_verify_end(v, clock_mono_ms() + 2000, &run.list, &run.count, &run.skipped);
	return run;
}

struct header_list *dkim_run_headers(struct arena *a, struct str message, struct str *body)
{
	struct eml eml = eml_split(a, message);
	struct header_list *headers = header_list_new(a);
	for (size_t i = 0; i < eml.field_count; i++)
		header_list_add(headers, eml.fields[i].name, eml.fields[i].value);
	*body = eml.body;
	return headers;
}

struct dkim_run dkim_run_message(const struct auth_dkim *dkim, struct dns *dns, struct arena *a, struct str message,
				 size_t chunk)
{
	struct str body;
	const struct header_list *headers = dkim_run_headers(a, message, &body);
	return dkim_run(dkim, dns, a, headers, body, chunk);
}

static struct str suite_path(struct arena *a, const char *name)
{
	const char *srcdir = getenv("srcdir");
	return str_printf(a, "%s/tests/suites/dkim/%s", srcdir == NULL ? "." : srcdir, name);
}

struct str dkim_run_file(struct arena *a, const char *name)
{
	struct str path = suite_path(a, name);
	FILE *f = fopen(path.p, "re");
	if (f == NULL) {
		perror(path.p);
		exit(1);
	}
	enum { FILE_BYTES_MAX = 1024 * 1024 };
	char *bytes = arena_alloc(a, FILE_BYTES_MAX);
	size_t n = fread(bytes, 1, FILE_BYTES_MAX, f);
	fclose(f);
	return (struct str){ bytes, n };
}

struct dns *dkim_run_dns(void)
{
	struct arena *a = arena_new();
	struct diags *diags = diags_new();
	struct dns_settings settings = {
		.zone_file = suite_path(a, "keys.zone").p, .timeout_ms = 100, .cache_entries = 1000 };
	struct dns *dns = dns_open(&settings, NULL, diags);
	diags_print(diags, stderr);
	if (dns == NULL)
		exit(1);
	diags_free(diags);
	arena_free(a);
	return dns;
}

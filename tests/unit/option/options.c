#include "../test.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "option/options.h"

/* A configuration in a fresh folder, loaded. */
struct fixture {
	struct arena *arena;
	struct diags *diags;
	const char *folder, *path;
	struct options *options;
};

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char folder[] = "/tmp/gatepost-options-XXXXXX";
	assert_non_null(mkdtemp(folder));
	f->arena = arena_new();
	f->diags = diags_new();
	f->folder = str_to_c(f->arena, str_of(folder));
	f->path = str_printf(f->arena, "%s/gatepost.conf", folder).p;
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	unlink(f->path);
	rmdir(f->folder);
	diags_free(f->diags);
	arena_free(f->arena);
	free(f);
	return 0;
}

static struct options *load(struct fixture *f, const char *text)
{
	diags_free(f->diags);
	f->diags = diags_new();
	write_file(f->path, text);
	f->options = options_load(f->arena, f->path, f->diags);
	assert_non_null(f->options);
	return f->options;
}

/* All diagnostics, without the folder in front. */
static const char *said(struct fixture *f)
{
	struct str all = STR_EMPTY;
	for (size_t i = 0; i < diags_count(f->diags); i++) {
		struct str line = str_of(diag_line(f->diags, diags_at(f->diags, i)));
		struct str folder = str_of(f->folder);
		if (str_starts(line, folder))
			line = str_skip(line, folder.n + 1);
		all = str_printf(f->arena, "%.*s%.*s\n", STR_ARG(all), STR_ARG(line));
	}
	return all.p;
}

#define assert_said(f, expected) assert_string_equal(said(f), expected)

static void an_empty_file_gives_every_default(void **state)
{
	struct fixture *f = *state;
	struct options *o = load(f, "");
	assert_said(f, "");
	assert_int_equal(o->listen.count, 1);
	assert_str(o->listen.items[0].socket, "unix:/run/gatepost/milter.sock");
	assert_int_equal(o->listen.items[0].role, ROLE_BOTH);
	assert_int_equal(o->listen.items[0].mode, 0660);
	assert_str(o->policies, str_printf(f->arena, "%s/policies", f->folder).p);
	assert_int_equal(o->deadline, 20000);
	assert_int_equal(o->max_header_bytes, 1 << 20);
	assert_int_equal(o->dns_timeout_ms, 5000);
	assert_str(o->log_format, "text");
	assert_false(o->received_spf);
	assert_int_equal(ip_set_count(o->trusted_networks), 0);
}

static void values_of_every_type_are_read(void **state)
{
	struct fixture *f = *state;
	struct options *o = load(f, "authserv_id = \"mx.example.org\";\n"
				    "policies = \"rules\";\n"
				    "trusted_networks = [ \"192.0.2.0/24\", \"2001:db8::1\" ];\n"
				    "deadline = \"1500ms\";\n"
				    "received_spf = true;\n"
				    "dns = { servers = [ \"127.0.0.1@5353\", \"2001:db8::53\" ]; timeout_ms = 700; };\n"
				    "log = { format = \"json\"; target = \"file:/var/log/gatepost\"; };\n"
				    "limits = { message_bytes = \"2GB\"; };\n");
	assert_said(f, "");
	assert_str(o->authserv_id, "mx.example.org");
	assert_str(o->policies, str_printf(f->arena, "%s/rules", f->folder).p);
	assert_int_equal(ip_set_count(o->trusted_networks), 2);
	assert_int_equal(o->deadline, 1500);
	assert_true(o->received_spf);
	assert_int_equal(o->dns_servers.count, 2);
	assert_str(o->dns_servers.items[0], "127.0.0.1@5353");
	assert_int_equal(o->dns_timeout_ms, 700);
	assert_str(o->log_format, "json");
	assert_true(o->max_message_bytes == INT64_C(2147483648));
}

static void every_error_is_told_with_its_line(void **state)
{
	struct fixture *f = *state;
	load(f, "dedline = \"3s\";\n"
		"deadline = 3;\n"
		"received_spf = \"yes\";\n"
		"dns = { timeout_ms = 49;\n"
		"  cache = 5; };\n"
		"log = { level = \"loud\"; };\n"
		"limits = { header_bytes = \"10 pounds\"; message_bytes = \"3GB\"; };\n"
		"dkim = 4;\n"
		"trusted_networks = [ \"10.0.0.0/8\",\n \"10.0.0.0/33\" ];\n");
	assert_said(f,
		    "gatepost.conf:1: error: dedline: unknown setting; did you mean \"deadline\"?\n"
		    "gatepost.conf:2: error: deadline: a text with a unit is wanted, such as \"20s\"\n"
		    "gatepost.conf:3: error: received_spf: is a text, wanted is true or false\n"
		    "gatepost.conf:4: error: dns.timeout_ms: 49 is out of range: 50 to 60000\n"
		    "gatepost.conf:5: error: dns.cache: unknown setting; known here: servers, timeout_ms, dnssec, "
		    "trust_anchor_file, zone_file, cache_entries or breaker_percent\n"
		    "gatepost.conf:6: error: log.level: \"loud\" is not known: info, error, warn or debug\n"
		    "gatepost.conf:7: error: limits.header_bytes: \"10 pounds\" is no size: a number with B, KB, MB or "
		    "GB, such as \"10MB\"\n"
		    "gatepost.conf:7: error: limits.message_bytes: 3GB is out of range: 64KB to 2GB\n"
		    "gatepost.conf:8: error: dkim: is a number, wanted is a group { ... }\n"
		    "gatepost.conf:10: error: trusted_networks[1]: \"10.0.0.0/33\" is no network: \"192.0.2.0/24\", "
		    "\"2001:db8::/32\" or a single address\n");
	assert_int_equal(f->options->deadline, 20000);
	assert_int_equal(f->options->dns_timeout_ms, 5000);
}

int main(void)
{
#define FILE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		FILE_TEST(an_empty_file_gives_every_default),
		FILE_TEST(values_of_every_type_are_read),
		FILE_TEST(every_error_is_told_with_its_line),
	};
	return RUN_TESTS(tests);
}

#include "../test.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
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

/* One bad `listen` and what is said about it. */
static void a_listener_that_cannot_work_is_refused(void **state)
{
	static const struct {
		const char *listen, *said;
	} cases[] = {
		{ "{ role = \"both\"; }", "listen[0]: socket is missing" },
		{ "{ socket = 25; }", "listen[0].socket: is a number, wanted is a text in quotes" },
		{ "{ socket = \"local:/x\"; }",
		  "listen[0].socket: a socket is \"unix:/path\", \"inet:PORT@ADDRESS\" or \"inet6:PORT@ADDRESS\"" },
		{ "{ socket = \"unix:milter.sock\"; }",
		  "listen[0].socket: a UNIX socket needs an absolute path: \"unix:/run/gatepost/milter.sock\"" },
		{ "{ socket = \"inet:8891\"; }", "listen[0].socket: an address is missing: \"inet:8891@127.0.0.1\"" },
		{ "{ socket = \"inet:0@127.0.0.1\"; }",
		  "listen[0].socket: the port must be a number from 1 to 65535" },
		{ "{ socket = \"inet:65536@127.0.0.1\"; }",
		  "listen[0].socket: the port must be a number from 1 to 65535" },
		{ "{ socket = \"inet:8891@::1\"; }", "listen[0].socket: an IPv6 address goes with inet6:" },
		{ "{ socket = \"inet6:8891@127.0.0.1\"; }", "listen[0].socket: an IPv4 address goes with inet:" },
		{ "{ socket = \"inet:8891@mx.example.org\"; }",
		  "listen[0].socket: after @ an IP address or localhost is wanted; names that DNS would have to find are not "
		  "accepted" },
		{ "{ socket = \"unix:/s\"; role = \"outbound\"; }",
		  "listen[0].role: \"outbound\" is no role: both, inbound or submission" },
		{ "{ socket = \"unix:/s\"; mode = \"rw\"; }",
		  "listen[0].mode: \"rw\" is no mode: three octal digits, with or without a leading zero, such as \"0660\"" },
		{ "{ socket = \"unix:/s\"; mode = 660; }",
		  "listen[0].mode: is a number, wanted is a text in quotes" },
		{ "{ socket = \"unix:/s\"; grp = \"postfix\"; }",
		  "listen[0].grp: unknown setting; did you mean \"group\"?" },
		{ "{ socket = \"unix:/s\"; }, { socket = \"unix:/t\"; }, { socket = \"unix:/s\"; }",
		  "listen[2]: another entry has the same socket" },
		{ "\"unix:/s\"", "listen[0]: is a text, wanted is a group { ... }" },
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct options *o = load(f, str_printf(f->arena, "listen = ( %s );", cases[i].listen).p);
		const char *start = strstr(said(f), "error: ");
		assert_int_equal(diags_count(f->diags), 1);
		assert_non_null(start);
		assert_str(str_trim(str_of(start + strlen("error: "))), cases[i].said);
		assert_str(o->listen.items[0].socket, "unix:/run/gatepost/milter.sock");
	}
}

static void a_socket_path_longer_than_the_kernel_takes_is_refused(void **state)
{
	struct fixture *f = *state;
	char path[109];
	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = 0;
	load(f, str_printf(f->arena, "listen = ( { socket = \"unix:%s\"; } );", path).p);
	assert_int_equal(diags_errors(f->diags), 1);
	path[107] = 0;
	load(f, str_printf(f->arena, "listen = ( { socket = \"unix:%s\"; } );", path).p);
	assert_int_equal(diags_errors(f->diags), 0);
}

/* Whoever reaches the socket can claim any login. */
static void a_role_that_believes_logins_stays_on_this_host(void **state)
{
	static const struct {
		const char *socket, *rest;
		bool is_allowed;
	} cases[] = {
		{ "inet:8891@192.0.2.1", "role = \"submission\";", false },
		{ "inet:8891@0.0.0.0", "role = \"both\";", false },
		{ "inet6:8891@2001:db8::1", "", false },
		{ "inet:8891@192.0.2.1", "role = \"submission\"; peer_trusted = false;", false },
		{ "inet:8891@192.0.2.1", "role = \"submission\"; peer_trusted = true;", true },
		{ "inet:8891@192.0.2.1", "role = \"inbound\";", true },
		{ "inet:8891@127.0.0.1", "role = \"submission\";", true },
		{ "inet:8891@localhost", "role = \"submission\";", true },
		{ "inet6:8891@::1", "role = \"submission\";", true },
		{ "unix:/run/gatepost/milter.sock", "role = \"submission\";", true },
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		load(f, str_printf(f->arena, "listen = ( { socket = \"%s\"; %s } );", cases[i].socket, cases[i].rest).p);
		if ((diags_errors(f->diags) == 0) != cases[i].is_allowed)
			fail_msg("%s %s: %s", cases[i].socket, cases[i].rest, said(f));
	}
}

static void inet_sockets_lose_names_and_brackets(void **state)
{
	static const struct {
		const char *written, *kept;
	} cases[] = {
		{ "inet:8891@localhost", "inet:8891@127.0.0.1" },
		{ "inet6:8891@localhost", "inet6:8891@::1" },
		{ "inet6:8891@[::1]", "inet6:8891@::1" },
		{ "inet6:08891@0:0::1", "inet6:8891@::1" },
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		load(f, str_printf(f->arena, "listen = ( { socket = \"%s\"; } );", cases[i].written).p);
		assert_said(f, "");
		assert_str(f->options->listen.items[0].socket, cases[i].kept);
	}
}

static void what_has_no_effect_is_warned_about(void **state)
{
	struct fixture *f = *state;
	load(f, "listen = ( { socket = \"inet:8891@127.0.0.1\"; group = \"mail\"; mode = \"0600\"; } );\n"
		"trusted_networks = [ \"192.0.2.0/24\", \"192.0.2.7\", \"::/0\", \"192.0.2.0/24\", \"192.0.0.0/16\" ];\n"
		"dns = { servers = [ \"192.0.2.53\", \"192.0.2.53\" ]; timeout_ms = 60000; };\n"
		"deadline = \"30s\";\n");
	assert_said(f,
		    "gatepost.conf:1: warning: listen[0].group: has no effect: only a UNIX socket has a group\n"
		    "gatepost.conf:1: warning: listen[0].mode: has no effect: only a UNIX socket has a mode\n"
		    "gatepost.conf:2: warning: trusted_networks[1]: \"192.0.2.7\" is in 192.0.2.0/24 already\n"
		    "gatepost.conf:2: warning: trusted_networks[2]: \"::/0\" holds every address\n"
		    "gatepost.conf:2: warning: trusted_networks[3]: \"192.0.2.0/24\" is in 192.0.2.0/24 already\n"
		    "gatepost.conf:3: warning: dns.servers[1]: \"192.0.2.53\" stands here twice\n"
		    "gatepost.conf:3: warning: dns.timeout_ms: is longer than deadline: one slow question uses up the time of "
		    "all others\n"
		    "gatepost.conf:4: warning: deadline: Postfix gives up after 30 s unless its milter_command_timeout is "
		    "raised\n");
	load(f, "listen = ( { socket = \"unix:/s\"; mode = \"0666\"; } );");
	assert_int_equal(diags_warnings(f->diags), 1);
}

static void options_that_contradict_are_refused(void **state)
{
	struct fixture *f = *state;
	load(f, "dns = { dnssec = true; };");
	assert_said(f, "gatepost.conf:1: error: dns.dnssec: needs dns.trust_anchor_file, such as "
		       "\"/usr/share/dns/root.key\" (package dns-root-data)\n");
	load(f, "dns = { servers = [ \"resolver.example\" ]; };");
	assert_int_equal(diags_errors(f->diags), 1);
	load(f, "dns = { servers = [ \"127.0.0.1@0\", \"127.0.0.1@70000\", \"127.0.0.1@\", \"@53\" ]; };");
	assert_int_equal(diags_errors(f->diags), 4);
	load(f, "limits = { header_bytes = \"2MB\"; message_bytes = \"1MB\"; };");
	assert_int_equal(diags_errors(f->diags), 1);
	load(f, "log = { target = \"file:relative\"; };");
	assert_int_equal(diags_errors(f->diags), 1);
	load(f, "store = \"sqlite:relative\";");
	assert_int_equal(diags_errors(f->diags), 1);
	load(f, "store = \"postgres://db\";");
	assert_int_equal(diags_errors(f->diags), 1);
}

static void files_are_looked_for_in_the_folder_of_the_configuration(void **state)
{
	struct fixture *f = *state;
	const char *zone = str_printf(f->arena, "%s/zone.txt", f->folder).p;
	load(f, "dns = { zone_file = \"zone.txt\"; };");
	assert_said(f, str_printf(f->arena, "gatepost.conf:1: error: dns.zone_file: %s: No such file or directory\n",
				  zone).p);
	write_file(zone, "");
	load(f, "dns = { zone_file = \"zone.txt\"; servers = [ \"192.0.2.1\" ]; };");
	assert_said(f, "gatepost.conf:1: warning: dns.servers: are not asked: dns.zone_file answers everything\n");
	assert_str(f->options->dns_zone_file, zone);
	unlink(zone);
}

static void syntax_errors_and_missing_files_give_defaults_and_one_error(void **state)
{
	struct fixture *f = *state;
	load(f, "deadline = \"3s\"\nauthserv_id = ;\n");
	assert_int_equal(diags_errors(f->diags), 1);
	assert_false(f->options->is_read);
	assert_int_equal(f->options->deadline, 20000);
	struct options *o = options_load(f->arena, "/nonexistent/gatepost.conf", f->diags);
	assert_int_equal(diags_errors(f->diags), 2);
	assert_false(o->is_read);
	assert_str(o->policies, "/nonexistent/policies");
}

static const char *dump(struct fixture *f, const struct options *o)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	options_dump(o, out);
	assert_int_equal(fclose(out), 0);
	const char *copy = str_to_c(f->arena, (struct str){ text, size });
	free(text);
	return copy;
}

static void what_is_dumped_loads_as_the_same(void **state)
{
	struct fixture *f = *state;
	const struct options *o = load(f, "listen = ( { socket = \"unix:/run/x\"; group = \"mail\"; mode = \"0600\"; } );\n"
					  "user = \"a \\\"quoted\\\" \\\\ name\\x01\";\n"
					  "trusted_networks = [ \"192.0.2.0/24\", \"2001:db8::/33\", \"192.0.2.0/25\" ];\n"
					  "deadline = \"90500ms\";\n"
					  "limits = { header_bytes = \"10000B\"; };\n"
					  "dns = { servers = [ \"127.0.0.1@5353\" ]; dnssec = true; };\n");
	const char *first = dump(f, o);
	assert_non_null(strstr(first, "\nreceived_spf = false; # default\n"));
	assert_non_null(strstr(first, "\ndeadline = \"90500ms\";\n"));
	assert_non_null(strstr(first, "\n\theader_bytes = \"10000B\";\n"));
	assert_non_null(strstr(first, "\n\tmessage_bytes = \"100MB\"; # default\n"));
	const struct options *again = load(f, first);
	assert_string_equal(dump(f, again), first);
	assert_str(again->user, "a \"quoted\" \\ name\x01");
	assert_int_equal(ip_set_count(again->trusted_networks), 2);
}

/* A folder given by name is no default any more, but it is the same folder. */
static const char *without_marks(struct fixture *f, const char *text)
{
	static const char mark[] = " # default";
	char *copy = str_to_c(f->arena, str_of(text));
	for (char *at; (at = strstr(copy, mark)) != NULL;)
		memmove(at, at + sizeof(mark) - 1, strlen(at + sizeof(mark) - 1) + 1);
	return copy;
}

static void the_defaults_load_as_the_defaults(void **state)
{
	struct fixture *f = *state;
	const char *text = dump(f, options_default(f->arena));
	for (const char *line = text; *line != 0; line = strchr(line, '\n') + 1) {
		const char *end = strchr(line, '\n');
		if (*line != '}' && end[-1] != '{' && strncmp(end - strlen(" # default"), " # default", 10) != 0)
			fail_msg("not marked as default: %.*s", (int)(end - line), line);
	}
	const struct options *o = load(f, text);
	assert_said(f, "");
	assert_string_equal(strstr(without_marks(f, dump(f, o)), "log = {"), strstr(without_marks(f, text), "log = {"));
}

static void a_reload_keeps_what_needs_a_restart(void **state)
{
	struct fixture *f = *state;
	struct arena *before = arena_new();
	write_file(f->path, "listen = ( { socket = \"unix:/run/old\"; group = \"mail\"; } );\n"
			    "dns = { servers = [ \"192.0.2.1\", \"192.0.2.2\" ]; timeout_ms = 100; };\n"
			    "deadline = \"1s\";\n");
	struct options *running = options_load(before, f->path, f->diags);
	struct options *next = load(f, "deadline = \"2s\";\n"
				       "dns = { servers = [ \"192.0.2.1\" ]; timeout_ms = 100; };\n");
	options_keep_restart_values(f->arena, next, running, f->path, f->diags);
	arena_free(before);
	assert_said(f, "gatepost.conf: warning: listen: needs a restart; the old value stays in force\n"
		       "gatepost.conf: warning: dns.servers: needs a restart; the old value stays in force\n");
	assert_str(next->listen.items[0].socket, "unix:/run/old");
	assert_str(next->listen.items[0].group, "mail");
	assert_int_equal(next->dns_servers.count, 2);
	assert_str(next->dns_servers.items[1], "192.0.2.2");
	assert_int_equal(next->deadline, 2000);
}

int main(void)
{
#define FILE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		FILE_TEST(an_empty_file_gives_every_default),
		FILE_TEST(values_of_every_type_are_read),
		FILE_TEST(every_error_is_told_with_its_line),
		FILE_TEST(a_listener_that_cannot_work_is_refused),
		FILE_TEST(a_socket_path_longer_than_the_kernel_takes_is_refused),
		FILE_TEST(a_role_that_believes_logins_stays_on_this_host),
		FILE_TEST(inet_sockets_lose_names_and_brackets),
		FILE_TEST(what_has_no_effect_is_warned_about),
		FILE_TEST(options_that_contradict_are_refused),
		FILE_TEST(files_are_looked_for_in_the_folder_of_the_configuration),
		FILE_TEST(syntax_errors_and_missing_files_give_defaults_and_one_error),
		FILE_TEST(what_is_dumped_loads_as_the_same),
		FILE_TEST(the_defaults_load_as_the_defaults),
		FILE_TEST(a_reload_keeps_what_needs_a_restart),
	};
	return RUN_TESTS(tests);
}

/* gatepost key - makes signing keys, compares them with what is published, and replaces them. */
#include "cmd.h"

#include <getopt.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "auth/private_key.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/nametab.h"
#include "cmd_key.h"
#include "config/resolver.h"
#include "dns/dns.h"
#include "dns/dns_name.h"
#include "mail/domain.h"
#include "option/options.h"

#define ACCOUNT "gatepost" /* of conf/gatepost.sysusers */

struct call {
	const char *config_path, *server;
	struct str domain, selector;
	enum key_type type;
	int64_t bits;
	bool has_type, wants_json;
	char *const *words;              /* NULL behind the last */
	struct arena *arena;
	struct diags *diags;
	struct options *options;
	struct key_folder folder;
	struct key_writer writer;
	struct dns *dns;
};

enum { DIFFERS = 1 }; /* exit code: some key is not published as it should be */

/* ---- help ----------------------------------------------------------------------------------------------- */

static bool open_dns(struct call *c)
{
	if (c->server != NULL) { /* the world's view instead of ours */
		struct str *server = ARENA_NEW(c->arena, struct str);
		*server = str_of(c->server);
		c->options->dns_servers = (struct strings){ server, 1 };
		c->options->dns_zone_file = STR_EMPTY;
	}
	c->dns = resolver_open(c->options, NULL, c->diags);
	return c->dns != NULL;
}

static void ask(struct call *c, const struct key_lines *lines)
{
	key_lines_ask(c->arena, lines, c->dns, c->options->dns_timeout_ms);
}

/* A folder made by root belongs to whom the daemon runs as. */
static bool begin_writing(struct call *c)
{
	struct str user = c->options->user.n > 0 ? c->options->user : STR(ACCOUNT);
	const struct passwd *account = geteuid() == 0 ? getpwnam(str_to_c(c->arena, user)) : NULL;
	uid_t uid = account == NULL ? geteuid() : account->pw_uid;
	gid_t gid = account == NULL ? getegid() : account->pw_gid;
	return key_writer_begin(&c->writer, c->arena, &c->folder, uid, gid, c->diags);
}

static bool write_state(struct call *c, const struct key_state *state, bool is_new)
{
	struct str file = str_printf(c->arena, "%.*s.state", STR_ARG(state->name));
	return key_writer_put(&c->writer, c->arena, file, key_state_print(c->arena, state), is_new, c->diags);
}

static int refuse(struct call *c, const char *why)
{
	diag_error(c->diags, (struct place){ .setting = c->words[0] }, "%s", why);
	return EX_CANTCREAT;
}

/* The lines named, or all. False after a word if one is not there. */
static bool read_lines(struct call *c, struct key_lines *lines)
{
	if (*c->words == NULL)
		key_lines_read(c->arena, &c->folder, c->diags, lines);
	for (char *const *word = c->words; *word != NULL; word++) {
		struct key_line *line = key_line_read(c->arena, &c->folder, str_of(*word), c->diags);
		if (line != NULL)
			VEC_PUSH(c->arena, lines, line);
		else if (diags_errors(c->diags) == 0)
			diag_error(c->diags, (struct place){ 0 }, "there is no key \"%s\" in %.*s", *word,
				   STR_ARG(c->folder.path));
	}
	key_lines_complete(c->arena, c->options, lines);
	return diags_errors(c->diags) == 0;
}

/* ---- new versions --------------------------------------------------------------------------------------- */

static bool write_private_key(struct call *c, struct str file, enum key_type type, unsigned bits)
{
	char pem[PRIVATE_KEY_BYTES_MAX];
	EVP_PKEY *key = private_key_generate(type, bits);
	size_t n = private_key_print(key, pem);
	EVP_PKEY_free(key);
	bool ok = key_writer_put(&c->writer, c->arena, file, (struct str){ pem, n }, true, c->diags);
	OPENSSL_cleanse(pem, sizeof(pem));
	return ok;
}

static int show_pending(struct call *c, struct str name)
{
	const struct key_line *line = key_line_read(c->arena, &c->folder, name, c->diags);
	for (size_t i = 0; line != NULL && i < line->count; i++) {
		const struct key_row *row = &line->rows[i];
		if (row->version->phase != KEY_PENDING)
			continue;
		fprintf(stderr, "%.*s is made. Publish:\n\n", STR_ARG(row->path));
		key_row_print_record(row, stdout);
		fflush(stdout);
		fprintf(stderr, "\nUntil then it does not sign. When it is published: gatepost key check %.*s && "
			"gatepost reload\n", STR_ARG(name));
	}
	return line == NULL ? EX_CONFIG : EX_OK;
}

/* The private key first: a state never names a file that is not there. */
static int add_version(struct call *c, struct key_state *state, bool is_new, enum key_type type, unsigned bits)
{
	struct str selector = c->selector;
	if (selector.n + sizeof("._domainkey.") - 1 + state->domain.n > DNS_NAME_MAX)
		return refuse(c, "the name of its record would be too long for DNS");
	if (key_state_find(state, selector) != NULL)
		return refuse(c, "there is a version with that selector");
	key_state_add(state, selector, clock_unix_s());
	if (!write_private_key(c, key_version_file(c->arena, state->name, selector), type, bits) ||
	    !write_state(c, state, is_new))
		return EX_CANTCREAT;
	return show_pending(c, state->name);
}

static int run_new(struct call *c)
{
	struct key_state state = { .name = str_of(c->words[0]), .domain = c->domain };
	if (c->domain.n == 0 || c->selector.n == 0)
		return cmd_usage_error("key", "--%s is missing", c->domain.n == 0 ? "domain" : "selector");
	if (!key_name_is_good(state.name))
		return cmd_usage_error("key", "\"%s\" is no name: letters, digits, - and _", c->words[0]);
	if (!begin_writing(c))
		return EX_CANTCREAT;
	if (key_line_read(c->arena, &c->folder, state.name, c->diags) != NULL || diags_errors(c->diags) > 0)
		return refuse(c, "there is a key of that name; for its next version: gatepost key rotate");
	return add_version(c, &state, true, c->type, (unsigned)c->bits);
}

/* "s20260927", or with a letter behind it. */
static bool choose_selector(struct call *c, struct key_state *state)
{
	struct tm tm;
	time_t now = clock_unix_s();
	gmtime_r(&now, &tm);
	for (char letter = 'a' - 1; c->selector.n == 0 && letter <= 'z'; letter++) {
		struct str s = str_printf(c->arena, "s%04d%02d%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
		if (letter >= 'a')
			s = str_printf(c->arena, "%.*s%c", STR_ARG(s), letter);
		if (key_state_find(state, s) == NULL)
			c->selector = s;
	}
	return c->selector.n > 0;
}

/* Like the one before, unless asked for otherwise. */
static int add_next(struct call *c, struct key_line *line)
{
	const struct signing_key *last = line->rows[line->count - 1].key;
	enum key_type type = c->has_type || last == NULL ? c->type : last->type;
	int64_t bits = c->bits;
	if (!c->has_type && last != NULL && last->type == KEY_RSA && last->bits > bits)
		bits = last->bits;
	if (line->state.count == KEY_VERSIONS_MAX || !choose_selector(c, &line->state))
		return refuse(c, "there are too many versions: take down old records, then gatepost key check");
	return add_version(c, &line->state, false, type, (unsigned)bits);
}

/* ---- check ---------------------------------------------------------------------------------------------- */

static const char *seen(enum published p)
{
	static const char *const words[PUBLISHED_COUNT] = {
		[PUBLISHED_UNKNOWN] = "cannot tell",
		[PUBLISHED_NOT] = "not published",
		[PUBLISHED] = "published",
	};
	return words[p];
}

static int code_of(const struct key_row *row)
{
	if (row->key == NULL)
		return DIFFERS;
	if (!key_row_has_record(row) || (row->version != NULL && row->version->phase == KEY_RETIRING) ||
	    row->published == PUBLISHED)
		return EX_OK;
	return row->published == PUBLISHED_NOT ? DIFFERS : EX_TEMPFAIL;
}

static void tell(const struct key_row *row)
{
	if (row->key == NULL)
		printf("%.*s: %.*s\n", STR_ARG(row->name), STR_ARG(row->wrong));
	else if (!key_row_has_record(row))
		printf("%.*s: no workflow signs with it and says its selector, so it is not known which record to look for: "
		       "sign = ( { domain = \"...\"; selector = \"...\"; key = \"%.*s\"; } );\n", STR_ARG(row->name), STR_ARG(row->name));
	else
		printf("%.*s %.*s, %s: %s%s%.*s\n", STR_ARG(row->name), STR_ARG(row->selector),
		       key_phase_words[row->version == NULL ? KEY_ACTIVE : row->version->phase], seen(row->published), row->why.n > 0 ? ": " : "",
		       STR_ARG(row->why));
}

static void promote(struct call *c, struct key_state *state)
{
	int64_t now_s = clock_unix_s();
	const struct key_version *next = key_state_in(state, KEY_PENDING), *old = key_state_in(state, KEY_ACTIVE);
	key_state_promote(state, now_s, c->options->sign_overlap / 1000);
	printf("%.*s %.*s is active from now on: gatepost reload\n", STR_ARG(state->name),
	       STR_ARG(next->selector));
	if (old != NULL)
		printf("%.*s %.*s is retiring: keep its record until %.*s\n", STR_ARG(state->name),
		       STR_ARG(old->selector), STR_ARG(key_time_print(c->arena, old->until_unix_s)));
}

/* Versions whose time is over and whose record is gone: the state forgets them, then the files go. */
static size_t drop_old(struct key_line *line, struct str dropped[KEY_VERSIONS_MAX])
{
	size_t count = 0;
	for (size_t i = 0; i < line->count; i++) {
		const struct key_row *row = &line->rows[i];
		struct key_version *v = key_state_find(&line->state, row->selector);
		if (v->phase != KEY_RETIRING || v->until_unix_s > clock_unix_s() || row->published != PUBLISHED_NOT)
			continue;
		dropped[count++] = row->selector;
		key_state_drop(&line->state, v);
	}
	return count;
}

/* What was asked for is known; the state follows. */
static bool update(struct call *c, struct key_line *line)
{
	struct str dropped[KEY_VERSIONS_MAX];
	bool is_changed = false;
	for (size_t i = 0; i < line->count; i++)
		if (line->rows[i].version->phase == KEY_PENDING && line->rows[i].published == PUBLISHED)
			is_changed = true;
	if (is_changed)
		promote(c, &line->state);
	size_t drop_count = drop_old(line, dropped);
	bool ok = (!is_changed && drop_count == 0) || write_state(c, &line->state, false);
	for (size_t i = 0; i < drop_count && ok; i++) {
		ok = key_writer_remove(&c->writer, c->arena, key_version_file(c->arena, line->name, dropped[i]),
				       c->diags);
		printf("%.*s %.*s is deleted\n", STR_ARG(line->name), STR_ARG(dropped[i]));
	}
	return ok;
}

static int check_lines(struct call *c, struct key_lines *lines)
{
	int code = EX_OK;
	if (!open_dns(c))
		return EX_CONFIG;
	ask(c, lines);
	for (size_t i = 0; i < lines->count; i++) {
		struct key_line *line = lines->items[i];
		for (size_t r = 0; r < line->count; r++) {
			int row_code = code_of(&line->rows[r]);
			code = code == DIFFERS || row_code == EX_OK ? code : row_code;
			tell(&line->rows[r]);
		}
		if (line->has_state && !update(c, line))
			return EX_CANTCREAT;
	}
	return code;
}

static int run_check(struct call *c)
{
	struct key_lines lines = { NULL, 0, 0 };
	if (access(str_to_c(c->arena, c->folder.path), F_OK) == 0 && !begin_writing(c))
		return EX_NOPERM;
	if (!read_lines(c, &lines))
		return EX_NOINPUT;
	if (lines.count == 0)
		fprintf(stderr, "there are no keys in %.*s\n", STR_ARG(c->folder.path));
	return check_lines(c, &lines);
}

/* The next version if there is none; else a further step of it. */
static int run_rotate(struct call *c)
{
	struct key_lines lines = { NULL, 0, 0 };
	if (!begin_writing(c))
		return EX_CANTCREAT;
	if (!read_lines(c, &lines))
		return EX_NOINPUT;
	struct key_line *line = lines.items[0];
	if (!line->has_state)
		return refuse(c, "it has no state: make a new key, with its domain: gatepost key new");
	if (key_state_in(&line->state, KEY_PENDING) == NULL)
		return add_next(c, line);
	int code = check_lines(c, &lines);
	if (code == EX_OK)
		return code;
	fprintf(stderr, "\n");
	for (size_t i = 0; i < line->count; i++)
		if (line->rows[i].version->phase == KEY_PENDING)
			key_row_print_record(&line->rows[i], stdout);
	return code;
}

/* ---- show, list ----------------------------------------------------------------------------------------- */

static int run_list(struct call *c)
{
	struct key_lines lines = { NULL, 0, 0 };
	if (!read_lines(c, &lines))
		return EX_NOINPUT;
	if (!open_dns(c))
		return EX_CONFIG;
	ask(c, &lines);
	if (c->wants_json)
		key_lines_print_json(c->arena, &lines, stdout);
	else if (lines.count == 0)
		fprintf(stderr, "there are no keys in %.*s\n", STR_ARG(c->folder.path));
	else
		key_lines_print_table(c->arena, &lines, stdout);
	return EX_OK;
}

static int run_show(struct call *c)
{
	struct key_lines lines = { NULL, 0, 0 };
	if (!read_lines(c, &lines))
		return EX_NOINPUT;
	if (c->wants_json)
		key_lines_print_json(c->arena, &lines, stdout);
	else
		for (size_t i = 0; i < lines.items[0]->count; i++)
			key_row_print_record(&lines.items[0]->rows[i], stdout);
	return EX_OK;
}

/* ---- the call ------------------------------------------------------------------------------------------- */

static const struct verb {
	const char *name;
	int (*run)(struct call *);
	int words_min, words_max;
} verbs[] = {
	{ "new", run_new, 1, 1 },
	{ "show", run_show, 1, 1 },
	{ "check", run_check, 0, 1000 },
	{ "rotate", run_rotate, 1, 1 },
	{ "list", run_list, 0, 1000 },
};

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; name != NULL && i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (str_eq(str_of(verbs[i].name), str_of(name)))
			return &verbs[i];
	return NULL;
}

static int take_name(struct call *c, const char *text, const char *what, size_t labels_min, struct str *out)
{
	if (domain_normalize(c->arena, str_of(text), out) && domain_labels(*out) >= labels_min)
		return EX_OK;
	return cmd_usage_error("key", "\"%s\" is no %s", text, what);
}

static int take_type(struct call *c, const char *text)
{
	unsigned type;
	if (!nametab_find(key_type_words, KEY_TYPE_COUNT, str_of(text), &type))
		return cmd_usage_error("key", "\"%s\" is no type: rsa or ed25519", text);
	c->type = (enum key_type)type;
	c->has_type = true;
	return EX_OK;
}

static int take_bits(struct call *c, const char *text)
{
	if (str_to_i64(str_of(text), &c->bits) && c->bits >= PRIVATE_KEY_RSA_BITS_USUAL && c->bits <= KEY_RSA_BITS_MAX)
		return EX_OK;
	return cmd_usage_error("key", "--bits is a number from %d to %d", PRIVATE_KEY_RSA_BITS_USUAL, KEY_RSA_BITS_MAX);
}

static int take_option(struct call *c, int option, char **argv)
{
	switch (option) {
	case 'c':
		c->config_path = optarg;
		return EX_OK;
	case 'd':
		return take_name(c, optarg, "domain", 2, &c->domain);
	case 's':
		return take_name(c, optarg, "selector", 1, &c->selector);
	case 't':
		return take_type(c, optarg);
	case 'b':
		return take_bits(c, optarg);
	case 'S':
		c->server = optarg;
		return EX_OK;
	case 'j':
		c->wants_json = true;
		return EX_OK;
	}
	return cmd_option_error(argv);
}

static int run_verb(struct call *c, const struct verb *verb)
{
	c->options = options_load(c->arena, c->config_path, c->diags);
	if (diags_errors(c->diags) > 0)
		return EX_CONFIG;
	c->folder = key_folder_at(c->arena, c->options->keys);
	int code = verb->run(c);
	dns_close(c->dns);
	key_writer_end(&c->writer);
	return code;
}

static int parse_and_run(struct call *c, int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "domain", required_argument, NULL, 'd' }, { "selector", required_argument, NULL, 's' },
		{ "type", required_argument, NULL, 't' },   { "bits", required_argument, NULL, 'b' },
		{ "server", required_argument, NULL, 'S' }, { "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	int option, code;
	opterr = 0;
	while ((option = getopt_long(argc, argv, "c:", long_options, NULL)) != -1)
		if ((code = take_option(c, option, argv)) != EX_OK)
			return code;
	const struct verb *verb = find_verb(argv[optind]);
	if (verb == NULL)
		return cmd_usage_error("key", "%s%s", argv[optind] == NULL ? "say what to do" : "it cannot ",
				       argv[optind] == NULL ? "" : argv[optind]);
	c->words = argv + optind + 1;
	int words = argc - optind - 1;
	if (words < verb->words_min || words > verb->words_max)
		return cmd_usage_error("key", "%s %s", verb->name,
				       words < verb->words_min ? "needs the name of a key" : "takes one name");
	return run_verb(c, verb);
}

int cmd_key(int argc, char **argv)
{
	struct call c = {
		.config_path = GATEPOST_CONFIG, .domain = STR_EMPTY, .selector = STR_EMPTY, .type = KEY_RSA,
		.bits = PRIVATE_KEY_RSA_BITS_USUAL, .arena = arena_new(), .diags = diags_new(), .writer = { .fd = -1 },
	};
	int code = parse_and_run(&c, argc, argv);
	diags_print(c.diags, stderr);
	diags_free(c.diags);
	arena_free(c.arena);
	return code;
}

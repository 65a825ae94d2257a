#include "top.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "auth/key_folder.h"
#include "auth/key_state.h"
#include "auth/keyring.h"
#include "auth/private_key.h"
#include "auth/signing_key.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/diag.h"
#include "dns/dns.h"

/* A folder of keys, a zone file that tests change, and the ring made from the folder. */
struct fixture {
	struct arena *a;          /* of the test */
	struct arena *ring_arena;
	struct diags *diags;
	char top[TOP_MAX];
	struct dns *dns;
	const struct keyring *ring;
	int line;                 /* of the use, to be found in diagnostics */
};

static const char *in_top(struct fixture *f, const char *name)
{
	return str_printf(f->a, "%s/%s", f->top, name).p;
}

static void write_file(const char *path, const char *text)
{
	FILE *out = fopen(path, "we");
	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	f->a = arena_new();
	f->diags = diags_new();
	top_make(f->top);
	assert_int_equal(mkdir(in_top(f, "keys"), 0700), 0);
	write_file(in_top(f, "zone"), "example.net A 192.0.2.1\n");
	struct dns_settings settings = { .zone_file = in_top(f, "zone"), .timeout_ms = 200, .cache_entries = 100 };
	f->dns = dns_open(&settings, NULL, f->diags);
	assert_non_null(f->dns);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	top_remove(f->top);
	dns_close(f->dns);
	arena_free(f->ring_arena);
	diags_free(f->diags);
	arena_free(f->a);
	free(f);
	return 0;
}

/* Makes the file of a private key; the record that belongs to it, as the data of a zone file's line. */
static const char *make_key(struct fixture *f, const char *file)
{
	char room[PRIVATE_KEY_BYTES_MAX + 1];
	EVP_PKEY *key = private_key_generate(KEY_ED25519, 0);
	room[private_key_print(key, room)] = 0;
	write_file(in_top(f, str_printf(f->a, "keys/%s", file).p), room);
	struct str record = private_key_record(f->a, key);
	EVP_PKEY_free(key);
	return str_printf(f->a, "TXT \"%.*s\"", STR_ARG(record)).p;
}

static void write_state(struct fixture *f, const char *name, const char *versions)
{
	struct str text = str_printf(f->a, "domain = \"example.org\";\nversions = ( %s );\n", versions);
	write_file(in_top(f, str_printf(f->a, "keys/%s.state", name).p), text.p);
}

#define ONE_OF(selector, phase) \
	"{ selector = \"" selector "\"; state = \"" phase "\"; since = \"2026-01-01T00:00:00Z\"; }"
#define RETIRING(selector) \
	"{ selector = \"" selector "\"; state = \"retiring\"; since = \"2026-01-01T00:00:00Z\"; " \
	"until = \"2026-01-02T00:00:00Z\"; }"

static void publish(struct fixture *f, const char *zone)
{
	write_file(in_top(f, "zone"), zone);
	assert_true(dns_reload_zone(f->dns, f->diags));
}

/* "DOMAIN SELECTOR KEY", selector "-" for none */
static struct sign_use use_of(struct fixture *f, const char *text)
{
	struct sign_use u = { .at = { "policy", ++f->line, "sign" } };
	struct str rest = str_of(text);
	str_next(&rest, ' ', &u.domain);
	str_next(&rest, ' ', &u.selector);
	u.key = rest;
	if (str_eq(u.selector, STR("-")))
		u.selector = STR_EMPTY;
	return u;
}

static bool load_with(struct fixture *f, const char *const *uses, size_t count, bool needs_record)
{
	struct arena *fresh = arena_new();
	struct keyring_settings settings = { str_of(in_top(f, "keys")), needs_record };
	struct sign_use list[16];
	f->line = 0;
	for (size_t i = 0; i < count; i++)
		list[i] = use_of(f, uses[i]);
	size_t errors_before = diags_errors(f->diags);
	f->ring = keyring_load(fresh, &settings, list, count, f->ring, f->diags);
	arena_free(f->ring_arena); /* as a reload does: the old one goes last */
	f->ring_arena = fresh;
	return diags_errors(f->diags) == errors_before;
}

static bool load(struct fixture *f, const char *use)
{
	return load_with(f, &use, 1, true);
}

static bool is_told(struct fixture *f, const char *what)
{
	for (size_t i = 0; i < diags_count(f->diags); i++)
		if (strstr(diag_line(f->diags, diags_at(f->diags, i)), what) != NULL)
			return true;
	diags_print(f->diags, stderr);
	return false;
}

static int64_t check(struct fixture *f)
{
	return keyring_check(f->ring, f->dns, NULL, clock_mono_ms() + 2000);
}

/* The selector that signs now, or the reason that none does. */
static const char *chosen(struct fixture *f, const char *use)
{
	struct sign_use u = use_of(f, use);
	struct str why = STR_EMPTY;
	const struct signing_key *key = keyring_choose(f->ring, &u, f->a, &why);
	return str_to_c(f->a, key != NULL ? key->selector : why);
}

/* ---- states ---------------------------------------------------------------------------------------------- */

static void a_pending_key_signs_once_its_record_is_there(void **state)
{
	struct fixture *f = *state;
	const char *use = "example.org - k", *name = "one._domainkey.example.org";
	const char *record = make_key(f, "k.one.pem"), *other = make_key(f, "other.pem");
	write_state(f, "k", ONE_OF("one", "pending"));
	assert_true(load(f, use));
	assert_string_equal(chosen(f, use), "key \"k\", selector one: it is pending, and its record has not been seen yet");
	assert_int_equal(check(f), 30000);
	assert_string_equal(chosen(f, use), "key \"k\", selector one: key one._domainkey.example.org: no such record");
	publish(f, str_printf(f->a, "%s SERVFAIL\n", str_printf(f->a, "%s TXT", name).p).p);
	check(f); /* what was known stays */
	assert_non_null(strstr(chosen(f, use), "no such record"));
	publish(f, str_printf(f->a, "%s %s\n", name, other).p);
	check(f);
	assert_non_null(strstr(chosen(f, use), "the record holds another key"));
	publish(f, str_printf(f->a, "%s TXT \"v=DKIM1; p=\"\n", name).p);
	check(f);
	assert_non_null(strstr(chosen(f, use), "k= does not fit"));
	publish(f, str_printf(f->a, "%s TXT \"v=DKIM1; k=ed25519; p=\"\n", name).p);
	check(f);
	assert_non_null(strstr(chosen(f, use), "revoked"));
	publish(f, str_printf(f->a, "%s %s\n", name, record).p);
	assert_int_equal(check(f), 15 * 60 * 1000);
	assert_string_equal(chosen(f, use), "one");
	publish(f, str_printf(f->a, "%s TXT SERVFAIL\n", name).p);
	assert_int_equal(check(f), 30000);
	assert_string_equal(chosen(f, use), "one");
	/* A reload knows what was known, but not of another key under the same name. */
	assert_true(load(f, use));
	assert_string_equal(chosen(f, use), "one");
	make_key(f, "k.one.pem");
	assert_true(load(f, use));
	assert_non_null(strstr(chosen(f, use), "has not been seen yet"));
}

static void an_active_key_signs_until_it_is_known_not_to_be_there(void **state)
{
	struct fixture *f = *state;
	const char *use = "example.org - k";
	const char *record = make_key(f, "k.one.pem");
	write_state(f, "k", ONE_OF("one", "active"));
	publish(f, "one._domainkey.example.org TXT TIMEOUT\n");
	assert_true(load(f, use));
	assert_string_equal(chosen(f, use), "one");
	check(f);
	assert_string_equal(chosen(f, use), "one");
	publish(f, "example.org A 192.0.2.1\n");
	check(f);
	assert_non_null(strstr(chosen(f, use), "no such record"));
	publish(f, str_printf(f->a, "one._domainkey.example.org %s\n", record).p);
	check(f);
	assert_string_equal(chosen(f, use), "one");
	for (int i = 0; i < 20; i++) { /* there and away again and again */
		publish(f, i % 2 == 0 ? "example.org A 192.0.2.1\n" :
					str_printf(f->a, "one._domainkey.example.org %s\n", record).p);
		check(f);
		assert_int_equal(strcmp(chosen(f, use), "one") == 0, i % 2);
	}
}

static void the_next_version_takes_over_when_it_is_published(void **state)
{
	struct fixture *f = *state;
	const char *use = "example.org - k";
	const char *one = make_key(f, "k.one.pem"), *two = make_key(f, "k.two.pem");
	write_state(f, "k", ONE_OF("one", "active") "," ONE_OF("two", "pending"));
	publish(f, str_printf(f->a, "one._domainkey.example.org %s\n", one).p);
	assert_true(load(f, use));
	assert_string_equal(chosen(f, use), "one");
	check(f);
	assert_string_equal(chosen(f, use), "one");
	publish(f, str_printf(f->a, "one._domainkey.example.org %s\ntwo._domainkey.example.org %s\n", one, two).p);
	check(f);
	assert_string_equal(chosen(f, use), "two");
	publish(f, str_printf(f->a, "one._domainkey.example.org %s\n", one).p); /* a step back is one for the signer, too */
	check(f);
	assert_string_equal(chosen(f, use), "one");
	publish(f, "example.org A 192.0.2.1\n");
	check(f);
	assert_string_equal(chosen(f, use), "key \"k\", selector one: key one._domainkey.example.org: no such record");
}

static void a_selector_can_be_asked_for(void **state)
{
	struct fixture *f = *state;
	static const char *const uses[] = { "example.org one k", "example.org two k", "EXAMPLE.org. Old k",
					    "example.org - k" };
	make_key(f, "k.old.pem");
	make_key(f, "k.one.pem");
	const char *two = make_key(f, "k.two.pem");
	write_state(f, "k", RETIRING("old") "," ONE_OF("one", "active") "," ONE_OF("two", "pending"));
	assert_true(load_with(f, uses, 4, true));
	assert_string_equal(chosen(f, uses[0]), "one");
	assert_non_null(strstr(chosen(f, uses[1]), "selector two: it is pending"));
	assert_string_equal(chosen(f, uses[2]), "old");
	publish(f, str_printf(f->a, "two._domainkey.example.org %s\n", two).p);
	check(f);
	assert_non_null(strstr(chosen(f, uses[0]), "no such record"));
	assert_string_equal(chosen(f, uses[1]), "two");
	assert_non_null(strstr(chosen(f, uses[2]), "no such record"));
	assert_string_equal(chosen(f, uses[3]), "two");
}

static void records_need_not_be_looked_at(void **state)
{
	struct fixture *f = *state;
	const char *use = "example.org - k", *only_pending = "example.org - p";
	const char *const uses[] = { use, only_pending };
	make_key(f, "k.one.pem");
	make_key(f, "k.two.pem");
	make_key(f, "p.one.pem");
	write_state(f, "k", ONE_OF("one", "active") "," ONE_OF("two", "pending"));
	write_state(f, "p", ONE_OF("one", "pending"));
	assert_true(load_with(f, uses, 2, false));
	check(f);
	assert_string_equal(chosen(f, use), "one");
	assert_string_equal(chosen(f, only_pending), "key \"p\", selector one: it is pending: gatepost key check");
}

static void a_file_alone_is_a_key(void **state)
{
	struct fixture *f = *state;
	static const char *const uses[] = { "example.org s1 plain", "example.com s2 plain" };
	const char *record = make_key(f, "plain.pem");
	assert_true(load_with(f, uses, 2, true));
	assert_string_equal(chosen(f, uses[0]), "s1");
	assert_string_equal(chosen(f, uses[1]), "s2");
	publish(f, str_printf(f->a, "s2._domainkey.example.com %s\n", record).p);
	check(f);
	assert_non_null(strstr(chosen(f, uses[0]), "no such record"));
	assert_string_equal(chosen(f, uses[1]), "s2");
	assert_int_equal(keyring_check(NULL, f->dns, NULL, 0), 15 * 60 * 1000);
}

/* ---- loading -------------------------------------------------------------------------------------------- */

static void everything_wrong_is_told_at_each_use(void **state)
{
	struct fixture *f = *state;
	static const char *const uses[] = {
		"example.org s gone", "example.org s gone", "example.org - plain", "example.org s broken",
		"example.org s open", "example.com - k", "example.org three k", "example.org - missing",
		"example.org - bad", "example.org - old", "example.org s ../k", "example..org s plain",
		"example.org s_!_ plain", "example.org - k",
	};
	static const char *const told[] = {
		"policy:1: error: sign: there is no key \"gone\" in ",
		"/keys: gatepost key new gone --domain example.org --selector s",
		"policy:2: error: sign: there is no key \"gone\" in ",
		"policy:3: error: sign: selector is missing, and ",
		"/keys/broken.pem holds no private key in PEM",
		"mode 0644: others can read it: chmod 0600 ",
		"policy:6: error: sign: key \"k\" is for example.org, not for example.com",
		"policy:7: error: sign: key \"k\" has no version with selector three",
		"policy:8: error: sign: the file missing.one.pem of key \"missing\" is missing",
		"policy:9: error: sign: the state of key \"bad\" cannot be used",
		"/keys/bad.state:2: error: versions: is a number",
		"policy:10: error: sign: all versions of key \"old\" are retiring: gatepost key rotate old",
		"policy:11: error: sign: \"../k\" is no name of a key",
		"policy:12: error: sign: \"example..org\" is no domain",
		"policy:13: error: sign: \"s_!_\" is no selector",
	};
	make_key(f, "plain.pem");
	make_key(f, "open.pem");
	assert_int_equal(chmod(in_top(f, "keys/open.pem"), 0644), 0);
	write_file(in_top(f, "keys/broken.pem"), "not a key\n");
	make_key(f, "k.one.pem");
	write_state(f, "k", ONE_OF("one", "active"));
	write_state(f, "missing", ONE_OF("one", "active"));
	write_state(f, "old", RETIRING("one"));
	write_file(in_top(f, "keys/bad.state"), "domain = \"example.org\";\nversions = 3;\n");
	assert_false(load_with(f, uses, sizeof(uses) / sizeof(uses[0]), true));
	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++)
		if (!is_told(f, told[i]))
			fail_msg("not told: %s", told[i]);
	assert_int_equal(diags_errors(f->diags), 14); /* one for each use but the last, and the one in the state */
}

static void small_keys_are_told(void **state)
{
	struct fixture *f = *state;
	char room[PRIVATE_KEY_BYTES_MAX + 1];
	EVP_PKEY *key = private_key_generate(KEY_RSA, 1024);
	room[private_key_print(key, room)] = 0;
	EVP_PKEY_free(key);
	write_file(in_top(f, "keys/small.pem"), room);
	assert_true(load(f, "example.org s small"));
	assert_true(is_told(f, "small.pem: warning: 1024 bits are few: receivers want 2048"));
}

static void names_too_long_for_dns_are_told(void **state)
{
	struct fixture *f = *state;
	char label[61];
	memset(label, 'x', 60);
	label[60] = 0;
	make_key(f, "plain.pem");
	assert_false(load(f, str_printf(f->a, "%s.%s.%s.org %s plain", label, label, label, label).p));
	assert_true(is_told(f, "longer than DNS allows"));
}

/* ---- threads -------------------------------------------------------------------------------------------- */

struct reader {
	const struct keyring *ring;
	atomic_bool *is_over;
};

static void *choose_many(void *arg)
{
	const struct reader *r = arg;
	struct arena *a = arena_new();
	struct sign_use u = { STR("example.org"), STR_EMPTY, STR("k"), { 0 } };
	while (!atomic_load(r->is_over)) {
		struct str why = STR_EMPTY;
		const struct signing_key *key = keyring_choose(r->ring, &u, a, &why);
		if ((key == NULL) != (why.n > 0))
			abort();
		arena_reset(a);
	}
	arena_free(a);
	return NULL;
}

static void choosing_goes_on_while_records_are_checked(void **state)
{
	struct fixture *f = *state;
	const char *record = make_key(f, "k.one.pem");
	atomic_bool is_over = false;
	pthread_t threads[3];
	write_state(f, "k", ONE_OF("one", "active"));
	assert_true(load(f, "example.org - k"));
	struct reader reader = { f->ring, &is_over };
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, choose_many, &reader), 0);
	for (int i = 0; i < 40; i++) {
		publish(f, i % 2 == 0 ? "example.org A 192.0.2.1\n" :
					str_printf(f->a, "one._domainkey.example.org %s\n", record).p);
		check(f);
	}
	atomic_store(&is_over, true);
	for (size_t i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_pending_key_signs_once_its_record_is_there, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_active_key_signs_until_it_is_known_not_to_be_there, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_next_version_takes_over_when_it_is_published, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_selector_can_be_asked_for, set_up, tear_down),
		cmocka_unit_test_setup_teardown(records_need_not_be_looked_at, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_file_alone_is_a_key, set_up, tear_down),
		cmocka_unit_test_setup_teardown(everything_wrong_is_told_at_each_use, set_up, tear_down),
		cmocka_unit_test_setup_teardown(small_keys_are_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(names_too_long_for_dns_are_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(choosing_goes_on_while_records_are_checked, set_up, tear_down),
	};
	return RUN_TESTS(tests);
}

#include "../test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include "auth/dkim.h"
#include "auth/dkim_gate.h"
#include "auth/dkim_sign.h"
#include "auth/private_key.h"
#include "auth/signing_key.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/diag.h"
#include "dns/dns.h"
#include "lib/dkim_run.h"
#include "mail/header.h"

enum { KEY_1, KEY_2, KEYS };

struct fixture {
	struct arena *arena;     /* of the keys */
	struct arena *message;
	struct dns *dns;         /* has their records */
	struct auth_dkim *verifier;
	struct auth_dkim_signer *signer;
	const struct signing_key *keys[KEYS];
};

static struct dns *publish(const struct signing_key *const *keys, size_t count)
{
	struct arena *a = arena_new();
	struct diags *diags = diags_new();
	struct str zone = STR_EMPTY;
	for (size_t i = 0; i < count; i++)
		zone = str_printf(a, "%.*s%.*s TXT \"%.*s\" \"%.*s\"\n", STR_ARG(zone), STR_ARG(keys[i]->record_name),
				  STR_ARG(str_sub(keys[i]->record, 0, 200)), STR_ARG(str_skip(keys[i]->record, 200)));
	struct dns *dns = dns_open_zone_text(zone, "zone", NULL, NULL, diags);
	diags_print(diags, stderr);
	diags_free(diags);
	arena_free(a);
	return dns;
}

static int set_up(void **state)
{
	static const struct dkim_limits limits = { .max_signatures = 10, .min_rsa_bits = 1024 };
	static const struct sign_settings settings = { 0 };
	struct fixture *f = calloc(1, sizeof(*f));
	f->arena = arena_new();
	f->message = arena_new();
	struct str why, rsa = dkim_run_file(f->arena, UNLESS_VALGRIND("keys/rsa2048.pem", "keys/rsa1024.pem"));
	for (int i = 0; i < KEYS; i++) {
		EVP_PKEY *key = i == KEY_1 ? private_key_parse(f->arena, rsa, &why) : private_key_generate(KEY_ED25519, 0);
		f->keys[i] = signing_key_new(f->arena, key, STR("example.org"), i == KEY_1 ? STR("r") : STR("e"));
		EVP_PKEY_free(key);
	}
	f->dns = publish(f->keys, KEYS);
	f->verifier = auth_dkim_new(&limits);
	f->signer = auth_dkim_signer_new(&settings);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	arena_free(f->message);
	auth_dkim_signer_free(f->signer);
	auth_dkim_free(f->verifier);
	dns_close(f->dns);
	arena_free(f->arena);
	free(f);
	return 0;
}

/* ---- signed and verified -------------------------------------------------------------------------------- */

struct signing {
	bool is_signed;
	const struct str *values;
	size_t count;
	struct str why;
};

static struct signing sign_parts(struct auth_dkim_signer *signer, const struct signing_key *const *keys, size_t count,
				 struct arena *a, const struct header_list *headers, struct str body, size_t chunk)
{
	struct signing s = { .why = STR_EMPTY };
	struct auth_dkim_sign *handle = auth_dkim_sign_begin(signer, keys, count, headers, a, &s.why);
	if (handle == NULL)
		return s;
	bool more = true;
	for (size_t at = 0; more && at < body.n; at += chunk) {
		struct str part = str_sub(body, at, chunk);
		more = auth_dkim_sign_body(handle, (const unsigned char *)part.p, part.n);
	}
	s.is_signed = auth_dkim_sign_end(handle, &s.values, &s.count, &s.why);
	assert_true(more || !s.is_signed);
	return s;
}

static struct signing sign_message(struct fixture *f, struct str message, size_t chunk)
{
	struct str body;
	const struct header_list *headers = dkim_run_headers(f->message, message, &body);
	return sign_parts(f->signer, f->keys, KEYS, f->message, headers, body, chunk);
}

/* The message as it is stored: with our fields on top, as the MTA writes them. */
static struct str with_signatures(struct arena *a, const struct signing *s, struct str message)
{
	for (size_t i = s->count; i > 0; i--)
		message = str_printf(a, "DKIM-Signature: %.*s\n%.*s", STR_ARG(s->values[i - 1]), STR_ARG(message));
	return message;
}

static void check_verifies(struct fixture *f, const char *name, struct str message)
{
	struct dkim_run run = dkim_run_message(f->verifier, f->dns, f->message, message, SIZE_MAX);
	assert_true(run.count >= KEYS);
	for (size_t i = 0; i < KEYS; i++)
		if (run.list[i].result != RESULT_PASS || !str_eq(run.list[i].domain, STR("example.org")))
			fail_msg("%s: signature %zu: %s (%.*s)\n%.*s", name, i, result_words[run.list[i].result],
				 STR_ARG(run.list[i].reason), STR_ARG(message));
	assert_str(run.list[0].algorithm, "rsa-sha256");
	assert_str(run.list[1].algorithm, "ed25519-sha256");
}

static void check_round(struct fixture *f, const char *name, struct str message, size_t chunk)
{
	struct signing s = sign_message(f, message, chunk);
	if (!s.is_signed)
		fail_msg("%s: %.*s", name, STR_ARG(s.why));
	assert_int_equal(s.count, KEYS);
	check_verifies(f, name, with_signatures(f->message, &s, message));
}

#define HEAD "From: a@example.org\nTo: b@example.net\nSubject: x\nDate: Mon, 1 Jan 2024 00:00:00 +0000\n"

static void many_shapes_of_messages_verify(void **state)
{
	static const struct { const char *name, *message; } messages[] = {
		{ "plain", HEAD "\nHello\n" },
		{ "no body", HEAD "\n" },
		{ "no blank line", HEAD },
		{ "blank lines only", HEAD "\n\n\n\n" },
		{ "body of blanks", HEAD "\n \t \n\t\n" },
		{ "trailing blank lines", HEAD "\na\n\n\n" },
		{ "blanks", HEAD "\n  a \t b  \n \t\nc\t\n" },
		{ "no final newline", HEAD "\nHello" },
		{ "leading dots", HEAD "\n.\n..\n.a\n...\n" },
		{ "8-bit", HEAD "\nGr\xc3\xbc\xc3\x9f\x65 \xff\xfe\x80\n" },
		{ "8-bit header", "From: M\xc3\xbcller <a@example.org>\nSubject: \xe9\n\nx\n" },
		{ "folded", "From:\n\ta@example.org\nTo: b@example.net,\n  c@example.net,\n\t d@example.net\n"
			    "Subject: one\n two\n\t\n three\n\nx\n" },
		{ "no blank after the colon", "From:a@example.org\nTo:b@example.net\nSubject:x \n\nx\n" },
		{ "blank before the colon", "From : a@example.org\nSubject\t: x\n\nx\n" },
		{ "empty fields", "From: a@example.org\nSubject:\nTo: \nCc:\t\n\nx\n" },
		{ "only From", "From: a@example.org\n\nx\n" },
		{ "upper and lower case", "fROM: a@example.org\nTO: b@example.net\nmessage-id: <1@x>\n\nx\n" },
		{ "repeated fields", "From: a@example.org\nTo: b@x\nTo: c@x\nSubject: 1\nTo: d@x\nSubject: 2\n\nx\n" },
		{ "MIME", HEAD "MIME-Version: 1.0\nContent-Type: multipart/mixed;\n boundary=\"x\"\n"
			  "Content-Transfer-Encoding: 8bit\n\n--x\n\na\n--x--\n" },
		{ "list", HEAD "List-Unsubscribe: <https://example.org/u>\n"
			  "List-Unsubscribe-Post: List-Unsubscribe=One-Click\nList-Id: <l.example.org>\n\nx\n" },
		{ "signed before", "DKIM-Signature: v=1; a=rsa-sha256; d=example.net; s=x; h=From; bh=AAAA; b=AAAA\n" HEAD
				   "\nx\n" },
		{ "all that others add", "Received: from a by b; x\nReturn-Path: <x@y>\nX-Any: 1\nReceived: c\n"
					 "Authentication-Results: mx; none\n" HEAD "\nx\n" },
	};
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		struct fixture *f = *state;
		static const size_t chunks[] = { 3, 1, SIZE_MAX };
		for (int chunk = 0; chunk < UNLESS_VALGRIND(3, 1); chunk++)
			check_round(f, messages[i].name, str_of(messages[i].message), chunks[chunk]);
		arena_reset(f->message);
	}
}

/* Each message of the suite for verification: signed by us, or refused because it has not one From. */
static void messages_of_the_suite_verify(void **state)
{
	struct fixture *f = *state;
	struct str rest = dkim_run_file(f->arena, "verdicts"), line;
	size_t verified = 0;
	while (str_next(&rest, '\n', &line)) {
		if (line.n == 0 || str_starts(line, STR("\t")))
			continue;
		const char *name = str_to_c(f->message, line);
		struct str message = dkim_run_file(f->message, name);
		struct signing s = sign_message(f, message, 1000);
		if (s.is_signed) {
			check_verifies(f, name, with_signatures(f->message, &s, message));
			verified++;
		} else if (!str_starts(s.why, STR("there are ")) && !str_starts(s.why, STR("the field "))) {
			fail_msg("%s: %.*s", name, STR_ARG(s.why));
		}
		arena_reset(f->message);
	}
	assert_true(verified > 140);
}

static struct str long_line(struct arena *a, size_t n)
{
	char *text = arena_alloc(a, n);
	memset(text, 'x', n);
	return (struct str){ text, n };
}

static void large_things_verify(void **state)
{
	struct fixture *f = *state;
	struct str big = long_line(f->arena, 300 * 1000);
	check_round(f, "long line", str_printf(f->message, HEAD "\n%.*s\nend\n", STR_ARG(big)), 65536);
	check_round(f, "long field", str_printf(f->message, HEAD "References: %.*s\n\nx\n",
						STR_ARG(str_sub(big, 0, 70000))), 65536);
	struct buf b;
	buf_init(&b, 0);
	buf_add(&b, STR(HEAD "\n"));
	for (int i = 0; i < 30000; i++)
		buf_printf(&b, "%d  line \n\n", i);
	check_round(f, "many lines", buf_str(&b), 65536);
	check_round(f, "many lines", buf_str(&b), 65535);
	buf_fini(&b);
}

/* ---- what is signed ------------------------------------------------------------------------------------- */

static struct dkim_signature gate(struct fixture *f, struct str value)
{
	struct dkim_signature signature;
	struct str why;
	if (auth_dkim_gate(f->message, value, clock_unix_s(), &signature, &why) != RESULT_NONE)
		fail_msg("%.*s: %.*s", STR_ARG(why), STR_ARG(value));
	return signature;
}

static size_t times_named(const struct dkim_signature *s, const char *name)
{
	size_t times = 0;
	for (size_t i = 0; i < s->name_count; i++)
		times += str_eq_nocase(s->names[i], str_of(name));
	return times;
}

static void check_named(struct fixture *f, const char *message, const char *name, size_t times)
{
	struct signing s = sign_message(f, str_of(message), SIZE_MAX);
	assert_true(s.is_signed);
	for (size_t i = 0; i < s.count; i++) {
		struct dkim_signature signature = gate(f, s.values[i]);
		if (times_named(&signature, name) != times)
			fail_msg("%s is named %zu times, want %zu: %.*s", name, times_named(&signature, name), times,
				 STR_ARG(s.values[i]));
	}
}

static void names_are_named_once_more_than_there_are(void **state)
{
	static const char *const always[] = { "From", "To", "Cc", "Subject", "Reply-To" };
	static const char *const present[] = { "Date", "Message-ID", "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
					       "List-Unsubscribe", "List-Unsubscribe-Post" };
	static const char *const once[] = { "Sender", "References", "List-Id", "Resent-From" };
	static const char *const never[] = { "Received", "Return-Path", "Authentication-Results", "DKIM-Signature",
					     "X-Any" };
	static const char bare[] = "From: a@example.org\n\nx\n";
	static const char full[] =
		"Received: x\nReturn-Path: x\nAuthentication-Results: x; none\nX-Any: 1\nFrom: a@example.org\nTo: x\n"
		"Cc: x\nSubject: x\nDate: x\nReply-To: x\nMessage-ID: x\nMIME-Version: 1.0\nContent-Type: text/plain\n"
		"Content-Transfer-Encoding: 8bit\nList-Unsubscribe: <https://x>\nList-Unsubscribe-Post: x\nSender: x\n"
		"References: x\nList-Id: x\nResent-From: x\n\nx\n";
	struct fixture *f = *state;
	check_named(f, bare, "From", 2);
	for (size_t i = 1; i < sizeof(always) / sizeof(always[0]); i++)
		check_named(f, bare, always[i], 1);
	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		check_named(f, full, always[i], 2);
	for (size_t i = 0; i < sizeof(present) / sizeof(present[0]); i++) {
		check_named(f, bare, present[i], 0);
		check_named(f, full, present[i], 2);
	}
	for (size_t i = 0; i < sizeof(once) / sizeof(once[0]); i++) {
		check_named(f, bare, once[i], 0);
		check_named(f, full, once[i], 1);
	}
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		check_named(f, full, never[i], 0);
	check_named(f, "From: a@example.org\nTo: 1\nTo: 2\nTo: 3\n\nx\n", "To", 4);
}

static void changes_on_the_way_are_seen(void **state)
{
	static const struct { const char *added, *body; enum result result; } changes[] = {
		{ "", "x\n", RESULT_PASS },
		{ "Received: by others\nX-Any: 1\n", "x\n", RESULT_PASS },
		{ "", "y\n", RESULT_FAIL },
		{ "Subject: another\n", "x\n", RESULT_FAIL },
		{ "Cc: one more\n", "x\n", RESULT_FAIL },
		{ "Reply-To: me\n", "x\n", RESULT_FAIL },
		{ "Content-Type: text/html\n", "x\n", RESULT_FAIL },
		{ "List-Unsubscribe: <https://other>\n", "x\n", RESULT_FAIL },
		{ "List-Id: <list>\n", "x\n", RESULT_PASS }, /* a mailing list that changes nothing else */
	};
	struct fixture *f = *state;
	struct str message = STR(HEAD "Content-Type: text/plain\nList-Unsubscribe: <https://x>\n\nx\n");
	struct signing s = sign_message(f, message, SIZE_MAX);
	struct str all = with_signatures(f->message, &s, message), head = str_sub(all, 0, all.n - 3);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct str changed = str_printf(f->message, "%s%.*s\n%s", changes[i].added, STR_ARG(head),
						changes[i].body);
		struct dkim_run run = dkim_run_message(f->verifier, f->dns, f->message, changed, SIZE_MAX);
		assert_int_equal(run.count, KEYS);
		for (size_t k = 0; k < KEYS; k++)
			if (run.list[k].result != changes[i].result)
				fail_msg("%zu: %s, %.*s", i, result_words[run.list[k].result],
					 STR_ARG(run.list[k].reason));
	}
}

static void check_lines(struct str value)
{
	struct str line;
	while (str_next(&value, '\n', &line))
		assert_true(line.n <= 78 && str_find(line, '\r') < 0 && line.n > 0);
}

static void settings_stand_in_the_field(void **state)
{
	struct fixture *f = *state;
	static const struct sign_settings settings = { .expires_s = 3600, .is_body_simple = true };
	struct auth_dkim_signer *signer = auth_dkim_signer_new(&settings);
	struct str message = STR(HEAD "\nx  y\n"), body;
	const struct header_list *headers = dkim_run_headers(f->message, message, &body);
	int64_t before_s = clock_unix_s() - 1; /* the library's time(2) is some milliseconds behind */
	struct signing s = sign_parts(signer, f->keys, KEYS, f->message, headers, body, SIZE_MAX);
	auth_dkim_signer_free(signer); /* what it began lives on */
	assert_true(s.is_signed);
	for (size_t i = 0; i < s.count; i++) {
		const char *value = str_to_c(f->message, s.values[i]), *t = strstr(value, "t="), *x = strstr(value, "x=");
		assert_non_null(strstr(value, "c=relaxed/simple;"));
		assert_true(t != NULL && x != NULL);
		assert_int_equal(strtoll(x + 2, NULL, 10), strtoll(t + 2, NULL, 10) + 3600);
		assert_in_range(strtoll(t + 2, NULL, 10), before_s, clock_unix_s());
		check_lines(s.values[i]);
	}
	check_verifies(f, "simple", with_signatures(f->message, &s, message));
	s = sign_message(f, message, SIZE_MAX);
	for (size_t i = 0; i < s.count; i++) {
		assert_null(strstr(str_to_c(f->message, s.values[i]), "x="));
		check_lines(s.values[i]);
	}
}

/* ---- refused -------------------------------------------------------------------------------------------- */

static void check_refused(struct fixture *f, struct str message, const char *why)
{
	for (size_t chunk = 1; chunk < 4; chunk++) {
		struct str body;
		const struct header_list *headers = dkim_run_headers(f->message, message, &body);
		struct signing s = sign_parts(f->signer, f->keys, KEYS, f->message, headers, body, chunk);
		assert_false(s.is_signed);
		if (strstr(str_to_c(f->message, s.why), why) == NULL)
			fail_msg("got \"%.*s\", want \"%s\"", STR_ARG(s.why), why);
	}
}

static struct header_list *two_fields(struct arena *a, struct str value)
{
	struct header_list *h = header_list_new(a);
	header_list_add(h, STR("From"), STR(" a@example.org"));
	header_list_add(h, STR("Subject"), value);
	return h;
}

static void what_others_could_read_differently_is_not_signed(void **state)
{
	static const struct { struct str value; const char *why; } values[] = {
		{ { " a\rb", 4 }, "CR that ends no line" },
		{ { " a\r", 3 }, "CR that ends no line" },
		{ { " a\nTo: me", 9 }, "does not begin with a blank" },
		{ { " a\r\nTo: me", 10 }, "does not begin with a blank" },
		{ { " a\n", 3 }, "does not begin with a blank" },
		{ { " a\0b", 4 }, "control character" },
		{ { " a\vb", 4 }, "control character" },
		{ { " a\fb", 4 }, "control character" },
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct header_list *h = two_fields(f->message, values[i].value);
		struct signing s = sign_parts(f->signer, f->keys, KEYS, f->message, h, STR("x\r\n"), SIZE_MAX);
		assert_false(s.is_signed);
		assert_non_null(strstr(str_to_c(f->message, s.why), values[i].why));
		assert_non_null(strstr(str_to_c(f->message, s.why), "Subject"));
	}
	/* The same in a field that is not signed does not matter. */
	struct header_list *h = two_fields(f->message, STR(" x"));
	header_list_add(h, STR("X-Any"), STR(" a\vb"));
	assert_true(sign_parts(f->signer, f->keys, KEYS, f->message, h, STR("x\r\n"), SIZE_MAX).is_signed);
}

static void bodies_with_stray_line_ends_are_not_signed(void **state)
{
	static const char *const bodies[] = { "a\rb\r\n", "a\nb\r\n", "a\r\r\n", "a\r", "\n", "\ra\r\n", "a\r\n\r" };
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		for (size_t chunk = 1; chunk < 6; chunk++) {
			struct header_list *h = two_fields(f->message, STR(" x"));
			struct signing s = sign_parts(f->signer, f->keys, KEYS, f->message, h, str_of(bodies[i]), chunk);
			assert_false(s.is_signed);
			assert_str(s.why, "the body has a CR or LF that ends no line");
		}
}

static void bodies_with_lines_without_end_are_not_signed(void **state)
{
	struct fixture *f = *state;
	size_t bytes = 1024 * 1024 - 1;
	char *line = arena_alloc(f->message, bytes + 2);
	memset(line, 'x', bytes);
	memcpy(line + bytes, "\r\n", 2);
	struct signing s = sign_parts(f->signer, f->keys, KEYS, f->message, two_fields(f->message, STR(" x")),
				      (struct str){ line, bytes + 2 }, 65535);
	assert_false(s.is_signed);
	assert_str(s.why, "the body has a line that is too long to sign");
	s = sign_parts(f->signer, f->keys, KEYS, f->message, two_fields(f->message, STR(" x")),
		       (struct str){ line + 1, bytes + 1 }, 65535);
	assert_true(s.is_signed);
}

static void authors_and_sizes_are_checked(void **state)
{
	struct fixture *f = *state;
	check_refused(f, STR("Subject: x\n\nx\n"), "there are 0 From fields");
	check_refused(f, STR("From: a@example.org\nFrom: b@example.org\n\nx\n"), "there are 2 From fields");
	check_refused(f, STR("From: a@example.org\nfrom : b@example.org\n\nx\n"), "there are 2 From fields");
	struct header_list *h = two_fields(f->message, STR(" x"));
	for (int i = 0; i < 1000; i++)
		header_list_add(h, STR("References"), STR(" x"));
	struct signing s = sign_parts(f->signer, f->keys, KEYS, f->message, h, STR("x\r\n"), SIZE_MAX);
	assert_false(s.is_signed);
	assert_str(s.why, "there are too many header fields to sign");
}

static void a_key_that_is_gone_signs_nothing(void **state)
{
	struct fixture *f = *state;
	struct arena *a = arena_new();
	EVP_PKEY *key = private_key_generate(KEY_ED25519, 0);
	const struct signing_key *gone = signing_key_new(a, key, STR("example.org"), STR("gone"));
	EVP_PKEY_free(key);
	struct signing_key copy = *gone;
	copy.record_name = str_dup(f->message, gone->record_name);
	const struct signing_key *keys[] = { f->keys[KEY_2], &copy };
	struct str why;
	struct header_list *h = two_fields(f->message, STR(" x"));
	struct auth_dkim_sign *s = auth_dkim_sign_begin(f->signer, keys, 2, h, f->message, &why);
	assert_non_null(s);
	arena_free(a);
	const struct str *values;
	size_t count;
	assert_true(auth_dkim_sign_body(s, (const unsigned char *)"x\r\n", 3));
	assert_false(auth_dkim_sign_end(s, &values, &count, &why));
	assert_non_null(strstr(str_to_c(f->message, why), "gone._domainkey.example.org"));
}

/* ---- threads -------------------------------------------------------------------------------------------- */

static void *sign_many(void *arg)
{
	struct fixture *f = arg;
	struct arena *a = arena_new();
	for (int i = 0; i < UNLESS_VALGRIND(60, 4); i++) {
		/* All sets of optional fields, so that libraries are made at the same time. */
		struct header_list *h = two_fields(a, STR(" x"));
		static const char *const optional[] = { "MIME-Version", "Content-Type", "List-Unsubscribe", "Content-ID" };
		for (int bit = 0; bit < 4; bit++)
			if ((i >> bit & 1) != 0)
				header_list_add(h, str_of(optional[bit]), STR(" y"));
		struct signing s = sign_parts(f->signer, f->keys, KEYS, a, h, STR("some text\r\n"), 4);
		if (!s.is_signed || s.count != KEYS)
			abort();
		struct header_list *signed_headers = header_list_new(a);
		for (size_t k = 0; k < s.count; k++)
			header_list_add(signed_headers, STR("DKIM-Signature"), s.values[k]);
		for (size_t k = 0; k < header_list_count(h); k++)
			header_list_add(signed_headers, header_list_at(h, k)->name, header_list_at(h, k)->value);
		struct dkim_run run = dkim_run(f->verifier, f->dns, a, signed_headers, STR("some text\r\n"), SIZE_MAX);
		for (size_t k = 0; k < KEYS; k++)
			if (run.count != KEYS || run.list[k].result != RESULT_PASS)
				abort();
		arena_reset(a);
	}
	arena_free(a);
	return NULL;
}

static void threads_sign_with_the_same_keys(void **state)
{
	pthread_t threads[4];
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, sign_many, *state), 0);
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(many_shapes_of_messages_verify, set_up, tear_down),
		cmocka_unit_test_setup_teardown(messages_of_the_suite_verify, set_up, tear_down),
		cmocka_unit_test_setup_teardown(large_things_verify, set_up, tear_down),
		cmocka_unit_test_setup_teardown(names_are_named_once_more_than_there_are, set_up, tear_down),
		cmocka_unit_test_setup_teardown(changes_on_the_way_are_seen, set_up, tear_down),
		cmocka_unit_test_setup_teardown(settings_stand_in_the_field, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_others_could_read_differently_is_not_signed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bodies_with_stray_line_ends_are_not_signed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bodies_with_lines_without_end_are_not_signed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(authors_and_sizes_are_checked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_key_that_is_gone_signs_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(threads_sign_with_the_same_keys, set_up, tear_down),
	};
	return RUN_TESTS(tests);
}

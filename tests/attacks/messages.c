#include "attacks/messages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

enum { MB = 1024 * 1024 };

/* ---- pieces --------------------------------------------------------------------------------------------- */

static bool begin_from(struct milter_client *c, const char *sender)
{
	struct str mail = str_of(sender), rcpt = STR("<b@example.com>");
	return milter_goes_on(milter_client_mail(c, &mail, 1)) && milter_goes_on(milter_client_rcpt(c, &rcpt, 1)) &&
	       milter_goes_on(milter_client_data(c));
}

static bool begin(struct milter_client *c)
{
	return begin_from(c, "<a@attack.example>");
}

static void field(struct milter_client *c, const char *name, struct str value)
{
	milter_client_header(c, str_of(name), value);
}

static void from(struct milter_client *c)
{
	field(c, "From", STR(" a@attack.example"));
}

/* The same text again and again, in one field. */
static void long_field(struct milter_client *c, const char *name, const char *first, const char *again, size_t bytes)
{
	char *p = fail_if_null(malloc(strlen(first) + bytes + strlen(again) + 1));
	size_t n = strlen(first);
	memcpy(p, first, n);
	for (; n < bytes; n += strlen(again))
		strcpy(p + n, again);
	field(c, name, (struct str){ p, n });
	free(p);
}

static struct milter_answer end(struct milter_client *c)
{
	struct milter_answer a = milter_client_headers_end(c);
	return milter_goes_on(a) ? milter_client_end(c) : a;
}

static struct milter_answer end_with_body(struct milter_client *c, const char *again, size_t bytes)
{
	static char chunk[MB];
	size_t n = 0;
	struct milter_answer a = milter_client_headers_end(c);
	while (n + strlen(again) <= sizeof(chunk)) {
		memcpy(chunk + n, again, strlen(again));
		n += strlen(again);
	}
	for (size_t sent = 0; sent < bytes && milter_goes_on(a); sent += n)
		a = milter_client_body(c, (struct str){ chunk, n });
	return milter_goes_on(a) ? milter_client_end(c) : a;
}

/* Of the form that is verified, with a body hash and a signature that are wrong. */
static void signature(struct milter_client *c, const char *canonicalization, const char *selector, const char *names,
		      const char *more)
{
	char value[8192];
	int n = snprintf(value, sizeof(value),
			 " v=1; a=rsa-sha256; c=%s; d=attack.example; s=%s;%s\n h=%s;\n"
			 " bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=",
			 canonicalization, selector, more, names);
	BUG_IF(n < 0 || (size_t)n + 400 > sizeof(value));
	memset(value + n, 'A', 344);
	value[n + 344] = 0;
	field(c, "DKIM-Signature", str_of(value));
}

/* One for each way to hash a body that may be asked for. */
static void three_signatures(struct milter_client *c)
{
	signature(c, "relaxed/relaxed", "good", "from", "");
	signature(c, "simple/simple", "good", "from", "");
	signature(c, "relaxed/relaxed", "good", "from", " l=40000000;");
}

/* ---- header sections ------------------------------------------------------------------------------------ */

static struct milter_answer many_fields(struct milter_client *c)
{
	if (!begin(c))
		return (struct milter_answer){ .kind = MILTER_BROKEN };
	from(c);
	for (int i = 0; i < 10000; i++)
		field(c, "X-Pad", STR(" y"));
	return end(c);
}

static struct milter_answer full_header(struct milter_client *c)
{
	begin(c);
	from(c);
	for (int i = 0; i < 990; i++)
		long_field(c, "Received", " from", " a by b;\n", 1000);
	return end(c);
}

static struct milter_answer field_of_1_mb(struct milter_client *c)
{
	begin(c);
	from(c);
	long_field(c, "X-Long", " ", "x", MB);
	return end(c);
}

static struct milter_answer field_of_20_mb(struct milter_client *c)
{
	begin(c);
	from(c);
	long_field(c, "X-Long", " ", "x", 20 * MB);
	return end(c);
}

static struct milter_answer header_of_20_mb(struct milter_client *c)
{
	begin(c);
	from(c);
	for (int i = 0; i < 320; i++)
		long_field(c, "X-Long", " ", "x", 65000);
	return end(c);
}

static struct milter_answer header_of_blanks(struct milter_client *c)
{
	begin(c);
	from(c);
	signature(c, "relaxed/relaxed", "good", "from:x-blank:x-blank", "");
	long_field(c, "X-Blank", "", " \t\n", 1000 * 1000);
	return end(c);
}

/* ---- authors, and other fields that are read ------------------------------------------------------------ */

static struct milter_answer only(struct milter_client *c, const char *name, const char *first, const char *again)
{
	begin(c);
	if (strcmp(name, "From") != 0)
		from(c);
	long_field(c, name, first, again, 1000 * 1000);
	return end(c);
}

static struct milter_answer deep_comments(struct milter_client *c) { return only(c, "From", " a@b.example ", "("); }
static struct milter_answer flat_comments(struct milter_client *c) { return only(c, "From", " ", "(\\())"); }
static struct milter_answer many_mailboxes(struct milter_client *c) { return only(c, "From", " ", "a@b.example,"); }
static struct milter_answer many_quotes(struct milter_client *c) { return only(c, "From", " ", "\"\\a\" "); }
static struct milter_answer many_groups(struct milter_client *c) { return only(c, "From", " ", "g:;"); }
static struct milter_answer many_routes(struct milter_client *c) { return only(c, "From", " <", "@a.example,"); }
static struct milter_answer many_labels(struct milter_client *c) { return only(c, "From", " a@", "b."); }
static struct milter_answer many_folds(struct milter_client *c) { return only(c, "From", " a@b.example", "\n "); }
static struct milter_answer many_words(struct milter_client *c) { return only(c, "From", " ", "=?utf-8?q?a?= "); }
static struct milter_answer hidden_froms(struct milter_client *c) { return only(c, "X-Other", " ", "\rFrom"); }
static struct milter_answer long_date(struct milter_client *c) { return only(c, "Date", " ", "(x) "); }
static struct milter_answer long_list(struct milter_client *c) { return only(c, "List-Unsubscribe", " ", "<http:>,"); }

static struct milter_answer many_authors(struct milter_client *c)
{
	begin(c);
	for (int i = 0; i < 999; i++)
		long_field(c, "From", " ", "(((a)))a@b.example,", 1000);
	return end(c);
}

static struct milter_answer foreign_results(struct milter_client *c)
{
	begin(c);
	from(c);
	for (int i = 0; i < 998; i++)
		long_field(c, "Authentication-Results", " other.example; (mx.example.com) dmarc=pass", " ((x))", 1000);
	return end(c);
}

static struct milter_answer forged_results(struct milter_client *c)
{
	begin(c);
	from(c);
	for (int i = 0; i < 998; i++)
		long_field(c, "Authentication-Results", " mx.example.com; dmarc=pass", " (x)", 1000);
	return end(c);
}

/* ---- signatures ----------------------------------------------------------------------------------------- */

static struct milter_answer many_signatures(struct milter_client *c)
{
	begin(c);
	from(c);
	for (int i = 0; i < 998; i++) {
		char length[32];
		snprintf(length, sizeof(length), " l=%d;", i);
		signature(c, "relaxed/relaxed", "good", "from", length);
	}
	return end_with_body(c, "0123456789abcdef\r\n", MB);
}

/* The longest h= that is read, ten times, and as many fields as a message may have. */
static struct milter_answer many_names(struct milter_client *c)
{
	char names[4000];
	strcpy(names, "from");
	for (size_t n = 4; n + 2 < sizeof(names); n += 2)
		strcpy(names + n, ":x");
	begin(c);
	from(c);
	for (int i = 0; i < 10; i++)
		signature(c, "relaxed/simple", "good", names, "");
	for (int i = 0; i < 980; i++)
		long_field(c, "x", " ", "y \t", 900);
	return end(c);
}

static struct milter_answer giant_key(struct milter_client *c)
{
	begin(c);
	from(c);
	for (int i = 0; i < 10; i++)
		signature(c, "relaxed/relaxed", "giant", "from", "");
	return end_with_body(c, "x\r\n", 1000);
}

static struct milter_answer giant_exponent(struct milter_client *c)
{
	begin(c);
	from(c);
	for (int i = 0; i < 10; i++)
		signature(c, "relaxed/relaxed", "exponent", "from", "");
	return end_with_body(c, "x\r\n", 1000);
}

/* ---- bodies --------------------------------------------------------------------------------------------- */

static struct milter_answer signed_body(struct milter_client *c, const char *again, size_t bytes)
{
	begin(c);
	from(c);
	three_signatures(c);
	return end_with_body(c, again, bytes);
}

static struct milter_answer body_of_50_mb(struct milter_client *c)
{
	return signed_body(c, "0123456789 abcdefghijklmnopqrstuvwxyz 0123456789\r\n", 50 * MB);
}

static struct milter_answer body_over_the_limit(struct milter_client *c)
{
	return signed_body(c, "0123456789 abcdefghijklmnopqrstuvwxyz 0123456789\r\n", 102 * MB);
}

static struct milter_answer blanks(struct milter_client *c) { return signed_body(c, "        ", 20 * MB); }
static struct milter_answer blank_lines(struct milter_client *c) { return signed_body(c, "\r\n", 20 * MB); }
static struct milter_answer blanks_in_lines(struct milter_client *c) { return signed_body(c, " \t\r\n", 20 * MB); }
static struct milter_answer bare_crs(struct milter_client *c) { return signed_body(c, "\r", 20 * MB); }
static struct milter_answer bare_lfs(struct milter_client *c) { return signed_body(c, "\n", 20 * MB); }
static struct milter_answer nuls(struct milter_client *c) { return signed_body(c, "a\1", 20 * MB); }

static struct milter_answer nested_mime(struct milter_client *c)
{
	begin(c);
	from(c);
	field(c, "MIME-Version", STR(" 1.0"));
	field(c, "Content-Type", STR(" multipart/mixed; boundary=a"));
	return end_with_body(c, "--a\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n", 20 * MB);
}

/* ---- envelopes ------------------------------------------------------------------------------------------ */

static struct milter_answer many_recipients(struct milter_client *c)
{
	begin(c);
	struct milter_answer a = { .kind = MILTER_BROKEN };
	for (int i = 0; i < 2000; i++) {
		char path[64];
		snprintf(path, sizeof(path), "<b%d@example.com>", i);
		struct str rcpt = str_of(path);
		a = milter_client_rcpt(c, &rcpt, 1);
		if (milter_goes_on(a) != (i < 999) || a.kind == MILTER_BROKEN)
			return (struct milter_answer){ .kind = MILTER_BROKEN };
	}
	from(c);
	return end(c);
}

static struct milter_answer long_sender(struct milter_client *c)
{
	static char path[MB];
	memset(path, '"', sizeof(path) - 1);
	path[0] = '<';
	begin_from(c, path);
	from(c);
	return end(c);
}

static struct milter_answer many_commands(struct milter_client *c)
{
	for (int i = 0; i < 2000; i++) {
		if (!begin(c) || !milter_client_abort(c))
			return (struct milter_answer){ .kind = MILTER_BROKEN };
		milter_client_helo(c, "attack.example");
	}
	begin(c);
	from(c);
	return end(c);
}

/* ---- DNS ------------------------------------------------------------------------------------------------ */

static struct milter_answer asks(struct milter_client *c, const char *domain)
{
	char sender[64], author[64];
	snprintf(sender, sizeof(sender), "<a@%s>", domain);
	snprintf(author, sizeof(author), " a@%s", domain);
	if (!begin_from(c, sender))
		return (struct milter_answer){ .kind = MILTER_BROKEN };
	field(c, "From", str_of(author));
	return end(c);
}

static struct milter_answer silent_dns(struct milter_client *c) { return asks(c, "silent.example"); }
static struct milter_answer slow_dns(struct milter_client *c) { return asks(c, "slow.example"); }
static struct milter_answer looping_dns(struct milter_client *c) { return asks(c, "loop.example"); }
static struct milter_answer huge_dns(struct milter_client *c) { return asks(c, "huge.example"); }
static struct milter_answer wide_dns(struct milter_client *c) { return asks(c, "wide.example"); }

static struct milter_answer silent_keys(struct milter_client *c)
{
	begin_from(c, "<a@b.silent.example>");
	field(c, "From", STR(" a@a.b.c.d.e.f.g.h.silent.example"));
	for (int i = 0; i < 10; i++) {
		char value[512];
		snprintf(value, sizeof(value),
			 " v=1; a=rsa-sha256; d=d%d.silent.example; s=s; h=from;\n"
			 " bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA", i);
		field(c, "DKIM-Signature", str_of(value));
	}
	return end(c);
}

const struct attack attacks[] = {
	{ "10,000 header fields", many_fields, 552, false, 1 },
	{ "990 fields of 1,000 bytes", full_header, 0, false, 1 },
	{ "a field of 1 MB", field_of_1_mb, 552, false, 1 },
	{ "a field of 20 MB", field_of_20_mb, BROKEN_OFF, false, 20 },
	{ "a header of 20 MB", header_of_20_mb, 552, false, 20 },
	{ "1 MB of folded blanks, signed", header_of_blanks, 0, false, 1 },
	{ "From: comments a million deep", deep_comments, 550, false, 1 },
	{ "From: 200,000 comments", flat_comments, 550, false, 1 },
	{ "From: 80,000 mailboxes", many_mailboxes, 550, false, 1 },
	{ "From: 200,000 quoted words", many_quotes, 550, false, 1 },
	{ "From: 300,000 groups", many_groups, 550, false, 1 },
	{ "From: a route of 90,000 hops", many_routes, 550, false, 1 },
	{ "From: a domain of 500,000 labels", many_labels, 550, false, 1 },
	{ "From: 500,000 folds", many_folds, 550, false, 1 },
	{ "From: 70,000 encoded words", many_words, 550, false, 1 },
	{ "200,000 hidden From", hidden_froms, 0, false, 1 },
	{ "999 From fields", many_authors, 550, false, 1 },
	{ "Date of 250,000 comments", long_date, 0, false, 1 },
	{ "List-Unsubscribe of 120,000 addresses", long_list, 0, false, 1 },
	{ "998 foreign Authentication-Results", foreign_results, 0, false, 1 },
	{ "998 forged Authentication-Results", forged_results, 550, false, 1 },
	{ "998 signatures, each another l=", many_signatures, 0, false, 2 },
	{ "10 signatures of 2,000 names, 990 fields", many_names, 0, false, 1 },
	{ "10 signatures with a key of 16,384 bits", giant_key, 0, false, 0 },
	{ "10 signatures with an exponent of 2,040 bits", giant_exponent, 0, false, 0 },
	{ "a body of 50 MB, 3 signatures", body_of_50_mb, 0, false, 50 },
	{ "a body of 102 MB, 3 signatures", body_over_the_limit, 552, false, 102 },
	{ "20 MB of blanks, 3 signatures", blanks, 0, false, 20 },
	{ "20 MB of blank lines, 3 signatures", blank_lines, 0, false, 20 },
	{ "20 MB of lines of blanks, 3 signatures", blanks_in_lines, 0, false, 20 },
	{ "20 MB of bare CR, 3 signatures", bare_crs, 0, false, 20 },
	{ "20 MB of bare LF, 3 signatures", bare_lfs, 0, false, 20 },
	{ "20 MB of control characters, 3 signatures", nuls, 0, false, 20 },
	{ "MIME parts 400,000 deep", nested_mime, 0, false, 20 },
	{ "2,000 recipients", many_recipients, 0, false, 1 },
	{ "a sender of 1 MB", long_sender, 0, false, 1 },
	{ "2,000 messages begun and reset", many_commands, 0, false, 20 },
	{ "DNS that loops", looping_dns, 451, false, 0 },
	{ "DNS answers of 64 KB", huge_dns, 0, false, 0 },
	{ "10 mx of 100 hosts", wide_dns, 0, false, 0 },
	{ "DNS that is slow", slow_dns, 0, true, 0 },
	{ "DNS that is silent", silent_dns, 451, true, 0 },
	{ "silent DNS for sender, author and 10 keys", silent_keys, 451, true, 0 },
};

const size_t attack_count = sizeof(attacks) / sizeof(attacks[0]);

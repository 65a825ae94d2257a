/* Signs messages as a session does, for verifiers that are not ours.
 *
 * usage: sign_check OUT MESSAGE...
 * Makes an RSA and an Ed25519 key, writes their records to OUT/records ("NAME TEXT" a line) and each message with both
 * signatures on top and CRLF line ends to OUT/MESSAGE. What is not signed is printed with the reason. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "auth/dkim_sign.h"
#include "auth/private_key.h"
#include "auth/signing_key.h"
#include "base/arena.h"
#include "eval/case.h"
#include "eval/eml.h"
#include "lib/dkim_run.h"
#include "mail/header.h"

enum { KEYS = 2, MESSAGE_BYTES_MAX = 16 << 20 };

struct signing {
	struct arena *arena; /* of the keys */
	const char *out;
	const struct signing_key *keys[KEYS];
	struct auth_dkim_signer *signer;
};

static FILE *create(const char *folder, const char *name)
{
	char *path;
	FILE *f = asprintf(&path, "%s/%s", folder, name) < 0 ? NULL : fopen(path, "we");
	if (f == NULL) {
		perror(name);
		exit(1);
	}
	free(path);
	return f;
}

static void make_keys(struct signing *s)
{
	FILE *records = create(s->out, "records");
	for (int i = 0; i < KEYS; i++) {
		EVP_PKEY *key = private_key_generate(i == 0 ? KEY_RSA : KEY_ED25519, PRIVATE_KEY_RSA_BITS_USUAL);
		s->keys[i] = signing_key_new(s->arena, key, STR("example.org"), i == 0 ? STR("rsa") : STR("ed"));
		EVP_PKEY_free(key);
		fprintf(records, "%.*s %.*s\n", STR_ARG(s->keys[i]->record_name), STR_ARG(s->keys[i]->record));
	}
	fclose(records);
}

static void write_text(FILE *f, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\n' && (i == 0 || text.p[i - 1] != '\r'))
			putc('\r', f);
		putc(text.p[i], f);
	}
}

/* As the MTA stores it: the header as it gave it to us, below what we gave. */
static void write_message(const struct signing *s, const char *name, const struct str *values, size_t count,
			  const struct header_list *headers, struct str body)
{
	FILE *f = create(s->out, name);
	for (size_t i = 0; i < count; i++) {
		write_text(f, STR("DKIM-Signature: "));
		write_text(f, values[i]);
		write_text(f, STR("\n"));
	}
	for (size_t i = 0; i < header_list_count(headers); i++) {
		const struct header *h = header_list_at(headers, i);
		fprintf(f, "%.*s:", STR_ARG(h->name));
		write_text(f, h->value);
		write_text(f, STR("\n"));
	}
	write_text(f, STR("\n"));
	fwrite(body.p, 1, body.n, f);
	if (body.n > 0 && body.p[body.n - 1] != '\n') /* it came over SMTP */
		write_text(f, STR("\n"));
	fclose(f);
}

static void sign_file(const struct signing *s, const char *path)
{
	struct arena *a = arena_new();
	const char *slash = strrchr(path, '/'), *name = slash == NULL ? path : slash + 1;
	struct str message, body, why = STR_EMPTY;
	const struct str *values;
	size_t count;
	if (!case_slurp(a, path, MESSAGE_BYTES_MAX, &message)) {
		perror(path);
		exit(1);
	}
	const struct header_list *headers = dkim_run_headers(a, message, &body);
	struct auth_dkim_sign *sign = auth_dkim_sign_begin(s->signer, s->keys, KEYS, headers, a, &why);
	for (size_t at = 0; sign != NULL && at < body.n; at += 60000) {
		struct str part = str_sub(body, at, 60000);
		auth_dkim_sign_body(sign, (const unsigned char *)part.p, part.n);
	}
	if (sign != NULL && auth_dkim_sign_end(sign, &values, &count, &why))
		write_message(s, name, values, count, headers, body);
	else
		printf("%s: %.*s\n", name, STR_ARG(why));
	arena_free(a);
}

int main(int argc, char **argv)
{
	static const struct sign_settings settings = { .expires_s = 86400 };
	if (argc < 3)
		return 64;
	struct signing s = { .arena = arena_new(), .out = argv[1] };
	make_keys(&s);
	s.signer = auth_dkim_signer_new(&settings);
	for (int i = 2; i < argc; i++)
		sign_file(&s, argv[i]);
	auth_dkim_signer_free(s.signer);
	arena_free(s.arena);
	return 0;
}

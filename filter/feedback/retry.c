#include "feedback/retry.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/fail.h"
#include "feedback/suppress.h"
#include "feedback/when.h"
#include "mail/header.h"
#include "store/store.h"

static const struct rule_place place = { .rule = "retry" };
static const struct decision go_on = { .action = ACTION_CONTINUE };

/* ---- the hash ---------------------------------------------------------------------------------------------- */

enum { HASH_BYTES = 32 };

struct retry_content {
	EVP_MD_CTX *hash;
	struct str content; /* once it is complete */
};

static struct str in_hex(struct arena *a, const unsigned char hash[static HASH_BYTES])
{
	static const char digits[] = "0123456789abcdef";
	char *hex = arena_alloc(a, 2 * HASH_BYTES);
	for (size_t i = 0; i < HASH_BYTES; i++) {
		hex[2 * i] = digits[hash[i] >> 4];
		hex[2 * i + 1] = digits[hash[i] & 0xf];
	}
	return (struct str){ hex, 2 * HASH_BYTES };
}

static void free_hash(void *hash)
{
	EVP_MD_CTX_free(hash);
}

static void hash_add(struct retry_content *c, const void *bytes, size_t count)
{
	BUG_IF(EVP_DigestUpdate(c->hash, bytes, count) != 1);
}

/* Under which a refusal is kept. Other spellings of one address are one recipient; with their lengths, no text can be
 * taken for a part of the next one. */
static struct str key_of(struct arena *a, const struct retry_scope *scope, struct str recipient, struct str content)
{
	unsigned char hash[HASH_BYTES];
	struct str address = recipient;
	suppress_address(a, recipient, &address);
	struct str all = str_printf(a, "%zu:%.*s%zu:%.*s%.*s", scope->workflow.n, STR_ARG(scope->workflow), address.n,
				    STR_ARG(address), STR_ARG(content));
	BUG_IF(EVP_Digest(all.p, all.n, hash, NULL, EVP_sha256(), NULL) != 1);
	return in_hex(a, hash);
}

/* ---- looking up and remembering ---------------------------------------------------------------------------- */

struct retry_facts {
	enum fact_id of, count;
};

static struct reply reply_again(struct arena *a, const struct refusal *r)
{
	struct str text = str_printf(a, "Refused for good on %.*s (id %.*s), this is repeat %" PRId64 ": %.*s",
				     STR_ARG(when_print(a, r->unix_s)), STR_ARG(r->id), r->repeats, STR_ARG(r->text));
	return reply_of(a, 550, str_to_c(a, r->enhanced), text);
}

static struct decision refuse(struct arena *a, const struct refusal *r)
{
	return (struct decision){ .action = ACTION_REJECT, .reply = reply_again(a, r), .from = place };
}

/* True if it was found. */
static bool look_up(const struct retry_scope *scope, struct str key, struct facts *facts, struct retry_facts ids,
		    struct refusal *found, struct arena *a)
{
	switch (store_find_refusal(scope->store, key, a, found)) {
	case STORE_OK:
		facts_set_text(facts, ids.of, found->id);
		facts_set_int(facts, ids.count, found->repeats);
		return true;
	case STORE_NOT_FOUND:
		break;
	case STORE_UNAVAILABLE:
		facts_set_unknown(facts, ids.of, STR("the store does not answer"));
		facts_set_unknown(facts, ids.count, STR("the store does not answer"));
		break;
	}
	return false;
}

static void remember(const struct retry_scope *scope, struct str key, const struct decision *d, struct str id,
		     struct arena *a)
{
	int64_t now_s = clock_unix_s();
	const struct refusal refusal = {
		.key = key,
		.id = id,
		.enhanced = d->reply.enhanced,
		.text = hide_addresses(a, scope->addresses, d->reply.text),
		.source = STR("here"),
		.code = d->reply.code,
		.unix_s = now_s,
		.expires_unix_s = now_s + (scope->memory_ms + 999) / 1000,
	};
	store_remember_refusal(scope->store, &refusal);
}

static bool is_worth_remembering(const struct retry_scope *scope, const struct decision *d)
{
	return scope->memory_ms > 0 && d->action == ACTION_REJECT && d->reply.code >= 500;
}

/* ---- recipients -------------------------------------------------------------------------------------------- */

struct decision retry_judge_recipient(const struct retry_scope *scope, struct facts *recipient, struct arena *a)
{
	static const struct retry_facts ids = { FACT_RCPT_RETRY_OF, FACT_RCPT_RETRY_COUNT };
	struct refusal found;
	facts_set_absent(recipient, ids.of);
	facts_set_absent(recipient, ids.count);
	if (scope->memory_ms == 0)
		return go_on;
	struct str key = key_of(a, scope, facts_text(recipient, FACT_RCPT_TO), STR_EMPTY);
	return look_up(scope, key, recipient, ids, &found, a) ? refuse(a, &found) : go_on;
}

void retry_remember_recipient(const struct retry_scope *scope, const struct facts *recipient, const struct decision *d,
			      struct str id, struct arena *a)
{
	if (is_worth_remembering(scope, d))
		remember(scope, key_of(a, scope, facts_text(recipient, FACT_RCPT_TO), STR_EMPTY), d, id, a);
}

/* ---- messages ---------------------------------------------------------------------------------------------- */

struct retry_content *retry_content_begin(struct arena *a, const struct header_list *headers)
{
	static const struct str names[] = { { "From", 4 }, { "Subject", 7 } };
	struct retry_content *c = ARENA_NEW(a, struct retry_content);
	c->hash = fail_if_null(EVP_MD_CTX_new());
	arena_defer(a, free_hash, c->hash);
	BUG_IF(EVP_DigestInit_ex(c->hash, EVP_sha256(), NULL) != 1);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct header *h = header_list_find(headers, names[i], 0);
		struct str value = h == NULL ? STR_EMPTY : header_unfold(a, h->value);
		uint64_t length = value.n;
		hash_add(c, &length, sizeof(length));
		hash_add(c, value.p, value.n);
	}
	return c;
}

void retry_content_body(struct retry_content *c, const void *bytes, size_t count)
{
	hash_add(c, bytes, count);
}

/* All that was added. */
static struct str hash_end(struct retry_content *c, struct arena *a)
{
	unsigned char hash[HASH_BYTES];
	BUG_IF(EVP_DigestFinal_ex(c->hash, hash, NULL) != 1);
	return in_hex(a, hash);
}

/* True if this content was refused to one of them. */
static bool look_up_all(const struct retry_scope *scope, struct str content, struct facts *facts,
			const struct facts *const *recipients, size_t count, struct refusal *found, struct arena *a)
{
	static const struct retry_facts ids = { FACT_RETRY_OF, FACT_RETRY_COUNT };
	facts_set_absent(facts, ids.of);
	facts_set_absent(facts, ids.count);
	for (size_t i = 0; scope->memory_ms > 0 && i < count; i++)
		if (look_up(scope, key_of(a, scope, facts_text(recipients[i], FACT_RCPT_TO), content), facts, ids, found, a))
			return true;
	return false;
}

static void remember_all(const struct retry_scope *scope, struct str content, const struct facts *const *recipients,
			 size_t count, const struct decision *d, struct str id, struct arena *a)
{
	for (size_t i = 0; i < count; i++)
		remember(scope, key_of(a, scope, facts_text(recipients[i], FACT_RCPT_TO), content), d, id, a);
}

struct decision retry_judge_message(const struct retry_scope *scope, struct retry_content *c, struct facts *facts,
				    const struct facts *const *recipients, size_t count, struct arena *a)
{
	struct refusal found;
	c->content = hash_end(c, a);
	return look_up_all(scope, c->content, facts, recipients, count, &found, a) ? refuse(a, &found) : go_on;
}

void retry_remember_message(const struct retry_scope *scope, struct retry_content *c,
			    const struct facts *const *recipients, size_t count, const struct decision *d, struct str id,
			    struct arena *a)
{
	if (is_worth_remembering(scope, d))
		remember_all(scope, c->content, recipients, count, d, id, a);
}

struct decision retry_judge_refused(const struct retry_scope *scope, const struct header_list *headers,
				    struct facts *facts, const struct facts *const *recipients, size_t count,
				    const struct decision *d, struct str id, struct arena *a)
{
	struct decision again = *d;
	struct refusal found;
	if (!is_worth_remembering(scope, d))
		return again;
	struct str header = hash_end(retry_content_begin(a, headers), a);
	struct str content = str_printf(a, "%.*s %.*s", STR_ARG(header), STR_ARG(d->reply.text));
	if (look_up_all(scope, content, facts, recipients, count, &found, a))
		again.reply = reply_again(a, &found);
	else
		remember_all(scope, content, recipients, count, d, id, a);
	return again;
}

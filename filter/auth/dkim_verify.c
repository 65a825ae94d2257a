#include "auth/dkim.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "auth/dkim_cover.h"
#include "auth/dkim_feed.h"
#include "auth/dkim_gate.h"
#include "auth/dkim_key_record.h"
#include "auth/dkim_length.h"
#include "auth/key_cache.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/map.h"
#include "dns/dns.h"
#include "log/log.h"
#include "mail/header.h"

/* What one message may cost. The library walks all header fields for each name in each h=, hashes the header
 * fields once for each signature, and the body once for each way that signatures ask for. */
enum {
	NAME_STEPS_MAX = 1000 * 1000,
	HEADER_BYTES_MAX = 32 * 1024 * 1024,
	BODY_PASSES_MAX = 3,
	PREFIX_MIN = 8, /* RFC 6008 4 */
	PREFIX_MAX = 64,
};

/* libopendkim's own handles point to their library, so each holds a reference. */
struct library {
	atomic_uint refs;
	DKIM_LIB *lib;
};

struct auth_dkim {
	struct library *library;
	struct dkim_limits limits;
};

struct entry {
	struct dkim_signature signature;
	struct dkim_verdict verdict;
	bool is_open;            /* the verdict has no result yet */
	bool is_fed;             /* the library has the field */
	DKIM_SIGINFO *info;      /* fed: the library's view */
	struct dkim_key key;
	struct dkim_length body; /* with l= */
	struct str half_covered; /* see auth/dkim_cover.h */
};

struct auth_dkim_verify {
	struct library *library;
	struct dkim_limits limits;
	struct dns *dns;
	struct log *log;
	struct arena *arena;
	DKIM *handle;            /* NULL: nothing to verify; the arena's */
	struct entry *entries;   /* the first signatures of the message, from the top */
	size_t count;
	size_t total;            /* DKIM-Signature fields */
	struct dkim_body body;
};

static const struct str signature_field = { "DKIM-Signature", sizeof("DKIM-Signature") - 1 };

static DKIM_STAT give_key(DKIM *handle, DKIM_SIGINFO *info, unsigned char *text, size_t room)
{
	const struct auth_dkim_verify *v = dkim_get_user_context(handle);
	for (size_t i = 0; i < v->count; i++) {
		const struct entry *e = &v->entries[i];
		if (e->info != info || e->key.text.n == 0 || e->key.text.n >= room)
			continue;
		memcpy(text, e->key.text.p, e->key.text.n);
		text[e->key.text.n] = '\0';
		return DKIM_CBSTAT_CONTINUE;
	}
	return DKIM_CBSTAT_NOTFOUND;
}

static void library_put(struct library *l)
{
	if (atomic_fetch_sub(&l->refs, 1) > 1)
		return;
	dkim_close(l->lib);
	free(l);
}

static struct library *library_new(unsigned min_rsa_bits)
{
	struct library *l = fail_if_null(calloc(1, sizeof(*l)));
	atomic_init(&l->refs, 1);
	l->lib = fail_if_null(dkim_init(NULL, NULL));
	/* Keys are judged one signature at a time, and after the body. A From that the library cannot read does
	 * not end everything; signatures that it could not read are none, the gate has seen to that. */
	unsigned flags = DKIM_LIBFLAGS_DELAYSIGPROC | DKIM_LIBFLAGS_BADSIGHANDLES;
	BUG_IF(dkim_options(l->lib, DKIM_OP_SETOPT, DKIM_OPTS_FLAGS, &flags, sizeof(flags)) != DKIM_STAT_OK);
	BUG_IF(dkim_options(l->lib, DKIM_OP_SETOPT, DKIM_OPTS_MINKEYBITS, &min_rsa_bits, sizeof(min_rsa_bits)) !=
	       DKIM_STAT_OK);
	BUG_IF(dkim_set_key_lookup(l->lib, give_key) != DKIM_STAT_OK);
	return l;
}

struct auth_dkim *auth_dkim_new(const struct dkim_limits *limits)
{
	BUG_IF(!key_cache_is_effective());
	struct auth_dkim *d = fail_if_null(calloc(1, sizeof(*d)));
	d->limits = *limits;
	d->library = library_new((unsigned)limits->min_rsa_bits);
	return d;
}

void auth_dkim_free(struct auth_dkim *d)
{
	if (d == NULL)
		return;
	library_put(d->library);
	free(d);
}

static void decide(struct entry *e, enum result result, struct str reason)
{
	e->verdict.result = result;
	e->verdict.reason = reason;
	e->is_open = false;
}

static void decide_all_open(struct auth_dkim_verify *v, enum result result, struct str reason)
{
	for (size_t i = 0; i < v->count; i++)
		if (v->entries[i].is_open)
			decide(&v->entries[i], result, reason);
}

static bool is_signature_field(const struct header *h)
{
	return str_eq_nocase(auth_dkim_field_name(h->name), signature_field);
}

static size_t count_signature_fields(const struct header_list *headers)
{
	size_t count = 0;
	for (size_t i = 0; i < header_list_count(headers); i++)
		count += is_signature_field(header_list_at(headers, i));
	return count;
}

static void read_signature(struct auth_dkim_verify *v, struct entry *e, struct str value)
{
	struct str why;
	enum result result = auth_dkim_gate(v->arena, value, clock_unix_s(), &e->signature, &why);
	e->verdict = (struct dkim_verdict){
		.domain = e->signature.domain,
		.selector = e->signature.selector,
		.identity = e->signature.identity,
		.algorithm = e->signature.algorithm,
		.reason = STR_EMPTY,
	};
	e->body.is_relaxed = e->signature.is_body_relaxed;
	e->is_open = true;
	if (result != RESULT_NONE)
		decide(e, result, why);
}

static void read_signatures(struct auth_dkim_verify *v, const struct header_list *headers)
{
	size_t found = 0;
	for (size_t i = 0; i < header_list_count(headers) && found < v->count; i++) {
		const struct header *h = header_list_at(headers, i);
		if (is_signature_field(h))
			read_signature(v, &v->entries[found++], h->value);
	}
}

static bool same_body_pass(const struct dkim_signature *a, const struct dkim_signature *b)
{
	return a->is_body_relaxed == b->is_body_relaxed && a->has_length == b->has_length && a->length == b->length;
}

/* Spends the message's budget from the top; what would pass it is not evaluated. */
static void limit_work(struct auth_dkim_verify *v, const struct header_list *headers)
{
	const struct dkim_signature *passes[BODY_PASSES_MAX];
	size_t pass_count = 0, name_steps = 0, header_bytes = 0;
	for (size_t i = 0; i < v->count; i++) {
		struct entry *e = &v->entries[i];
		if (!e->is_open)
			continue;
		size_t steps = e->signature.name_count * header_list_count(headers), pass = 0;
		while (pass < pass_count && !same_body_pass(passes[pass], &e->signature))
			pass++;
		if (pass == BODY_PASSES_MAX || name_steps + steps > NAME_STEPS_MAX ||
		    header_bytes + header_list_bytes(headers) > HEADER_BYTES_MAX) {
			decide(e, RESULT_POLICY, STR("verifying all signatures of this message takes too much work"));
			continue;
		}
		if (pass == pass_count)
			passes[pass_count++] = &e->signature;
		name_steps += steps;
		header_bytes += header_list_bytes(headers);
	}
}

/* Names, in lower case, of the fields that at least one signature covers. */
static struct map *covered_names(const struct auth_dkim_verify *v)
{
	struct map *names = map_new(v->arena);
	for (size_t i = 0; i < v->count; i++) {
		const struct entry *e = &v->entries[i];
		for (size_t n = 0; e->is_open && n < e->signature.name_count; n++)
			map_add(names, str_lower(v->arena, e->signature.names[n]), names);
	}
	return names;
}

static void feed_fields(struct auth_dkim_verify *v, const struct header_list *headers)
{
	struct map *names = covered_names(v);
	struct buf scratch;
	buf_init(&scratch, 0);
	size_t place = 0;
	for (size_t i = 0; i < header_list_count(headers); i++) {
		const struct header *h = header_list_at(headers, i);
		if (is_signature_field(h)) {
			struct entry *e = place < v->count ? &v->entries[place] : NULL;
			place++;
			if (e == NULL || !e->is_open)
				continue;
			e->is_fed = true;
			if (!auth_dkim_feed_field(v->handle, &scratch, h->name, h->value))
				decide(e, RESULT_PERMERROR, STR("the field cannot be read"));
		} else if (map_has(names, str_lower(v->arena, auth_dkim_field_name(h->name)))) {
			auth_dkim_feed_field(v->handle, &scratch, h->name, h->value);
		}
	}
	buf_fini(&scratch);
}

/* Finds the library's object of each signature; false if the library did not take what it was fed. */
static bool match_signatures(struct auth_dkim_verify *v)
{
	DKIM_SIGINFO **infos;
	int info_count;
	if (dkim_getsiglist(v->handle, &infos, &info_count) != DKIM_STAT_OK)
		return false;
	int used = 0;
	for (size_t i = 0; i < v->count; i++) {
		if (!v->entries[i].is_fed)
			continue;
		if (used == info_count)
			return false;
		v->entries[i].info = infos[used++];
	}
	return used == info_count;
}

struct owned {
	DKIM *handle;
	struct library *library;
};

static void free_handle(void *arg)
{
	struct owned *owned = arg;
	dkim_free(owned->handle);
	library_put(owned->library);
}

static bool has_open(const struct auth_dkim_verify *v)
{
	for (size_t i = 0; i < v->count; i++)
		if (v->entries[i].is_open)
			return true;
	return false;
}

static void open_handle(struct auth_dkim_verify *v, const struct header_list *headers)
{
	DKIM_STAT status;
	struct owned *owned = ARENA_NEW(v->arena, struct owned);
	v->handle = fail_if_null(dkim_verify(v->library->lib, (const unsigned char *)"message", NULL, &status));
	*owned = (struct owned){ v->handle, v->library };
	atomic_fetch_add(&v->library->refs, 1);
	arena_defer(v->arena, free_handle, owned);
	dkim_set_user_context(v->handle, v);
	feed_fields(v, headers);
	if (auth_dkim_feed_header_end(v->handle) && match_signatures(v))
		return;
	const char *error = dkim_geterror(v->handle);
	log_warn(v->log, "libopendkim refused a header section: %s", error == NULL ? "no reason given" : error);
	decide_all_open(v, RESULT_TEMPERROR, STR("the header section could not be processed"));
	v->handle = NULL;
}

struct auth_dkim_verify *auth_dkim_verify_begin(const struct auth_dkim *dkim, struct dns *dns, struct log *log,
						const struct header_list *headers, struct arena *arena)
{
	size_t total = count_signature_fields(headers), max = (size_t)dkim->limits.max_signatures;
	if (total == 0)
		return NULL;
	struct auth_dkim_verify *v = ARENA_NEW(arena, struct auth_dkim_verify);
	v->library = dkim->library;
	v->limits = dkim->limits;
	v->dns = dns;
	v->log = log;
	v->arena = arena;
	v->total = total;
	v->count = total < max ? total : max;
	v->entries = arena_array(arena, v->count, sizeof(*v->entries));
	read_signatures(v, headers);
	limit_work(v, headers);
	for (size_t i = 0; i < v->count; i++)
		if (v->entries[i].is_open) {
			v->entries[i].half_covered = auth_dkim_half_covered(headers, &v->entries[i].signature);
			dns_prefetch(dns, v->entries[i].signature.key_name, DNS_TXT);
		}
	if (has_open(v))
		open_handle(v, headers);
	return v;
}

/* Whether more of the body can change this verdict. */
static bool wants_body(const struct auth_dkim_verify *v, const struct entry *e)
{
	if (!e->is_open)
		return false;
	if (!e->signature.has_length)
		return true;
	return dkim_minbody(v->handle) > 0 || auth_dkim_length_min(&e->body) <= e->signature.length;
}

bool auth_dkim_verify_body(struct auth_dkim_verify *v, const unsigned char *bytes, size_t count)
{
	bool wants = false;
	if (v->handle == NULL)
		return false;
	if (!auth_dkim_feed_body(v->handle, &v->body, bytes, count))
		decide_all_open(v, RESULT_TEMPERROR, STR("the body could not be processed"));
	for (size_t i = 0; i < v->count; i++) {
		struct entry *e = &v->entries[i];
		if (e->is_open && e->signature.has_length)
			auth_dkim_length_add(&e->body, bytes, count);
		wants = wants || wants_body(v, e);
	}
	return wants;
}

static void get_key(struct auth_dkim_verify *v, struct entry *e, int64_t deadline_mono_ms)
{
	const struct dns_answer *answer =
		dns_ask(v->dns, e->signature.key_name, DNS_TXT, deadline_mono_ms, v->arena);
	e->key = auth_dkim_key_record(v->arena, e->signature.key_name, answer, e->signature.key_type,
				      (unsigned)v->limits.min_rsa_bits);
	e->verdict.key_bits = e->key.bits;
	e->verdict.is_testing = e->key.is_testing;
	if (e->key.result != RESULT_NONE)
		decide(e, e->key.result, e->key.why);
	else if (e->key.is_exact && e->signature.is_below) /* RFC 6376 3.6.1, t=s */
		decide(e, RESULT_PERMERROR, STR("the key does not allow a subdomain in i= (t=s)"));
}

/* A signature may cover other DKIM-Signature fields, counted from the bottom (RFC 6376 5.4.2). If one of those
 * was not given to the library, its answer would be about other fields. */
static bool covers_missing_field(const struct auth_dkim_verify *v, const struct entry *e)
{
	size_t covered = 0;
	for (size_t n = 0; n < e->signature.name_count; n++)
		covered += str_eq_nocase(e->signature.names[n], signature_field);
	for (size_t back = 0; back < covered && back < v->total; back++) {
		size_t place = v->total - 1 - back;
		if (place >= v->count || !v->entries[place].is_fed)
			return true;
	}
	return false;
}

/* Only all three together are a pass: signature, body hash, no error. */
static void judge(struct auth_dkim_verify *v, struct entry *e)
{
	bool has_passed = (dkim_sig_getflags(e->info) & DKIM_SIGFLAG_PASSED) != 0;
	int body = dkim_sig_getbh(e->info), error = dkim_sig_geterror(e->info);
	const char *error_text = dkim_sig_geterrorstr(error);
	if (covers_missing_field(v, e))
		decide(e, RESULT_NEUTRAL, STR("it covers a DKIM-Signature field that was not evaluated"));
	else if (e->half_covered.n > 0)
		decide(e, RESULT_POLICY,
		       str_printf(v->arena, "there are several %.*s fields, and it does not cover all", STR_ARG(e->half_covered)));
	else if (has_passed && body == DKIM_SIGBH_MATCH && error == DKIM_SIGERROR_OK)
		decide(e, RESULT_PASS, STR_EMPTY);
	else if (v->body.has_long_line && body != DKIM_SIGBH_MATCH)
		decide(e, RESULT_POLICY, STR("the body has a line that is too long to verify"));
	else if (v->body.has_stray && body != DKIM_SIGBH_MATCH)
		decide(e, RESULT_FAIL, STR("the body has a CR or LF that ends no line"));
	else if (has_passed && body == DKIM_SIGBH_MISMATCH)
		decide(e, RESULT_FAIL, STR("body hash does not match: the body was changed"));
	else if (error == DKIM_SIGERROR_BADSIG)
		decide(e, RESULT_FAIL, STR("signature does not match: header fields were changed, or it was made "
					   "with another key"));
	else if (error == DKIM_SIGERROR_TOOLARGE_L)
		decide(e, RESULT_PERMERROR, STR("l= is more than the body has"));
	else if (error == DKIM_SIGERROR_UNKNOWN)
		decide(e, RESULT_FAIL, STR("verification ended without a result"));
	else
		decide(e, RESULT_PERMERROR, str_of(error_text == NULL ? "signature cannot be verified" : error_text));
}

static void verify_open(struct auth_dkim_verify *v, int64_t deadline_mono_ms)
{
	if (!auth_dkim_feed_body_end(v->handle, &v->body))
		decide_all_open(v, RESULT_TEMPERROR, STR("the body could not be processed"));
	for (size_t i = 0; i < v->count; i++) {
		struct entry *e = &v->entries[i];
		if (e->is_open)
			get_key(v, e, deadline_mono_ms);
		if (!e->is_open && e->info != NULL)
			dkim_sig_ignore(e->info);
	}
	if (!has_open(v))
		return;
	dkim_eom(v->handle, NULL); /* its answer is about one signature of its choice */
	for (size_t i = 0; i < v->count; i++)
		if (v->entries[i].is_open)
			judge(v, &v->entries[i]);
}

/* RFC 6008: the first characters of b=, as many as tell it from the other signatures of the message. */
static struct str unique_prefix(const struct auth_dkim_verify *v, const struct entry *e)
{
	struct str mine = e->signature.signature;
	size_t n = PREFIX_MIN;
	for (size_t i = 0; i < v->count; i++) {
		struct str other = v->entries[i].signature.signature;
		size_t same = 0;
		while (same < mine.n && same < other.n && same < PREFIX_MAX && mine.p[same] == other.p[same])
			same++;
		if (same >= n && same < PREFIX_MAX && same < mine.n)
			n = same + 1;
	}
	return str_sub(mine, 0, n);
}

void auth_dkim_verify_end(struct auth_dkim_verify *v, int64_t deadline_mono_ms, const struct dkim_verdict **list,
			  size_t *count, size_t *skipped)
{
	if (v->handle != NULL)
		verify_open(v, deadline_mono_ms);
	struct dkim_verdict *verdicts = arena_array(v->arena, v->count, sizeof(*verdicts));
	for (size_t i = 0; i < v->count; i++) {
		struct entry *e = &v->entries[i];
		e->verdict.signature = unique_prefix(v, e);
		e->verdict.covers_body =
			!e->signature.has_length || auth_dkim_length(&e->body) <= e->signature.length;
		verdicts[i] = e->verdict;
	}
	*list = verdicts;
	*count = v->count;
	*skipped = v->total - v->count;
}

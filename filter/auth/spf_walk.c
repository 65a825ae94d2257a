#include "auth/spf_walk.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <spf2/spf.h>

#include "base/arena.h"
#include "base/fail.h"

enum {
	/* Of one record the library gets the terms that ask DNS, of which the eleventh ends the check, and
	 * before that the one that surely matches. */
	STEPS_PER_RECORD = LIMIT_TERMS + 1,
	/* Each record but the first is asked for by a counted term. */
	STEPS_MAX = STEPS_PER_RECORD * (1 + LIMIT_TERMS),
	HANDLE_BYTES = 4,
};

/* A record being walked through. */
struct scope {
	struct str domain;
	bool is_included; /* at some level: its terms and its exp= are not the verdict's */
	struct spf_term exp;
};

struct step {
	struct spf_term term;
	const struct scope *scope;
};

struct walk {
	struct spf_query *q;
	SPF_dns_server_t hooks;
	SPF_server_t server;
	size_t step_count;
	struct step *steps[STEPS_MAX];
	const struct step *current;
	const struct step *outermost; /* the last step tried outside any include */
	const struct scope *verdict_scope;
	size_t host_count; /* of the mx that is being tried */
	struct str hosts[LIMIT_HOSTS];
};

/* One mechanism in the library's layout. It skips the prefix lengths where they mean nothing. */
struct mechanism {
	SPF_mech_t head;
	SPF_data_cidr_t bits;
	SPF_data_str_t text;
	char handle[HANDLE_BYTES];
};
_Static_assert(sizeof(struct mechanism) == 16, "libspf2 reads mechanisms without padding");

/* "t" and the number of a step, or "h" and the number of an mx host. */
static unsigned handle_number(const char *handle, char letter, size_t count)
{
	uint64_t n = 0;
	BUG_IF(handle[0] != letter || !str_to_u64(str_of(handle + 1), &n) || n >= count);
	return (unsigned)n;
}

static const struct step *step_begin(struct walk *w, const char *handle)
{
	const struct step *step = w->steps[handle_number(handle, 't', w->step_count)];
	w->current = step;
	if (!step->scope->is_included)
		w->outermost = step;
	return step;
}

/* ---- records ---- */

/* ip4, ip6, all, ptr and exists are `exists` to the library, with an answer that we know how to find. */
static uint8_t mechanism_type(enum spf_term_kind kind)
{
	switch (kind) {
	case TERM_INCLUDE:
		return MECH_INCLUDE;
	case TERM_REDIRECT:
		return MECH_REDIRECT;
	case TERM_A:
		return MECH_A;
	case TERM_MX:
		return MECH_MX;
	case TERM_ALL:
	case TERM_IP4:
	case TERM_IP6:
	case TERM_PTR:
	case TERM_EXISTS:
		return MECH_EXISTS;
	case TERM_EXP:
	case TERM_UNKNOWN_MODIFIER:
		break;
	}
	fail_bug(__FILE__, __LINE__, "no mechanism");
}

static uint8_t qualifier_result(char qualifier)
{
	switch (qualifier) {
	case '-': return PREFIX_FAIL;
	case '~': return PREFIX_SOFTFAIL;
	case '?': return PREFIX_NEUTRAL;
	default: return PREFIX_PASS; /* '+', and redirect=, which has none */
	}
}

static void add_step(struct walk *w, SPF_record_t *record, const struct spf_term *t, const struct scope *scope)
{
	char handle[16];
	BUG_IF(w->step_count == STEPS_MAX || record->num_mech == STEPS_PER_RECORD);
	snprintf(handle, sizeof(handle), "t%03zu", w->step_count);
	struct mechanism m = {
		.head = { .prefix_type = qualifier_result(t->qualifier), .mech_type = mechanism_type(t->kind),
			  .mech_len = sizeof(m) - sizeof(m.head) },
		/* 0 means full length to the library: host_answer() makes up for it */
		.bits = { .parm_type = PARM_CIDR, .ipv4 = (uint8_t)t->bits4, .ipv6 = (uint8_t)t->bits6 },
		.text = { .parm_type = PARM_STRING, .len = HANDLE_BYTES },
	};
	memcpy(m.handle, handle, HANDLE_BYTES);
	memcpy((char *)record->mech_first + record->mech_len, &m, sizeof(m));
	record->mech_len += sizeof(m);
	record->num_mech++;
	record->num_dns_mech++;
	struct step *step = ARENA_NEW(w->q->arena, struct step);
	*step = (struct step){ *t, scope };
	w->steps[w->step_count++] = step;
}

/* The terms in order up to the first that matches without DNS; redirect= comes last, wherever it stands. */
static SPF_record_t *build_record(struct walk *w, struct str terms, struct scope *scope)
{
	SPF_record_t *record = fail_if_null(SPF_record_new(&w->server, NULL));
	struct spf_term t, redirect = { .kind = TERM_ALL };
	bool is_decided = false;
	record->version = 1;
	record->mech_size = STEPS_PER_RECORD * sizeof(struct mechanism);
	record->mech_first = fail_if_null(calloc(1, record->mech_size));
	while (spf_record_next(&terms, &t)) {
		if (t.kind == TERM_EXP) {
			scope->exp = t;
		} else if (t.kind == TERM_REDIRECT) {
			redirect = t;
		} else if (!is_decided && record->num_mech < STEPS_PER_RECORD) {
			is_decided = spf_term_matches_without_dns(&t, w->q->values.client);
			if (is_decided || spf_term_needs_dns(&t))
				add_step(w, record, &t, scope);
		}
	}
	if (redirect.kind == TERM_REDIRECT && record->num_mech < STEPS_PER_RECORD)
		add_step(w, record, &redirect, scope);
	return record;
}

/* NULL: the check has ended. */
static SPF_record_t *fetch_record(struct walk *w, struct str domain, bool is_included, enum result if_missing)
{
	struct str terms;
	if (!spf_fetch_record(w->q, domain, if_missing, &terms))
		return NULL;
	struct scope *scope = ARENA_NEW(w->q->arena, struct scope);
	*scope = (struct scope){ .domain = domain, .is_included = is_included };
	if (!is_included)
		w->verdict_scope = scope;
	return build_record(w, terms, scope);
}

/* The library asks for the record that an include or redirect leads to. */
static SPF_errcode_t hook_get_spf(SPF_server_t *server, SPF_request_t *request, SPF_response_t *response,
				  SPF_record_t **out)
{
	(void)response;
	struct walk *w = server->resolver->hook;
	const struct step *step = step_begin(w, request->cur_dom);
	struct str name;
	*out = NULL;
	if (!spf_begin_term(w->q, &step->term))
		return SPF_E_DNS_ERROR;
	/* 5.2, 6.1: a target that is malformed or has one label is one without a record (4.3) */
	if (!spf_target(w->q, &step->term, step->scope->domain, &name) || str_find(name, '.') < 0) {
		spf_end(w->q, RESULT_PERMERROR, "%s leads to no domain", spf_shown(w->q->arena, step->term.text));
		return SPF_E_DNS_ERROR;
	}
	bool is_included = step->scope->is_included || step->term.kind == TERM_INCLUDE;
	*out = fetch_record(w, name, is_included, RESULT_PERMERROR);
	return *out != NULL ? SPF_E_SUCCESS : SPF_E_DNS_ERROR;
}

/* ---- look-ups ---- */

/* TRY_AGAIN once the check has ended: the library comes back through all includes. */
static SPF_dns_rr_t *answer_new(struct walk *w, ns_type type)
{
	return fail_if_null(SPF_dns_rr_new_init(&w->hooks, NULL, type, 0,
						w->q->is_ended ? TRY_AGAIN : NETDB_SUCCESS));
}

static SPF_dns_rr_data_t *answer_add(SPF_dns_rr_t *rr, size_t size_bytes)
{
	if (SPF_dns_rr_buf_realloc(rr, rr->num_rr, size_bytes) != SPF_E_SUCCESS)
		fail_out_of_memory();
	return rr->rr[rr->num_rr++];
}

static SPF_dns_rr_t *yes_or_no(struct walk *w, bool is_yes)
{
	SPF_dns_rr_t *rr = answer_new(w, ns_t_a);
	if (is_yes && !w->q->is_ended)
		answer_add(rr, sizeof(SPF_dns_rr_data_t))->a.s_addr = 0;
	return rr;
}

/* Addresses of an a or of an mx host. Under the prefix length 0 every address is the client's (5.3). */
static SPF_dns_rr_t *host_answer(struct walk *w, const struct dns_answer *answer)
{
	struct ip client = w->q->values.client;
	const struct spf_term *t = &w->current->term;
	bool is_v6 = client.family == IP_V6;
	SPF_dns_rr_t *rr = answer_new(w, is_v6 ? ns_t_aaaa : ns_t_a);
	for (size_t i = 0; i < answer->count; i++) {
		const struct ip *ip = (is_v6 ? t->bits6 : t->bits4) == 0 ? &client : &answer->records[i].ip;
		SPF_dns_rr_data_t *data = answer_add(rr, sizeof(*data));
		if (is_v6)
			memcpy(&data->aaaa, ip->b, sizeof(data->aaaa));
		else
			memcpy(&data->a, ip->b, sizeof(data->a));
	}
	return rr;
}

/* In the order of preference (5.4). Past the tenth the library makes it a permerror. */
static SPF_dns_rr_t *mx_answer(struct walk *w, const struct dns_answer *answer)
{
	SPF_dns_rr_t *rr = answer_new(w, ns_t_mx);
	enum dns_type type = spf_address_type(w->q->values.client);
	unsigned least = 0;
	w->host_count = 0;
	while (w->host_count < answer->count && w->host_count < LIMIT_HOSTS) {
		unsigned next = UINT16_MAX + 1;
		for (size_t i = 0; i < answer->count; i++)
			if (answer->records[i].preference >= least && answer->records[i].preference < next)
				next = answer->records[i].preference;
		for (size_t i = 0; i < answer->count && w->host_count < LIMIT_HOSTS; i++)
			if (answer->records[i].preference == next)
				w->hosts[w->host_count++] = answer->records[i].text;
		least = next + 1;
	}
	for (size_t i = 0; i < w->host_count; i++)
		dns_prefetch(w->q->dns, w->hosts[i], type);
	for (size_t i = 0; i < answer->count; i++) {
		char handle[24];
		size_t size_bytes = (size_t)snprintf(handle, sizeof(handle), "h%zu", i) + 1;
		memcpy(answer_add(rr, size_bytes), handle, size_bytes);
	}
	return rr;
}

static SPF_dns_rr_t *step_answer(struct walk *w, const struct step *step)
{
	static const struct dns_answer nothing = { .status = DNS_NODATA };
	const struct dns_answer *answer = &nothing;
	struct spf_query *q = w->q;
	struct str name;
	if (spf_term_matches_without_dns(&step->term, q->values.client))
		return yes_or_no(w, true);
	bool is_askable = spf_begin_term(q, &step->term) && spf_target(q, &step->term, step->scope->domain, &name);
	switch (step->term.kind) {
	case TERM_A:
		if (is_askable)
			answer = spf_ask_target(q, name, spf_address_type(q->values.client));
		return host_answer(w, answer);
	case TERM_MX:
		if (is_askable)
			answer = spf_ask_target(q, name, DNS_MX);
		return mx_answer(w, answer);
	case TERM_EXISTS:
		return yes_or_no(w, is_askable && spf_ask_target(q, name, DNS_A)->count > 0);
	case TERM_PTR:
		return yes_or_no(w, is_askable && spf_client_has_name_below(q, name));
	case TERM_ALL:
	case TERM_IP4:
	case TERM_IP6:
	case TERM_INCLUDE:
	case TERM_REDIRECT:
	case TERM_EXP:
	case TERM_UNKNOWN_MODIFIER:
		break;
	}
	fail_bug(__FILE__, __LINE__, "term without a look-up");
}

static SPF_dns_rr_t *hook_lookup(SPF_dns_server_t *hooks, const char *handle, ns_type type, int should_cache)
{
	(void)type;
	(void)should_cache;
	struct walk *w = hooks->hook;
	if (handle[0] == 'h') {
		struct str host = w->hosts[handle_number(handle, 'h', w->host_count)];
		return host_answer(w, spf_ask(w->q, host, spf_address_type(w->q->values.client)));
	}
	return step_answer(w, step_begin(w, handle));
}

/* ---- the walk ---- */

static void request_set_client(SPF_request_t *request, struct ip client)
{
	if (client.family == IP_V6) {
		struct in6_addr v6;
		memcpy(&v6, client.b, sizeof(v6));
		SPF_request_set_ipv6(request, v6);
	} else {
		struct in_addr v4;
		memcpy(&v4, client.b, sizeof(v4));
		SPF_request_set_ipv4(request, v4);
	}
}

static enum result result_of(struct walk *w, SPF_response_t *response)
{
	if (w->q->is_ended)
		return w->q->result;
	switch (SPF_response_result(response)) {
	case SPF_RESULT_PASS:
		return RESULT_PASS;
	case SPF_RESULT_FAIL:
		return RESULT_FAIL;
	case SPF_RESULT_SOFTFAIL:
		return RESULT_SOFTFAIL;
	case SPF_RESULT_NEUTRAL:
		return RESULT_NEUTRAL;
	case SPF_RESULT_PERMERROR: /* every other cause ended the check in our hooks */
		spf_end(w->q, RESULT_PERMERROR, "more than %d hosts in %s", LIMIT_HOSTS,
			spf_shown(w->q->arena, w->current->term.text));
		return RESULT_PERMERROR;
	case SPF_RESULT_INVALID:
	case SPF_RESULT_NONE:
	case SPF_RESULT_TEMPERROR:
		break;
	}
	fail_bug(__FILE__, __LINE__, "result of libspf2");
}

static struct spf_walk_end interpret(struct walk *w, SPF_record_t *record)
{
	SPF_request_t *request = fail_if_null(SPF_request_new(&w->server));
	SPF_response_t *response = fail_if_null(SPF_response_new(request));
	request_set_client(request, w->q->values.client);
	request->cur_dom = ""; /* each step knows its domain */
	response->spf_record_exp = record; /* has no exp=: the library wants one to look at */
	SPF_record_interpret(record, request, response, 0);

	struct spf_walk_end end = {
		.result = result_of(w, response),
		.mechanism = STR_EMPTY,
		.exp = w->verdict_scope->exp,
		.domain = w->verdict_scope->domain,
	};
	if (!w->q->is_ended && SPF_response_reason(response) == SPF_REASON_MECH)
		end.mechanism = str_of(spf_shown(w->q->arena, w->outermost->term.text));
	SPF_response_free(response);
	SPF_request_free(request);
	return end;
}

struct spf_walk_end spf_walk(struct spf_query *q, struct str domain)
{
	static char our_name[] = "gatepost"; /* for comments of the library's that nobody reads */
	struct walk *w = ARENA_NEW(q->arena, struct walk);
	w->q = q;
	w->hooks = (SPF_dns_server_t){ .lookup = hook_lookup, .get_spf = hook_get_spf, .name = "gatepost", .hook = w };
	/* The limits on terms are ours, over all includes */
	w->server = (SPF_server_t){ .resolver = &w->hooks, .rec_dom = our_name, .max_dns_mech = 1000,
				    .max_dns_mx = LIMIT_HOSTS, .max_dns_ptr = LIMIT_HOSTS };
	SPF_record_t *record = fetch_record(w, domain, false, RESULT_NONE);
	if (record == NULL)
		return (struct spf_walk_end){ .result = q->result, .mechanism = STR_EMPTY, .domain = domain };
	struct spf_walk_end end = interpret(w, record);
	SPF_record_free(record);
	return end;
}

#include "auth/dmarc_walk.h"

#include "base/arena.h"
#include "base/map.h"
#include "mail/domain.h"

struct dmarc_finder {
	struct dns *dns;
	int64_t deadline_mono_ms;
	struct arena *arena;
	struct map *finds; /* domain -> struct dmarc_find */
};

struct dmarc_finder *dmarc_finder_new(struct dns *dns, int64_t deadline_mono_ms, struct arena *a)
{
	struct dmarc_finder *f = ARENA_NEW(a, struct dmarc_finder);
	*f = (struct dmarc_finder){ dns, deadline_mono_ms, a, map_new(a) };
	return f;
}

static struct str record_name(struct arena *a, struct str domain)
{
	return STR_CONCAT(a, STR("_dmarc."), domain);
}

/* Texts of other kinds do not count; several DMARC records count as none (RFC 9989 4.10 step 2). */
static const struct dmarc_record *choose_record(struct arena *a, const struct dns_answer *answer)
{
	const struct str *text = NULL;
	for (size_t i = 0; i < answer->count; i++) {
		if (!dmarc_record_claims(answer->records[i].text))
			continue;
		if (text != NULL)
			return NULL;
		text = &answer->records[i].text;
	}
	if (text == NULL)
		return NULL;
	struct dmarc_record *record = ARENA_NEW(a, struct dmarc_record);
	dmarc_record_parse(a, *text, record);
	return record;
}

const struct dmarc_find *dmarc_find(struct dmarc_finder *f, struct str domain)
{
	struct dmarc_find *known = map_get(f->finds, domain);
	if (known != NULL)
		return known;
	const struct dns_answer *answer =
		dns_ask(f->dns, record_name(f->arena, domain), DNS_TXT, f->deadline_mono_ms, f->arena);
	struct dmarc_find *find = ARENA_NEW(f->arena, struct dmarc_find);
	find->domain = str_dup(f->arena, domain);
	find->status = answer->status;
	if (answer->status == DNS_OK)
		find->record = choose_record(f->arena, answer);
	map_add(f->finds, find->domain, find);
	return find;
}

/* RFC 9989 4.10: the domain itself; then without its first label, or from eight labels on its last seven;
 * then one label less each time. */
size_t dmarc_walk_names(struct str domain, struct str names[static DMARC_WALK_MAX])
{
	size_t labels = domain_labels(domain), count = 0;
	names[count++] = domain;
	for (size_t n = labels > DMARC_WALK_MAX ? DMARC_WALK_MAX - 1 : labels - 1; n > 0; n--)
		names[count++] = domain_last_labels(domain, n);
	return count;
}

static bool ends_walk(const struct dmarc_find *find)
{
	return find->record != NULL && find->record->psd != PSD_UNKNOWN;
}

/* What is not known yet is asked for all at once. */
static void start_questions(struct dmarc_finder *f, const struct str *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct dmarc_find *known = map_get(f->finds, names[i]);
		if (known == NULL)
			dns_prefetch(f->dns, record_name(f->arena, names[i]), DNS_TXT);
		else if (ends_walk(known))
			return;
	}
}

/* RFC 9989 4.10.2, from the longest name to the shortest: psd=n is the organizational domain; below psd=y,
 * unless that is where the walk began, it is the name one label longer; else it is the shortest name with a
 * record, or without any the domain itself. */
static void choose_org_domain(struct dmarc_walk *w, struct str domain, const struct dmarc_find *const *finds,
			      size_t count)
{
	w->org_domain = domain;
	for (size_t i = 0; i < count; i++) {
		const struct dmarc_record *record = finds[i]->record;
		if (record == NULL)
			continue;
		if (record->psd == PSD_YES && i > 0) {
			w->psd_domain = finds[i]->domain;
			w->psd_record = record;
			w->org_domain = domain_last_labels(domain, domain_labels(w->psd_domain) + 1);
			/* Behind the jump to seven labels nobody has asked there. */
			bool is_asked = str_eq(w->org_domain, finds[i - 1]->domain);
			w->org_record = is_asked ? finds[i - 1]->record : NULL;
			return;
		}
		w->org_domain = finds[i]->domain;
		w->org_record = record;
	}
}

struct dmarc_walk dmarc_walk(struct dmarc_finder *f, struct str domain)
{
	struct dmarc_walk w = { 0 };
	struct str names[DMARC_WALK_MAX];
	const struct dmarc_find *finds[DMARC_WALK_MAX];
	size_t count = dmarc_walk_names(domain, names), asked = 0;
	start_questions(f, names, count);
	while (asked < count) {
		const struct dmarc_find *find = dmarc_find(f, names[asked]);
		if (dns_is_temporary(find->status)) {
			w.failed = find;
			break;
		}
		finds[asked++] = find;
		if (ends_walk(find))
			break;
	}
	choose_org_domain(&w, domain, finds, asked);
	return w;
}

/* A plain record or psd=n from the failed name on would take both, psd=y would leave both the label below it; and
 * without any both keep the record that they found before. */
bool dmarc_walks_end_alike(const struct dmarc_walk *w, struct str domain, const struct dmarc_walk *other,
			   struct str other_domain)
{
	if (w->failed == NULL || other->failed == NULL || !str_eq(w->failed->domain, other->failed->domain) ||
	    w->org_record == NULL || other->org_record == NULL || !str_eq(w->org_domain, other->org_domain))
		return false;
	size_t labels = domain_labels(w->failed->domain) + 1;
	return str_eq(domain_last_labels(domain, labels), domain_last_labels(other_domain, labels));
}

enum dmarc_existence dmarc_existence(struct dmarc_finder *f, struct str domain)
{
	/* A name below it says as much: _dmarc.DOMAIN cannot be there without DOMAIN (RFC 8020). */
	const struct dmarc_find *known = map_get(f->finds, domain);
	if (known != NULL && known->status == DNS_OK)
		return DOMAIN_EXISTS;
	const struct dns_answer *answer = dns_ask(f->dns, domain, DNS_A, f->deadline_mono_ms, f->arena);
	if (dns_is_temporary(answer->status))
		return DOMAIN_UNCERTAIN;
	return answer->status == DNS_NXDOMAIN ? DOMAIN_DOES_NOT_EXIST : DOMAIN_EXISTS;
}

void dmarc_walk_prefetch(struct dns *dns, struct str domain)
{
	struct str names[DMARC_WALK_MAX];
	struct arena *a = arena_new();
	size_t count = dmarc_walk_names(domain, names);
	for (size_t i = 0; i < count; i++)
		dns_prefetch(dns, record_name(a, names[i]), DNS_TXT);
	arena_free(a);
}

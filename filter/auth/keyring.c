#include "auth/keyring.h"

#include <stdatomic.h>

#include <openssl/evp.h>

#include "auth/key_folder.h"
#include "auth/key_state.h"
#include "auth/private_key.h"
#include "auth/signing_key.h"
#include "base/arena.h"
#include "base/fail.h"
#include "base/map.h"
#include "base/vec.h"
#include "dns/dns.h"
#include "dns/dns_name.h"
#include "log/log.h"
#include "mail/domain.h"

enum {
	CHECK_SOON_MS = 30 * 1000,         /* while a record is missing */
	CHECK_LATER_MS = 15 * 60 * 1000,
};

/* What DNS says about a version. Readers may still look at an earlier one. */
struct finding {
	const struct finding *next;
	enum published status;
	struct str why;
};

struct version {
	const struct signing_key *key;
	struct str key_name;
	enum key_phase phase;
	_Atomic(const struct finding *) finding; /* the last; never NULL */
	const struct finding *seen;        /* each different one; of keyring_check alone */
};

struct use {
	struct str wrong;                  /* empty: it can be used */
	struct version **versions;         /* pending, then active; or the one that is asked for */
	size_t count;
};

struct keyring {
	struct map *uses;                  /* by use_name, as written */
	struct map *by_record;             /* versions, by key and record name */
	VEC(struct version *) versions;
	bool needs_record;
	struct arena *findings;            /* of keyring_check alone */
};

static struct str use_name(struct arena *a, const struct sign_use *u)
{
	return str_printf(a, "%.*s/%.*s/%.*s", STR_ARG(u->key), STR_ARG(u->domain), STR_ARG(u->selector));
}

/* ---- loading -------------------------------------------------------------------------------------------- */

struct loader {
	struct arena *arena;
	struct key_folder folder;
	struct keyring *ring;
	const struct keyring *before;
	struct diags *diags;
};

static void free_arena(void *arena)
{
	arena_free(arena);
}

static void take_over_finding(struct loader *l, struct version *v, struct str name)
{
	static const struct finding unknown = { .status = PUBLISHED_UNKNOWN, .why = { "", 0 } };
	const struct version *old = l->before == NULL ? NULL : map_get(l->before->by_record, name);
	atomic_init(&v->finding, &unknown);
	if (old == NULL || !str_eq(old->key->record, v->key->record))
		return;
	const struct finding *found = atomic_load(&old->finding);
	struct finding *first = ARENA_NEW(l->arena, struct finding);
	*first = (struct finding){ NULL, found->status, str_dup(l->arena, found->why) };
	atomic_init(&v->finding, first);
}

/* The version with that file, domain and selector; NULL and why not. */
static struct version *load_version(struct loader *l, const char *path, const struct sign_use *u, struct str selector,
				    enum key_phase phase, struct str *why_not)
{
	struct arena *a = l->arena;
	struct str name = str_printf(a, "%.*s %.*s._domainkey.%.*s", STR_ARG(u->key), STR_ARG(selector),
				     STR_ARG(u->domain));
	struct version *v = map_get(l->ring->by_record, name);
	if (v != NULL)
		return v;
	if (name.n - u->key.n - 1 > DNS_NAME_MAX) {
		*why_not = STR("the name of its record is longer than DNS allows");
		return NULL;
	}
	EVP_PKEY *key = key_folder_read_key(&l->folder, a, path, why_not);
	if (key == NULL)
		return NULL;
	v = ARENA_NEW(a, struct version);
	v->key = signing_key_new(a, key, u->domain, selector);
	EVP_PKEY_free(key);
	v->key_name = str_dup(a, u->key);
	v->phase = phase;
	take_over_finding(l, v, name);
	map_add(l->ring->by_record, name, v);
	VEC_PUSH(a, &l->ring->versions, v);
	if (v->key->type == KEY_RSA && v->key->bits < PRIVATE_KEY_RSA_BITS_USUAL)
		diag_warn(l->diags, (struct place){ .file = path }, "%u bits are few: receivers want %d",
			  v->key->bits, PRIVATE_KEY_RSA_BITS_USUAL);
	return v;
}

static bool add_version(struct loader *l, struct use *use, const char *path, const struct sign_use *u,
			struct str selector, enum key_phase phase)
{
	struct version *v = load_version(l, path, u, selector, phase, &use->wrong);
	if (v != NULL)
		use->versions[use->count++] = v;
	return v != NULL;
}

/* NAME.pem: what it is for is only in the use. */
static void load_without_state(struct loader *l, const struct sign_use *u, struct use *use)
{
	const char *path = key_folder_find(&l->folder, l->arena, str_printf(l->arena, "%.*s.pem", STR_ARG(u->key)));
	if (path == NULL)
		use->wrong = str_printf(l->arena, "there is no key \"%.*s\" in %.*s%s%.*s: gatepost key new %.*s "
					"--domain %.*s --selector %.*s", STR_ARG(u->key), STR_ARG(l->folder.path),
					l->folder.credentials.n == 0 ? "" : " or ", STR_ARG(l->folder.credentials),
					STR_ARG(u->key), STR_ARG(u->domain),
					STR_ARG(u->selector.n == 0 ? STR("SELECTOR") : u->selector));
	else if (u->selector.n == 0)
		use->wrong = str_printf(l->arena, "selector is missing, and %s has no state that would tell it", path);
	else
		add_version(l, use, path, u, u->selector, KEY_ACTIVE);
}

static bool add_from_state(struct loader *l, const struct sign_use *u, struct use *use,
			   const struct key_version *version)
{
	struct str file = key_version_file(l->arena, u->key, version->selector);
	const char *path = key_folder_find(&l->folder, l->arena, file);
	if (path != NULL)
		return add_version(l, use, path, u, version->selector, version->phase);
	use->wrong = str_printf(l->arena, "the file %.*s of key \"%.*s\" is missing in %.*s: restore it", STR_ARG(file),
				STR_ARG(u->key), STR_ARG(l->folder.path));
	return false;
}

static void load_by_state(struct loader *l, const char *path, const struct sign_use *u, struct use *use)
{
	struct key_state state;
	if (!key_state_read(l->arena, path, u->key, &state, l->diags)) {
		use->wrong = str_printf(l->arena, "the state of key \"%.*s\" cannot be used", STR_ARG(u->key));
		return;
	}
	if (!str_eq(state.domain, u->domain)) {
		use->wrong = str_printf(l->arena, "key \"%.*s\" is for %.*s, not for %.*s", STR_ARG(u->key),
					STR_ARG(state.domain), STR_ARG(u->domain));
		return;
	}
	if (u->selector.n > 0) {
		const struct key_version *pinned = key_state_find(&state, u->selector);
		if (pinned == NULL)
			use->wrong = str_printf(l->arena, "key \"%.*s\" has no version with selector %.*s",
						STR_ARG(u->key), STR_ARG(u->selector));
		else
			add_from_state(l, u, use, pinned);
		return;
	}
	const struct key_version *pending = key_state_in(&state, KEY_PENDING), *active = key_state_in(&state, KEY_ACTIVE);
	if (pending != NULL && !add_from_state(l, u, use, pending))
		return;
	if (active != NULL && !add_from_state(l, u, use, active))
		return;
	if (use->count == 0)
		use->wrong = str_printf(l->arena, "all versions of key \"%.*s\" are retiring: gatepost key rotate %.*s",
					STR_ARG(u->key), STR_ARG(u->key));
}

/* As they are compared and published, whatever their spelling. */
static bool normalize(struct loader *l, struct sign_use *u, struct use *use)
{
	if (!domain_normalize(l->arena, u->domain, &u->domain))
		use->wrong = str_printf(l->arena, "\"%.*s\" is no domain", STR_ARG(u->domain));
	else if (u->selector.n > 0 && !domain_normalize(l->arena, u->selector, &u->selector))
		use->wrong = str_printf(l->arena, "\"%.*s\" is no selector", STR_ARG(u->selector));
	else if (!key_name_is_good(u->key))
		use->wrong = str_printf(l->arena, "\"%.*s\" is no name of a key: letters, digits, - and _",
					STR_ARG(u->key));
	return use->wrong.n == 0;
}

static struct use *load_use(struct loader *l, struct sign_use u)
{
	struct use *use = ARENA_NEW(l->arena, struct use);
	use->wrong = STR_EMPTY;
	use->versions = arena_array(l->arena, 2, sizeof(*use->versions));
	if (!normalize(l, &u, use))
		return use;
	struct str file = str_printf(l->arena, "%.*s.state", STR_ARG(u.key));
	const char *path = key_folder_find(&l->folder, l->arena, file);
	if (path == NULL)
		load_without_state(l, &u, use);
	else
		load_by_state(l, path, &u, use);
	return use;
}

const struct keyring *keyring_load(struct arena *a, const struct keyring_settings *settings,
				   const struct sign_use *uses, size_t count, const struct keyring *before,
				   struct diags *diags)
{
	struct keyring *ring = ARENA_NEW(a, struct keyring);
	struct loader l = { a, key_folder_at(a, settings->folder), ring, before, diags };
	ring->uses = map_new(a);
	ring->by_record = map_new(a);
	ring->needs_record = settings->needs_record;
	ring->findings = arena_new();
	arena_defer(a, free_arena, ring->findings);
	for (size_t i = 0; i < count; i++) {
		struct str name = use_name(a, &uses[i]);
		struct use *use = map_get(ring->uses, name);
		if (use == NULL) {
			use = load_use(&l, uses[i]);
			map_add(ring->uses, name, use);
		}
		if (use->wrong.n > 0)
			diag_error(diags, uses[i].at, "%.*s", STR_ARG(use->wrong));
	}
	return ring;
}

/* ---- asking --------------------------------------------------------------------------------------------- */

static bool may_sign(const struct keyring *ring, const struct version *v, const struct finding *found)
{
	if (!ring->needs_record)
		return v->phase != KEY_PENDING;
	switch (found->status) {
	case PUBLISHED:
		return true;
	case PUBLISHED_UNKNOWN:
		return v->phase != KEY_PENDING;
	case PUBLISHED_NOT:
	case PUBLISHED_COUNT:
		break;
	}
	return false;
}

const struct signing_key *keyring_choose(const struct keyring *ring, const struct sign_use *u, struct arena *a,
					 struct str *why_not)
{
	const struct use *use = map_get(ring->uses, use_name(a, u));
	BUG_IF(use == NULL);
	if (use->wrong.n > 0) {
		/* The rest is for the administrator: it names files. */
		*why_not = str_printf(a, "key \"%.*s\" could not be loaded, the log says why", STR_ARG(u->key));
		return NULL;
	}
	const struct finding *found = NULL;
	const struct version *v = NULL;
	for (size_t i = 0; i < use->count; i++) {
		v = use->versions[i];
		found = atomic_load(&v->finding);
		if (may_sign(ring, v, found))
			return v->key;
	}
	struct str why = found->why;
	if (!ring->needs_record)
		why = STR("it is pending: gatepost key check");
	else if (found->status == PUBLISHED_UNKNOWN && why.n == 0)
		why = STR("it is pending, and its record has not been seen yet");
	*why_not = str_printf(a, "key \"%.*s\", selector %.*s: %.*s", STR_ARG(v->key_name),
			      STR_ARG(v->key->selector), STR_ARG(why));
	return NULL;
}

bool keyring_view(const struct keyring *ring, size_t index, struct keyring_view *view)
{
	if (index >= ring->versions.count)
		return false;
	const struct version *v = ring->versions.items[index];
	const struct finding *found = atomic_load(&v->finding);
	*view = (struct keyring_view){
		.key = v->key_name,
		.selector = v->key->selector,
		.domain = v->key->domain,
		.why = found->why,
		.phase = key_phase_words[v->phase],
		.is_published = found->status == PUBLISHED,
		.is_known = found->status != PUBLISHED_UNKNOWN,
	};
	return true;
}

/* ---- the records ---------------------------------------------------------------------------------------- */

static const struct finding *remember(const struct keyring *ring, struct version *v, enum published status,
				      struct str why)
{
	for (const struct finding *f = v->seen; f != NULL; f = f->next)
		if (f->status == status && str_eq(f->why, why))
			return f;
	struct finding *fresh = ARENA_NEW(ring->findings, struct finding);
	*fresh = (struct finding){ v->seen, status, str_dup(ring->findings, why) };
	v->seen = fresh;
	return fresh;
}

/* Once something is known, a temporary failure does not change it. */
static void note(const struct keyring *ring, struct log *log, struct version *v, enum published status,
		 struct str why)
{
	const struct finding *last = atomic_load(&v->finding);
	bool is_worse = status == PUBLISHED_UNKNOWN && last->status != PUBLISHED_UNKNOWN;
	if (is_worse || (status == last->status && str_eq(why, last->why)))
		return;
	atomic_store(&v->finding, remember(ring, v, status, why));
	if (status == PUBLISHED)
		log_info(log, "key \"%.*s\", selector %.*s, %s: its record is published%s%.*s",
			 STR_ARG(v->key_name), STR_ARG(v->key->selector), key_phase_words[v->phase],
			 why.n == 0 ? "" : "; ", STR_ARG(why));
	else
		log_warn(log, "key \"%.*s\", selector %.*s, %s: %.*s", STR_ARG(v->key_name),
			 STR_ARG(v->key->selector), key_phase_words[v->phase], STR_ARG(why));
}

int64_t keyring_check(const struct keyring *ring, struct dns *dns, struct log *log, int64_t deadline_mono_ms)
{
	bool is_complete = true;
	if (ring == NULL || !ring->needs_record)
		return CHECK_LATER_MS;
	struct arena *a = arena_new();
	for (size_t i = 0; i < ring->versions.count; i++)
		dns_prefetch(dns, ring->versions.items[i]->key->record_name, DNS_TXT);
	for (size_t i = 0; i < ring->versions.count; i++) {
		struct version *v = ring->versions.items[i];
		struct str why;
		const struct dns_answer *answer = dns_ask(dns, v->key->record_name, DNS_TXT, deadline_mono_ms, a);
		enum published status = signing_key_compare(a, v->key, answer, &why);
		is_complete = is_complete && status == PUBLISHED;
		note(ring, log, v, status, why);
	}
	arena_free(a);
	return is_complete ? CHECK_LATER_MS : CHECK_SOON_MS;
}

#include "auth/dkim_gate.h"

#include "auth/dkim_tags.h"
#include "base/arena.h"
#include "mail/domain.h"

struct gate {
	struct arena *arena;
	int64_t now_s;
	struct tags tags;
	struct dkim_signature *out;
	struct str *why;
};

static enum result refuse(struct gate *g, enum result result, const char *why)
{
	*g->why = str_of(why);
	return result;
}

static enum result permerror(struct gate *g, const char *why)
{
	return refuse(g, RESULT_PERMERROR, why);
}

static struct str tag_value(const struct gate *g, const char *name)
{
	return auth_dkim_tag_value(&g->tags, str_of(name));
}

static bool has_tag(const struct gate *g, const char *name)
{
	return auth_dkim_tag(&g->tags, str_of(name)) != NULL;
}

/* What a report can say even if the field is refused later: who, and which one. */
static enum result read_names(struct gate *g)
{
	struct dkim_signature *out = g->out;
	out->signature = auth_dkim_squeeze(g->arena, tag_value(g, "b"));
	out->algorithm = str_lower(g->arena, str_sub(tag_value(g, "a"), 0, 64));
	struct str domain = tag_value(g, "d"), selector = tag_value(g, "s");
	bool is_name = !str_ends_nocase(domain, STR(".")) && domain_normalize(g->arena, domain, &out->domain);
	if (is_name && domain_labels(out->domain) < 2) {
		out->domain = STR_EMPTY;
		is_name = false;
	}
	bool is_selector = !str_ends_nocase(selector, STR(".")) &&
			   domain_normalize(g->arena, selector, &out->selector);
	static const char *const required[] = { "v", "a", "b", "bh", "d", "h", "s" };
	for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++)
		if (!has_tag(g, required[i])) {
			*g->why = str_printf(g->arena, "%s= is missing", required[i]);
			return RESULT_PERMERROR;
		}
	if (!is_name)
		return permerror(g, "d= is no domain name");
	if (!is_selector)
		return permerror(g, "s= is no selector");
	out->key_name = STR_CONCAT(g->arena, out->selector, STR("._domainkey."), out->domain);
	return RESULT_NONE;
}

/* The library would read these otherwise than the signer meant them: it takes tag names without regard to case,
 * finds the value of b= by the byte before "=", and knows ASCII only (RFC 8616 allows UTF-8). */
static enum result check_readable(struct gate *g)
{
	static const char *const known[] = { "v", "a", "b", "bh", "c", "d", "h", "i", "l", "q", "s", "t", "x", "z" };
	if (!g->tags.is_ascii)
		return refuse(g, RESULT_NEUTRAL, "UTF-8 in a signature is not supported");
	for (size_t i = 0; i < g->tags.count; i++) {
		const struct tag *tag = &g->tags.items[i];
		for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++) {
			struct str name = str_of(known[k]);
			if (str_eq_nocase(tag->name, name) && !str_eq(tag->name, name))
				return refuse(g, RESULT_NEUTRAL, "a tag name in upper case is not supported");
		}
		bool is_b = str_eq(tag->name, STR("b"));
		if (tag->name.p[tag->name.n - 1] == 'b' && is_b == tag->has_blank)
			return refuse(g, RESULT_NEUTRAL, is_b ? "a blank between \"b\" and \"=\" is not supported" :
								"an unknown tag that ends in b is not supported");
	}
	return RESULT_NONE;
}

static enum result check_version(struct gate *g)
{
	return str_eq(tag_value(g, "v"), STR("1")) ? RESULT_NONE : permerror(g, "v= is not 1");
}

static enum result check_algorithm(struct gate *g)
{
	if (str_eq(g->out->algorithm, STR("rsa-sha256")))
		g->out->key_type = KEY_RSA;
	else if (str_eq(g->out->algorithm, STR("ed25519-sha256")))
		g->out->key_type = KEY_ED25519;
	else if (str_eq(g->out->algorithm, STR("rsa-sha1")))
		return permerror(g, "a=rsa-sha1 is obsolete (RFC 8301)");
	else
		return permerror(g, "a= is unknown");
	return RESULT_NONE;
}

static bool canonicalization_parse(struct str word, bool *is_relaxed)
{
	*is_relaxed = str_eq_nocase(word, STR("relaxed"));
	return *is_relaxed || str_eq_nocase(word, STR("simple"));
}

static enum result check_canonicalization(struct gate *g)
{
	struct str header, body;
	bool is_header_relaxed;
	if (!str_cut(has_tag(g, "c") ? tag_value(g, "c") : STR("simple/simple"), '/', &header, &body))
		body = STR("simple");
	if (!canonicalization_parse(header, &is_header_relaxed) ||
	    !canonicalization_parse(body, &g->out->is_body_relaxed))
		return permerror(g, "c= is unknown");
	return RESULT_NONE;
}

static bool is_field_name(struct str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (!char_is_printable(name.p[i]) || name.p[i] == ' ')
			return false;
	return name.n > 0;
}

static enum result check_names(struct gate *g)
{
	struct str rest = tag_value(g, "h"), name;
	if (rest.n > GATE_NAMES_MAX)
		return permerror(g, "h= is too long");
	size_t room = 1;
	for (size_t i = 0; i < rest.n; i++)
		room += rest.p[i] == ':';
	struct str *names = arena_array(g->arena, room, sizeof(*names));
	size_t count = 0;
	bool has_from = false, has_more = true;
	while (has_more) {
		has_more = str_cut(rest, ':', &name, &rest);
		name = str_trim(name);
		if (!is_field_name(name))
			return permerror(g, "h= is no list of field names");
		has_from = has_from || str_eq_nocase(name, STR("From"));
		names[count++] = name;
	}
	if (!has_from) /* RFC 6376 6.1.1 */
		return permerror(g, "h= does not name From");
	g->out->names = names;
	g->out->name_count = count;
	return RESULT_NONE;
}

/* dkim-quoted-printable (RFC 6376 2.11); no control characters come out. */
static bool identity_decode(struct arena *a, struct str text, struct str *out)
{
	char *p = arena_alloc(a, text.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (c == '=') {
			int high = i + 2 < text.n ? char_hex(text.p[i + 1]) : -1;
			int low = high < 0 ? -1 : char_hex(text.p[i + 2]);
			if (low < 0)
				return false;
			c = (char)(16 * high + low);
			i += 2;
		}
		if ((unsigned char)c < 0x20 || c == 0x7f)
			return false;
		p[n++] = c;
	}
	*out = (struct str){ p, n };
	return true;
}

static enum result check_identity(struct gate *g)
{
	struct str text = auth_dkim_squeeze(g->arena, tag_value(g, "i")), identity, local, domain, name;
	if (!has_tag(g, "i"))
		return RESULT_NONE;
	if (text.n > GATE_IDENTITY_MAX)
		return permerror(g, "i= is too long");
	if (!identity_decode(g->arena, text, &identity) || !str_cut(identity, '@', &local, &domain) ||
	    !domain_normalize(g->arena, domain, &name))
		return permerror(g, "i= is no address");
	if (!domain_is_at_or_below(name, g->out->domain))
		return permerror(g, "i= is not below d=");
	g->out->identity = identity;
	g->out->is_below = name.n > g->out->domain.n;
	return RESULT_NONE;
}

static enum result check_length(struct gate *g)
{
	struct str text = tag_value(g, "l");
	g->out->has_length = has_tag(g, "l");
	if (g->out->has_length && (text.n > GATE_LENGTH_DIGITS_MAX || !str_to_u64(text, &g->out->length)))
		return permerror(g, "l= is no length");
	return RESULT_NONE;
}

static bool time_parse(struct str text, int64_t *time_s)
{
	uint64_t s;
	if (text.n > GATE_TIME_DIGITS_MAX || !str_to_u64(text, &s))
		return false;
	*time_s = (int64_t)s;
	return true;
}

static enum result check_times(struct gate *g)
{
	int64_t signed_s = 0, expires_s = 0;
	bool has_signed = has_tag(g, "t"), has_expires = has_tag(g, "x");
	if ((has_signed && !time_parse(tag_value(g, "t"), &signed_s)) ||
	    (has_expires && !time_parse(tag_value(g, "x"), &expires_s)))
		return permerror(g, "t= or x= is no time");
	if (has_signed && has_expires && expires_s <= signed_s)
		return permerror(g, "x= is not after t=");
	if (has_expires && expires_s + GATE_DRIFT_S <= g->now_s)
		return permerror(g, "the signature has expired (x=)");
	if (has_signed && signed_s > g->now_s + GATE_DRIFT_S)
		return permerror(g, "the signature was made in the future (t=)");
	return RESULT_NONE;
}

static enum result check_query(struct gate *g)
{
	if (has_tag(g, "q") && !auth_dkim_list_has(tag_value(g, "q"), STR("dns/txt")))
		return refuse(g, RESULT_NEUTRAL, "q= asks for another way to get the key");
	return RESULT_NONE;
}

static enum result check_hashes(struct gate *g)
{
	struct str hash = auth_dkim_squeeze(g->arena, tag_value(g, "bh")), bytes;
	if (!auth_dkim_base64(g->arena, hash, &bytes) || bytes.n != 32)
		return permerror(g, "bh= is no SHA-256 hash");
	if (hash.n % 4 != 0) /* the library compares texts */
		return refuse(g, RESULT_NEUTRAL, "bh= without padding is not supported");
	if (!auth_dkim_base64(g->arena, g->out->signature, &bytes) || bytes.n == 0)
		return permerror(g, "b= is no base64");
	return RESULT_NONE;
}

enum result auth_dkim_gate(struct arena *a, struct str value, int64_t now_s, struct dkim_signature *out,
			   struct str *why)
{
	static enum result (*const checks[])(struct gate *) = {
		read_names,  check_readable, check_version, check_algorithm, check_canonicalization,
		check_names, check_identity, check_length,  check_times,     check_query,
		check_hashes,
	};
	struct gate g = { .arena = a, .now_s = now_s, .out = out, .why = why };
	*out = (struct dkim_signature){ .domain = STR_EMPTY, .selector = STR_EMPTY, .identity = STR_EMPTY,
					.algorithm = STR_EMPTY, .signature = STR_EMPTY };
	*why = STR_EMPTY;
	if (value.n > GATE_FIELD_MAX)
		return permerror(&g, "the field is too long");
	const char *wrong = auth_dkim_tags_parse(value, &g.tags);
	if (wrong != NULL)
		return permerror(&g, wrong);
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		enum result result = checks[i](&g);
		if (result != RESULT_NONE)
			return result;
	}
	return RESULT_NONE;
}

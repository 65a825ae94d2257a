/* The records of the keys that sign, and what that makes of a signature at the receiver. */
#include "preflight/report.h"

#include "auth/key_line.h"
#include "auth/private_key.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/diag.h"
#include "dns/dns.h"
#include "option/options.h"

static struct str type_text(struct arena *a, const struct signing_key *key)
{
	return key->type == KEY_RSA ? str_printf(a, "%s, %u bits", key_type_words[key->type], key->bits) :
				      str_of(key_type_words[key->type]);
}

static struct preflight_line *add(struct flight *f, const struct key_row *row, enum preflight_grade grade,
				  struct str found)
{
	struct arena *a = f->run->arena;
	enum key_phase phase = row->version == NULL ? KEY_ACTIVE : row->version->phase;
	struct str key = row->key == NULL ? STR("no key") : type_text(a, row->key);
	struct str subject = str_printf(a, "%.*s %.*s", STR_ARG(row->name), STR_ARG(row->selector));
	return report_add(f->run, &f->report->lines, "dkim", grade, subject, "%.*s, %s: %.*s", STR_ARG(key),
			  key_phase_words[phase], STR_ARG(found));
}

static struct str how_to_publish(struct arena *a, const struct key_row *row)
{
	if (row->version == NULL)
		return str_printf(a, "publish what gatepost key show %.*s prints", STR_ARG(row->name));
	return str_printf(a, "publish what gatepost key show %.*s prints, then: gatepost key check %.*s",
			  STR_ARG(row->name), STR_ARG(row->name));
}

static void ask(struct flight *f, struct key_row *row)
{
	const struct run *run = f->run;
	if (row->key != NULL)
		row->published = signing_key_compare(run->arena, row->key, dns_ask(run->dns, row->key->record_name, DNS_TXT,
						     run->deadline_mono_ms, run->arena), &row->why);
}

static void tell_published(struct flight *f, const struct key_row *row, bool signs)
{
	struct arena *a = f->run->arena;
	bool is_weak = row->key->type == KEY_RSA && row->key->bits < PRIVATE_KEY_RSA_BITS_USUAL;
	if (row->why.n > 0)
		add(f, row, PREFLIGHT_WARN, row->why)->advice = STR("take t=y out of the record");
	else if (is_weak && signs)
		add(f, row, PREFLIGHT_WARN, STR("published, but receivers want 2048 bits"))->advice =
			row->version == NULL ? STR("gatepost key new makes one, to be named in the workflow") :
					       str_printf(a, "gatepost key rotate %.*s", STR_ARG(row->name));
	else
		add(f, row, PREFLIGHT_OK, signs ? STR("published, signs") : STR("published"));
}

/* It is not published, and does not sign or should not. */
static void tell_missing(struct flight *f, const struct key_row *row, bool signs)
{
	struct arena *a = f->run->arena;
	if (signs) {
		const char *then = f->run->options->sign_check_records ? "; mail is answered 451 until there is" : "";
		add(f, row, PREFLIGHT_FAIL, str_printf(a, "%.*s%s", STR_ARG(row->why), then))->advice =
			how_to_publish(a, row);
	} else if (row->version->phase == KEY_PENDING) {
		add(f, row, PREFLIGHT_WARN, str_printf(a, "%.*s; it does not sign yet", STR_ARG(row->why)))->advice =
			how_to_publish(a, row);
	} else if (clock_unix_s() < row->version->until_unix_s) {
		add(f, row, PREFLIGHT_WARN, row->why)->advice =
			str_printf(a, "publish it again until %.*s: mail that it signed may still be on its way",
				   STR_ARG(key_time_print(a, row->version->until_unix_s)));
	} else {
		add(f, row, PREFLIGHT_OK, STR("no longer published"));
	}
}

static void tell(struct flight *f, const struct key_row *row, bool signs)
{
	switch (row->published) {
	case PUBLISHED:
		tell_published(f, row, signs);
		return;
	case PUBLISHED_UNKNOWN:
		add(f, row, PREFLIGHT_TEMPERROR, row->why);
		return;
	case PUBLISHED_NOT:
	case PUBLISHED_COUNT:
		break;
	}
	tell_missing(f, row, signs);
}

static bool is_in_phase(const struct key_row *row, enum key_phase phase)
{
	return row->key != NULL && (row->version == NULL ? KEY_ACTIVE : row->version->phase) == phase;
}

/* As keyring_choose does: a pending version once it is seen, else the active one; the pending one too if there is no
 * other, or the version that the workflow names. NULL: none can. */
static const struct key_row *choose(const struct key_line *line, const struct workflow_sign *sign)
{
	const struct key_row *pending = NULL, *active = NULL;
	for (size_t i = 0; i < line->count; i++) {
		const struct key_row *row = &line->rows[i];
		if (sign->selector.n > 0 && str_eq(row->selector, sign->selector) && row->key != NULL)
			return row;
		pending = is_in_phase(row, KEY_PENDING) ? row : pending;
		active = is_in_phase(row, KEY_ACTIVE) ? row : active;
	}
	if (sign->selector.n > 0)
		return NULL;
	return active == NULL || (pending != NULL && pending->published == PUBLISHED) ? pending : active;
}

static enum result signature_result(const struct key_row *signs)
{
	if (signs == NULL || signs->published == PUBLISHED_NOT)
		return RESULT_PERMERROR;
	return signs->published == PUBLISHED ? RESULT_PASS : RESULT_TEMPERROR;
}

/* The state may have changed since the workflows were loaded; then what cannot be used is told. */
static enum result check_sign(struct flight *f, const struct workflow_sign *sign)
{
	const struct run *run = f->run;
	struct diags *diags = diags_new();
	struct key_line *line = key_line_read(run->arena, &run->keys, sign->key, diags);
	diags_free(diags);
	if (line == NULL) {
		report_add(run, &f->report->lines, "dkim", PREFLIGHT_FAIL, sign->key, "the key cannot be read")->advice =
			STR("gatepost check tells why");
		return RESULT_PERMERROR;
	}
	for (size_t i = 0; i < line->count; i++) {
		key_row_complete(run->arena, &line->rows[i], sign->domain, sign->selector);
		ask(f, &line->rows[i]);
	}
	const struct key_row *signs = choose(line, sign);
	for (size_t i = 0; i < line->count; i++) {
		const struct key_row *row = &line->rows[i];
		if (row->key == NULL)
			add(f, row, row->version != NULL && row->version->phase == KEY_RETIRING ? PREFLIGHT_WARN : PREFLIGHT_FAIL,
			    row->wrong);
		else
			tell(f, row, row == signs);
	}
	return signature_result(signs);
}

void check_dkim(struct flight *f)
{
	const struct workflow *w = f->report->workflow;
	if (w->sign_count == 0)
		report_add(f->run, &f->report->lines, "dkim", PREFLIGHT_WARN, str_of(w->place.rule), "is not signed")->advice =
			STR("give it a key: gatepost key new, then `sign` in the workflow");
	for (size_t i = 0; i < w->sign_count; i++)
		f->dkim[f->dkim_count++] = (struct dkim_verdict){
			.result = check_sign(f, &w->sign[i]),
			.domain = w->sign[i].domain,
			.covers_body = true,
		};
}

#include "doctor/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/diag.h"
#include "config/snapshot.h"
#include "doctor/patient.h"
#include "option/options.h"

const char *const doctor_severity_words[DOCTOR_SEVERITY_COUNT] = {
	[DOCTOR_OK] = "ok", [DOCTOR_SKIPPED] = "skipped", [DOCTOR_WARN] = "warn", [DOCTOR_ERROR] = "error",
};

enum mta_needed { NEEDS_NONE, NEEDS_MTA, NEEDS_POSTFIX };

static const struct check {
	const char *name;
	enum doctor_severity severity;
	enum mta_needed needs;
	const char *doc;
	void (*run)(struct patient *);
} checks[] = {
#define CHECK(id, name, severity, needs, doc) { name, DOCTOR_##severity, NEEDS_##needs, doc, check_##id },
#include "doctor/check_table.def"
#undef CHECK
};

enum { TEXT_ROOM = 1000 };

static struct doctor_finding *add(struct patient *p, enum doctor_severity severity, const char *format, va_list args)
{
	char text[TEXT_ROOM];
	vsnprintf(text, sizeof(text), format, args);
	VEC_PUSH(p->arena, p->report, (struct doctor_finding){ p->check, severity, str_dup(p->arena, str_of(text)),
							       STR_EMPTY });
	p->report->errors += severity == DOCTOR_ERROR;
	p->report->warnings += severity == DOCTOR_WARN;
	return &p->report->items[p->report->count - 1];
}

struct doctor_finding *complain(struct patient *p, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	struct doctor_finding *finding = add(p, p->severity, format, args);
	va_end(args);
	return finding;
}

struct doctor_finding *complain_as(struct patient *p, enum doctor_severity severity, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	struct doctor_finding *finding = add(p, severity, format, args);
	va_end(args);
	return finding;
}

void skip(struct patient *p, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	add(p, DOCTOR_SKIPPED, format, args);
	va_end(args);
}

static void run_check(struct patient *p, const struct check *c)
{
	size_t before = p->report->count;
	p->check = c->name;
	p->severity = c->severity;
	/* What cannot be read is told by the check "mta" alone. */
	if ((c->needs != NEEDS_NONE && p->mta_problem.n > 0) || (c->needs == NEEDS_POSTFIX && p->mta != MTA_POSTFIX))
		return;
	c->run(p);
	if (p->report->count == before)
		complain_as(p, DOCTOR_OK, "%s", c->doc);
}

static void read_mta(struct patient *p)
{
	if (p->settings->sendmail_file != NULL) {
		sendmail_read(p);
		return;
	}
	postfix_read(p);
	if (p->mta == MTA_NONE && p->settings->postfix_folder == NULL && access("/etc/mail/sendmail.cf", F_OK) == 0)
		sendmail_read(p);
}

const struct doctor_report *doctor_run(const struct doctor_settings *settings, struct arena *a)
{
	struct patient p = {
		.arena = a, .settings = settings, .report = ARENA_NEW(a, struct doctor_report), .diags = diags_new(),
		.mta_problem = STR_EMPTY,
	};
	struct snapshot *snapshot = snapshot_load(settings->config_path, NULL, p.diags);
	struct diags *ignored = diags_new();
	p.snapshot = snapshot;
	p.options = snapshot != NULL ? snapshot->options : options_load(a, settings->config_path, ignored);
	read_mta(&p);
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		run_check(&p, &checks[i]);
	json_decref(p.running);
	diags_free(ignored);
	diags_free(p.diags);
	snapshot_put(snapshot);
	return p.report;
}

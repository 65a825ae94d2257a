#include "preflight/preflight.h"

#include "auth/dmarc.h"
#include "auth/iprev.h"
#include "auth/spf.h"
#include "base/arena.h"
#include "option/options.h"
#include "preflight/report.h"

/* Those of the options, which are right: they were checked with them. */
static void read_egress(struct run *run)
{
	const struct strings *texts = &run->options->egress;
	struct ip *egress = arena_array(run->arena, texts->count, sizeof(*egress));
	for (size_t i = 0; i < texts->count; i++)
		if (ip_parse(texts->items[i], &egress[run->egress_count]))
			run->egress_count++;
	run->egress = egress;
}

/* What is known to be asked, in one wave. */
static void prefetch(const struct flight *f)
{
	const struct run *run = f->run;
	for (size_t i = 0; i < f->senders->count; i++)
		for (size_t k = 0; k < run->egress_count && !f->senders->items[i].is_pattern; k++)
			spf_prefetch(run->dns, f->senders->items[i].name, run->egress[k]);
	for (size_t i = 0; i < f->authors->count; i++)
		if (!f->authors->items[i].is_pattern)
			dmarc_prefetch(run->dns, f->authors->items[i].name);
}

static void fly(struct flight *f)
{
	check_spf(f);
	check_dkim(f);
	check_dmarc(f);
}

static enum preflight_grade grade_of(const struct preflight_workflow *w)
{
	/* Without a record the line that says so counts; a domain that cannot be told is a warning. */
	enum preflight_grade dmarc = w->dmarc == RESULT_FAIL ? PREFLIGHT_FAIL : PREFLIGHT_OK;
	return dmarc > w->lines.grade ? dmarc : w->lines.grade;
}

const struct preflight *preflight_run(const struct options *options, const struct workflow *const *workflows,
				      size_t count, struct dns *dns, int64_t deadline_mono_ms, struct arena *a)
{
	struct run run = { .options = options, .keys = key_folder_at(a, options->keys), .dns = dns,
			   .deadline_mono_ms = deadline_mono_ms, .arena = a };
	struct preflight *p = ARENA_NEW(a, struct preflight);
	struct flight *flights = arena_array(a, count, sizeof(*flights));
	p->workflows = arena_array(a, count, sizeof(*p->workflows));
	p->count = count;
	read_egress(&run);
	for (size_t i = 0; i < run.egress_count; i++)
		iprev_prefetch(dns, run.egress[i]);
	for (size_t i = 0; i < count; i++) {
		p->workflows[i].workflow = workflows[i];
		flights[i] = (struct flight){
			.run = &run,
			.report = &p->workflows[i],
			.senders = workflow_sender_domains(workflows[i], a),
			.authors = workflow_author_domains(workflows[i], a),
		};
		prefetch(&flights[i]);
	}
	check_egress(&run, &p->egress);
	p->grade = p->egress.grade;
	for (size_t i = 0; i < count; i++) {
		fly(&flights[i]);
		enum preflight_grade grade = grade_of(&p->workflows[i]);
		p->grade = grade > p->grade ? grade : p->grade;
	}
	return p;
}

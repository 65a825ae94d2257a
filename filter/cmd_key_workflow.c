/* Keys that were laid down as NAME.pem: their workflows know domain and selector. */
#include "cmd_key.h"

#include "base/arena.h"
#include "base/diag.h"
#include "option/options.h"
#include "policy/policy.h"
#include "policy/workflow.h"

static bool is_there(const struct key_line *line, const struct workflow_sign *sign)
{
	for (size_t i = 0; i < line->count; i++)
		if (str_eq(line->rows[i].domain, sign->domain) && str_eq(line->rows[i].selector, sign->selector))
			return true;
	return false;
}

/* A row for each record that it should have. */
static void take(struct arena *a, struct key_line *line, const struct workflow_sign *sign)
{
	struct key_row *first = &line->rows[0];
	if (!str_eq(sign->key, line->name) || sign->selector.n == 0 || is_there(line, sign) || line->count == KEY_VERSIONS_MAX)
		return;
	if (first->selector.n > 0)
		line->rows[line->count++] = *first;
	key_row_complete(a, &line->rows[line->count - 1], sign->domain, sign->selector);
}

void key_lines_complete(struct arena *a, const struct options *o, const struct key_lines *lines)
{
	struct diags *ignored = diags_new(); /* gatepost check tells them */
	const struct policy *p = policy_load(a, str_to_c(a, o->policies), ignored);
	for (size_t i = 0; i < lines->count; i++)
		for (size_t w = 0; w < policy_workflow_count(p) && !lines->items[i]->has_state; w++)
			for (size_t s = 0; s < policy_workflow_at(p, w)->sign_count; s++)
				take(a, lines->items[i], &policy_workflow_at(p, w)->sign[s]);
	diags_free(ignored);
}

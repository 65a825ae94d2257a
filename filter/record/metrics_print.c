#include <inttypes.h>

#include "base/buf.h"
#include "base/clock.h"
#include "record/board_state.h"

const char *metric_type(const struct metric_desc *d)
{
	if (d->kind == METRIC_HISTOGRAM)
		return "histogram";
	return str_ends_nocase(str_of(d->name), STR("_total")) ? "counter" : "gauge";
}

/* The format's three escapes, and no byte that is not ASCII. */
static void add_label(struct buf *b, const char *name, const char *value, bool *is_first)
{
	buf_printf(b, "%c%s=\"", *is_first ? '{' : ',', name);
	*is_first = false;
	for (const char *p = value; *p != 0; p++) {
		if (*p == '\\' || *p == '"')
			buf_printf(b, "\\%c", *p);
		else
			buf_add_char(b, char_is_printable(*p) ? *p : '?');
	}
	buf_add_char(b, '"');
}

static const char *word_of(const struct board *board, enum label_id label, size_t index)
{
	if (label_descs[label].words != NULL)
		return label_descs[label].words[index];
	return board_name_at(board, label == LABEL_RULE ? BOARD_RULES : BOARD_WORKFLOWS, index);
}

static void add_labels(struct buf *b, const struct board *board, const struct metric_desc *d, const size_t values[3],
		       bool *is_first)
{
	for (size_t i = 0; i < 3; i++)
		if (d->labels[i] != LABEL_NONE)
			add_label(b, label_descs[d->labels[i]].name, word_of(board, d->labels[i], values[i]), is_first);
}

static void end_labels(struct buf *b, bool is_first)
{
	buf_add(b, is_first ? STR(" ") : STR("} "));
}

static const _Atomic uint64_t *cells_of(const struct board *board, const struct metric_desc *d)
{
	return (const _Atomic uint64_t *)((uintptr_t)&board->cells + d->offset);
}

static void print_counter(struct buf *b, const struct board *board, const struct metric_desc *d, const size_t values[3],
			  const _Atomic uint64_t *cell)
{
	uint64_t n = atomic_load_explicit(cell, memory_order_relaxed);
	bool is_first = true;
	if (n == 0 && label_descs[d->labels[0]].words == NULL && d->labels[0] != LABEL_NONE)
		return; /* names come and go: only what happened */
	buf_add(b, str_of(d->name));
	add_labels(b, board, d, values, &is_first);
	end_labels(b, is_first);
	buf_printf(b, "%" PRIu64 "\n", n);
}

static void print_histogram(struct buf *b, const struct board *board, const struct metric_desc *d,
			    const size_t values[3], const _Atomic uint64_t *cells)
{
	uint64_t count = 0;
	char bound[32];
	for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++) {
		bool is_first = true;
		count += atomic_load_explicit(&cells[i], memory_order_relaxed);
		if (i < HISTOGRAM_BOUNDS)
			snprintf(bound, sizeof(bound), "%g", (double)histogram_bounds_us[i] / 1e6);
		buf_printf(b, "%s_bucket", d->name);
		add_labels(b, board, d, values, &is_first);
		add_label(b, "le", i < HISTOGRAM_BOUNDS ? bound : "+Inf", &is_first);
		end_labels(b, is_first);
		buf_printf(b, "%" PRIu64 "\n", count);
	}
	bool is_first = true;
	buf_printf(b, "%s_sum", d->name);
	add_labels(b, board, d, values, &is_first);
	end_labels(b, is_first);
	buf_printf(b, "%.6f\n%s_count", (double)atomic_load(&cells[HISTOGRAM_WIDTH - 1]) / 1e6, d->name);
	is_first = true;
	add_labels(b, board, d, values, &is_first);
	end_labels(b, is_first);
	buf_printf(b, "%" PRIu64 "\n", count);
}

/* How many values of a label are in use. */
static size_t values_of(const struct board *board, enum label_id label)
{
	if (label == LABEL_WORKFLOW)
		return board_name_count(board, BOARD_WORKFLOWS);
	if (label == LABEL_RULE)
		return board_name_count(board, BOARD_RULES);
	return label_descs[label].size;
}

static void print_cells(struct buf *b, const struct board *board, const struct metric_desc *d)
{
	size_t width = d->kind == METRIC_HISTOGRAM ? HISTOGRAM_WIDTH : 1, v[3];
	const size_t y_size = label_descs[d->labels[1]].size, z_size = label_descs[d->labels[2]].size;
	for (v[0] = 0; v[0] < values_of(board, d->labels[0]); v[0]++)
		for (v[1] = 0; v[1] < y_size; v[1]++)
			for (v[2] = 0; v[2] < z_size; v[2]++) {
				const _Atomic uint64_t *cell =
					cells_of(board, d) + ((v[0] * y_size + v[1]) * z_size + v[2]) * width;
				if (d->kind == METRIC_HISTOGRAM)
					print_histogram(b, board, d, v, cell);
				else
					print_counter(b, board, d, v, cell);
			}
}

/* ---- what is looked up ---------------------------------------------------------------------------------- */

static int64_t process_value(const struct board_process *p, enum metric_id id)
{
	switch (id) {
	case METRIC_UP:
		return p->state == PROCESS_SERVES;
	case METRIC_RESTARTS:
		return (int64_t)p->restarts;
	case METRIC_CONNECTIONS:
		return p->connections;
	case METRIC_IN_FLIGHT:
		return p->messages;
	default:
		return p->is_dns_in_trouble;
	}
}

static void print_processes(struct buf *b, struct board *board, enum metric_id id)
{
	struct board_process processes[BOARD_LISTENERS];
	size_t count = board_processes(board, processes);
	for (size_t i = 0; i < count; i++) {
		bool is_first = true;
		buf_add(b, str_of(metric_descs[id].name));
		add_label(b, "listener", processes[i].name, &is_first);
		end_labels(b, is_first);
		buf_printf(b, "%" PRId64 "\n", process_value(&processes[i], id));
	}
}

static void print_keys(struct buf *b, struct board *board, enum metric_id id)
{
	struct board_key keys[BOARD_KEYS];
	size_t count = board_keys(board, keys);
	for (size_t i = 0; i < count; i++) {
		bool is_first = true;
		buf_add(b, str_of(metric_descs[id].name));
		add_label(b, "key", keys[i].key, &is_first);
		add_label(b, "selector", keys[i].selector, &is_first);
		add_label(b, "domain", keys[i].domain, &is_first);
		add_label(b, "phase", keys[i].phase, &is_first);
		end_labels(b, is_first);
		buf_printf(b, "%d\n", keys[i].is_published);
	}
}

static void print_one(struct buf *b, enum metric_id id, int64_t value)
{
	buf_printf(b, "%s %" PRId64 "\n", metric_descs[id].name, value);
}

static void print_view(struct buf *b, struct board *board, enum metric_id id)
{
	const struct board_config config = board_config(board);
	bool is_first = true;
	if (metric_descs[id].labels[0] == LABEL_LISTENER) {
		print_processes(b, board, id);
	} else if (id == METRIC_KEY_USABLE) {
		print_keys(b, board, id);
	} else if (id == METRIC_RELOAD_GOOD) {
		print_one(b, id, config.is_last_good);
	} else if (id == METRIC_RELOAD_TIME) {
		print_one(b, id, config.loaded_unix_s);
	} else if (id == METRIC_GENERATION) {
		print_one(b, id, config.generation);
	} else if (id == METRIC_START_TIME) {
		print_one(b, id, board_started_unix_s(board));
	} else {
		buf_add(b, str_of(metric_descs[id].name));
		add_label(b, "version", GATEPOST_VERSION, &is_first);
		end_labels(b, is_first);
		buf_add(b, STR("1\n"));
	}
}

void metrics_print(struct board *board, struct buf *b)
{
	for (enum metric_id id = 0; id < METRIC_COUNT; id++) {
		const struct metric_desc *d = &metric_descs[id];
		buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", d->name, d->doc, d->name,
			   metric_type(d));
		if (d->kind == METRIC_VIEW)
			print_view(b, board, id);
		else
			print_cells(b, board, d);
	}
}

#include "base/diag.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/fail.h"

struct diags {
	struct arena *arena;
	struct diag *list;
	size_t count, room;
	size_t errors;
	bool is_sorted;
};

struct diags *diags_new(void)
{
	struct diags *d = fail_if_null(calloc(1, sizeof(*d)));
	d->arena = arena_new();
	return d;
}

void diags_free(struct diags *d)
{
	if (d == NULL)
		return;
	arena_free(d->arena);
	free(d->list);
	free(d);
}

static const char *copy(struct diags *d, const char *text)
{
	return text == NULL ? NULL : str_to_c(d->arena, str_of(text));
}

__attribute__((format(printf, 4, 0)))
static void add(struct diags *d, bool is_error, struct place at, const char *format, va_list args)
{
	char *text = NULL;
	if (vasprintf(&text, format, args) < 0)
		fail_out_of_memory();
	if (d->count == d->room) {
		d->room = d->room == 0 ? 16 : d->room * 2;
		d->list = fail_if_null(realloc(d->list, d->room * sizeof(*d->list)));
	}
	d->list[d->count++] = (struct diag){
		.is_error = is_error,
		.at = { copy(d, at.file), at.line, copy(d, at.setting) },
		.text = copy(d, text),
	};
	d->errors += is_error;
	d->is_sorted = false;
	free(text);
}

void diag_error(struct diags *d, struct place at, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	add(d, true, at, format, args);
	va_end(args);
}

void diag_warn(struct diags *d, struct place at, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	add(d, false, at, format, args);
	va_end(args);
}

size_t diags_errors(const struct diags *d)
{
	return d->errors;
}

size_t diags_warnings(const struct diags *d)
{
	return d->count - d->errors;
}

size_t diags_count(const struct diags *d)
{
	return d->count;
}

static bool comes_after(const struct diag *a, const struct diag *b)
{
	int order = strcmp(a->at.file == NULL ? "" : a->at.file, b->at.file == NULL ? "" : b->at.file);
	return order != 0 ? order > 0 : a->at.line > b->at.line;
}

/* Insertion sort: stable, and the lists are short. */
static void sort(struct diags *d)
{
	for (size_t i = 1; i < d->count; i++) {
		struct diag moved = d->list[i];
		size_t j = i;
		for (; j > 0 && comes_after(&d->list[j - 1], &moved); j--)
			d->list[j] = d->list[j - 1];
		d->list[j] = moved;
	}
	d->is_sorted = true;
}

const struct diag *diags_at(struct diags *d, size_t index)
{
	if (!d->is_sorted)
		sort(d);
	return &d->list[index];
}

static const char *print(struct diags *d, const struct diag *g, const char *severity)
{
	struct str where = STR_EMPTY;
	if (g->at.file != NULL && g->at.line > 0)
		where = str_printf(d->arena, "%s:%d: ", g->at.file, g->at.line);
	else if (g->at.file != NULL)
		where = str_printf(d->arena, "%s: ", g->at.file);
	return str_printf(d->arena, "%.*s%s%s%s%s", STR_ARG(where), severity,
			  g->at.setting == NULL ? "" : g->at.setting,
			  g->at.setting == NULL ? "" : ": ", g->text).p;
}

const char *diag_line(struct diags *d, const struct diag *g)
{
	return print(d, g, g->is_error ? "error: " : "warning: ");
}

const char *diag_text(struct diags *d, const struct diag *g)
{
	return print(d, g, "");
}

const char *diags_first_error(struct diags *d)
{
	for (size_t i = 0; i < d->count; i++)
		if (diags_at(d, i)->is_error)
			return diag_text(d, diags_at(d, i));
	return "";
}

void diags_print(struct diags *d, FILE *out)
{
	for (size_t i = 0; i < d->count; i++)
		fprintf(out, "%s\n", diag_line(d, diags_at(d, i)));
}

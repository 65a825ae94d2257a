#include "base/nametab.h"

#include "base/arena.h"
#include "base/buf.h"

bool nametab_find(const char *const *names, size_t count, struct str name, unsigned *value)
{
	for (size_t i = 0; i < count; i++) {
		if (names[i] != NULL && str_eq(str_of(names[i]), name)) {
			*value = (unsigned)i;
			return true;
		}
	}
	return false;
}

enum { NAME_MAX_COMPARED = 48 };

/* Levenshtein distance with one row. */
static size_t distance(struct str a, struct str b)
{
	size_t row[NAME_MAX_COMPARED + 1];
	for (size_t j = 0; j <= b.n; j++)
		row[j] = j;
	for (size_t i = 1; i <= a.n; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= b.n; j++) {
			size_t best = diagonal + (char_lower(a.p[i - 1]) != char_lower(b.p[j - 1]));
			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[b.n];
}

const char *nametab_closest(const char *const *names, size_t count, struct str name)
{
	const char *closest = NULL;
	size_t best = name.n / 3 + 2;
	if (name.n > NAME_MAX_COMPARED)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		struct str candidate = str_of(names[i]);
		size_t at_least = candidate.n > name.n ? candidate.n - name.n : name.n - candidate.n;
		if (names[i] == NULL || candidate.n > NAME_MAX_COMPARED || at_least >= best)
			continue;
		size_t d = distance(name, candidate);
		if (d < best) {
			best = d;
			closest = names[i];
		}
	}
	return closest;
}

struct str nametab_join(struct arena *a, const char *const *names, size_t count)
{
	struct buf b;
	const char *last = NULL; /* held back: it may need an "or" */
	buf_init(&b, 0);
	for (size_t i = 0; i < count; i++) {
		if (names[i] == NULL)
			continue;
		if (last != NULL)
			buf_printf(&b, "%s%s", b.n == 0 ? "" : ", ", last);
		last = names[i];
	}
	if (last != NULL)
		buf_printf(&b, "%s%s", b.n == 0 ? "" : " or ", last);
	struct str joined = str_dup(a, buf_str(&b));
	buf_fini(&b);
	return joined;
}

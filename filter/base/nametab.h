/* base/nametab.h - names of enum values, for every enum that has a table.
 *
 * An array of names indexed by the value, made from a .def file. NULL: no value of that number.
 * Threads: any. Fails: never. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct arena;

/* False if no name equals (case matters). */
bool nametab_find(const char *const *names, size_t count, struct str name, unsigned *value);
/* The closest name, for "did you mean ...?"; NULL if none is close. */
const char *nametab_closest(const char *const *names, size_t count, struct str name);
/* "a, b or c" in the arena. */
struct str nametab_join(struct arena *, const char *const *names, size_t count);

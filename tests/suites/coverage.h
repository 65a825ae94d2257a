/* tests/suites/coverage.h - which rows of the tables the cases have touched.
 *
 * Threads: one. */
#pragma once

#include <stdio.h>

#include "eval/case.h"

/* What the case sets up and expects. */
void coverage_add_case(const struct case_file *);
/* What its records tell: actions that rules took. */
void coverage_add_record(struct str json);
/* Prints each row that no case touches; answers how many. */
size_t coverage_report(FILE *);

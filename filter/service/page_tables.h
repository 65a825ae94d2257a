/* service/page_tables.h - the tables of the status page. Owns: nothing. Threads: any. Fails: never. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"

struct status;

void table_workflows(struct buf *, const struct status *);
void table_rules(struct buf *, const struct status *);
void table_listeners(struct buf *, const struct status *);
void table_keys(struct buf *, const struct status *);
void table_refusals(struct buf *, const struct status *, bool people);

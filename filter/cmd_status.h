/* cmd_status.h - the daemon's status for commands: cmd_status.c, cmd_top.c.
 *
 * Owns: the caller owns what status_ask answers. Threads: the main thread. Fails: after a word to stderr. */
#pragma once

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

struct buf;
struct options;

/* Runs with the options of that file, right or not. Answers what run does, or EX_CONFIG if there are none. */
int status_with_options(const char *config_path, int (*run)(const struct options *, void *), void *context);
/* What /status.json says, also as text. NULL after a word. */
json_t *status_ask(const char *who, const struct options *, struct buf *text);
/* object.a, or object.a.b; 0 if it is not there. */
int64_t status_number(const json_t *object, const char *a, const char *b);
const char *status_text(const json_t *object, const char *name);
/* For a terminal: bytes that are no printable ASCII as \xNN. */
void status_print_safe(FILE *, const char *text);

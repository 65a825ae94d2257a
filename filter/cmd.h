/* cmd.h - the subcommands of gatepost, one file each, one row each in main.c.
 *
 * argv[0] is the subcommand's name. They answer a code of sysexits(3):
 * EX_USAGE for a wrong call, EX_CONFIG for a configuration that is refused.
 * Threads: the main thread. */
#pragma once

#include <stdbool.h>

typedef int cmd_fn(int argc, char **argv);

cmd_fn cmd_backup;
cmd_fn cmd_check;
cmd_fn cmd_docs;
cmd_fn cmd_doctor;
cmd_fn cmd_eval;
cmd_fn cmd_key;
cmd_fn cmd_log;
cmd_fn cmd_preflight;
cmd_fn cmd_reload;
cmd_fn cmd_retry;
cmd_fn cmd_run;
cmd_fn cmd_status;
cmd_fn cmd_suppress;
cmd_fn cmd_test;
cmd_fn cmd_top;
cmd_fn cmd_version;
cmd_fn cmd_why;

/* For a subcommand that knows only -c FILE: the file, or the built-in path. False after a word to stderr. */
bool cmd_options(int argc, char **argv, const char **config_path);
/* Says what is wrong and where to look; answers EX_USAGE. */
int cmd_usage_error(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same for what getopt_long(3) just refused, with opterr = 0. */
int cmd_option_error(char *const *argv);

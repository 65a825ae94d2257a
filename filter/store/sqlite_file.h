/* store/sqlite_file.h - makes the file of the store, before SQLite would.
 *
 * Owns: nothing. Threads: any. Fails: with a diagnostic that says what to type. */
#pragma once

#include <stdbool.h>

struct diags;

#define SQLITE_TYPE_FOLDER "Type: install -d -o gatepost -g gatepost -m 0750 %s"

/* With mode 0640, if it is not there. For the patient a disk that is full or broken is a warning: that will be over. */
bool sqlite_file_create(const char *path, bool is_patient, struct diags *);
/* That it is in; to be freed. */
char *sqlite_file_folder(const char *path);

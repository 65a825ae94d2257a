/* auth/key_folder.h - the files of signing keys, for those who may read and those who may write them.
 *
 * Files are looked for among the credentials of the service manager
 * ($CREDENTIALS_DIRECTORY, systemd's LoadCredential=, one by one or the whole
 * folder under the name "keys"), then in the folder itself. There nobody else
 * may change, and no stranger read them.
 * Owns:    nothing; a writer its lock.
 * Threads: any; one writer at a time, also of several processes.
 * Fails:   with a reason that names file, owner and mode, and says what to type. */
#pragma once

#include <openssl/types.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/str.h"

struct arena;
struct diags;

struct key_folder {
	struct str path;
	struct str credentials; /* empty: there are none */
};

struct key_folder key_folder_at(struct arena *, struct str path);

/* The path of a file, or NULL if it is in neither place. What cannot be looked at counts as there. */
const char *key_folder_find(const struct key_folder *, struct arena *, struct str name);
/* A private key that can sign. NULL and why not. */
EVP_PKEY *key_folder_read_key(const struct key_folder *, struct arena *, const char *path, struct str *why_not);

/* Names of the keys of which there is a state or a NAME.pem, sorted. False after a diagnostic. */
bool key_folder_list(const struct key_folder *, struct arena *, struct diags *, const struct str **names, size_t *count);

struct key_writer {
	const char *path;
	int fd;                /* of the folder, locked */
	uid_t uid;             /* new files belong to whom the folder belongs */
	gid_t gid;
};

/* The folder is made, for that account, if it is missing. False after a diagnostic. */
bool key_writer_begin(struct key_writer *, struct arena *, const struct key_folder *, uid_t, gid_t, struct diags *);
void key_writer_end(struct key_writer *);
/* Whole and on disk, or not at all. is_new: there must be no such file. */
bool key_writer_put(struct key_writer *, struct arena *, struct str name, struct str bytes, bool is_new,
		    struct diags *);
bool key_writer_remove(struct key_writer *, struct arena *, struct str name, struct diags *);

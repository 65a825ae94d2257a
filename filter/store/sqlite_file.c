#include "store/sqlite_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/fail.h"

static struct place place_of(const char *path)
{
	return (struct place){ .file = path, .setting = "store" };
}

char *sqlite_file_folder(const char *path)
{
	char *copy = fail_if_null(strdup(path)), *folder = fail_if_null(strdup(dirname(copy)));
	free(copy);
	return folder;
}

static void report_creation(const char *path, bool is_patient, const char *folder, int error, struct diags *diags)
{
	bool is_passing = error == ENOSPC || error == EDQUOT || error == EROFS || error == EIO;
	if (error == ENOENT)
		diag_error(diags, place_of(path),
			   "the folder %s is missing. " SQLITE_TYPE_FOLDER, folder, folder);
	else if (error == EACCES)
		diag_error(diags, place_of(path),
			   "user id %u may not write into the folder. Type: chown gatepost:gatepost %s", geteuid(),
			   folder);
	else
		(is_passing && is_patient ? diag_warn : diag_error)(diags, place_of(path), "cannot be created: %s", strerror(error));
}

/* SQLite would create it with the process's umask. Its -wal and -shm files take mode and owner over. A command of
 * root's makes it for the daemon, whose folder it is. */
bool sqlite_file_create(const char *path, bool is_patient, struct diags *diags)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	int error = errno;
	struct stat st;
	char *folder = sqlite_file_folder(path);
	if (fd >= 0) {
		fchmod(fd, 0640);
		if (geteuid() == 0 && stat(folder, &st) == 0 && fchown(fd, st.st_uid, st.st_gid) != 0)
			diag_warn(diags, place_of(path), "does not belong to the folder's owner: %s",
				  strerror(errno));
		close(fd);
		error = EEXIST;
	}
	if (error != EEXIST)
		report_creation(path, is_patient, folder, error, diags);
	free(folder);
	return error == EEXIST;
}

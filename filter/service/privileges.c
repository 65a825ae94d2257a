#include "service/privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/fail.h"

static const struct place at_user = { .setting = "user" };

void privileges_begin(void)
{
	umask(PRIVILEGES_UMASK);
	BUG_IF(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0);
}

/* At start there is one thread: getpwnam is safe. */
static const struct passwd *find(struct str user, struct diags *diags)
{
	struct arena *a = arena_new();
	errno = 0;
	const struct passwd *entry = getpwnam(str_to_c(a, user));
	if (entry == NULL)
		diag_error(diags, at_user, "there is no user \"%.*s\"%s%s", STR_ARG(user), errno == 0 ? "" : ": ",
			   errno == 0 ? "" : strerror(errno));
	arena_free(a);
	return entry;
}

bool privileges_find(struct str user, struct account *out, struct diags *diags)
{
	if (user.n == 0) {
		*out = (struct account){ geteuid(), getegid() };
		return true;
	}
	const struct passwd *entry = find(user, diags);
	if (entry != NULL)
		*out = (struct account){ entry->pw_uid, entry->pw_gid };
	return entry != NULL;
}

static bool become(const struct passwd *entry, struct diags *diags)
{
	if (initgroups(entry->pw_name, entry->pw_gid) != 0 ||
	    setresgid(entry->pw_gid, entry->pw_gid, entry->pw_gid) != 0 ||
	    setresuid(entry->pw_uid, entry->pw_uid, entry->pw_uid) != 0) {
		diag_error(diags, at_user, "cannot become \"%s\": %s", entry->pw_name, strerror(errno));
		return false;
	}
	/* If there were a way back, what follows would not be what it seems. */
	BUG_IF(entry->pw_uid != 0 && (setuid(0) == 0 || seteuid(0) == 0));
	return true;
}

static bool stay(struct diags *diags)
{
	if (geteuid() == 0)
		diag_warn(diags, at_user, "is empty and root serves: name a user, or set User= in the unit");
	return true;
}

bool privileges_lower(struct str user, struct diags *diags)
{
	if (user.n == 0)
		return stay(diags);
	if (geteuid() != 0)
		return true; /* what the user is, each child looks itself */
	const struct passwd *entry = find(user, diags);
	if (entry == NULL)
		return false;
	if (initgroups(entry->pw_name, entry->pw_gid) == 0 && setegid(entry->pw_gid) == 0 && seteuid(entry->pw_uid) == 0)
		return true;
	diag_error(diags, at_user, "cannot act as \"%s\": %s", entry->pw_name, strerror(errno));
	return false;
}

void privileges_raise(void)
{
	/* A unit with User= may forbid these calls as such: they are made only where something was lowered. */
	BUG_IF(geteuid() != getuid() && seteuid(getuid()) != 0);
	BUG_IF(getegid() != getgid() && setegid(getgid()) != 0);
}

bool privileges_drop(struct str user, struct diags *diags)
{
	if (user.n == 0)
		return stay(diags);
	const struct passwd *entry = find(user, diags);
	if (entry == NULL)
		return false;
	if (geteuid() == 0)
		return become(entry, diags);
	if (geteuid() == entry->pw_uid)
		return true;
	diag_error(diags, at_user, "only root can become \"%s\"; this runs as user id %u", entry->pw_name,
		   (unsigned)geteuid());
	return false;
}

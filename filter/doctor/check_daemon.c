/* Our side: configuration, keys, socket. */
#include "doctor/patient.h"

#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "auth/key_line.h"
#include "base/arena.h"
#include "base/diag.h"
#include "config/snapshot.h"
#include "doctor/dial.h"
#include "doctor/spawn.h"
#include "option/listener.h"
#include "option/options.h"
#include "policy/workflow.h"

enum { DIAL_MS = 5000 };

#define ACCOUNT "gatepost" /* of conf/gatepost.sysusers */

static void tell_diags(struct patient *p, bool errors, const char *advice)
{
	for (size_t i = 0; i < diags_count(p->diags); i++) {
		const struct diag *d = diags_at(p->diags, i);
		if (d->is_error == errors)
			complain(p, "%s", diag_text(p->diags, d))->advice = str_of(advice);
	}
}

void check_configuration(struct patient *p)
{
	tell_diags(p, true, "correct it, then: gatepost check && systemctl restart gatepost");
}

void check_policy_warnings(struct patient *p)
{
	tell_diags(p, false, "gatepost check shows it until it is gone");
}

/* ---- files ---------------------------------------------------------------------------------------------- */

/* The user that the daemon runs as, if we can know. */
static const char *account(const struct patient *p)
{
	if (p->options->user.n > 0)
		return str_to_c(p->arena, p->options->user);
	return getpwnam(ACCOUNT) != NULL ? ACCOUNT : NULL;
}

static void check_file(struct patient *p, const char *user, const char *path)
{
	struct str object;
	int why;
	const struct passwd *entry = getpwnam(user);
	const struct group *group = entry == NULL ? NULL : getgrgid(entry->pw_gid);
	if (user_may(p->arena, user, NULL, path, MAY_READ, &object, &why))
		return;
	const char *of = group == NULL ? user : group->gr_name;
	complain(p, "%s: user %s may not read it: %.*s: %s", path, user, STR_ARG(object), strerror(why))->advice =
		str_printf(p->arena, "chgrp %s %.*s && chmod %s %.*s", of, STR_ARG(object),
			   str_eq(object, str_of(path)) ? "0640" : "0750", STR_ARG(object));
}

void check_files(struct patient *p)
{
	const char *user = account(p);
	if (geteuid() != 0 || user == NULL || access(p->settings->config_path, F_OK) != 0) {
		skip(p, geteuid() != 0 ? "run this as root to try it as the daemon's user" :
			user == NULL   ? "there is no user " ACCOUNT ", and the option user is not set" :
					 "there is no configuration");
		return;
	}
	check_file(p, user, p->settings->config_path);
	for (size_t i = 0; p->snapshot != NULL && i < policy_file_count(p->snapshot->policy); i++)
		check_file(p, user, policy_file_at(p->snapshot->policy, i));
}

static void check_key_file(struct patient *p, const char *user, const struct key_row *row)
{
	struct str object;
	int why;
	if (row->wrong.n > 0)
		complain(p, "%.*s", STR_ARG(row->wrong))->advice = STR("then: gatepost check");
	else if (user != NULL && !user_may(p->arena, user, NULL, str_to_c(p->arena, row->path), MAY_READ, &object, &why))
		complain(p, "%.*s: user %s may not read it: %.*s: %s", STR_ARG(row->path), user, STR_ARG(object),
			 strerror(why))->advice =
			str_printf(p->arena, "chown %s: %.*s && chmod %s %.*s", user, STR_ARG(object),
				   str_eq(object, row->path) ? "0600" : "0700", STR_ARG(object));
}

void check_keys(struct patient *p)
{
	struct key_folder folder = key_folder_at(p->arena, p->options->keys);
	struct key_lines lines = { NULL, 0, 0 };
	struct diags *diags = diags_new();
	const char *user = geteuid() == 0 ? account(p) : NULL;
	folder.credentials = STR_EMPTY; /* ours, not the daemon's */
	key_lines_read(p->arena, &folder, diags, &lines);
	for (size_t i = 0; i < diags_count(diags); i++)
		complain(p, "%s", diag_text(diags, diags_at(diags, i)))->advice = STR("then: gatepost check");
	EACH_KEY_ROW(row, &lines)
		check_key_file(p, user, row);
	diags_free(diags);
	if (lines.count == 0)
		skip(p, "there are no keys in %.*s", STR_ARG(p->options->keys));
}

/* ---- the socket ----------------------------------------------------------------------------------------- */

static void tell_nobody(struct patient *p, const struct listener *l, struct str why)
{
	complain(p, "%.*s: %.*s: the daemon is not there", STR_ARG(l->socket), STR_ARG(why))->advice =
		STR("systemctl start gatepost; if it does not start: journalctl -u gatepost -n 20");
}

static void check_listener(struct patient *p, const struct listener *l)
{
	struct str why;
	switch (dial(p->arena, l, DIAL_MS, &why)) {
	case DIALLED_WELL:
		p->is_daemon_there = true;
		return;
	case DIALLED_NOT_THERE:
		tell_nobody(p, l, why);
		return;
	case DIALLED_NOT_ALLOWED:
		skip(p, "%.*s: %.*s: run this as root to try it", STR_ARG(l->socket), STR_ARG(why));
		return;
	case DIALLED_NO_MILTER:
		complain(p, "%.*s: %.*s: it hangs, or another program has taken the socket", STR_ARG(l->socket),
			 STR_ARG(why))->advice = STR("journalctl -u gatepost -n 20; systemctl restart gatepost");
		return;
	}
}

void check_daemon(struct patient *p)
{
	for (size_t i = 0; i < p->options->listen.count; i++)
		check_listener(p, &p->options->listen.items[i]);
}

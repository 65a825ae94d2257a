/* What Postfix and Sendmail have in common: services that ask milters. */
#include "doctor/patient.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "doctor/spawn.h"
#include "option/options.h"

#define EACH_HOOK(h, p) for (struct hook *h = (p)->hooks.items; h < (p)->hooks.items + (p)->hooks.count; h++)
#define EACH_MILTER(m, h) \
	for (struct milter *m = (h)->milters.items; m < (h)->milters.items + (h)->milters.count; m++)

static const struct milter *ours(const struct hook *h)
{
	EACH_MILTER(m, h)
		if (m->relation == MILTER_OURS)
			return m;
	return NULL;
}

static bool has_missed(const struct hook *h)
{
	EACH_MILTER(m, h)
		if (m->relation == MILTER_MISSED)
			return true;
	return false;
}

/* Else what is asked makes no sense, and must not look as if it were well. */
static bool somebody_asks_us(struct patient *p)
{
	EACH_HOOK(h, p)
		if (ours(h) != NULL)
			return true;
	skip(p, "no service asks Gatepost");
	return false;
}

/* A list without blanks, which postconf -P does not take. */
static struct str compact(struct arena *a, struct str list)
{
	struct buf b;
	struct str item;
	buf_init(&b, 0);
	for (bool is_first = true; list_next(&list, &item); is_first = false) {
		struct str inner = item, word;
		buf_add(&b, is_first ? STR("{") : STR(",{"));
		for (bool is_inner = false; list_next(&inner, &word); is_inner = true)
			buf_printf(&b, "%s%.*s", is_inner ? "," : "", STR_ARG(word));
		buf_add_char(&b, '}');
	}
	struct str text = str_dup(a, buf_str(&b));
	buf_fini(&b);
	return text;
}

/* What is to be typed to give a setting of a hook a value. */
static struct str set_to(const struct patient *p, const struct hook *h, struct str value)
{
	bool is_own = str_find(h->milters_setting, '/') >= 0;
	if (p->mta == MTA_SENDMAIL)
		return str_printf(p->arena, "in sendmail.mc: INPUT_MAIL_FILTER(`gatepost', `S=%.*s, F=T, T=S:30s;R:30s;E:5m'); "
				  "then make -C /etc/mail && systemctl restart sendmail", STR_ARG(value));
	struct str better = path_to_move_to(p, h);
	struct str folder = str_sub(better, 0, better.n == 0 ? 0 : (size_t)str_find_last(better, '/'));
	struct str user = postfix_parameter(p, NULL, "mail_owner");
	struct str first = better.n == 0 ? STR_EMPTY :
			   str_printf(p->arena, "install -d -o gatepost -g gatepost -m 0750 %.*s && adduser %.*s gatepost; "
				      "in gatepost.conf: listen = ( { socket = \"unix:%.*s\"; } ); then systemctl restart gatepost "
				      "postfix; then ", STR_ARG(folder), STR_ARG(user), STR_ARG(better));
	if (is_own)
		return str_printf(p->arena, "%.*spostconf -P '%.*s=%.*s' && postfix reload", STR_ARG(first),
				  STR_ARG(h->milters_setting), STR_ARG(compact(p->arena, value)));
	return str_printf(p->arena, "%.*spostconf -e '%.*s = %.*s' && postfix reload", STR_ARG(first),
			  STR_ARG(h->milters_setting), STR_ARG(value));
}

/* A milter of ours as it should stand there. */
static struct str good_milter(const struct patient *p, const struct hook *h)
{
	struct str socket = socket_for(p, h);
	if (p->mta == MTA_SENDMAIL)
		return socket;
	return str_printf(p->arena, "{ %.*s, default_action=tempfail, command_timeout=30s }", STR_ARG(socket));
}

/* Those that are there stay: ours comes behind them where it signs, before them where it verifies. */
static struct str with_ours(const struct patient *p, const struct hook *h)
{
	struct str good = good_milter(p, h);
	struct str now = p->mta == MTA_SENDMAIL ? STR_EMPTY :
			 h->is_local ? postfix_parameter(p, NULL, "non_smtpd_milters") :
				       postfix_parameter(p, h->service, "smtpd_milters");
	if (now.n == 0)
		return good;
	return h->is_submission ? str_printf(p->arena, "%.*s, %.*s", STR_ARG(now), STR_ARG(good)) :
				  str_printf(p->arena, "%.*s, %.*s", STR_ARG(good), STR_ARG(now));
}

void check_listed(struct patient *p)
{
	EACH_HOOK(h, p) {
		if (h->is_local || h->is_loopback)
			continue;
		if (h->is_switched_off)
			complain(p, "%.*s: receive_override_options has no_milters, so no milter is asked", STR_ARG(h->name))->advice =
				STR("take no_milters out there, but for what a content filter gives back on loopback");
		else if (ours(h) == NULL && !has_missed(h))
			complain(p, "%.*s: Gatepost is not among its milters%s: its mail is %s", STR_ARG(h->name),
				 h->milters.count == 0 ? " (there are none)" : "",
				 h->is_submission ? "not signed, and no rule holds for it" : "not judged")->advice =
				set_to(p, h, with_ours(p, h));
	}
}

void check_local_mail(struct patient *p)
{
	EACH_HOOK(h, p)
		if (h->is_local && ours(h) == NULL && !has_missed(h))
			complain(p, "Gatepost is not in non_smtpd_milters: mail from sendmail(1), of any program here, leaves "
				 "unsigned and without a rule")->advice =
				str_printf(p->arena, "%.*s (or, if only root is to use it: postconf -e 'authorized_submit_users = root')",
					   STR_ARG(set_to(p, h, with_ours(p, h))));
}

/* ---- the socket ----------------------------------------------------------------------------------------- */

void check_socket_path(struct patient *p)
{
	EACH_HOOK(h, p)
		EACH_MILTER(m, h) {
			const struct listener *l = listener_for(p, h);
			if (m->relation != MILTER_MISSED)
				continue;
			struct doctor_finding *finding =
				h->is_chrooted && str_starts(m->written, STR("unix:/")) ?
				complain(p, "%.*s runs in a chroot: with %.*s it looks for %.*s, and the daemon listens on %.*s",
					 STR_ARG(h->name), STR_ARG(m->written), STR_ARG(m->path), STR_ARG(l->socket)) :
				complain(p, "%.*s: %.*s is not where the daemon listens: %.*s", STR_ARG(h->name),
					 STR_ARG(m->written), STR_ARG(l->socket));
			finding->advice = set_to(p, h, good_milter(p, h));
		}
}

void check_roles(struct patient *p)
{
	if (!somebody_asks_us(p))
		return;
	EACH_HOOK(h, p) {
		const struct milter *m = ours(h);
		if (m == NULL || h->is_switched_off)
			continue;
		if ((h->is_submission || h->is_local) && m->listener->role == ROLE_INBOUND)
			complain(p, "%.*s: %.*s has the role inbound: it reads no logins and has no keys, so nothing is signed",
				 STR_ARG(h->name), STR_ARG(m->written))->advice =
				listener_for(p, h)->role == ROLE_INBOUND ?
				STR("give it a listener with role = \"submission\" in gatepost.conf") : set_to(p, h, good_milter(p, h));
		else if (!h->is_submission && !h->is_local && !h->is_loopback && m->listener->role == ROLE_SUBMISSION)
			complain_as(p, DOCTOR_WARN, "%.*s: %.*s has the role submission: mail of strangers comes to the process that "
				    "has the keys", STR_ARG(h->name), STR_ARG(m->written))->advice =
				listener_for(p, h)->role == ROLE_SUBMISSION ?
				STR("give it a listener with role = \"inbound\" in gatepost.conf") : set_to(p, h, good_milter(p, h));
	}
}

static bool is_asked(const struct patient *p, const struct listener *l)
{
	EACH_HOOK(h, p)
		EACH_MILTER(m, h)
			if (m->relation == MILTER_OURS && m->listener == l)
				return true;
	return false;
}

void check_unasked(struct patient *p)
{
	const struct listeners *all = &p->options->listen;
	if (!somebody_asks_us(p))
		return;
	for (size_t i = 0; i < all->count; i++)
		if (!is_asked(p, &all->items[i]))
			complain(p, "no service asks at %.*s (role %s)", STR_ARG(all->items[i].socket),
				 listen_role_words[all->items[i].role])->advice =
				STR("take it out of listen in gatepost.conf, or name it in smtpd_milters of the service it is for");
}

static struct str rights(struct arena *a, const char *path)
{
	struct stat st;
	if (stat(path, &st) != 0)
		return str_of(strerror(errno));
	const struct passwd *user = getpwuid(st.st_uid);
	const struct group *group = getgrgid(st.st_gid);
	return str_printf(a, "owner %s, group %s, mode %04o", user == NULL ? "?" : user->pw_name,
			  group == NULL ? "?" : group->gr_name, (unsigned)st.st_mode & 07777);
}

/* The group may, and only he is not in it; or nobody but the owner may. */
static struct str let_in(struct arena *a, const char *user, const char *object, bool is_socket)
{
	struct stat st;
	const struct group *group = stat(object, &st) == 0 ? getgrgid(st.st_gid) : NULL;
	unsigned needed = is_socket ? 0020 : 0010;
	if (group != NULL && st.st_gid != 0 && (st.st_mode & needed) != 0)
		return str_printf(a, "adduser %s %s && systemctl restart postfix", user, group->gr_name);
	if (is_socket)
		return str_printf(a, "in gatepost.conf: listen = ( { socket = ...; mode = \"0660\"; } ); and adduser %s gatepost; "
				  "then restart gatepost and postfix", user);
	return str_printf(a, "chgrp gatepost %s && chmod 0750 %s && adduser %s gatepost && systemctl restart postfix", object,
			  object, user);
}

static void try_as(struct patient *p, const char *user, const char *root, const char *path)
{
	struct str object;
	int why;
	struct stat st;
	if (stat(path, &st) != 0) {
		skip(p, "%s: nothing is there that could be tried", path);
		return;
	}
	if (user_may(p->arena, user, root, path, MAY_CONNECT, &object, &why))
		return;
	const char *stops = str_to_c(p->arena, object);
	complain(p, "%s: user %s may not connect: %s (%.*s): %s", path, user, stops, STR_ARG(rights(p->arena, stops)),
		 strerror(why))->advice = let_in(p->arena, user, stops, str_eq(object, str_of(path)));
}

void check_socket_rights(struct patient *p)
{
	const char *user = str_to_c(p->arena, postfix_parameter(p, NULL, "mail_owner"));
	struct str tried = STR_EMPTY;
	if (!somebody_asks_us(p))
		return;
	if (geteuid() != 0) {
		skip(p, "run this as root to try the socket as user %s", user);
		return;
	}
	if (getpwnam(user) == NULL) {
		complain(p, "there is no user \"%s\" (mail_owner)", user)->advice = STR("postconf mail_owner");
		return;
	}
	EACH_HOOK(h, p) {
		const struct milter *m = ours(h);
		if (m == NULL || m->path.n == 0 || str_eq(m->path, tried))
			continue;
		tried = m->path;
		try_as(p, user, h->is_chrooted ? str_to_c(p->arena, postfix_parameter(p, NULL, "queue_directory")) : NULL,
		       str_to_c(p->arena, m->path));
	}
}

/* ---- what happens without us ---------------------------------------------------------------------------- */

void check_default_action(struct patient *p)
{
	if (!somebody_asks_us(p))
		return;
	EACH_HOOK(h, p) {
		const struct milter *m = ours(h);
		if (m == NULL || h->is_switched_off)
			continue;
		bool is_inbound = !h->is_submission && !h->is_local;
		if (str_eq(m->default_action, STR("accept")))
			complain_as(p, is_inbound ? DOCTOR_WARN : DOCTOR_ERROR, "%.*s: while the daemon is away mail passes %s "
				    "(%s)", STR_ARG(h->name), is_inbound ? "unjudged" : "unsigned, and no rule holds for it",
				    p->mta == MTA_SENDMAIL ? "no F=T" : "default_action=accept")->advice =
				set_to(p, h, good_milter(p, h));
		else if (str_eq(m->default_action, STR("reject")))
			complain_as(p, DOCTOR_WARN, "%.*s: while the daemon is away, even for a restart, mail is refused for good "
				    "(%s)", STR_ARG(h->name), p->mta == MTA_SENDMAIL ? "F=R" : "default_action=reject")->advice =
				set_to(p, h, good_milter(p, h));
	}
}

void check_timeouts(struct patient *p)
{
	int64_t deadline_ms = p->options->deadline;
	if (!somebody_asks_us(p))
		return;
	EACH_HOOK(h, p) {
		const struct milter *m = ours(h);
		if (m == NULL || h->is_switched_off)
			continue;
		struct { int64_t ms; const char *postfix, *sendmail; } rows[] = {
			{ m->command_ms, "command_timeout", "R" }, { m->content_ms, "content_timeout", "E" },
		};
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
			if (rows[i].ms <= deadline_ms)
				complain(p, "%.*s: it gives up after %d s (%s), and the daemon may take %d s (deadline)",
					 STR_ARG(h->name), (int)(rows[i].ms / 1000),
					 p->mta == MTA_SENDMAIL ? rows[i].sendmail : rows[i].postfix,
					 (int)(deadline_ms / 1000))->advice = set_to(p, h, good_milter(p, h));
	}
}

/* ---- others --------------------------------------------------------------------------------------------- */

void check_order(struct patient *p)
{
	if (!somebody_asks_us(p))
		return;
	EACH_HOOK(h, p) {
		const struct milter *m = ours(h);
		size_t count = h->milters.count;
		if (m == NULL || count < 2 || h->is_switched_off)
			continue;
		const struct milter *first = h->milters.items, *last = first + count - 1;
		if (h->is_submission && m != last)
			complain(p, "%.*s: %.*s comes behind Gatepost: what it changes breaks the signature", STR_ARG(h->name),
				 STR_ARG(last->written))->advice = STR("put Gatepost last in this list");
		else if (!h->is_submission && !h->is_local && m != first)
			complain(p, "%.*s: %.*s comes before Gatepost: what it changes can break the signature that is verified",
				 STR_ARG(h->name), STR_ARG(first->written))->advice = STR("put Gatepost first in this list");
	}
}

/* Usual places of what does the same work: the sockets and ports that their packages come with. */
static const char *rival_of(struct str socket)
{
	static const struct { const char *part, *name; } rows[] = {
		{ "opendkim", "OpenDKIM" }, { "opendmarc", "OpenDMARC" }, { ":8891", "OpenDKIM" }, { ":8893", "OpenDMARC" },
		{ "openarc", "OpenARC" }, { "dkimpy", "dkimpy-milter" }, { "spf", "an SPF milter" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct str part = str_of(rows[i].part);
		for (size_t k = 0; k + part.n <= socket.n; k++)
			if (str_eq_nocase(str_sub(socket, k, part.n), part))
				return rows[i].name;
	}
	return NULL;
}

void check_rivals(struct patient *p)
{
	if (!somebody_asks_us(p))
		return;
	EACH_HOOK(h, p)
		EACH_MILTER(m, h) {
			bool is_beside = m->relation == MILTER_OTHER && ours(h) != NULL && !h->is_switched_off;
			const char *rival = is_beside ? rival_of(m->written) : NULL;
			if (rival != NULL)
				complain(p, "%.*s: %.*s (%s) verifies or signs beside Gatepost", STR_ARG(h->name),
					 STR_ARG(m->written), rival)->advice =
					str_printf(p->arena, "take it out of %.*s once Gatepost does its work", STR_ARG(h->milters_setting));
		}
}

#include "../test.h"

#include <errno.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pwd.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/diag.h"
#include "service/privileges.h"

/* Dropping is for good, so each trial has a process of its own: its exit code says what held. */
static int exit_code_of(int (*trial)(void))
{
	int status;
	fflush(NULL);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(trial());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

enum { HELD = 0, NOT_DROPPED, WRONG_IDS, WRONG_GROUPS, WAY_BACK, WRONG_BEGIN, SAID_NOTHING };

static int become_nobody(void)
{
	struct diags *d = diags_new();
	const struct passwd *nobody = getpwnam("nobody");
	gid_t groups[64];
	privileges_begin();
	if (umask(0) != PRIVILEGES_UMASK || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return WRONG_BEGIN;
	if (!privileges_drop(STR("nobody"), d) || diags_count(d) != 0)
		return NOT_DROPPED;
	if (getuid() != nobody->pw_uid || geteuid() != nobody->pw_uid || getegid() != nobody->pw_gid)
		return WRONG_IDS;
	int count = getgroups(64, groups);
	if (count != 1 || groups[0] != nobody->pw_gid)
		return WRONG_GROUPS;
	if (setuid(0) == 0 || seteuid(0) == 0 || setgid(0) == 0)
		return WAY_BACK;
	/* Already that user: fine. Somebody else: not any more. */
	if (!privileges_drop(STR("nobody"), d))
		return NOT_DROPPED;
	if (privileges_drop(STR("root"), d) || diags_errors(d) != 1)
		return SAID_NOTHING;
	return HELD;
}

static void root_becomes_the_user_for_good(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(exit_code_of(become_nobody), HELD);
}

static int stay(void)
{
	struct diags *d = diags_new();
	uid_t before = geteuid();
	if (!privileges_drop(STR_EMPTY, d) || geteuid() != before)
		return NOT_DROPPED;
	/* Only root is worth a word. */
	return diags_warnings(d) == (before == 0) && diags_errors(d) == 0 ? HELD : SAID_NOTHING;
}

static void without_a_user_it_stays_and_says_so_for_root(void **state)
{
	(void)state;
	assert_int_equal(exit_code_of(stay), HELD);
}

static void an_unknown_user_is_refused(void **state)
{
	(void)state;
	struct diags *d = diags_new();
	struct account account;
	assert_false(privileges_find(STR("no-such-user"), &account, d));
	assert_false(privileges_drop(STR("no-such-user"), d));
	assert_int_equal(diags_errors(d), 2);
	assert_string_equal(diags_at(d, 0)->text, "there is no user \"no-such-user\"");
	diags_free(d);
}

static void accounts_are_found_by_name_and_by_default(void **state)
{
	(void)state;
	struct diags *d = diags_new();
	struct account account;
	assert_true(privileges_find(STR("nobody"), &account, d));
	assert_int_equal(account.uid, getpwnam("nobody")->pw_uid);
	assert_true(privileges_find(STR_EMPTY, &account, d));
	assert_int_equal(account.uid, geteuid());
	assert_int_equal(account.gid, getegid());
	diags_free(d);
}

/* As SystemCallFilter=~@privileged of the unit. */
static int raise_where_ids_are_fixed(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_setresuid, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_setresgid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };
	privileges_begin();
	/* For all threads: glibc ends a process in which they got different answers, and ThreadSanitizer has one. */
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) != 0 ||
	    seteuid(geteuid()) == 0)
		return WRONG_BEGIN;
	privileges_raise();
	return HELD;
}

static void where_nothing_was_lowered_nothing_is_raised(void **state)
{
	(void)state;
	assert_int_equal(exit_code_of(raise_where_ids_are_fixed), HELD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(root_becomes_the_user_for_good),
		cmocka_unit_test(without_a_user_it_stays_and_says_so_for_root),
		cmocka_unit_test(an_unknown_user_is_refused),
		cmocka_unit_test(accounts_are_found_by_name_and_by_default),
		cmocka_unit_test(where_nothing_was_lowered_nothing_is_raised),
	};
	return RUN_TESTS(tests);
}

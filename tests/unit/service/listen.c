#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <libmilter/mfapi.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/diag.h"
#include "option/options.h"
#include "service/listen.h"
#include "service/privileges.h"

struct fixture {
	struct arena *arena;
	struct diags *diags;
	const char *folder; /* of the test */
	const char *path;   /* of the socket: FOLDER/run/s */
	struct listener listener;
	struct account account;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char folder[] = "/tmp/gatepost-listen-XXXXXX";
	assert_non_null(mkdtemp(folder));
	f->arena = arena_new();
	f->diags = diags_new();
	f->folder = str_to_c(f->arena, str_of(folder));
	f->path = str_printf(f->arena, "%s/run/s", folder).p;
	f->listener = (struct listener){
		.socket = str_printf(f->arena, "unix:%s", f->path), .group = STR_EMPTY, .mode = 0660,
	};
	f->account = (struct account){ geteuid(), getegid() };
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	umask(022);
	unlink(f->path);
	rmdir(str_printf(f->arena, "%s/run", f->folder).p);
	rmdir(f->folder);
	diags_free(f->diags);
	arena_free(f->arena);
	free(f);
	return 0;
}

static mode_t mode_of(const char *path)
{
	struct stat st;
	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode & 07777;
}

static bool exists(const char *path)
{
	struct stat st;
	return lstat(path, &st) == 0;
}

static bool prepare(struct fixture *f)
{
	return listen_prepare(&f->listener, &f->account, f->diags);
}

static void assert_last_said(struct fixture *f, const char *part)
{
	assert_true(diags_count(f->diags) > 0);
	const struct diag *last = diags_at(f->diags, diags_count(f->diags) - 1);
	if (strstr(last->text, part) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", last->text, part);
}

/* A socket as libmilter makes it. */
static int bind_socket(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 5), 0);
	return fd;
}

static void make_run_folder(struct fixture *f, mode_t mode)
{
	const char *run = str_printf(f->arena, "%s/run", f->folder).p;
	assert_int_equal(mkdir(run, 0700), 0);
	assert_int_equal(chmod(run, mode), 0);
}

static void libmilter_opens_a_socket_that_is_closed_until_it_has_its_mode(void **state)
{
	struct fixture *f = *state;
	char name[] = "test";
	struct smfiDesc filter = { .xxfi_name = name, .xxfi_version = SMFI_VERSION };
	assert_true(prepare(f));
	assert_int_equal(mode_of(str_printf(f->arena, "%s/run", f->folder).p), 0750);
	assert_int_equal(smfi_setconn(str_to_c(f->arena, f->listener.socket)), MI_SUCCESS);
	assert_int_equal(smfi_register(filter), MI_SUCCESS);
	assert_int_equal(smfi_opensocket(false), MI_SUCCESS);
	assert_int_equal(mode_of(f->path), 0);
	assert_true(listen_finish(&f->listener, &f->account, true, f->diags));
	assert_int_equal(mode_of(f->path), 0660);
	assert_int_equal(umask(022), PRIVILEGES_UMASK);
	assert_int_equal(diags_count(f->diags), 0);
}

static void the_group_asked_for_gets_the_socket(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	if (geteuid() != 0)
		skip();
	f->listener.group = STR("daemon");
	assert_true(prepare(f));
	int fd = bind_socket(f->path);
	assert_true(listen_finish(&f->listener, &f->account, true, f->diags));
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_gid, 1);
	assert_int_equal(stat(str_printf(f->arena, "%s/run", f->folder).p, &st), 0);
	assert_int_equal(st.st_gid, 1);
	close(fd);
}

static void a_group_that_does_not_exist_is_refused(void **state)
{
	struct fixture *f = *state;
	f->listener.group = STR("no-such-group");
	assert_false(listen_check(&f->listener, f->diags));
	assert_false(prepare(f));
	assert_last_said(f, "there is no group \"no-such-group\"");
	assert_false(exists(str_printf(f->arena, "%s/run", f->folder).p));
	f->listener.group = STR_EMPTY;
	assert_true(listen_check(&f->listener, f->diags));
}

static void a_socket_at_which_nobody_answers_is_removed(void **state)
{
	struct fixture *f = *state;
	make_run_folder(f, 0750);
	close(bind_socket(f->path));
	assert_true(exists(f->path));
	assert_true(prepare(f));
	assert_false(exists(f->path));
}

static void a_socket_in_use_stays(void **state)
{
	struct fixture *f = *state;
	make_run_folder(f, 0750);
	int fd = bind_socket(f->path);
	assert_false(prepare(f));
	assert_last_said(f, "a process answers there");
	assert_true(exists(f->path));
	close(fd);
}

static void what_is_no_socket_stays(void **state)
{
	struct fixture *f = *state;
	make_run_folder(f, 0750);
	close(open(f->path, O_CREAT | O_WRONLY, 0600));
	assert_false(prepare(f));
	assert_last_said(f, "is in the way: it is no socket");
	assert_true(exists(f->path));
}

static void a_folder_in_which_everybody_may_replace_the_socket_is_refused(void **state)
{
	struct fixture *f = *state;
	make_run_folder(f, 0777);
	assert_false(prepare(f));
	assert_last_said(f, "everybody may write");
	assert_int_equal(chmod(str_printf(f->arena, "%s/run", f->folder).p, 01777), 0);
	assert_true(prepare(f));
}

static void a_folder_two_levels_deep_is_not_invented(void **state)
{
	struct fixture *f = *state;
	f->listener.socket = str_printf(f->arena, "unix:%s/a/b/s", f->folder);
	assert_false(prepare(f));
	assert_last_said(f, "/a/b: the folder cannot be made: No such file or directory");
}

static void a_failed_opening_only_puts_the_umask_right(void **state)
{
	struct fixture *f = *state;
	assert_true(prepare(f));
	assert_false(listen_finish(&f->listener, &f->account, false, f->diags));
	assert_int_equal(umask(022), PRIVILEGES_UMASK);
	assert_last_said(f, "cannot be opened");
	/* Said to be open, but there is nothing. */
	assert_false(listen_finish(&f->listener, &f->account, true, f->diags));
	assert_last_said(f, "group and mode 0660 cannot be set: No such file or directory");
}

static void a_port_in_use_is_refused(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	f->listener.socket = str_printf(f->arena, "inet:%u@127.0.0.1", ntohs(address.sin_port));
	assert_false(prepare(f));
	assert_last_said(f, "another process has this port; is another gatepost running? Type: ss -ltnp");
	close(fd);
	assert_true(prepare(f));
	assert_true(listen_finish(&f->listener, &f->account, true, f->diags));
}

int main(void)
{
#define FOLDER_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		FOLDER_TEST(libmilter_opens_a_socket_that_is_closed_until_it_has_its_mode),
		FOLDER_TEST(the_group_asked_for_gets_the_socket),
		FOLDER_TEST(a_group_that_does_not_exist_is_refused),
		FOLDER_TEST(a_socket_at_which_nobody_answers_is_removed),
		FOLDER_TEST(a_socket_in_use_stays),
		FOLDER_TEST(what_is_no_socket_stays),
		FOLDER_TEST(a_folder_in_which_everybody_may_replace_the_socket_is_refused),
		FOLDER_TEST(a_folder_two_levels_deep_is_not_invented),
		FOLDER_TEST(a_failed_opening_only_puts_the_umask_right),
		FOLDER_TEST(a_port_in_use_is_refused),
	};
	return RUN_TESTS(tests);
}

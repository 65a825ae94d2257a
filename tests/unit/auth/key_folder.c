#include "top.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "auth/key_folder.h"
#include "auth/private_key.h"
#include "base/arena.h"
#include "base/diag.h"

/* A folder of ours in /tmp, with keys/ and credentials/ in it. */
struct fixture {
	struct arena *a;
	struct diags *diags;
	char top[TOP_MAX];
	struct key_folder folder;
	struct str pem;
};

enum { NOBODY = 65534 };

static const char *in_top(struct fixture *f, const char *name)
{
	return str_printf(f->a, "%s/%s", f->top, name).p;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char room[PRIVATE_KEY_BYTES_MAX];
	f->a = arena_new();
	f->diags = diags_new();
	top_make(f->top);
	f->folder = key_folder_at(f->a, str_of(in_top(f, "keys/")));
	EVP_PKEY *key = private_key_generate(KEY_ED25519, 0);
	f->pem = str_dup(f->a, (struct str){ room, private_key_print(key, room) });
	EVP_PKEY_free(key);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	top_remove(f->top);
	diags_free(f->diags);
	arena_free(f->a);
	free(f);
	return 0;
}

static void begin(struct fixture *f, struct key_writer *w)
{
	if (!key_writer_begin(w, f->a, &f->folder, geteuid(), getegid(), f->diags)) {
		diags_print(f->diags, stderr);
		fail();
	}
}

static void put(struct fixture *f, const char *name, struct str bytes)
{
	struct key_writer w;
	begin(f, &w);
	assert_true(key_writer_put(&w, f->a, str_of(name), bytes, false, f->diags));
	key_writer_end(&w);
}

static const char *find(struct fixture *f, const char *name)
{
	return key_folder_find(&f->folder, f->a, str_of(name));
}

static bool is_told(struct fixture *f, const char *what)
{
	for (size_t i = 0; i < diags_count(f->diags); i++)
		if (strstr(diag_line(f->diags, diags_at(f->diags, i)), what) != NULL)
			return true;
	diags_print(f->diags, stderr);
	return false;
}

static void check_read(struct fixture *f, const char *name, const char *why)
{
	struct str got = STR_EMPTY;
	EVP_PKEY *key = key_folder_read_key(&f->folder, f->a, find(f, name), &got);
	if (why == NULL && key == NULL)
		fail_msg("%.*s", STR_ARG(got));
	if (why != NULL && (key != NULL || strstr(str_to_c(f->a, got), why) == NULL))
		fail_msg("got \"%.*s\", want \"%s\"", STR_ARG(got), why);
	EVP_PKEY_free(key);
}

static unsigned mode_of(const char *path)
{
	struct stat st;
	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode & 07777;
}

static void files_are_written_whole_and_for_us_alone(void **state)
{
	struct fixture *f = *state;
	struct key_writer w;
	umask(0);
	begin(f, &w);
	assert_int_equal(mode_of(in_top(f, "keys")), 0700);
	assert_true(key_writer_put(&w, f->a, STR("a.pem"), f->pem, true, f->diags));
	assert_int_equal(mode_of(in_top(f, "keys/a.pem")), 0600);
	check_read(f, "a.pem", NULL);
	/* A new file takes nobody's place, another one does. */
	assert_false(key_writer_put(&w, f->a, STR("a.pem"), STR("x"), true, f->diags));
	assert_true(is_told(f, "keys/a.pem: File exists"));
	check_read(f, "a.pem", NULL);
	assert_true(key_writer_put(&w, f->a, STR("a.pem"), STR("x"), false, f->diags));
	check_read(f, "a.pem", "holds no private key");
	/* What a crash left. */
	assert_int_equal(symlink("/no/such/file", in_top(f, "keys/.b.pem.new")), 0);
	assert_true(key_writer_put(&w, f->a, STR("b.pem"), f->pem, true, f->diags));
	check_read(f, "b.pem", NULL);
	assert_int_not_equal(access(in_top(f, "keys/.b.pem.new"), F_OK), 0);
	assert_true(key_writer_remove(&w, f->a, STR("b.pem"), f->diags));
	assert_null(find(f, "b.pem"));
	assert_true(key_writer_remove(&w, f->a, STR("b.pem"), f->diags));
	key_writer_end(&w);
	key_writer_end(&w);
	umask(022);
}

static void writers_wait_for_each_other(void **state)
{
	struct fixture *f = *state;
	struct key_writer w;
	begin(f, &w);
	pid_t other = fork();
	if (other == 0) {
		struct key_writer mine;
		close(w.fd); /* the same lock */
		begin(f, &mine);
		_exit(access(in_top(f, "keys/done"), F_OK) == 0 ? 0 : 1);
	}
	usleep(50 * 1000);
	int status;
	assert_int_equal(waitpid(other, &status, WNOHANG), 0);
	assert_true(key_writer_put(&w, f->a, STR("done"), STR("x"), true, f->diags));
	key_writer_end(&w);
	assert_int_equal(waitpid(other, &status, 0), other);
	assert_int_equal(status, 0);
}

static void credentials_come_first(void **state)
{
	struct fixture *f = *state;
	put(f, "a.pem", f->pem);
	put(f, "b.pem", f->pem);
	assert_int_equal(mkdir(in_top(f, "credentials"), 0755), 0);
	assert_int_equal(rename(in_top(f, "keys/a.pem"), in_top(f, "credentials/a.pem")), 0);
	assert_null(find(f, "a.pem"));
	setenv("CREDENTIALS_DIRECTORY", in_top(f, "credentials"), 1);
	f->folder = key_folder_at(f->a, str_of(in_top(f, "keys")));
	assert_string_equal(find(f, "a.pem"), in_top(f, "credentials/a.pem"));
	assert_string_equal(find(f, "b.pem"), in_top(f, "keys/b.pem"));
	assert_null(find(f, "c.pem"));
	/* Their guard is the service manager, whatever the mode shows. */
	assert_int_equal(chmod(in_top(f, "credentials/a.pem"), 0444), 0);
	check_read(f, "a.pem", NULL);
	/* LoadCredential=keys:FOLDER */
	assert_int_equal(rename(in_top(f, "credentials/a.pem"), in_top(f, "credentials/keys_a.pem")), 0);
	assert_string_equal(find(f, "a.pem"), in_top(f, "credentials/keys_a.pem"));
	put(f, "b.state", STR("x"));
	put(f, "c.s1.pem", f->pem);
	put(f, "notes.txt", STR("x"));
	put(f, "bad name.pem", STR("x"));
	const struct str *names;
	size_t count;
	assert_true(key_folder_list(&f->folder, f->a, f->diags, &names, &count));
	assert_int_equal(count, 2);
	assert_str(names[0], "a");
	assert_str(names[1], "b");
}

static void what_others_could_touch_is_refused(void **state)
{
	struct fixture *f = *state;
	put(f, "a.pem", f->pem);
	static const struct { unsigned mode; const char *why; } modes[] = {
		{ 0600, NULL },
		{ 0400, NULL },
		{ 0640, NULL }, /* root's, for the group of the daemon */
		{ 0604, "mode 0604: others can read it: chmod 0600 " },
		{ 0644, "others can read it" },
		{ 0620, "others can change it" },
		{ 0660, "others can change it" },
		{ 0602, "others can change it" },
		{ 0601, "others can read it" },
	};
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(chmod(in_top(f, "keys/a.pem"), modes[i].mode), 0);
		check_read(f, "a.pem", modes[i].why);
	}
	assert_int_equal(chmod(in_top(f, "keys/a.pem"), 0600), 0);
	assert_int_equal(chmod(in_top(f, "keys"), 0770), 0);
	check_read(f, "a.pem", "keys: owner ");
	check_read(f, "a.pem", "mode 0770: others can put keys there: chmod 0700 ");
	assert_int_equal(chmod(in_top(f, "keys"), 0750), 0);
	check_read(f, "a.pem", NULL);
	assert_int_equal(mkfifo(in_top(f, "keys/fifo.pem"), 0600), 0);
	check_read(f, "fifo.pem", "is no regular file");
	assert_int_equal(mkdir(in_top(f, "keys/folder.pem"), 0700), 0);
	check_read(f, "folder.pem", "is no regular file");
	assert_int_equal(symlink("gone", in_top(f, "keys/link.pem")), 0);
	check_read(f, "link.pem", "No such file");
}

static void troubles_say_what_to_type(void **state)
{
	struct fixture *f = *state;
	put(f, "a.pem", f->pem);
	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(in_top(f, "keys/a.pem"), 12345, 0), 0);
	check_read(f, "a.pem", "owner 12345, mode 0600: the folder is of root: chown root ");
	assert_int_equal(chown(in_top(f, "keys/a.pem"), 0, 0), 0);
	const char *file = find(f, "a.pem"), *folder = in_top(f, "keys");
	struct key_writer w;
	struct str why;

	/* Root can read it, the daemon will not. */
	assert_int_equal(chown(folder, NOBODY, 0), 0);
	check_read(f, "a.pem", str_printf(f->a, "%s: owner root, mode 0600: the folder is of nobody: chown nobody %s", file,
					  file).p);
	assert_int_equal(chmod(file, 0640), 0);
	check_read(f, "a.pem", NULL);
	assert_int_equal(chmod(file, 0000), 0);
	assert_int_equal(chown(file, NOBODY, 0), 0);
	assert_int_equal(seteuid(NOBODY), 0);
	check_read(f, "a.pem", str_printf(f->a, "%s: owner nobody, mode 0000: its owner may not read it: chmod 0600 %s", file,
					  file).p);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(chmod(file, 0600), 0);
	assert_int_equal(chown(file, 0, 0), 0);
	assert_int_equal(chown(folder, 0, 0), 0);

	assert_int_equal(chmod(folder, 0755), 0);
	assert_int_equal(seteuid(NOBODY), 0);
	check_read(f, "a.pem", str_printf(f->a, "%s: owner root, mode 0600: user nobody may not read it: run this as "
					  "root, or chown nobody %s", file, file).p);
	assert_false(key_writer_begin(&w, f->a, &f->folder, NOBODY, NOBODY, f->diags) &&
		     key_writer_put(&w, f->a, STR("b.pem"), STR("x"), true, f->diags));
	key_writer_end(&w);
	assert_true(is_told(f, str_printf(f->a, "%s: owner root, mode 0755: user nobody may not", folder).p));

	assert_int_equal(seteuid(0), 0);
	assert_int_equal(chmod(folder, 0700), 0);
	assert_int_equal(seteuid(NOBODY), 0);
	const char *path = find(f, "a.pem"); /* it cannot be known, so it counts as there */
	assert_non_null(path);
	assert_null(key_folder_read_key(&f->folder, f->a, path, &why));
	assert_str(why, str_printf(f->a, "%s: owner root, mode 0700: user nobody may not enter it: run this as root, "
				   "or chown nobody %s", folder, folder).p);
	const struct str *names;
	size_t count;
	assert_false(key_folder_list(&f->folder, f->a, f->diags, &names, &count));
	assert_false(key_writer_begin(&w, f->a, &f->folder, NOBODY, NOBODY, f->diags));
	assert_int_equal(seteuid(0), 0);
}

static void root_writes_for_whom_the_folder_belongs_to(void **state)
{
	struct fixture *f = *state;
	struct key_writer w;
	struct stat st;
	if (geteuid() != 0)
		skip();
	assert_true(key_writer_begin(&w, f->a, &f->folder, NOBODY, NOBODY, f->diags));
	assert_true(key_writer_put(&w, f->a, STR("a.pem"), f->pem, true, f->diags));
	key_writer_end(&w);
	assert_int_equal(stat(in_top(f, "keys"), &st), 0);
	assert_int_equal(st.st_uid, NOBODY);
	assert_int_equal(stat(in_top(f, "keys/a.pem"), &st), 0);
	assert_int_equal(st.st_uid, NOBODY);
	assert_int_equal(st.st_gid, NOBODY);
	/* A folder that is there keeps its owner. */
	assert_true(key_writer_begin(&w, f->a, &f->folder, 0, 0, f->diags));
	assert_true(key_writer_put(&w, f->a, STR("b.pem"), f->pem, true, f->diags));
	key_writer_end(&w);
	assert_int_equal(stat(in_top(f, "keys/b.pem"), &st), 0);
	assert_int_equal(st.st_uid, NOBODY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(files_are_written_whole_and_for_us_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(writers_wait_for_each_other, set_up, tear_down),
		cmocka_unit_test_setup_teardown(credentials_come_first, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_others_could_touch_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(troubles_say_what_to_type, set_up, tear_down),
		cmocka_unit_test_setup_teardown(root_writes_for_whom_the_folder_belongs_to, set_up, tear_down),
	};
	return RUN_TESTS(tests);
}

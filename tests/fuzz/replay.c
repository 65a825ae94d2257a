/* tests/fuzz/replay.c - runs a harness on files, without a fuzzer.
 *
 * usage: HARNESS [FILE | FOLDER]...
 * Without arguments: all of $srcdir/tests/fuzz/corpus/HARNESS. Each file is tried whole and cut off at up to
 * CUTS places, from a block of exactly its size, so that a memory checker sees every byte too far. */
#include "fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FILE_BYTES_MAX = 16 * 1024 * 1024, CUTS = 64 };

static unsigned files;

static void die(const char *what, const char *path)
{
	fprintf(stderr, "%s: %s\n", path, what);
	exit(1);
}

static void run(const char *data, size_t size)
{
	uint8_t *exact = malloc(size == 0 ? 1 : size);
	if (exact == NULL)
		abort();
	memcpy(exact, data, size);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
}

static void replay_file(const char *path)
{
	FILE *f = fopen(path, "re");
	char *data = malloc(FILE_BYTES_MAX);
	if (f == NULL || data == NULL)
		die("cannot be opened", path);
	size_t size = fread(data, 1, FILE_BYTES_MAX, f);
	if (ferror(f) || !feof(f))
		die("cannot be read whole", path);
	fclose(f);
	printf("%s\n", path);
	fflush(stdout); /* the last line names the culprit */
	size_t step = size / CUTS + 1;
	for (size_t cut = 0; cut < size; cut += step)
		run(data, cut);
	run(data, size);
	free(data);
	files++;
}

static int is_visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static void replay(const char *path)
{
	struct stat st;
	if (stat(path, &st) != 0)
		die("is not there", path);
	if (!S_ISDIR(st.st_mode)) {
		replay_file(path);
		return;
	}
	struct dirent **entries;
	int count = scandir(path, &entries, is_visible, alphasort);
	for (int i = 0; i < count; i++) {
		char *below;
		if (asprintf(&below, "%s/%s", path, entries[i]->d_name) < 0)
			abort();
		replay(below);
		free(below);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	if (argc == 1) {
		const char *srcdir = getenv("srcdir"), *name = strrchr(argv[0], '/');
		char *corpus;
		name = name == NULL ? argv[0] : name + 1;
		if (asprintf(&corpus, "%s/tests/fuzz/corpus/%s", srcdir == NULL ? "." : srcdir, name) < 0)
			abort();
		replay(corpus);
		free(corpus);
	}
	if (files == 0)
		die("nothing to replay", argv[0]);
	return 0;
}

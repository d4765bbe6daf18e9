/*
 * maketree DIR COUNT SIZE [FIRST] - makes COUNT files of SIZE bytes in
 * folders of 100 below DIR, each with content of its own.  SIZE may be large:
 * what is written then is no two blocks the same.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PER_FOLDER 100
#define BLOCK (1024 * 1024)

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "maketree: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Fills n bytes and more with what follows from *state, eight a step. */
static void fill(uint64_t *words, size_t n, uint64_t *state)
{
	for (size_t i = 0; i * sizeof(*words) < n; i++) {
		*state ^= *state << 13;
		*state ^= *state >> 7;
		*state ^= *state << 17;
		words[i] = *state;
	}
}

static void make_file(int dir, const char *name, long long size, uint64_t seed)
{
	static uint64_t words[BLOCK / sizeof(uint64_t)];
	uint64_t state = seed * 0x9E3779B97F4A7C15U + 1;
	int fd =
	    openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd < 0)
		die(name);
	words[0] = seed;
	while (size > 0) {
		size_t n = size < BLOCK ? (size_t)size : BLOCK;

		if (size > (long long)sizeof(words[0]))
			fill(words, n, &state);
		if (write(fd, words, n) != (ssize_t)n)
			die(name);
		size -= (long long)n;
	}
	close(fd);
}

static int make_folder(int root, long number)
{
	char name[32];
	int fd;

	snprintf(name, sizeof(name), "folder-%06ld", number);
	if (mkdirat(root, name, 0755) < 0 && errno != EEXIST)
		die(name);
	fd = openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		die(name);
	return fd;
}

int main(int argc, char **argv)
{
	long count, first;
	long long size;
	int root, dir = -1;

	if (argc < 4) {
		fprintf(stderr, "usage: maketree DIR COUNT SIZE [FIRST]\n");
		return 1;
	}
	count = strtol(argv[2], NULL, 10);
	size = strtoll(argv[3], NULL, 10);
	first = argc > 4 ? strtol(argv[4], NULL, 10) : 0;
	if (mkdir(argv[1], 0755) < 0 && errno != EEXIST)
		die(argv[1]);
	root = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		die(argv[1]);
	for (long i = first; i < first + count; i++) {
		char name[32];

		if (dir < 0 || i % PER_FOLDER == 0) {
			if (dir >= 0)
				close(dir);
			dir = make_folder(root, i / PER_FOLDER);
		}
		snprintf(name, sizeof(name), "file-%07ld.txt", i);
		make_file(dir, name, size, (uint64_t)i + 1);
	}
	return 0;
}

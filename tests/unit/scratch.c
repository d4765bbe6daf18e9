#include "tests/unit/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534
#define AT_SLOTS 4

struct scratch *scratch_new(void)
{
	struct scratch *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	memcpy(s->path, "/tmp/vsync-unit-XXXXXX", 23);
	assert_non_null(mkdtemp(s->path));
	assert_int_equal(chmod(s->path, 0755), 0);
	return s;
}

static int remove_one(
    const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void scratch_free(struct scratch *s)
{
	nftw(s->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(s);
}

int scratch_setup(void **state)
{
	*state = scratch_new();
	return 0;
}

int scratch_teardown(void **state)
{
	scratch_free(*state);
	return 0;
}

const char *scratch_at(const struct scratch *s, const char *name)
{
	static char paths[AT_SLOTS][4096];
	static unsigned next;
	char *p = paths[next++ % AT_SLOTS];

	snprintf(p, sizeof(paths[0]), "%s/%s", s->path, name);
	return p;
}

void scratch_write(const struct scratch *s, const char *name, const char *text)
{
	FILE *f = fopen(scratch_at(s, name), "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

void scratch_mkdir(const struct scratch *s, const char *name)
{
	assert_int_equal(mkdir(scratch_at(s, name), 0755), 0);
}

void scratch_remove(const struct scratch *s, const char *name)
{
	assert_int_equal(
	    nftw(scratch_at(s, name), remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

void scratch_rename(const struct scratch *s, const char *from, const char *to)
{
	assert_int_equal(rename(scratch_at(s, from), scratch_at(s, to)), 0);
}

char *scratch_read(const struct scratch *s, const char *name)
{
	FILE *f = fopen(scratch_at(s, name), "re");
	char *text = calloc(1, 65536);

	assert_non_null(text);
	if (f == NULL)
		return text;
	text[fread(text, 1, 65535, f)] = '\0';
	fclose(f);
	return text;
}

void scratch_is(const struct scratch *s, const char *name, const char *text)
{
	char *got;

	assert_int_equal(
	    access(scratch_at(s, name), F_OK), text != NULL ? 0 : -1);
	if (text == NULL)
		return;
	got = scratch_read(s, name);
	assert_string_equal(got, text);
	free(got);
}

mode_t scratch_mode(const struct scratch *s, const char *name)
{
	struct stat st;

	assert_int_equal(stat(scratch_at(s, name), &st), 0);
	return st.st_mode & 07777;
}

int scratch_as_nobody(int (*f)(void *arg), void *arg)
{
	int status = 0;
	pid_t child;

	fflush(NULL);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (geteuid() == 0 &&
		    (setgroups(0, NULL) != 0 || setgid(NOBODY) != 0 ||
			setuid(NOBODY) != 0))
			_exit(99);
		_exit(f(arg));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

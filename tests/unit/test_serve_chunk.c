#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/serve/chunk.h"
#include "tests/unit/scratch.h"

#define TEXT "0123456789"

struct fixture {
	struct scratch *dir;
	char root[128];
	struct wire_found found;
	struct chunk chunk;
	uint8_t data[32];
	struct vs_err err;
};

static int64_t time_ns(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

/* What the manifest would say of root and path now. */
static void look(struct fixture *f, const char *name)
{
	struct stat s;

	assert_int_equal(lstat(scratch_at(f->dir, name), &s), 0);
	f->found.size = s.st_size;
	f->found.ino = s.st_ino;
	f->found.mtime_ns = time_ns(&s.st_mtim);
	f->found.ctime_ns = time_ns(&s.st_ctim);
	assert_int_equal(stat(f->root, &s), 0);
	f->found.root_dev = s.st_dev;
	f->found.root_ino = s.st_ino;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->dir = scratch_new();
	scratch_mkdir(f->dir, "root");
	scratch_mkdir(f->dir, "root/d");
	scratch_write(f->dir, "root/d/a", TEXT);
	scratch_write(f->dir, "secret", "secret....");
	strcpy(f->root, scratch_at(f->dir, "root"));
	look(f, "root/d/a");
	f->chunk = (struct chunk){
		.root = f->root,
		.path = "d/a",
		.found = &f->found,
		.len = 10,
		.data = f->data,
	};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	scratch_free(f->dir);
	free(f);
	return 0;
}

static int fetch(struct fixture *f)
{
	memset(f->data, 0, sizeof(f->data));
	vs_err_clear(&f->err);
	return chunk_read(&f->chunk, &f->err);
}

static void refused(struct fixture *f, int code)
{
	assert_int_equal(fetch(f), code);
	assert_int_equal(f->err.code, code);
	assert_memory_not_equal(f->data, "secret", 6);
}

static void test_read(void **state)
{
	struct fixture *f = *state;
	uint8_t sum[VS_SHA256_SIZE];

	assert_int_equal(fetch(f), VS_OK);
	assert_memory_equal(f->data, TEXT, 10);
	vs_sha256(TEXT, 10, sum);
	assert_memory_equal(f->chunk.sha256, sum, sizeof(sum));
	f->chunk.off = 3;
	f->chunk.len = 2;
	assert_int_equal(fetch(f), VS_OK);
	assert_memory_equal(f->data, "34\0", 3);
	vs_sha256("34", 2, sum);
	assert_memory_equal(f->chunk.sha256, sum, sizeof(sum));
}

/* Each part of the key counts. */
static void test_key(void **state)
{
	struct fixture *f = *state;

	f->found.mtime_ns++;
	refused(f, VS_ECHANGED);
	f->found.mtime_ns--;
	f->found.ctime_ns--;
	refused(f, VS_ECHANGED);
	f->found.ctime_ns++;
	f->found.ino++;
	refused(f, VS_ECHANGED);
	f->found.ino--;
	f->found.size++;
	refused(f, VS_ECHANGED);
	f->found.size--;
	assert_int_equal(fetch(f), VS_OK);
}

static void test_another_root(void **state)
{
	struct fixture *f = *state;

	scratch_rename(f->dir, "root", "aside");
	refused(f, VS_EROOT);
	/* the same names and contents in another folder are not it */
	scratch_mkdir(f->dir, "root");
	scratch_mkdir(f->dir, "root/d");
	scratch_write(f->dir, "root/d/a", TEXT);
	refused(f, VS_EROOT);
	scratch_remove(f->dir, "root");
	scratch_rename(f->dir, "aside", "root");
	assert_int_equal(fetch(f), VS_OK);
}

static void test_gone(void **state)
{
	struct fixture *f = *state;

	scratch_rename(f->dir, "root/d/a", "root/d/b");
	refused(f, VS_ENOENT);
	scratch_remove(f->dir, "root/d");
	refused(f, VS_ENOENT);
}

/* Nothing is read through a link, and nothing outside of the root. */
static void test_links(void **state)
{
	struct fixture *f = *state;

	scratch_remove(f->dir, "root/d/a");
	assert_int_equal(
	    symlink("../../secret", scratch_at(f->dir, "root/d/a")), 0);
	look(f, "secret");
	f->chunk.len = 6;
	refused(f, VS_ECHANGED); /* the link itself is no file */
	scratch_remove(f->dir, "root/d");
	scratch_mkdir(f->dir, "out");
	scratch_write(f->dir, "out/a", "secret");
	assert_int_equal(symlink("../out", scratch_at(f->dir, "root/d")), 0);
	look(f, "out/a");
	refused(f, VS_ELOOP);
	f->chunk.path = "../secret";
	look(f, "secret");
	refused(f, VS_ENOENT);
	f->chunk.path = "/etc/passwd";
	refused(f, VS_ENOENT);
	f->chunk.path = ".vsync/root-id";
	refused(f, VS_ENOENT);
}

/* What is no regular file is not even opened. */
static void test_pipe(void **state)
{
	struct fixture *f = *state;

	scratch_remove(f->dir, "root/d/a");
	assert_int_equal(mkfifo(scratch_at(f->dir, "root/d/a"), 0600), 0);
	look(f, "root/d/a");
	f->found.size = 10;
	refused(f, VS_ECHANGED);
}

static void test_shrunk(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(truncate(scratch_at(f->dir, "root/d/a"), 5), 0);
	refused(f, VS_ECHANGED);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_read),
		TEST(test_key),
		TEST(test_another_root),
		TEST(test_gone),
		TEST(test_links),
		TEST(test_pipe),
		TEST(test_shrunk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The folder on a real disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/scan/disk_posix.h"
#include "agent/scan/roster.h"
#include "common/base/hex.h"
#include "tests/unit/scratch.h"

#define ID "0123456789abcdef0123456789abcdef"
#define OTHER_ID "00000000000000000000000000000000"

struct fixture {
	struct scratch *dir;
	struct disk *disk;
	atomic_bool cancel;
	struct disk_hash hash;
	struct vs_err err;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->dir = scratch_new();
	assert_int_equal(
	    disk_posix_new(&f->disk, f->dir->path, NULL, NULL), VS_OK);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	disk_posix_free(f->disk);
	scratch_free(f->dir);
	free(f);
	return 0;
}

static int hash(struct fixture *f, const char *path)
{
	vs_err_clear(&f->err);
	return f->disk->hash(f->disk, path, &f->hash, &f->cancel, &f->err);
}

static void check_hash(struct fixture *f, const char *path, const char *text)
{
	uint8_t want[VS_SHA256_SIZE];

	vs_sha256(text, strlen(text), want);
	assert_int_equal(hash(f, path), VS_OK);
	assert_memory_equal(f->hash.sha256, want, sizeof(want));
}

/* A listing as a string of names, in its order, with their kinds. */
struct listing {
	char names[4096];
	int count;
};

static void list_text(struct listing *l, const struct roster *r)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct disk_stat *st = &r->row[i].stat;
		const char *kind = st->odd        ? "?"
		    : st->kind == VS_KIND_DIR     ? "/"
		    : st->kind == VS_KIND_SYMLINK ? "@"
						  : "";
		size_t n = strlen(l->names);

		snprintf(l->names + n, sizeof(l->names) - n, " %s%s ",
		    roster_name(r, i), kind);
		l->count++;
	}
}

static int list(struct fixture *f, const char *dir, struct listing *l)
{
	struct roster names = { 0 };
	int rc;

	memset(l, 0, sizeof(*l));
	vs_err_clear(&f->err);
	rc = f->disk->list(f->disk, dir, &names, &f->err);
	if (rc == VS_OK)
		list_text(l, &names);
	roster_release(&names);
	return rc;
}

static int look(struct fixture *f, const char *path, struct disk_stat *st)
{
	vs_err_clear(&f->err);
	return f->disk->look(f->disk, path, st, &f->err);
}

static void test_root_and_marker(void **state)
{
	struct fixture *f = *state;
	struct disk_root a;
	struct disk_root b;

	assert_int_equal(f->disk->root(f->disk, &a, NULL), VS_OK);
	assert_string_equal(a.id, "");
	assert_int_equal(f->disk->mark(f->disk, ID, NULL), VS_OK);
	assert_int_equal(f->disk->root(f->disk, &b, NULL), VS_OK);
	assert_string_equal(b.id, ID);
	assert_true(a.dev == b.dev && a.ino == b.ino && a.fsid == b.fsid);
	assert_int_equal(f->disk->mark(f->disk, OTHER_ID, NULL), VS_OK);
	assert_int_equal(f->disk->root(f->disk, &b, NULL), VS_OK);
	assert_string_equal(b.id, OTHER_ID);
	/* what is no id is none */
	scratch_write(f->dir, DISK_MARKER, "0123");
	assert_int_equal(f->disk->root(f->disk, &b, NULL), VS_OK);
	assert_string_equal(b.id, "");
	scratch_write(f->dir, DISK_MARKER, ID "0");
	assert_int_equal(f->disk->root(f->disk, &b, NULL), VS_OK);
	assert_string_equal(b.id, "");
}

static void test_marker_is_no_link(void **state)
{
	struct fixture *f = *state;
	struct disk_root r;

	scratch_write(f->dir, "id", ID);
	scratch_mkdir(f->dir, ".vsync");
	assert_int_equal(symlink("../id", scratch_at(f->dir, DISK_MARKER)), 0);
	assert_int_equal(f->disk->root(f->disk, &r, NULL), VS_OK);
	assert_string_equal(r.id, "");
}

static void test_root_gone_and_replaced(void **state)
{
	struct fixture *f = *state;
	struct disk_root was;
	struct disk_root is;
	struct listing l;
	struct disk_stat st;
	char aside[80];

	assert_int_equal(f->disk->mark(f->disk, ID, NULL), VS_OK);
	assert_int_equal(f->disk->root(f->disk, &was, NULL), VS_OK);
	snprintf(aside, sizeof(aside), "%s-aside", f->dir->path);
	assert_int_equal(rename(f->dir->path, aside), 0);
	assert_int_equal(f->disk->root(f->disk, &is, &f->err), VS_EROOT);
	assert_int_equal(f->err.code, VS_EROOT);
	assert_int_equal(list(f, "", &l), VS_EROOT);
	assert_int_equal(look(f, "a", &st), VS_EROOT);
	assert_int_equal(hash(f, "a"), VS_EROOT);
	assert_int_equal(mkdir(f->dir->path, 0755), 0);
	assert_int_equal(f->disk->root(f->disk, &is, NULL), VS_OK);
	assert_true(is.ino != was.ino);
	assert_string_equal(is.id, "");
	assert_int_equal(rmdir(f->dir->path), 0);
	assert_int_equal(rename(aside, f->dir->path), 0);
}

static void test_list(void **state)
{
	struct fixture *f = *state;
	struct listing l;

	scratch_mkdir(f->dir, "d");
	scratch_mkdir(f->dir, ".vsync");
	scratch_mkdir(f->dir, "d/.vsync");
	scratch_write(f->dir, "a", "1");
	assert_int_equal(symlink("a", scratch_at(f->dir, "l")), 0);
	assert_int_equal(mkfifo(scratch_at(f->dir, "p"), 0600), 0);
	assert_int_equal(list(f, "", &l), VS_OK);
	assert_string_equal(l.names, " a  d/  l@  p? ");
	assert_int_equal(l.count, 4);
	assert_int_equal(list(f, "d", &l), VS_OK);
	assert_string_equal(l.names, " .vsync/ ");
	assert_int_equal(list(f, "none", &l), VS_ENOENT);
	assert_int_equal(list(f, "a", &l), VS_ENOTDIR);
	assert_true(list(f, "l", &l) < 0);
	assert_int_equal(list(f, "..", &l), VS_EXDEV);
	assert_int_equal(list(f, "d/../..", &l), VS_EXDEV);
}

/* Made in another order, listed in that of the names' bytes. */
static void test_list_order(void **state)
{
	struct fixture *f = *state;
	struct listing l;

	scratch_write(f->dir, "b", "1");
	scratch_write(f->dir, "\xc3\xa4", "1");
	scratch_write(f->dir, "a b", "1");
	scratch_mkdir(f->dir, "a");
	scratch_write(f->dir, "B", "1");
	assert_int_equal(list(f, "", &l), VS_OK);
	assert_string_equal(l.names, " B  a/  a b  b  \xc3\xa4 ");
}

static int list_unreadable(void *arg)
{
	struct fixture *f = arg;
	struct listing l;

	if (list(f, "locked", &l) != VS_EACCES || f->err.msg[0] == '\0')
		return 1;
	if (hash(f, "secret") != VS_EACCES)
		return 2;
	return list(f, "", &l) == VS_OK ? 0 : 3;
}

static void test_unreadable(void **state)
{
	struct fixture *f = *state;

	scratch_mkdir(f->dir, "locked");
	scratch_write(f->dir, "locked/a", "1");
	scratch_write(f->dir, "secret", "1");
	assert_int_equal(chmod(scratch_at(f->dir, "locked"), 0), 0);
	assert_int_equal(chmod(scratch_at(f->dir, "secret"), 0), 0);
	assert_int_equal(scratch_as_nobody(list_unreadable, f), 0);
	assert_int_equal(chmod(scratch_at(f->dir, "locked"), 0755), 0);
}

static void test_look(void **state)
{
	struct fixture *f = *state;
	struct disk_stat st;
	struct stat want;

	scratch_mkdir(f->dir, "d");
	scratch_write(f->dir, "d/a", "12345");
	assert_int_equal(symlink("abc", scratch_at(f->dir, "l")), 0);
	assert_int_equal(look(f, "d/a", &st), VS_OK);
	assert_int_equal(stat(scratch_at(f->dir, "d/a"), &want), 0);
	assert_int_equal(st.kind, VS_KIND_FILE);
	assert_int_equal(st.size, 5);
	assert_true(st.ino == want.st_ino);
	assert_true(st.mtime_ns ==
	    (int64_t)want.st_mtim.tv_sec * 1000000000 + want.st_mtim.tv_nsec);
	assert_int_equal(st.mode, want.st_mode & 07777);
	assert_int_equal(look(f, "d", &st), VS_OK);
	assert_int_equal(st.kind, VS_KIND_DIR);
	assert_int_equal(st.size, 0);
	assert_int_equal(look(f, "l", &st), VS_OK);
	assert_int_equal(st.kind, VS_KIND_SYMLINK);
	assert_int_equal(st.size, 3);
	/* gone, and not to be known, are two things (R3) */
	assert_int_equal(look(f, "d/b", &st), VS_ENOENT);
	assert_int_equal(look(f, "e/b", &st), VS_ENOTDIR);
	assert_int_equal(look(f, "d/a/b", &st), VS_ENOTDIR);
	assert_true(look(f, "l/b", &st) < 0);
	assert_int_not_equal(look(f, "l/b", &st), VS_ENOENT);
}

static void test_hash(void **state)
{
	struct fixture *f = *state;

	scratch_write(f->dir, "a", "hello\n");
	scratch_write(f->dir, "empty", "");
	check_hash(f, "a", "hello\n");
	assert_int_equal(f->hash.stat.size, 6);
	assert_int_not_equal(f->hash.writer, DISK_WRITER);
	check_hash(f, "empty", "");
	assert_int_equal(symlink("some/where", scratch_at(f->dir, "l")), 0);
	check_hash(f, "l", "some/where");
	assert_string_equal(f->hash.target, "some/where");
	assert_int_equal(f->hash.stat.kind, VS_KIND_SYMLINK);
	assert_int_equal(hash(f, "none"), VS_ENOENT);
}

/* Larger than one piece, and larger than what is kept in the cache. */
static void test_hash_of_a_large_file(void **state)
{
	struct fixture *f = *state;
	struct vs_sha256 *sha = vs_sha256_new();
	uint8_t want[VS_SHA256_SIZE];
	char *piece = malloc(1000003);
	FILE *file = fopen(scratch_at(f->dir, "large"), "we");

	assert_non_null(sha);
	assert_non_null(piece);
	assert_non_null(file);
	vs_sha256_start(sha);
	for (int i = 0; i < 18; i++) {
		memset(piece, i, 1000003);
		assert_int_equal(fwrite(piece, 1, 1000003, file), 1000003);
		vs_sha256_add(sha, piece, 1000003);
	}
	fclose(file);
	vs_sha256_end(sha, want);
	assert_int_equal(hash(f, "large"), VS_OK);
	assert_memory_equal(f->hash.sha256, want, sizeof(want));
	vs_sha256_free(sha);
	free(piece);
}

/* A pipe would hold us up for ever, a device would notice. */
static void test_odd_things_are_not_opened(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(mkfifo(scratch_at(f->dir, "p"), 0600), 0);
	scratch_mkdir(f->dir, "d");
	assert_int_equal(hash(f, "p"), VS_ECHANGED);
	assert_int_equal(hash(f, "d"), VS_ECHANGED);
}

static void test_writer(void **state)
{
	struct fixture *f = *state;
	int fd;

	scratch_write(f->dir, "film", "123");
	assert_int_equal(hash(f, "film"), VS_OK);
	if (f->hash.writer == DISK_WRITER_UNKNOWN)
		skip();
	assert_int_equal(f->hash.writer, DISK_NO_WRITER);
	fd = open(scratch_at(f->dir, "film"), O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(hash(f, "film"), VS_OK);
	assert_int_equal(f->hash.writer, DISK_WRITER);
	assert_int_equal(f->hash.stat.size, 3);
	close(fd);
	check_hash(f, "film", "123");
	assert_int_equal(f->hash.writer, DISK_NO_WRITER);
}

static void test_cancel(void **state)
{
	struct fixture *f = *state;

	scratch_write(f->dir, "a", "1");
	atomic_store(&f->cancel, true);
	assert_int_equal(hash(f, "a"), VS_ECANCELED);
}

struct swapper {
	struct fixture *fixture;
	atomic_bool stop;
};

/* Swaps the folder d and a link to another folder, as fast as it can. */
static void *swap(void *arg)
{
	struct swapper *s = arg;
	char d[128];
	char link[128];

	snprintf(d, sizeof(d), "%s/d", s->fixture->dir->path);
	snprintf(link, sizeof(link), "%s/link", s->fixture->dir->path);
	while (!atomic_load(&s->stop))
		(void)renameat2(AT_FDCWD, d, AT_FDCWD, link, RENAME_EXCHANGE);
	return NULL;
}

/* Whatever the moment, nothing behind the link is ever read. */
static void test_swapped_for_a_link(void **state)
{
	struct fixture *f = *state;
	struct swapper s = { .fixture = f };
	uint8_t good[VS_SHA256_SIZE];
	struct listing l;
	struct disk_stat st;
	pthread_t thread;
	int read = 0;

	vs_sha256("inside", 6, good);
	scratch_mkdir(f->dir, "d");
	scratch_write(f->dir, "d/file", "inside");
	scratch_mkdir(f->dir, "outside");
	scratch_write(f->dir, "outside/file", "secret!");
	assert_int_equal(symlink("outside", scratch_at(f->dir, "link")), 0);
	assert_int_equal(pthread_create(&thread, NULL, swap, &s), 0);
	for (int i = 0; i < 3000; i++) {
		if (hash(f, "d/file") == VS_OK) {
			assert_memory_equal(f->hash.sha256, good, sizeof(good));
			read++;
		}
		if (look(f, "d/file", &st) == VS_OK)
			assert_int_equal(st.size, 6);
		if (list(f, "d", &l) == VS_OK)
			assert_string_equal(l.names, " file ");
	}
	atomic_store(&s.stop, true);
	pthread_join(thread, NULL);
	assert_true(read > 0);
}

struct writer {
	char path[128];
	atomic_bool stop;
};

/* Writes one letter all over the file, then the next, and so on. */
static void *scribble(void *arg)
{
	struct writer *w = arg;
	char *all = malloc(4 << 20);
	int fd = open(w->path, O_WRONLY | O_CLOEXEC);

	for (int c = 'a'; all != NULL && !atomic_load(&w->stop); c++) {
		memset(all, 'a' + c % 26, 4 << 20);
		if (pwrite(fd, all, 4 << 20, 0) < 0)
			break;
	}
	close(fd);
	free(all);
	return NULL;
}

/* A hash of two contents mixed is never given out as one. */
static void test_changed_while_read(void **state)
{
	struct fixture *f = *state;
	struct writer w;
	pthread_t thread;
	int refused = 0;

	scratch_write(f->dir, "a", "");
	assert_int_equal(truncate(scratch_at(f->dir, "a"), 4 << 20), 0);
	snprintf(w.path, sizeof(w.path), "%s", scratch_at(f->dir, "a"));
	atomic_init(&w.stop, false);
	assert_int_equal(pthread_create(&thread, NULL, scribble, &w), 0);
	usleep(50000);
	for (int i = 0; i < 20; i++) {
		int r = hash(f, "a");

		refused += r == VS_ECHANGED || f->hash.writer == DISK_WRITER;
	}
	atomic_store(&w.stop, true);
	pthread_join(thread, NULL);
	assert_true(refused > 0);
	assert_int_equal(hash(f, "a"), VS_OK);
}

static void test_other_mount(void **state)
{
	struct fixture *f = *state;
	struct listing l;
	struct disk_stat st;
	const char *at;

	scratch_mkdir(f->dir, "m");
	at = scratch_at(f->dir, "m");
	if (mount("none", at, "tmpfs", 0, "size=1m") != 0)
		skip();
	scratch_write(f->dir, "m/a", "1");
	assert_int_equal(list(f, "", &l), VS_OK);
	assert_string_equal(l.names, " m/ ");
	assert_int_equal(list(f, "m", &l), VS_EXDEV);
	assert_int_equal(look(f, "m/a", &st), VS_EXDEV);
	assert_int_equal(hash(f, "m/a"), VS_EXDEV);
	assert_int_equal(umount(scratch_at(f->dir, "m")), 0);
}

/* Nothing is held open: the disk can be taken away. */
static void test_unmountable(void **state)
{
	struct fixture *f = *state;
	struct disk_root under;
	struct disk_root over;
	struct listing l;

	assert_int_equal(f->disk->root(f->disk, &under, NULL), VS_OK);
	if (mount("none", f->dir->path, "tmpfs", 0, "size=1m") != 0)
		skip();
	/* another root than the one that was identified is not touched */
	assert_int_equal(list(f, "", &l), VS_EROOT);
	assert_int_equal(f->disk->mark(f->disk, ID, NULL), VS_EROOT);
	assert_int_equal(f->disk->root(f->disk, &over, NULL), VS_OK);
	assert_true(over.dev != under.dev);
	assert_int_equal(f->disk->mark(f->disk, ID, NULL), VS_OK);
	assert_int_equal(list(f, "", &l), VS_OK);
	assert_int_equal(umount(f->dir->path), 0);
	assert_int_equal(f->disk->root(f->disk, &over, NULL), VS_OK);
	assert_true(over.dev == under.dev && over.ino == under.ino);
	assert_string_equal(over.id, "");
}

static void test_cookie(void **state)
{
	struct fixture *f = *state;
	struct listing l;

	assert_true(f->disk->cookie(f->disk, "1", NULL) < 0);
	assert_int_equal(f->disk->mark(f->disk, ID, NULL), VS_OK);
	assert_int_equal(f->disk->cookie(f->disk, "1", NULL), VS_OK);
	assert_int_equal(f->disk->cookie(f->disk, "1", NULL), VS_OK);
	assert_int_equal(list(f, ".vsync", &l), VS_OK);
	assert_string_equal(l.names, " root-id ");
}

static int read_text(struct fixture *f, const char *path, struct disk_text *t)
{
	vs_err_clear(&f->err);
	return f->disk->read(f->disk, path, t, &f->err);
}

/* Small files: whole, or with a reason why there is no knowing. */
static void test_read(void **state)
{
	struct fixture *f = *state;
	struct disk_text *t = malloc(sizeof(*t));
	char *large = malloc(DISK_TEXT_MAX + 2);
	FILE *file;

	assert_non_null(t);
	assert_non_null(large);
	scratch_mkdir(f->dir, "d");
	scratch_write(f->dir, "d/a", "*.tmp\n");
	assert_int_equal(read_text(f, "d/a", t), VS_OK);
	assert_int_equal(t->len, 6);
	assert_memory_equal(t->data, "*.tmp\n", 6);
	scratch_write(f->dir, "empty", "");
	assert_int_equal(read_text(f, "empty", t), VS_OK);
	assert_int_equal(t->len, 0);

	assert_int_equal(read_text(f, "none", t), VS_ENOENT);
	assert_int_equal(read_text(f, "none/a", t), VS_ENOTDIR);
	assert_int_equal(read_text(f, "d", t), VS_EINVAL);
	assert_int_equal(symlink("d/a", scratch_at(f->dir, "l")), 0);
	assert_int_equal(read_text(f, "l", t), VS_EINVAL);
	assert_int_equal(mkfifo(scratch_at(f->dir, "p"), 0600), 0);
	assert_int_equal(read_text(f, "p", t), VS_EINVAL);

	memset(large, 'x', DISK_TEXT_MAX + 1);
	large[DISK_TEXT_MAX + 1] = '\0';
	scratch_write(f->dir, "large", large);
	assert_int_equal(read_text(f, "large", t), VS_ELIMIT);
	scratch_write(f->dir, "large", large + 1);
	assert_int_equal(read_text(f, "large", t), VS_OK);
	assert_int_equal(t->len, DISK_TEXT_MAX);

	file = fopen(scratch_at(f->dir, "d/a"), "ae");
	assert_non_null(file);
	assert_int_equal(read_text(f, "d/a", t), VS_EBUSY);
	fclose(file);
	assert_int_equal(read_text(f, "d/a", t), VS_OK);
	free(large);
	free(t);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_root_and_marker),
		TEST(test_marker_is_no_link),
		TEST(test_root_gone_and_replaced),
		TEST(test_list),
		TEST(test_list_order),
		TEST(test_unreadable),
		TEST(test_look),
		TEST(test_hash),
		TEST(test_hash_of_a_large_file),
		TEST(test_odd_things_are_not_opened),
		TEST(test_writer),
		TEST(test_cancel),
		TEST(test_swapped_for_a_link),
		TEST(test_changed_while_read),
		TEST(test_other_mount),
		TEST(test_unmountable),
		TEST(test_cookie),
		TEST(test_read),
	};

	/* a lease that a writer breaks */
	signal(SIGIO, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Folders are made, removed, renamed, exchanged, moved out and in at random
 * on the real kernel, while somebody who only follows the hints, late and in
 * pieces, watches and lists.  When all is quiet, every folder there is must
 * be heard of under its own name, and no other name may be heard.
 *
 * In every other run some are watched while those above them are not: what is
 * moved away then, nobody tells of, and it takes a scan.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/watch/watch.h"
#include "common/base/map.h"
#include "common/os/rand.h"
#include "tests/unit/scratch.h"

#define SEEDS 60
#define OPS 120
#define DIRS_MAX 4096
#define PATH_SIZE 512

struct fixture {
	struct scratch *dir;
	struct scratch *out; /* a folder beside the root */
	struct watch *watch;
	struct vs_rand rand;
	int64_t now_ms;
	char todo[DIRS_MAX][PATH_SIZE]; /* folders to watch and list */
	size_t todos;
	char dirs[DIRS_MAX][PATH_SIZE]; /* those there are */
	size_t dir_count;
	struct vs_map *closed; /* names that a file was closed under */
	size_t pairs;
	uint64_t seed;
};

static uint64_t below(struct fixture *f, uint64_t n)
{
	return vs_rand_below(&f->rand, n);
}

static void todo_add(struct fixture *f, const char *path)
{
	assert_true(f->todos < DIRS_MAX && strlen(path) < PATH_SIZE);
	snprintf(f->todo[f->todos++], PATH_SIZE, "%s", path);
}

static void hear(void *arg, const struct watch_hint *h)
{
	struct fixture *f = arg;

	f->pairs += h->from != NULL;
	if (h->what == WATCH_DIR_APPEARED || h->what == WATCH_OVERFLOW)
		todo_add(f, h->path);
	assert_int_not_equal(h->what, WATCH_ROOT_GONE);
	if (h->what == WATCH_CLOSED && f->closed != NULL)
		vs_map_put(f->closed, h->path, f, NULL);
}

/* Calls each with the name of every folder in dir, an absolute path. */
static void each_folder(struct fixture *f, const char *dir,
    void (*each)(struct fixture *f, const char *dir))
{
	char at[2 * PATH_SIZE], sub[PATH_SIZE];
	struct dirent *e;
	DIR *d;

	snprintf(at, sizeof(at), "%s/%s", f->dir->path, dir);
	d = opendir(at);
	if (d == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		int n = snprintf(sub, sizeof(sub), "%s%s%s", dir,
		    *dir != '\0' ? "/" : "", e->d_name);

		if (e->d_type == DT_DIR && e->d_name[0] != '.' && n < PATH_SIZE)
			each(f, sub);
	}
	closedir(d);
}

/* What the owner does at a hint: first the watch, then the listing. */
static void watch_deep(struct fixture *f, const char *dir)
{
	if (watch_add(f->watch, dir, NULL) == VS_OK)
		each_folder(f, dir, watch_deep);
}

static void dirs_collect(struct fixture *f, const char *dir)
{
	assert_true(f->dir_count < DIRS_MAX);
	snprintf(f->dirs[f->dir_count++], PATH_SIZE, "%s", dir);
	each_folder(f, dir, dirs_collect);
}

/* Some folder below the root; "" if there is none. */
static const char *some(struct fixture *f)
{
	f->dir_count = 0;
	dirs_collect(f, "");
	return f->dirs[below(f, f->dir_count)];
}

static void absolute(
    struct fixture *f, const char *path, char at[2 * PATH_SIZE])
{
	snprintf(at, 2 * PATH_SIZE, "%s/%s", f->dir->path, path);
}

/* A name in some folder that may be taken. */
static void target(struct fixture *f, char at[2 * PATH_SIZE])
{
	char dir[2 * PATH_SIZE];

	absolute(f, some(f), dir);
	if (strlen(dir) > PATH_SIZE / 2)
		absolute(f, "", dir);
	snprintf(
	    at, 2 * PATH_SIZE, "%.900s/%c", dir, (char)('a' + below(f, 5)));
}

static void act(struct fixture *f)
{
	char from[2 * PATH_SIZE], to[2 * PATH_SIZE];
	const char *dir = some(f);

	absolute(f, dir, from);
	target(f, to);
	switch (below(f, 9)) {
	case 0:
	case 1:
	case 2:
		(void)mkdir(to, 0700);
		break;
	case 3:
		if (*dir != '\0')
			(void)rmdir(from);
		break;
	case 4:
		if (*dir != '\0')
			(void)renameat2(
			    AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE);
		break;
	case 5:
		snprintf(to, sizeof(to), "%s/%c", f->out->path,
		    (char)('a' + below(f, 5)));
		if (*dir != '\0')
			(void)rename(from, to);
		break;
	case 6:
		snprintf(from, sizeof(from), "%s/%c", f->out->path,
		    (char)('a' + below(f, 5)));
		(void)rename(from, to);
		break;
	default:
		if (*dir != '\0')
			(void)rename(from, to);
		break;
	}
}

/* Takes in what the kernel has to say; one event at a time if so wanted. */
static void take(struct fixture *f, bool singly)
{
	struct pollfd p = { .fd = watch_fd(f->watch), .events = POLLIN };
	char *raw = malloc(WATCH_RAW_MAX);

	assert_non_null(raw);
	while (poll(&p, 1, 0) == 1) {
		int n = watch_read(f->watch, raw, NULL);
		int at = 0;

		assert_true(n > 0);
		while (singly && at < n) {
			struct inotify_event e;
			int size;

			memcpy(&e, raw + at, sizeof(e));
			size = (int)(sizeof(e) + e.len);
			/* events stay aligned where the kernel put them */
			watch_translate(
			    f->watch, raw + at, (size_t)size, f->now_ms);
			at += size;
			f->now_ms += (int64_t)below(f, 60);
			watch_tick(f->watch, f->now_ms);
		}
		if (!singly)
			watch_translate(f->watch, raw, (size_t)n, f->now_ms);
	}
	free(raw);
}

static void list_some(struct fixture *f, size_t most)
{
	while (f->todos > 0 && most-- > 0) {
		char dir[PATH_SIZE];
		size_t i = (size_t)below(f, f->todos);

		memcpy(dir, f->todo[i], PATH_SIZE);
		memmove(f->todo[i], f->todo[--f->todos], PATH_SIZE);
		watch_deep(f, dir);
	}
}

static void quieten(struct fixture *f)
{
	do {
		take(f, false);
		list_some(f, SIZE_MAX);
		f->now_ms += WATCH_HALF_MS;
		while (watch_due(f->watch) <= f->now_ms)
			watch_tick(f->watch, f->now_ms);
		take(f, false);
	} while (f->todos > 0 || watch_due(f->watch) != INT64_MAX);
}

/* A full scan: it ends what was watched for nothing. */
static void sweep(struct fixture *f)
{
	watch_scanned(f->watch, 0, f->now_ms);
	watch_deep(f, "");
	watch_scanned(f->watch, 0, f->now_ms);
	quieten(f);
}

static void judge(struct fixture *f)
{
	char at[2 * PATH_SIZE], path[PATH_SIZE + 8];

	f->dir_count = 0;
	dirs_collect(f, "");
	if (watch_count(f->watch) != f->dir_count)
		fail_msg("seed %llu: %zu folders, %zu watched",
		    (unsigned long long)f->seed, f->dir_count,
		    watch_count(f->watch));
	f->closed = vs_map_new();
	assert_non_null(f->closed);
	for (size_t i = 0; i < f->dir_count; i++) {
		int fd;

		snprintf(path, sizeof(path), "%s%s.probe", f->dirs[i],
		    f->dirs[i][0] != '\0' ? "/" : "");
		absolute(f, path, at);
		fd = open(at, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		assert_true(fd >= 0);
		close(fd);
		(void)unlink(at);
		take(f, false);
		if (vs_map_get(f->closed, path) == NULL)
			fail_msg("seed %llu: %s is not heard of",
			    (unsigned long long)f->seed, path);
	}
	assert_int_equal(vs_map_count(f->closed), f->dir_count);
	vs_map_free(f->closed);
	f->closed = NULL;
}

static void run(struct fixture *f, uint64_t seed)
{
	const struct watch_ear ear = { .hint = hear, .arg = f };
	bool gaps = seed % 2 == 0;

	f->dir = scratch_new();
	f->out = scratch_new();
	f->seed = seed;
	vs_rand_seed(&f->rand, seed);
	assert_int_equal(
	    watch_new(&f->watch, WATCH_EVENTS, f->dir->path, &ear, NULL),
	    VS_OK);
	watch_deep(f, "");
	for (int i = 0; i < OPS; i++) {
		act(f);
		if (below(f, 4) == 0)
			take(f, below(f, 2) == 0);
		if (below(f, 3) == 0)
			list_some(f, (size_t)below(f, 4));
		if (gaps && below(f, 12) == 0)
			todo_add(f, some(f));
		if (below(f, 40) == 0) {
			watch_clear(f->watch);
			if (gaps)
				todo_add(f, "");
			else
				watch_deep(f, "");
		}
	}
	quieten(f);
	if (gaps)
		sweep(f);
	judge(f);
	watch_free(f->watch);
	scratch_free(f->dir);
	scratch_free(f->out);
}

static void test_random(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const char *only = getenv("SEED");

	(void)state;
	assert_non_null(f);
	if (only != NULL)
		run(f, strtoull(only, NULL, 10));
	for (uint64_t seed = 1; only == NULL && seed <= SEEDS; seed++) {
		run(f, seed);
		f->todos = 0;
	}
	assert_true(only != NULL || f->pairs > SEEDS);
	free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

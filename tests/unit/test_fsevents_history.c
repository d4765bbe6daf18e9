/* What FSEvents tells of what happened while the agent was down. */
#include "tests/unit/fsevents/standin.c"

#define TICK_MS 20 /* in which a file system's clock moves on */

/* Where the watcher stands. */
static const char *mark_of(const struct fixture *f)
{
	static char mark[WATCH_MARK_SIZE];

	fsevents_mark(f->watch, mark);
	return mark;
}

/* What the agent that ends has left; another one begins. */
static void restart(struct fixture *f, char mark[WATCH_MARK_SIZE])
{
	snprintf(mark, WATCH_MARK_SIZE, "%s", mark_of(f));
	watch_free(f->watch);
	assert_int_equal(alive, 0);
	stream_count = 0;
	assert_int_equal(watch_make(f), VS_OK);
}

/* Several at a time, as they come: numbers, flags, names; f->id stays. */
struct told {
	uint64_t id;
	uint32_t flags;
	const char *name;
};

static void tell_all(struct fixture *f, const struct told *t, size_t n)
{
	static char path[8][PATH_MAX];
	char *paths[8];
	uint32_t flags[8];
	uint64_t ids[8];

	assert_true(n <= 8);
	for (size_t i = 0; i < n; i++) {
		snprintf(
		    path[i], sizeof(path[i]), "%s/%s", f->dir->path, t[i].name);
		paths[i] = path[i];
		flags[i] = t[i].flags;
		ids[i] = t[i].id;
	}
	stream->callback(stream, stream->info, n, paths, flags, ids);
}

static void test_mark(void **state)
{
	struct fixture *f = *state;
	char first[WATCH_MARK_SIZE];
	const struct told some[] = {
		{ 1700, FILE_ | CREATED, "b" },
		{ 1650, FILE_ | CREATED, "c" },
	};

	/* nothing was told yet */
	assert_string_equal(mark_of(f), "");
	tell(f, "a", FILE_ | CREATED);
	assert_string_equal(mark_of(f), "");
	listen_now(f);
	snprintf(first, sizeof(first), "%s", mark_of(f));
	assert_non_null(strstr(first, "-00000000000003e9-"));
	for (const char *c = first; *c != '\0'; c++)
		assert_in_range(*c, '!', '~');
	/* the highest of those that came together, whatever their order */
	tell_all(f, some, 2);
	assert_string_equal(mark_of(f), first);
	listen_now(f);
	assert_non_null(strstr(mark_of(f), "-00000000000006a4-"));
	/* a number of another volume's, or none at all, says nothing */
	f->id = 5000;
	tell_at(f, "/", kFSEventStreamEventFlagMustScanSubDirs);
	f->id = UINT64_MAX;
	tell(f, "", kFSEventStreamEventFlagRootChanged); /* its is 0 */
	listen_now(f);
	assert_non_null(strstr(mark_of(f), "-00000000000006a4-"));
	/* numbers begin anew: those of before are of no use, nor the next */
	f->id = 1;
	tell(f, "a", kFSEventStreamEventFlagEventIdsWrapped);
	listen_now(f);
	assert_string_equal(mark_of(f), "");
}

/* Of events that came together some were read: not told as a whole. */
static void test_mark_between(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX];
	char *raw = malloc(WATCH_RAW_MAX);
	char *paths[2000];
	uint32_t flags[2000];
	uint64_t ids[2000];
	int n;

	assert_non_null(raw);
	tell(f, "a", FILE_ | CREATED);
	listen_now(f);
	snprintf(path, sizeof(path), "%s/%0200d", f->dir->path, 7);
	for (size_t i = 0; i < 2000; i++) {
		paths[i] = path;
		flags[i] = FILE_ | MODIFIED;
		ids[i] = 9000 - i;
	}
	stream->callback(stream, stream->info, 2000, paths, flags, ids);
	n = watch_read(f->watch, raw, NULL);
	assert_true(n > 0 && readable(f));
	f->count = 0;
	f->deaf = true;
	watch_translate(f->watch, raw, (size_t)n, 0);
	assert_non_null(strstr(mark_of(f), "-00000000000003e9-"));
	listen_now(f);
	assert_non_null(strstr(mark_of(f), "-0000000000002328-"));
	free(raw);
}

/*
 * What happened while the agent was down, as it is told: in the order of
 * names, flags of days in one, folders that must be looked through; then the
 * sentinel, with a path that means nothing.
 */
static void test_history(void **state)
{
	struct fixture *f = *state;
	char mark[WATCH_MARK_SIZE];
	const struct told old[] = {
		{ 4010, FILE_ | CREATED | MODIFIED | META, "a" },
		{ 1033, FILE_ | CREATED | REMOVED | RENAMED, "b" },
		{ 3999, DIR_ | RENAMED, "d" },
		{ 2077, kFSEventStreamEventFlagMustScanSubDirs, "e" },
		{ 1009, FILE_ | REMOVED, "z" },
	};
	const struct told done = { 4100, kFSEventStreamEventFlagHistoryDone,
		"" };

	tell(f, "a", FILE_ | CREATED);
	listen_now(f);
	restart(f, mark);
	assert_true(watch_resume(f->watch, mark));
	/* two streams for a moment, then the one with the past */
	assert_int_equal(stream_count, 2);
	assert_true(streams[0].stopped && streams[0].invalid);
	assert_true(streams[1].started && !streams[1].stopped);
	assert_int_equal(streams[1].since, 1001);
	tell_all(f, old, 5);
	listen_now(f);
	assert_int_equal(f->count, 5);
	assert_int_equal(f->heard[0].what, WATCH_CHANGED);
	assert_int_equal(f->heard[1].what, WATCH_APPEARED);
	assert_int_equal(f->heard[2].what, WATCH_DIR_APPEARED);
	assert_true(f->heard[2].moved);
	assert_int_equal(f->heard[3].what, WATCH_DIR_APPEARED);
	assert_int_equal(f->heard[4].what, WATCH_VANISHED);
	/* more may come, with lower numbers: no mark yet */
	assert_string_equal(mark_of(f), "");
	tell_all(f, &done, 1);
	listen_now(f);
	assert_int_equal(f->count, 1);
	assert_int_equal(f->heard[0].what, WATCH_CAUGHT_UP);
	assert_string_equal(f->heard[0].path, "");
	assert_non_null(strstr(mark_of(f), "-0000000000000faa-"));
	/* said once */
	tell_all(f, &done, 1);
	listen_now(f);
	assert_int_equal(f->count, 0);
}

/* Nothing happened: where it stood it stands. */
static void test_history_of_nothing(void **state)
{
	struct fixture *f = *state;
	char mark[WATCH_MARK_SIZE];

	tell(f, "a", FILE_ | CREATED);
	listen_now(f);
	restart(f, mark);
	assert_true(watch_resume(f->watch, mark));
	expect(f, "", kFSEventStreamEventFlagHistoryDone, WATCH_CAUGHT_UP);
	assert_string_equal(mark_of(f), mark);
}

/* Some of the history is lost: all is scanned. */
static void test_history_with_holes(void **state)
{
	const uint32_t must = kFSEventStreamEventFlagMustScanSubDirs;
	const uint32_t holes[] = {
		must | kFSEventStreamEventFlagUserDropped,
		must | kFSEventStreamEventFlagKernelDropped,
		kFSEventStreamEventFlagEventIdsWrapped,
	};
	struct fixture *f = *state;
	char mark[WATCH_MARK_SIZE];

	for (size_t i = 0; i < 3; i++) {
		tell(f, "a", FILE_ | CREATED);
		listen_now(f);
		restart(f, mark);
		assert_true(watch_resume(f->watch, mark));
		tell(f, "d", holes[i]);
		tell(f, "", kFSEventStreamEventFlagHistoryDone);
		listen_now(f);
		assert_int_equal(f->count, 2);
		assert_int_equal(f->heard[0].what, WATCH_OVERFLOW);
		assert_int_equal(f->heard[1].what, WATCH_CAUGHT_UP);
	}
}

static void test_no_history(void **state)
{
	struct fixture *f = *state;
	char mark[WATCH_MARK_SIZE], other[WATCH_MARK_SIZE + 1];

	tell(f, "a", FILE_ | CREATED);
	listen_now(f);
	restart(f, mark);
	/* another machine's, or purged, or written by a system without one */
	history.bytes.byte15 ^= 1;
	assert_false(watch_resume(f->watch, mark));
	history.bytes.byte15 ^= 1;
	/* of a volume that keeps none, such as one that is read-only */
	no_history = true;
	assert_false(watch_resume(f->watch, mark));
	assert_string_equal(mark_of(f), "");
	no_history = false;
	/* from the future */
	current_id = 1000;
	assert_false(watch_resume(f->watch, mark));
	current_id = 1001;
	/* no mark of ours */
	assert_false(watch_resume(f->watch, ""));
	assert_false(watch_resume(f->watch, "fsevents"));
	snprintf(other, sizeof(other), "%s0", mark);
	assert_false(watch_resume(f->watch, other));
	snprintf(other, sizeof(other), "%s", mark);
	other[0] = 'F';
	assert_false(watch_resume(f->watch, other));
	other[0] = 'f';
	other[strlen(other) - 1] ^= 1;
	assert_false(watch_resume(f->watch, other));
	/* it cannot begin */
	refuse = true;
	assert_false(watch_resume(f->watch, mark));
	refuse = false;
	assert_false(streams[0].stopped);
	tell(f, "", kFSEventStreamEventFlagHistoryDone);
	listen_now(f);
	assert_int_equal(f->count, 0);
	assert_true(watch_resume(f->watch, mark));
}

/* The root is another folder, or was another one meanwhile. */
static void test_history_elsewhere(void **state)
{
	struct fixture *f = *state;
	struct fsevents *w = (struct fsevents *)f->watch;
	char mark[WATCH_MARK_SIZE];

	scratch_mkdir(f->dir, "up");
	scratch_mkdir(f->dir, "up/root");
	snprintf(w->root, sizeof(w->root), "%s/up/root", f->dir->path);
	w->root_len = strlen(w->root);
	tell(f, "up/root/a", FILE_ | CREATED);
	listen_now(f);
	snprintf(mark, sizeof(mark), "%s", mark_of(f));
	assert_true(watch_resume(f->watch, mark));
	/* what is in it is no matter */
	scratch_write(f->dir, "up/root/a", "a");
	assert_true(watch_resume(f->watch, mark));
	/* a folder above went by another name for a while */
	poll(NULL, 0, TICK_MS);
	scratch_rename(f->dir, "up", "off");
	scratch_rename(f->dir, "off", "up");
	assert_false(watch_resume(f->watch, mark));
	tell(f, "up/root", kFSEventStreamEventFlagHistoryDone);
	listen_now(f);
	snprintf(mark, sizeof(mark), "%s", mark_of(f));
	assert_true(watch_resume(f->watch, mark));
	/* the root was replaced */
	scratch_rename(f->dir, "up/root", "up/old");
	scratch_mkdir(f->dir, "up/root");
	assert_false(watch_resume(f->watch, mark));
	scratch_rename(f->dir, "up", "off");
	assert_false(watch_resume(f->watch, mark));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_mark),
		TEST(test_mark_between),
		TEST(test_history),
		TEST(test_history_of_nothing),
		TEST(test_history_with_holes),
		TEST(test_no_history),
		TEST(test_history_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What FSEvents tells of what happens now, as hints. */
#include "tests/unit/fsevents/standin.c"

static void test_stream(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(stream->path, f->dir->path);
	assert_int_equal(stream->flags, 0x16);
	assert_true(stream->since == kFSEventStreamEventIdSinceNow);
	assert_true(stream->started);
	assert_false(readable(f));
	/* nothing to add, nothing to count, nothing due */
	assert_int_equal(watch_add(f->watch, "d", NULL), VS_OK);
	assert_true(watch_count(f->watch) == WATCH_ALL);
	assert_int_equal(watch_due(f->watch), INT64_MAX);
	watch_tick(f->watch, 1);
	watch_clear(f->watch);
	assert_int_equal(f->count, 0);
}

static void test_items(void **state)
{
	struct fixture *f = *state;

	expect(f, "a", FILE_ | CREATED, WATCH_APPEARED);
	expect(f, "a", FILE_ | CREATED | MODIFIED, WATCH_CHANGED);
	expect(f, "a", FILE_ | MODIFIED, WATCH_CHANGED);
	expect(f, "a", FILE_ | META, WATCH_TOUCHED);
	expect(
	    f, "a", FILE_ | kFSEventStreamEventFlagItemXattrMod, WATCH_TOUCHED);
	expect(f, "a", FILE_ | REMOVED, WATCH_VANISHED);
	expect(f, "d", DIR_ | CREATED, WATCH_DIR_APPEARED);
	expect(f, "d/e", DIR_ | REMOVED, WATCH_DIR_VANISHED);
	expect(f, "d", DIR_ | META, WATCH_TOUCHED);
	expect(f, "", DIR_ | META, WATCH_TOUCHED);
	expect(f, "l", kFSEventStreamEventFlagItemIsSymlink | CREATED,
	    WATCH_APPEARED);
}

/*
 * Flags accumulate: a file that was made, written, renamed and removed within
 * a moment has all of them, and may be there or not.
 */
static void test_flags_accumulate(void **state)
{
	struct fixture *f = *state;

	expect(
	    f, "a", FILE_ | CREATED | REMOVED | MODIFIED | META, WATCH_CHANGED);
	expect(f, "a", FILE_ | CREATED | REMOVED, WATCH_APPEARED);
	expect(f, "d", DIR_ | CREATED | REMOVED, WATCH_DIR_APPEARED);
	expect(f, "a", FILE_ | CREATED | REMOVED | MODIFIED | RENAMED,
	    WATCH_APPEARED);
	assert_true(f->heard[0].moved);
}

/* An editor's save: written beside, renamed over. */
static void test_rename(void **state)
{
	struct fixture *f = *state;

	tell(f, "a.tmp", FILE_ | CREATED | MODIFIED | RENAMED);
	tell(f, "a", FILE_ | RENAMED);
	assert_int_equal(listen_now(f), 1);
	assert_int_equal(f->count, 1);
	assert_int_equal(f->heard[0].what, WATCH_APPEARED);
	assert_true(f->heard[0].moved);
	assert_string_equal(f->heard[0].path, "a");
	assert_string_equal(f->heard[0].from, "a.tmp");
	/* a folder, and something after it */
	tell(f, "d", DIR_ | RENAMED);
	tell(f, "p/n", DIR_ | RENAMED);
	tell(f, "x", FILE_ | CREATED);
	listen_now(f);
	assert_int_equal(f->count, 2);
	assert_int_equal(f->heard[0].what, WATCH_DIR_APPEARED);
	assert_string_equal(f->heard[0].path, "p/n");
	assert_string_equal(f->heard[0].from, "d");
	assert_string_equal(f->heard[1].path, "x");
}

/* Halves that are none of each other's are two hints. */
static void test_no_rename(void **state)
{
	struct fixture *f = *state;

	tell(f, "a", FILE_ | RENAMED);
	f->id++; /* another event was elsewhere */
	tell(f, "b", FILE_ | RENAMED);
	tell(f, "d", DIR_ | RENAMED);
	tell(f, "e", FILE_ | RENAMED);
	tell(f, "g", FILE_ | MODIFIED);
	listen_now(f);
	assert_int_equal(f->count, 5);
	for (size_t i = 0; i < 5; i++)
		assert_string_equal(f->heard[i].from, "");
	/* nor the last of one read and the first of the next */
	tell(f, "a", FILE_ | RENAMED);
	listen_now(f);
	assert_int_equal(f->count, 1);
	assert_true(f->heard[0].moved);
}

static void test_must_scan(void **state)
{
	struct fixture *f = *state;
	const uint32_t must = kFSEventStreamEventFlagMustScanSubDirs;

	expect(f, "d", must, WATCH_DIR_APPEARED);
	/* folders end in a slash there */
	tell(f, "d/e/", must);
	listen_now(f);
	assert_int_equal(f->heard[0].what, WATCH_DIR_APPEARED);
	assert_string_equal(f->heard[0].path, "d/e");
	expect(f, "", must, WATCH_OVERFLOW);
	tell(f, "d", must | kFSEventStreamEventFlagUserDropped);
	tell(f, "d", must | kFSEventStreamEventFlagKernelDropped);
	tell(f, "d", kFSEventStreamEventFlagEventIdsWrapped);
	/* of a folder above the root, and all below */
	tell_at(f, "/", must);
	listen_now(f);
	assert_int_equal(f->count, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(f->heard[i].what, WATCH_OVERFLOW);
		assert_string_equal(f->heard[i].path, "");
	}
}

static void test_root_and_mounts(void **state)
{
	struct fixture *f = *state;

	expect(f, "", kFSEventStreamEventFlagRootChanged, WATCH_ROOT_GONE);
	expect(f, "", kFSEventStreamEventFlagUnmount, WATCH_ROOT_GONE);
	expect(f, "", kFSEventStreamEventFlagMount, WATCH_ROOT_GONE);
	expect(f, "disk", kFSEventStreamEventFlagMount, WATCH_DIR_APPEARED);
	expect(f, "disk", kFSEventStreamEventFlagUnmount, WATCH_DIR_APPEARED);
	tell(f, "", kFSEventStreamEventFlagHistoryDone);
	assert_int_equal(listen_now(f), 1);
	assert_int_equal(f->count, 0);
}

/* Directories of two names: /tmp is /private/tmp, and so on. */
static void test_two_names_of_a_root(void **state)
{
	struct fixture *f = *state;
	struct fsevents *w = (struct fsevents *)f->watch;
	static const struct {
		const char *root;
		const char *path;
		const char *want; /* NULL: elsewhere */
	} cases[] = {
		{ "/private/var/p", "/private/var/p/a", "a" },
		{ "/private/var/p", "/var/p/a/b", "a/b" },
		{ "/var/p", "/private/var/p/a", "a" },
		{ "/Users/u/p", "/System/Volumes/Data/Users/u/p/a", "a" },
		{ "/System/Volumes/Data/x", "/x/a", "a" },
		{ "/var/p", "/var/p", "" },
		{ "/var/p", "/var/pq", NULL },
		{ "/var/p", "/var/p2/a", NULL },
		{ "/var/p", "/var", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		root_resolve(w, cases[i].root);
		snprintf(w->root, sizeof(w->root), "%s", cases[i].root);
		w->root_len = strlen(w->root);
		tell_at(f, cases[i].path, FILE_ | CREATED);
		listen_now(f);
		assert_int_equal(f->count, 1);
		if (cases[i].want == NULL)
			assert_int_equal(f->heard[0].what, WATCH_OVERFLOW);
		else
			assert_string_equal(f->heard[0].path, cases[i].want);
	}
}

static void test_ours(void **state)
{
	struct fixture *f = *state;

	tell(f, ".vsync", DIR_ | CREATED);
	tell(f, ".vsync/root-id", FILE_ | CREATED | RENAMED);
	tell(f, ".vsync/part/x", FILE_ | MODIFIED);
	listen_now(f);
	assert_int_equal(f->count, 0);
	expect(
	    f, ".vsync/cookie-17", FILE_ | CREATED | REMOVED, WATCH_APPEARED);
	expect(f, ".vsync2", FILE_ | CREATED, WATCH_APPEARED);
	expect(f, "d/.vsync", DIR_ | CREATED, WATCH_DIR_APPEARED);
}

/* Nobody reads: the buffer has an end, and what was lost is said. */
static void test_lost(void **state)
{
	struct fixture *f = *state;
	const struct fsevents *w = (const struct fsevents *)f->watch;
	char *raw = malloc(WATCH_RAW_MAX);
	int n = 0, bytes = 0;

	assert_non_null(raw);
	for (int i = 0; i < 200000; i++)
		tell(f, "some/path/that/takes/room", FILE_ | MODIFIED);
	assert_true(w->cap <= QUEUE_MAX && w->lost);
	while (readable(f)) {
		n = watch_read(f->watch, raw, NULL);
		assert_in_range(n, 1, WATCH_RAW_MAX);
		bytes += n;
	}
	assert_true(bytes > QUEUE_MAX / 2);
	/* the last thing that was read says so */
	f->count = 0;
	watch_translate(f->watch, raw, (size_t)n, 0);
	assert_int_equal(f->heard[f->count - 1].what, WATCH_OVERFLOW);
	/* from then on all is told again */
	free(raw);
	expect(f, "a", FILE_ | CREATED, WATCH_APPEARED);
}

/* Many events come in as many reads as it takes, each of whole records. */
static void test_many(void **state)
{
	struct fixture *f = *state;
	char *raw = malloc(WATCH_RAW_MAX);
	int reads = 0, records = 0;

	assert_non_null(raw);
	for (int i = 0; i < 5000; i++)
		tell(f, "x", FILE_ | MODIFIED);
	while (readable(f)) {
		int n = watch_read(f->watch, raw, NULL);

		for (int at = 0; at < n; records++)
			at += (int)((struct record *)(void *)(raw + at))->size;
		reads++;
	}
	assert_int_equal(records, 5000);
	assert_true(reads > 1);
	free(raw);
}

static void test_no_start(void **state)
{
	struct fixture *f = *state;
	struct watch *first = f->watch;
	int before = alive;

	refuse = true;
	assert_int_equal(watch_make(f), VS_EIO);
	assert_int_equal(alive, before);
	refuse = false;
	f->watch = first;
	assert_int_equal(stream_count, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_stream),
		TEST(test_items),
		TEST(test_flags_accumulate),
		TEST(test_rename),
		TEST(test_no_rename),
		TEST(test_must_scan),
		TEST(test_root_and_mounts),
		TEST(test_two_names_of_a_root),
		TEST(test_ours),
		TEST(test_lost),
		TEST(test_many),
		TEST(test_no_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The back-end of macOS, compiled here against stand-ins for its headers: a
 * stream that this test holds the callback of, and feeds with sequences of
 * flags as they come on a Mac.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <stdio.h>

#include "agent/watch/watch.h"
#include "tests/unit/scratch.h"

/* the other one is in the library */
#define watch_events fsevents_backend
#include "agent/watch/fsevents.c"
#undef watch_events

#define HINTS_MAX 64
#define FILE_ kFSEventStreamEventFlagItemIsFile
#define DIR_ kFSEventStreamEventFlagItemIsDir
#define CREATED kFSEventStreamEventFlagItemCreated
#define REMOVED kFSEventStreamEventFlagItemRemoved
#define RENAMED kFSEventStreamEventFlagItemRenamed
#define MODIFIED kFSEventStreamEventFlagItemModified
#define META kFSEventStreamEventFlagItemInodeMetaMod

struct standin_stream {
	FSEventStreamCallback callback;
	void *info;
	char path[PATH_MAX];
	FSEventStreamCreateFlags flags;
	FSEventStreamEventId since;
	dispatch_queue_t queue;
	bool started;
	bool stopped;
	bool invalid;
};

struct standin_queue {
	int waited;
};

static struct standin_stream stream;
static struct standin_queue queue;
static int alive; /* things made and not let go */
static bool refuse; /* to start */

const CFArrayCallBacks kCFTypeArrayCallBacks = { 0 };

dispatch_queue_t dispatch_queue_create(const char *label, void *attributes)
{
	assert_non_null(label);
	assert_null(attributes); /* a serial one */
	alive++;
	queue.waited = 0;
	return &queue;
}

void dispatch_release(dispatch_queue_t q)
{
	assert_ptr_equal(q, &queue);
	alive--;
}

void dispatch_sync_f(dispatch_queue_t q, void *arg, dispatch_function_t work)
{
	q->waited++;
	work(arg);
}

CFStringRef CFStringCreateWithFileSystemRepresentation(
    CFAllocatorRef allocator, const char *path)
{
	(void)allocator;
	alive++;
	return (CFStringRef)(const void *)strdup(path);
}

CFArrayRef CFArrayCreate(CFAllocatorRef allocator, const void **values,
    CFIndex count, const CFArrayCallBacks *callbacks)
{
	(void)allocator;
	assert_int_equal(count, 1);
	assert_ptr_equal(callbacks, &kCFTypeArrayCallBacks);
	alive++;
	return (CFArrayRef)(const void *)strdup(values[0]);
}

void CFRelease(CFTypeRef thing)
{
	alive--;
	free((void *)(uintptr_t)thing);
}

FSEventStreamRef FSEventStreamCreate(CFAllocatorRef allocator,
    FSEventStreamCallback callback, FSEventStreamContext *context,
    CFArrayRef paths, FSEventStreamEventId since, CFTimeInterval latency,
    FSEventStreamCreateFlags flags)
{
	(void)allocator;
	assert_true(latency < 0.05);
	alive++;
	memset(&stream, 0, sizeof(stream));
	stream.callback = callback;
	stream.info = context->info;
	stream.flags = flags;
	stream.since = since;
	snprintf(stream.path, sizeof(stream.path), "%s",
	    (const char *)(const void *)paths);
	return &stream;
}

void FSEventStreamSetDispatchQueue(FSEventStreamRef s, dispatch_queue_t q)
{
	s->queue = q;
}

Boolean FSEventStreamStart(FSEventStreamRef s)
{
	assert_non_null(s->queue);
	s->started = !refuse;
	return s->started;
}

void FSEventStreamStop(FSEventStreamRef s)
{
	assert_true(s->started);
	s->stopped = true;
}

void FSEventStreamInvalidate(FSEventStreamRef s)
{
	assert_true(s->stopped || !s->started);
	s->invalid = true;
}

void FSEventStreamRelease(FSEventStreamRef s)
{
	assert_true(s->invalid);
	alive--;
}

struct fixture {
	struct scratch *dir;
	struct watch *watch;
	uint64_t id; /* of the last event */
	struct {
		enum watch_what what;
		bool moved;
		char path[128];
		char from[128];
	} heard[HINTS_MAX];
	size_t count;
};

static void hear(void *arg, const struct watch_hint *h)
{
	struct fixture *f = arg;

	assert_true(f->count < HINTS_MAX);
	f->heard[f->count].what = h->what;
	f->heard[f->count].moved = h->moved;
	snprintf(f->heard[f->count].path, 128, "%s", h->path);
	snprintf(
	    f->heard[f->count].from, 128, "%s", h->from != NULL ? h->from : "");
	f->count++;
}

static int watch_make(struct fixture *f)
{
	int r = fsevents_backend.make(&f->watch, f->dir->path, NULL);

	if (r < 0)
		return r;
	f->watch->backend = &fsevents_backend;
	f->watch->ear = (struct watch_ear){ .hint = hear, .arg = f };
	return VS_OK;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	void *dir;

	assert_non_null(f);
	scratch_setup(&dir);
	f->dir = dir;
	refuse = false;
	alive = 0;
	f->id = 1000;
	assert_int_equal(watch_make(f), VS_OK);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	void *dir = f->dir;

	watch_free(f->watch);
	assert_int_equal(queue.waited, 1);
	assert_int_equal(alive, 0);
	scratch_teardown(&dir);
	free(f);
	return 0;
}

/* The stream tells of an absolute path. */
static void tell_at(struct fixture *f, const char *path, uint32_t flags)
{
	char *paths[] = { (char *)(uintptr_t)path };

	f->id++;
	stream.callback(&stream, stream.info, 1, paths, &flags, &f->id);
}

/* Of one below the root. */
static void tell(struct fixture *f, const char *name, uint32_t flags)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s%s%s", f->dir->path,
	    *name != '\0' ? "/" : "", name);
	tell_at(f, path, flags);
}

static bool readable(const struct fixture *f)
{
	struct pollfd p = { .fd = watch_fd(f->watch), .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

/* Reads and translates all that there is; how many reads that took. */
static int listen_now(struct fixture *f)
{
	char *raw = malloc(WATCH_RAW_MAX);
	int reads = 0;

	assert_non_null(raw);
	f->count = 0;
	while (readable(f)) {
		int n = watch_read(f->watch, raw, NULL);

		assert_in_range(n, 0, WATCH_RAW_MAX);
		watch_translate(f->watch, raw, (size_t)n, 0);
		reads++;
	}
	assert_int_equal(watch_read(f->watch, raw, NULL), 0);
	free(raw);
	return reads;
}

/* One event makes this one hint. */
static void expect(
    struct fixture *f, const char *name, uint32_t flags, enum watch_what what)
{
	tell(f, name, flags);
	assert_int_equal(listen_now(f), 1);
	if (f->count != 1 || f->heard[0].what != what ||
	    strcmp(f->heard[0].path, name) != 0)
		fail_msg("%s, %x: %zu hints, %d", name, (unsigned)flags,
		    f->count, (int)f->heard[0].what);
}

static void test_stream(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(stream.path, f->dir->path);
	assert_int_equal(stream.flags, 0x16);
	assert_true(stream.since == kFSEventStreamEventIdSinceNow);
	assert_true(stream.started);
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
	stream.started = true;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

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

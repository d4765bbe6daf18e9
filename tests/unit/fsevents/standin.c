/*
 * The back-end of macOS, compiled here against stand-ins for its headers:
 * streams that a test holds the callbacks of, and feeds with sequences of
 * flags as they come on a Mac.  Included by the tests, as the back-end is.
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

struct standin_uuid {
	CFUUIDBytes bytes;
};

static struct standin_stream streams[8];
static struct standin_stream *stream; /* the latest that was made */
static int stream_count;
static struct standin_uuid history; /* of each volume */
static bool no_history;
static FSEventStreamEventId current_id;
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
	if (thing != &history)
		free((void *)(uintptr_t)thing);
}

CFUUIDRef FSEventsCopyUUIDForDevice(dev_t dev)
{
	assert_true(dev != 0);
	alive += !no_history;
	return no_history ? NULL : &history;
}

CFUUIDBytes CFUUIDGetUUIDBytes(CFUUIDRef uuid)
{
	return uuid->bytes;
}

FSEventStreamEventId FSEventsGetCurrentEventId(void)
{
	return current_id;
}

FSEventStreamRef FSEventStreamCreate(CFAllocatorRef allocator,
    FSEventStreamCallback callback, FSEventStreamContext *context,
    CFArrayRef paths, FSEventStreamEventId since, CFTimeInterval latency,
    FSEventStreamCreateFlags flags)
{
	(void)allocator;
	assert_true(latency < 0.05);
	alive++;
	assert_true(stream_count < 8);
	stream = &streams[stream_count++];
	memset(stream, 0, sizeof(*stream));
	stream->callback = callback;
	stream->info = context->info;
	stream->flags = flags;
	stream->since = since;
	snprintf(stream->path, sizeof(stream->path), "%s",
	    (const char *)(const void *)paths);
	return stream;
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
	bool deaf;
};

static void hear(void *arg, const struct watch_hint *h)
{
	struct fixture *f = arg;

	if (f->deaf)
		return;
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

	assert_non_null(f);
	f->dir = scratch_new();
	refuse = false;
	alive = 0;
	stream_count = 0;
	no_history = false;
	memset(&history, 0x5a, sizeof(history));
	current_id = 1000000;
	f->id = 1000;
	assert_int_equal(watch_make(f), VS_OK);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	watch_free(f->watch);
	assert_int_equal(queue.waited, 1);
	assert_int_equal(alive, 0);
	scratch_free(f->dir);
	free(f);
	return 0;
}

/* The stream tells of an absolute path. */
static void tell_at(struct fixture *f, const char *path, uint32_t flags)
{
	char *paths[] = { (char *)(uintptr_t)path };

	f->id++;
	stream->callback(stream, stream->info, 1, paths, &flags, &f->id);
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

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

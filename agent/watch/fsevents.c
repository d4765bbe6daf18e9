/*
 * FSEvents behind watch.h, for macOS.
 *
 * A stream covers all that lies below the root; there is nothing to add and
 * no limit.  Its flags accumulate: they say what has ever happened to a name
 * within the last moments, in no order, so that each is a hint to look at
 * the name and no more.  The two names of a rename come as two events, the
 * numbers of which follow each other.
 *
 * The stream's callback runs on a queue of its own.  It puts records into a
 * buffer that never grows beyond QUEUE_MAX, and a byte into a pipe, which is
 * what the loop polls; it never waits.  What there is no room for is lost,
 * and said to be.
 *
 * History across restarts is not asked for: whoever starts scans.
 */
#include "agent/watch/backend.h"

#include <CoreServices/CoreServices.h>
#include <assert.h>
#include <dispatch/dispatch.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/limits.h"

#define OURS ".vsync"
#define COOKIE OURS "/cookie-"
#define QUEUE_MAX (4 * 1024 * 1024) /* bytes of events not yet read */
#define LATENCY_S 0.01 /* that the system may collect events */
#define LOST \
	(kFSEventStreamEventFlagUserDropped | \
	    kFSEventStreamEventFlagKernelDropped | \
	    kFSEventStreamEventFlagEventIdsWrapped)
#define MOUNTS (kFSEventStreamEventFlagMount | kFSEventStreamEventFlagUnmount)

/* One raw event; the next one follows at size, which is aligned. */
struct record {
	uint64_t id;
	uint32_t size; /* of all of it */
	uint32_t flags;
	char path[]; /* absolute */
};

struct fsevents {
	struct watch watch; /* first */
	FSEventStreamRef stream; /* NULL: not started yet */
	dispatch_queue_t queue;
	int wake[2]; /* readable as long as there is something in bytes */
	pthread_mutex_t mutex; /* guards the following */
	char *bytes; /* records */
	size_t len;
	size_t cap;
	bool lost; /* there was no room for some */
	size_t root_len;
	char root[PATH_MAX]; /* resolved where it exists */
};

static struct fsevents *of(struct watch *w)
{
	return (struct fsevents *)w;
}

/* Makes room for size more; false when that is too much. */
static bool room(struct fsevents *f, size_t size)
{
	size_t cap = f->cap != 0 ? f->cap : 4096;
	char *bytes;

	while (cap < f->len + size)
		cap *= 2;
	if (cap == f->cap)
		return true;
	bytes = cap <= QUEUE_MAX ? realloc(f->bytes, cap) : NULL;
	if (bytes == NULL)
		return false;
	f->bytes = bytes;
	f->cap = cap;
	return true;
}

static void record_put(
    struct fsevents *f, const char *path, uint32_t flags, uint64_t id)
{
	struct record r = { .id = id, .flags = flags };
	size_t n = strlen(path) + 1;
	size_t size = (sizeof(r) + n + 7) & ~(size_t)7;

	if (f->lost || size > WATCH_RAW_MAX || !room(f, size)) {
		f->lost = true;
		return;
	}
	r.size = (uint32_t)size;
	memset(f->bytes + f->len, 0, size);
	memcpy(f->bytes + f->len, &r, sizeof(r));
	memcpy(f->bytes + f->len + sizeof(r), path, n);
	f->len += size;
}

/* A full pipe is readable already. */
static void wake(struct fsevents *f)
{
	ssize_t n;

	do {
		n = write(f->wake[1], "", 1);
	} while (n < 0 && errno == EINTR);
}

static void stream_event(ConstFSEventStreamRef stream, void *info, size_t n,
    void *paths, const FSEventStreamEventFlags *flags,
    const FSEventStreamEventId *ids)
{
	struct fsevents *f = info;
	char **path = paths;

	(void)stream;
	pthread_mutex_lock(&f->mutex);
	for (size_t i = 0; i < n; i++)
		record_put(f, path[i], flags[i], ids[i]);
	pthread_mutex_unlock(&f->mutex);
	wake(f);
}

static FSEventStreamRef stream_new(struct fsevents *f)
{
	FSEventStreamContext context = { .info = f };
	CFStringRef path =
	    CFStringCreateWithFileSystemRepresentation(NULL, f->root);
	CFArrayRef paths;
	FSEventStreamRef stream;

	if (path == NULL)
		return NULL;
	paths = CFArrayCreate(
	    NULL, (const void **)&path, 1, &kCFTypeArrayCallBacks);
	CFRelease(path);
	if (paths == NULL)
		return NULL;
	stream = FSEventStreamCreate(NULL, stream_event, &context, paths,
	    kFSEventStreamEventIdSinceNow, LATENCY_S,
	    kFSEventStreamCreateFlagFileEvents |
		kFSEventStreamCreateFlagNoDefer |
		kFSEventStreamCreateFlagWatchRoot);
	CFRelease(paths);
	return stream;
}

static void stream_free(FSEventStreamRef stream)
{
	FSEventStreamInvalidate(stream);
	FSEventStreamRelease(stream);
}

static int stream_start(struct fsevents *f, struct vs_err *err)
{
	FSEventStreamRef stream = stream_new(f);

	if (stream == NULL)
		return vs_err_set(err, VS_ENOMEM, "fsevents: no stream");
	FSEventStreamSetDispatchQueue(stream, f->queue);
	if (!FSEventStreamStart(stream)) {
		stream_free(stream);
		return vs_err_set(err, VS_EIO, "fsevents: it does not start");
	}
	f->stream = stream;
	return VS_OK;
}

static void nothing(void *arg)
{
	(void)arg;
}

static void fsevents_free(struct watch *w)
{
	struct fsevents *f = of(w);

	if (f->stream != NULL) {
		FSEventStreamStop(f->stream);
		stream_free(f->stream);
		/* a callback that runs now is over when this returns */
		dispatch_sync_f(f->queue, NULL, nothing);
	}
	if (f->queue != NULL)
		dispatch_release(f->queue);
	for (int i = 0; i < 2; i++)
		if (f->wake[i] >= 0)
			close(f->wake[i]);
	pthread_mutex_destroy(&f->mutex);
	free(f->bytes);
	free(f);
}

static int pipe_new(int fds[2], struct vs_err *err)
{
	if (pipe(fds) != 0)
		return vs_err_errno(err, errno, "fsevents: pipe");
	for (int i = 0; i < 2; i++)
		if (fcntl(fds[i], F_SETFD, FD_CLOEXEC) != 0 ||
		    fcntl(fds[i], F_SETFL, O_NONBLOCK) != 0)
			return vs_err_errno(err, errno, "fsevents: pipe");
	return VS_OK;
}

/* Events come with the links in the root's own path resolved. */
static void root_resolve(struct fsevents *f, const char *root)
{
	if (realpath(root, f->root) == NULL)
		memcpy(f->root, root, strlen(root) + 1);
	f->root_len = strlen(f->root);
	while (f->root_len > 0 && f->root[f->root_len - 1] == '/')
		f->root[--f->root_len] = '\0';
}

static int fsevents_make(
    struct watch **out, const char *root, struct vs_err *err)
{
	struct fsevents *f;
	int r;

	if (strlen(root) >= PATH_MAX)
		return vs_err_set(err, VS_ELIMIT, "fsevents: path too long");
	f = calloc(1, sizeof(*f));
	if (f == NULL)
		return vs_err_set(err, VS_ENOMEM, "watch: out of memory");
	f->wake[0] = -1;
	f->wake[1] = -1;
	pthread_mutex_init(&f->mutex, NULL);
	root_resolve(f, root);
	f->queue = dispatch_queue_create("vsync.watch", NULL);
	r = f->queue != NULL
	    ? pipe_new(f->wake, err)
	    : vs_err_set(err, VS_ENOMEM, "watch: out of memory");
	if (r == VS_OK)
		r = stream_start(f, err);
	if (r < 0) {
		fsevents_free(&f->watch);
		return r;
	}
	*out = &f->watch;
	return VS_OK;
}

static int fsevents_fd(const struct watch *w)
{
	return ((const struct fsevents *)w)->wake[0];
}

/* Whole records from the front of the buffer; how many bytes. */
static size_t records_take(struct fsevents *f, char *raw)
{
	size_t n = 0;

	while (n < f->len) {
		struct record r;

		memcpy(&r, f->bytes + n, sizeof(r));
		if (n + r.size > WATCH_RAW_MAX)
			break;
		n += r.size;
	}
	if (n > 0)
		memcpy(raw, f->bytes, n);
	f->len -= n;
	if (f->len > 0)
		memmove(f->bytes, f->bytes + n, f->len);
	return n;
}

static int fsevents_read(struct watch *w, void *raw, struct vs_err *err)
{
	struct fsevents *f = of(w);
	char drain[256];
	bool more;
	size_t n;

	(void)err;
	while (read(f->wake[0], drain, sizeof(drain)) > 0)
		continue;
	pthread_mutex_lock(&f->mutex);
	if (f->len == 0 && f->lost) {
		f->lost = false;
		record_put(f, f->root, kFSEventStreamEventFlagUserDropped, 0);
	}
	n = records_take(f, raw);
	more = f->len > 0 || f->lost;
	pthread_mutex_unlock(&f->mutex);
	if (more)
		wake(f);
	return (int)n;
}

static void hint_give(struct fsevents *f, const struct watch_hint *h)
{
	f->watch.ear.hint(f->watch.ear.arg, h);
}

static void hint_plain(
    struct fsevents *f, enum watch_what what, bool moved, const char *path)
{
	const struct watch_hint h = {
		.what = what, .moved = moved, .path = path
	};

	hint_give(f, &h);
}

/* What comes after prefix in path, if it does; else NULL. */
static const char *after(const char *path, const char *prefix, size_t len)
{
	return strncmp(path, prefix, len) == 0 ? path + len : NULL;
}

/*
 * path relative to the root, without a slash at its end, in out; false if it
 * lies elsewhere.  Some directories have two names, one below these.
 */
static bool relative(
    const struct fsevents *f, const char *path, char out[PATH_MAX])
{
	static const char *const twins[] = { "", "/private",
		"/System/Volumes/Data" };
	const char *rest = NULL;
	size_t len;

	for (size_t i = 0; i < 3 && rest == NULL; i++) {
		const char *twin = twins[i];
		const char *p = after(path, twin, strlen(twin));
		const char *root = after(f->root, twin, strlen(twin));

		if (p != NULL)
			rest = after(p, f->root, f->root_len);
		if (rest == NULL && root != NULL)
			rest = after(path, root, strlen(root));
		if (rest != NULL && *rest != '/' && *rest != '\0')
			rest = NULL;
	}
	if (rest == NULL)
		return false;
	rest += *rest == '/' ? 1 : 0;
	len = strlen(rest);
	while (len > 0 && rest[len - 1] == '/')
		len--;
	if (len >= PATH_MAX)
		return false;
	memcpy(out, rest, len);
	out[len] = '\0';
	return true;
}

static enum watch_what what_of(uint32_t flags)
{
	bool dir = (flags & kFSEventStreamEventFlagItemIsDir) != 0;

	if ((flags & kFSEventStreamEventFlagItemRenamed) != 0)
		return dir ? WATCH_DIR_APPEARED : WATCH_APPEARED;
	if ((flags & kFSEventStreamEventFlagItemModified) != 0 && !dir)
		return WATCH_CHANGED;
	if ((flags & kFSEventStreamEventFlagItemCreated) != 0)
		return dir ? WATCH_DIR_APPEARED : WATCH_APPEARED;
	if ((flags & kFSEventStreamEventFlagItemRemoved) != 0)
		return dir ? WATCH_DIR_VANISHED : WATCH_VANISHED;
	return WATCH_TOUCHED;
}

/* Of the whole stream, or a whole folder; true if that was all. */
static bool translate_wide(struct fsevents *f, uint32_t flags, const char *path)
{
	bool root = path == NULL || *path == '\0';

	if ((flags & kFSEventStreamEventFlagHistoryDone) != 0)
		return true;
	if ((flags & kFSEventStreamEventFlagRootChanged) != 0 ||
	    ((flags & MOUNTS) != 0 && root))
		hint_plain(f, WATCH_ROOT_GONE, false, "");
	else if ((flags & LOST) != 0 || path == NULL ||
	    ((flags & kFSEventStreamEventFlagMustScanSubDirs) != 0 && root))
		hint_plain(f, WATCH_OVERFLOW, false, "");
	else if ((flags & (MOUNTS | kFSEventStreamEventFlagMustScanSubDirs)) !=
	    0)
		hint_plain(f, WATCH_DIR_APPEARED, false, path);
	else
		return false;
	return true;
}

/* Whether b is the other name of a's rename. */
static bool is_pair(const struct record *a, const struct record *b)
{
	const uint32_t kinds = kFSEventStreamEventFlagItemIsDir |
	    kFSEventStreamEventFlagItemIsFile |
	    kFSEventStreamEventFlagItemIsSymlink;

	return b != NULL && b->id == a->id + 1 &&
	    (a->flags & b->flags & kFSEventStreamEventFlagItemRenamed) != 0 &&
	    (a->flags & kinds) == (b->flags & kinds) &&
	    strcmp(a->path, b->path) != 0;
}

/* The barrier's cookies are all that is told of our own folder. */
static bool translate_ours(struct fsevents *f, const char *path)
{
	if (after(path, OURS, strlen(OURS)) == NULL ||
	    (path[strlen(OURS)] != '\0' && path[strlen(OURS)] != '/'))
		return false;
	if (after(path, COOKIE, strlen(COOKIE)) != NULL)
		hint_plain(f, WATCH_APPEARED, false, path);
	return true;
}

/* Translates r, and next with it if both are one rename: true. */
static bool translate_record(
    struct fsevents *f, const struct record *r, const struct record *next)
{
	char path[PATH_MAX], other[PATH_MAX];
	bool below = relative(f, r->path, path);
	struct watch_hint h = {
		.what = what_of(r->flags),
		.moved = (r->flags & kFSEventStreamEventFlagItemRenamed) != 0,
		.path = path,
	};

	if (translate_wide(f, r->flags, below ? path : NULL))
		return false;
	if (*path == '\0') {
		hint_plain(f, WATCH_TOUCHED, false, "");
		return false;
	}
	if (translate_ours(f, path))
		return false;
	if (is_pair(r, next) && relative(f, next->path, other) &&
	    *other != '\0' && after(other, OURS, strlen(OURS)) == NULL) {
		h.from = path;
		h.path = other;
	}
	hint_give(f, &h);
	return h.from != NULL;
}

static void fsevents_translate(
    struct watch *w, const void *raw, size_t len, int64_t now_ms)
{
	const char *p = raw;
	const char *end = p + len;

	(void)now_ms;
	while (p < end) {
		const struct record *r = (const struct record *)(const void *)p;
		const struct record *next = NULL;

		assert((size_t)(end - p) >= sizeof(*r));
		assert(r->size <= (size_t)(end - p));
		p += r->size;
		if (p < end)
			next = (const struct record *)(const void *)p;
		if (translate_record(of(w), r, next))
			p += next->size;
	}
}

static size_t fsevents_count(const struct watch *w)
{
	(void)w;
	return WATCH_ALL;
}

const struct watch_backend watch_events = {
	.name = "fsevents",
	.make = fsevents_make,
	.free = fsevents_free,
	.fd = fsevents_fd,
	.read = fsevents_read,
	.translate = fsevents_translate,
	.count = fsevents_count,
};

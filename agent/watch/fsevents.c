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
 * The system keeps a history by volume.  A mark names the volume's history
 * (its UUID, which is another one once events may be missing), the highest
 * number told of, and where the root is: its inode, and inode and ctime of
 * the folders above it on its volume.  For events go by path, so that what
 * was changed while a folder above had another name is not told of below
 * this one; its ctime tells that it had.
 *
 * Old events come in no order, so that until the last of them is told there
 * is no mark.  Numbers count from events below the root only: of them alone
 * it is certain that they are of its volume's history.
 */
#include "agent/watch/backend.h"

#include <CoreServices/CoreServices.h>
#include <assert.h>
#include <dispatch/dispatch.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/hex.h"
#include "common/base/limits.h"

#define OURS ".vsync"
#define COOKIE OURS "/cookie-"
#define QUEUE_MAX (4 * 1024 * 1024) /* bytes of events not yet read */
#define LATENCY_S 0.01 /* that the system may collect events */
#define LOST \
	(kFSEventStreamEventFlagUserDropped | \
	    kFSEventStreamEventFlagKernelDropped | \
	    kFSEventStreamEventFlagEventIdsWrapped)
#define UUID_SIZE 16
#define UUID_TEXT (2 * UUID_SIZE + 1)
#define MOUNTS (kFSEventStreamEventFlagMount | kFSEventStreamEventFlagUnmount)

/* One raw event; the next one follows at size, which is aligned. */
struct record {
	uint64_t id;
	uint32_t size; /* of all of it */
	uint32_t flags;
	bool last; /* of those that came together */
	char path[]; /* absolute */
};

/* Where a watcher stands. */
struct mark {
	char uuid[UUID_TEXT]; /* of the volume's history */
	uint64_t id; /* highest told of */
	uint64_t place; /* of the root */
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
	/* the owner's thread */
	bool catching_up; /* old events are being told */
	bool wrapped; /* numbers have begun anew */
	uint64_t highest; /* number told of */
	uint64_t told; /* likewise, when those it came with were, too */
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
    struct fsevents *f, const char *path, const struct record *like)
{
	struct record r = *like;
	size_t n = strlen(path) + 1;
	size_t size = (offsetof(struct record, path) + n + 7) & ~(size_t)7;

	if (f->lost || size > WATCH_RAW_MAX || !room(f, size)) {
		f->lost = true;
		return;
	}
	r.size = (uint32_t)size;
	memset(f->bytes + f->len, 0, size);
	memcpy(f->bytes + f->len, &r, offsetof(struct record, path));
	memcpy(f->bytes + f->len + offsetof(struct record, path), path, n);
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
		record_put(f, path[i],
		    &(struct record){
			.id = ids[i], .flags = flags[i], .last = i + 1 == n });
	pthread_mutex_unlock(&f->mutex);
	wake(f);
}

static FSEventStreamRef stream_new(
    struct fsevents *f, FSEventStreamEventId since)
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
	stream = FSEventStreamCreate(NULL, stream_event, &context, paths, since,
	    LATENCY_S,
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

static void stream_stop(struct fsevents *f)
{
	if (f->stream == NULL)
		return;
	FSEventStreamStop(f->stream);
	stream_free(f->stream);
	f->stream = NULL;
}

/* One more stream, which takes the place of what there is. */
static int stream_start(
    struct fsevents *f, FSEventStreamEventId since, struct vs_err *err)
{
	FSEventStreamRef stream = stream_new(f, since);

	if (stream == NULL)
		return vs_err_set(err, VS_ENOMEM, "fsevents: no stream");
	FSEventStreamSetDispatchQueue(stream, f->queue);
	if (!FSEventStreamStart(stream)) {
		stream_free(stream);
		return vs_err_set(err, VS_EIO, "fsevents: it does not start");
	}
	stream_stop(f);
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
		stream_stop(f);
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
		r = stream_start(f, kFSEventStreamEventIdSinceNow, err);
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
		record_put(f, f->root,
		    &(struct record){
			.flags = kFSEventStreamEventFlagUserDropped,
			.last = true });
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

static void history_done(struct fsevents *f)
{
	if (!f->catching_up)
		return;
	f->catching_up = false;
	hint_plain(f, WATCH_CAUGHT_UP, false, "");
}

/* Notes how far r brings us; below: it is of our volume. */
static void count(struct fsevents *f, const struct record *r, bool below)
{
	const uint32_t none = kFSEventStreamEventFlagHistoryDone |
	    kFSEventStreamEventFlagRootChanged;

	if ((r->flags & kFSEventStreamEventFlagEventIdsWrapped) != 0)
		f->wrapped = true;
	if (below && (r->flags & none) == 0 && r->id > f->highest)
		f->highest = r->id;
	if (r->last)
		f->told = f->highest;
}

/* Of the whole stream, or a whole folder; true if that was all. */
static bool translate_wide(struct fsevents *f, uint32_t flags, const char *path)
{
	bool root = path == NULL || *path == '\0';

	if ((flags & kFSEventStreamEventFlagHistoryDone) != 0) {
		history_done(f);
		return true;
	}
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

	count(f, r, below);
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
		count(f, next, true);
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

/* One more thing that a place is told by (FNV-1a). */
static void place_add(uint64_t *place, uint64_t n)
{
	for (int i = 0; i < 64; i += 8) {
		*place ^= n >> i & 0xff;
		*place *= 0x100000001b3;
	}
}

/* Where root is, and on what device; false where there is none. */
static bool place_read(const char *root, uint64_t *place, dev_t *dev)
{
	char path[PATH_MAX];
	struct stat st;

	if (lstat(root, &st) != 0)
		return false;
	*dev = st.st_dev;
	*place = 0xcbf29ce484222325;
	place_add(place, st.st_ino);
	memcpy(path, root, strlen(root) + 1);
	while (*path != '\0') {
		*strrchr(path, '/') = '\0';
		if (lstat(*path != '\0' ? path : "/", &st) != 0)
			return false;
		if (st.st_dev != *dev)
			break;
		place_add(place, st.st_ino);
		place_add(place, (uint64_t)st.st_ctimespec.tv_sec);
		place_add(place, (uint64_t)st.st_ctimespec.tv_nsec);
	}
	return true;
}

/* The history of dev, "" where there is none. */
static void uuid_read(dev_t dev, char out[UUID_TEXT])
{
	CFUUIDRef uuid = FSEventsCopyUUIDForDevice(dev);
	CFUUIDBytes bytes;

	out[0] = '\0';
	if (uuid == NULL)
		return;
	bytes = CFUUIDGetUUIDBytes(uuid);
	_Static_assert(sizeof(bytes) == UUID_SIZE, "sixteen bytes");
	vs_hex_encode(out, (const uint8_t *)&bytes, sizeof(bytes));
	CFRelease(uuid);
}

/* All of out but its number; false where no mark holds. */
static bool mark_here(const struct fsevents *f, struct mark *out)
{
	dev_t dev;

	if (!place_read(f->root, &out->place, &dev))
		return false;
	uuid_read(dev, out->uuid);
	return out->uuid[0] != '\0';
}

static void fsevents_mark(struct watch *w, char out[WATCH_MARK_SIZE])
{
	const struct fsevents *f = of(w);
	struct mark m;

	out[0] = '\0';
	if (f->catching_up || f->wrapped || f->told == 0 || !mark_here(f, &m))
		return;
	snprintf(out, WATCH_MARK_SIZE, "fsevents-%s-%016" PRIx64 "-%016" PRIx64,
	    m.uuid, f->told, m.place);
}

/* Only what fsevents_mark wrote. */
static bool mark_read(const char *text, struct mark *out)
{
	char again[WATCH_MARK_SIZE];

	if (sscanf(text, "fsevents-%32[0-9a-f]-%16" SCNx64 "-%16" SCNx64,
		out->uuid, &out->id, &out->place) != 3)
		return false;
	snprintf(again, sizeof(again), "fsevents-%s-%016" PRIx64 "-%016" PRIx64,
	    out->uuid, out->id, out->place);
	return out->id != 0 && strcmp(again, text) == 0;
}

static bool fsevents_resume(struct watch *w, const char *mark)
{
	struct fsevents *f = of(w);
	struct mark then, now;

	if (!mark_read(mark, &then) || !mark_here(f, &now) ||
	    strcmp(then.uuid, now.uuid) != 0 || then.place != now.place ||
	    then.id > FSEventsGetCurrentEventId())
		return false;
	if (stream_start(f, then.id, NULL) < 0)
		return false; /* the one that began with now goes on */
	f->catching_up = true;
	f->highest = then.id > f->highest ? then.id : f->highest;
	f->told = f->highest;
	return true;
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
	.mark = fsevents_mark,
	.resume = fsevents_resume,
};

/*
 * A station is one watcher with its handle on the loop.  The engine's thread
 * has a current one and may replace it: the loop is told by one item that
 * says which to close and which to open.  Raw events name their station by
 * its number, so that those of a replaced one are nobody's.  A station is
 * freed on the loop when both threads are done with it.
 */
#include "agent/project_watch.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/watch/limit.h"
#include "common/base/log.h"
#include "common/os/fstype.h"

#define READS 16 /* of the watcher in one turn of the loop */

struct station {
	struct project_watch *owner;
	struct watch *watch;
	uint64_t number;
	int refs; /* loop's thread: the engine's, and the handle's */
	bool open; /* likewise: the handle is not closing */
	uv_poll_t poll;
};

struct project_watch {
	struct project *project;
	struct watch_ear ear;
	char wish[16];
	atomic_bool lost; /* events were dropped here */
	atomic_bool broken; /* the current station reads no more */
	/* engine's thread */
	struct station *station; /* current; NULL: none yet */
	uint64_t last; /* number given */
	enum disk_deaf deaf;
	char what[128]; /* of struct disk_watching */
	/* loop's thread */
	struct station *heard; /* whose handle is open */
	char raw[WATCH_RAW_MAX]; /* the kernel's events, not yet copied */
};

/* The loop's side. */

static void station_unref(struct station *s)
{
	assert(s->refs > 0);
	if (--s->refs > 0)
		return;
	watch_free(s->watch);
	free(s);
}

static void station_closed(uv_handle_t *handle)
{
	struct station *s = handle->data;
	struct project *p = s->owner->project;

	station_unref(s);
	project_closed(p);
}

static void station_close(struct station *s)
{
	if (!s->open)
		return;
	s->open = false;
	s->owner->heard = NULL;
	uv_close((uv_handle_t *)&s->poll, station_closed);
}

struct raw_message {
	struct mailbox_item item;
	struct project_watch *owner;
	uint64_t number;
	char data[];
};

static void raw_handle(struct mailbox_item *item)
{
	struct raw_message *m = (struct raw_message *)item;
	struct project_watch *w = m->owner;
	const struct station *s = w->station;

	/* not open: the scan at opening sees it all */
	if (w->project->engine != NULL && s != NULL && s->number == m->number)
		watch_translate(
		    s->watch, m->data, item->weight, vs_clock_mono_ms());
	free(m);
}

static void raw_put(struct station *s, size_t n)
{
	struct mailbox *box = s->owner->project->mailbox;
	struct raw_message *m;

	if (mailbox_weight(box) + n > PROJECT_WAITING_MAX) {
		atomic_store(&s->owner->lost, true);
		return;
	}
	m = project_must(malloc(sizeof(*m) + n));
	m->item.weight = n;
	m->item.handle = raw_handle;
	m->owner = s->owner;
	m->number = s->number;
	memcpy(m->data, s->owner->raw, n);
	mailbox_put(box, &m->item);
}

static void station_failed(struct station *s, const char *why)
{
	vs_log(VS_LOG_ERR, "project: %s: %s", s->owner->project->id, why);
	/* the scan that follows chooses anew */
	atomic_store(&s->owner->broken, true);
	atomic_store(&s->owner->lost, true);
}

static void poll_ready(uv_poll_t *poll, int status, int events)
{
	struct station *s = poll->data;
	struct vs_err err = VS_ERR_INIT;
	int n = status < 0 ? vs_err_errno(&err, -status, "watcher") : 1;

	(void)events;
	/* bounded, so that a storm does not starve the other handles */
	for (int i = 0; i < READS && n > 0; i++) {
		n = watch_read(s->watch, s->owner->raw, &err);
		if (n > 0)
			raw_put(s, (size_t)n);
	}
	if (n < 0) {
		station_failed(s, err.msg);
		uv_poll_stop(poll);
	}
}

static void station_open(struct station *s)
{
	struct project *p = s->owner->project;
	int fd = watch_fd(s->watch);
	int r;

	if (fd < 0 || p->stopped != NULL)
		return;
	assert(s->owner->heard == NULL);
	r = uv_poll_init(p->host->loop, &s->poll, fd);
	if (r != 0) {
		station_failed(s, uv_strerror(r));
		return;
	}
	s->poll.data = s;
	s->refs++;
	s->open = true;
	s->owner->heard = s;
	p->handles++;
	r = uv_poll_start(&s->poll, UV_READABLE, poll_ready);
	if (r != 0)
		station_failed(s, uv_strerror(r));
}

struct change {
	struct post_item item;
	struct station *old; /* NULL: there was none */
	struct station *new;
};

static void change_run(struct post_item *item)
{
	struct change *c = (struct change *)item;

	if (c->old != NULL) {
		station_close(c->old);
		station_unref(c->old);
	}
	station_open(c->new);
	free(c);
}

void project_watch_stop(struct project_watch *w)
{
	if (w->heard != NULL)
		station_close(w->heard);
}

void project_watch_free(struct project_watch *w)
{
	if (w == NULL)
		return;
	assert(w->heard == NULL);
	if (w->station != NULL)
		station_unref(w->station);
	free(w);
}

/* The engine's side. */

int project_watch_new(struct project_watch **out, struct project *p,
    const char *wish, const struct watch_ear *ear, struct vs_err *err)
{
	struct project_watch *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return vs_err_set(err, VS_ENOMEM, "watch: out of memory");
	w->project = p;
	w->ear = *ear;
	snprintf(w->wish, sizeof(w->wish), "%s", wish != NULL ? wish : "auto");
	*out = w;
	return VS_OK;
}

static void station_set(struct project_watch *w, struct watch *watch)
{
	struct station *s = project_must(calloc(1, sizeof(*s)));
	struct change *c = project_must(calloc(1, sizeof(*c)));

	s->owner = w;
	s->watch = watch;
	s->number = ++w->last;
	s->refs = 1;
	c->item.run = change_run;
	c->old = w->station;
	c->new = s;
	w->station = s;
	post_send(w->project->host->post, &c->item);
}

/* Whether the root's file system tells of what happens on it. */
static bool root_tells(struct project_watch *w)
{
	int fd = open(w->project->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct vs_fstype t = { .remote = false };
	bool known = fd >= 0 && vs_fstype_read(fd, &t, NULL) == VS_OK;

	if (fd >= 0)
		close(fd);
	/* not there: nothing is new */
	if (!known)
		return w->deaf != DISK_DEAF_REMOTE;
	if (t.remote)
		snprintf(w->what, sizeof(w->what), "%s", t.name);
	return !t.remote;
}

static enum disk_deaf wanted(struct project_watch *w)
{
	if (strcmp(w->wish, watch_name(WATCH_POLL)) == 0)
		return DISK_DEAF_CHOSEN;
	if (strcmp(w->wish, "auto") == 0 && !root_tells(w))
		return DISK_DEAF_REMOTE;
	return DISK_HEARS;
}

static void station_log(const struct project_watch *w)
{
	static const char *const why[] = {
		[DISK_HEARS] = "",
		[DISK_DEAF_CHOSEN] = "the configuration wants it so",
		[DISK_DEAF_REMOTE] = "its file system tells of no change: ",
		[DISK_DEAF_LIMIT] = "",
		[DISK_DEAF_ERROR] = "",
	};

	if (w->deaf == DISK_HEARS)
		vs_log(VS_LOG_INFO, "project: %s: watched by %s",
		    w->project->id, watch_name(WATCH_EVENTS));
	else
		vs_log(VS_LOG_WARN,
		    "project: %s: only scans find changes: %s%s",
		    w->project->id, why[w->deaf],
		    w->deaf == DISK_DEAF_CHOSEN ? "" : w->what);
}

void project_watch_review(struct project_watch *w)
{
	enum disk_deaf deaf = wanted(w);
	struct vs_err err = VS_ERR_INIT;
	struct watch *watch = NULL;
	enum watch_kind kind;
	bool broken = atomic_exchange(&w->broken, false);
	int r = VS_OK;

	if (w->station != NULL && w->deaf == deaf && !broken)
		return;
	if (deaf == DISK_HEARS)
		r = watch_new(
		    &watch, WATCH_EVENTS, w->project->root, &w->ear, &err);
	if (r < 0) {
		deaf = r == VS_ELIMIT ? DISK_DEAF_LIMIT : DISK_DEAF_ERROR;
		snprintf(w->what, sizeof(w->what), "%.127s", err.msg);
	}
	kind = deaf == DISK_HEARS ? WATCH_EVENTS : WATCH_POLL;
	if (w->station != NULL && w->deaf == deaf)
		return; /* still no better */
	w->deaf = deaf;
	station_log(w);
	if (kind == WATCH_POLL && w->station != NULL &&
	    watch_kind(w->station->watch) == WATCH_POLL)
		return;
	if (kind == WATCH_POLL)
		r = watch_new(
		    &watch, WATCH_POLL, w->project->root, &w->ear, &err);
	project_must(watch);
	station_set(w, watch);
}

static int disk_watch_dir(void *arg, const char *dir, struct vs_err *err)
{
	struct project_watch *w = arg;

	if (dir != NULL && *dir == '\0')
		project_watch_review(w);
	if (w->station == NULL)
		return VS_OK;
	if (dir != NULL)
		return watch_add(w->station->watch, dir, err);
	watch_clear(w->station->watch);
	return VS_OK;
}

static void disk_unwatch_dir(void *arg, const char *dir)
{
	struct project_watch *w = arg;

	if (w->station != NULL)
		watch_remove(w->station->watch, dir);
}

static int64_t disk_watched_dirs(void *arg)
{
	const struct project_watch *w = arg;
	size_t n = w->station != NULL ? watch_count(w->station->watch) : 0;

	return n == WATCH_ALL ? INT64_MAX : (int64_t)n;
}

static void disk_watching(void *arg, struct disk_watching *out)
{
	const struct project_watch *w = arg;
	enum limit_of what =
	    w->deaf == DISK_DEAF_LIMIT ? LIMIT_INSTANCES : LIMIT_WATCHES;
	struct limit limit = { .name = NULL };

	memset(out, 0, sizeof(*out));
	out->deaf = w->deaf;
	out->name =
	    watch_name(w->deaf == DISK_HEARS ? WATCH_EVENTS : WATCH_POLL);
	memcpy(out->what, w->what, sizeof(out->what));
	if (limit_read(what, NULL, &limit)) {
		out->setting = limit.name;
		out->allowed = limit.allowed;
	}
}

_Static_assert(WATCH_MARK_SIZE <= DISK_MARK_SIZE, "room for a mark");

static void disk_told(void *arg, char out[DISK_MARK_SIZE])
{
	struct project_watch *w = arg;

	out[0] = '\0';
	if (w->station != NULL)
		watch_mark(w->station->watch, out);
}

static bool disk_resume(void *arg, const char *mark)
{
	struct project_watch *w = arg;
	bool told;

	project_watch_review(w);
	told = watch_resume(w->station->watch, mark);
	vs_log(VS_LOG_INFO, "project: %s: %s", w->project->id,
	    told ? "the system tells what changed since the last run"
		 : "what changed since the last run is to be scanned for");
	return told;
}

void project_watch_disk(struct project_watch *w, struct disk_watcher *out)
{
	*out = (struct disk_watcher){
		.watch = disk_watch_dir,
		.unwatch = disk_unwatch_dir,
		.watched = disk_watched_dirs,
		.watching = disk_watching,
		.told = disk_told,
		.resume = disk_resume,
		.arg = w,
	};
}

int64_t project_watch_step(struct project_watch *w, struct vs_now now)
{
	if (w->station == NULL)
		return INT64_MAX;
	watch_tick(w->station->watch, now.mono_ms);
	return watch_due(w->station->watch);
}

bool project_watch_lost(struct project_watch *w)
{
	return atomic_exchange(&w->lost, false);
}

void project_watch_scanned(
    struct project_watch *w, int64_t took_ms, struct vs_now now)
{
	if (w->station != NULL)
		watch_scanned(w->station->watch, took_ms, now.mono_ms);
}

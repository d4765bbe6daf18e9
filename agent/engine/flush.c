#include "agent/engine/flush.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/engine/publisher.h"
#include "agent/engine/resume.h"
#include "agent/engine/rules.h"
#include "agent/engine/sweep.h"
#include "agent/engine/verdicts.h"
#include "agent/state/outbox.h"

#define COOKIE_PREFIX ".vsync/cookie-"
#define FLUSH_ANEW INT64_MAX /* the mark is to be taken later */

static void unlink_flush(struct engine *e, struct core_flush *f)
{
	struct core_flush **at = &e->flushes;

	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	if (f->stage == CORE_FLUSH_WORK)
		barrier_forget(&e->barrier, &f->wait);
}

static void end(
    struct engine *e, struct core_flush *f, int code, const char *text)
{
	unlink_flush(e, f);
	f->done(f->arg, code, text);
	free(f);
}

void flush_drop(struct engine *e, int code, const char *why)
{
	while (e->flushes != NULL)
		end(e, e->flushes, code, why);
}

/*
 * The watcher has caught up, or a scan stands in for it.  A scan that waits
 * its turn has no work to be counted yet: it must have begun; and history
 * must have been told.
 */
static void to_work(struct engine *e, struct core_flush *f)
{
	if (e->sweeps != NULL || rules_pending(e) || resume_pending(e)) {
		f->stage = CORE_FLUSH_SCAN;
		return;
	}
	f->stage = CORE_FLUSH_WORK;
	barrier_wait(&e->barrier, &f->wait);
}

void flush_hint(struct engine *e, const char *path)
{
	size_t n = strlen(COOKIE_PREFIX);

	if (strncmp(path, COOKIE_PREFIX, n) != 0)
		return;
	for (struct core_flush *f = e->flushes; f != NULL; f = f->next)
		if (f->stage == CORE_FLUSH_COOKIE &&
		    strcmp(f->cookie, path + n) == 0)
			to_work(e, f);
}

/* No cookie came back: look at everything instead. */
static void scan_instead(struct engine *e, struct core_flush *f)
{
	sweep_all(e);
	sweep_step(e);
	if (e->root.lost || e->fault.on)
		return; /* f is gone */
	f->scanned = true;
	to_work(e, f);
}

static int marks(
    struct engine *e, int64_t *last, int64_t *least, int64_t *least_held)
{
	struct vs_err err = VS_ERR_INIT;
	int rc = outbox_marks(&e->state, last, least, least_held, &err);

	if (rc < 0)
		core_fault(e, &err);
	return rc;
}

/* What keeps the outbox from emptying by itself. */
static const char *stuck(const struct engine *e, int *code)
{
	if (e->paused) {
		*code = VS_EBUSY;
		return "the project is paused: run `vsync resume`";
	}
	if (e->cloud.stop == CORE_GO)
		return NULL;
	*code = e->cloud.stop == CORE_STOP_AUTH ? VS_EAUTH : VS_EFORBIDDEN;
	return e->cloud.why;
}

/* All that could be sent was: is it also in the log? */
static void check_held(struct engine *e, struct core_flush *f, bool here)
{
	struct vs_err err = VS_ERR_INIT;
	int open = verdicts_open(e, &err);

	if (open < 0)
		core_fault(e, &err); /* f is gone */
	else if (here || open == 2)
		end(e, f, VS_EHELD, "deletions are held: see `vsync held`");
	else if (open == 0)
		end(e, f, VS_OK, "");
}

static void check_sent(struct engine *e, struct core_flush *f)
{
	int64_t last, least, held;
	const char *why;
	int code = VS_OK;

	if (marks(e, &last, &least, &held) < 0)
		return; /* f is gone */
	/* what a comparison with the cloud finds was on the disk before */
	if (e->cloud.relist || e->cloud.reconcile)
		f->mark = FLUSH_ANEW;
	else if (f->mark == FLUSH_ANEW)
		f->mark = last;
	if (f->mark != FLUSH_ANEW && (least == 0 || least > f->mark)) {
		if (e->cloud.unsure && !f->scanned) {
			scan_instead(e, f);
			return;
		}
		check_held(e, f, held != 0 && held <= f->mark);
		return;
	}
	why = stuck(e, &code);
	if (why != NULL)
		end(e, f, code, why);
}

static void check_work(struct engine *e, struct core_flush *f)
{
	int64_t last, least, held;

	if (f->wait.left > 0 || e->stage.open)
		return;
	if (rules_pending(e)) {
		/* what was found may be hidden by them */
		barrier_forget(&e->barrier, &f->wait);
		f->stage = CORE_FLUSH_SCAN;
		return;
	}
	if (marks(e, &last, &least, &held) < 0)
		return;
	barrier_forget(&e->barrier, &f->wait);
	f->stage = CORE_FLUSH_SENT;
	f->mark = last;
	check_sent(e, f);
}

void flush_step(struct engine *e)
{
	struct core_flush *next;

	for (struct core_flush *f = e->flushes; f != NULL; f = next) {
		next = f->next;
		if (f->stage == CORE_FLUSH_COOKIE &&
		    f->cookie_ms <= e->now.mono_ms)
			scan_instead(e, f);
		else if (f->stage == CORE_FLUSH_SCAN)
			to_work(e, f);
		else if (f->stage == CORE_FLUSH_WORK)
			check_work(e, f);
		else if (f->stage == CORE_FLUSH_SENT)
			check_sent(e, f);
		if (e->fault.on || e->root.lost)
			return; /* all were ended */
	}
}

int64_t flush_due(const struct engine *e)
{
	int64_t due = INT64_MAX;

	for (const struct core_flush *f = e->flushes; f != NULL; f = f->next)
		if (f->stage == CORE_FLUSH_COOKIE && f->cookie_ms < due)
			due = f->cookie_ms;
	return due;
}

/* No event tells of a change: no cookie comes back either. */
static bool deaf(struct disk *d)
{
	struct disk_watching w = { .deaf = DISK_HEARS };

	if (d->watching != NULL)
		d->watching(d, &w);
	return d->watch == NULL || w.deaf != DISK_HEARS;
}

int engine_flush(struct engine *e,
    void (*done)(void *arg, int code, const char *text), void *arg,
    struct vs_now now, struct vs_err *err)
{
	struct disk *d = e->world.disk;
	struct core_flush *f;

	assert(done != NULL);
	e->now = now;
	if (e->fault.on)
		return vs_err_set(err, e->fault.code, "%s", e->fault.why);
	if (e->root.lost)
		return vs_err_set(err, VS_EROOT, "%s", e->root.why);
	if (!e->rules.ready && e->rules.why[0] != '\0')
		return vs_err_set(
		    err, VS_EBUSY, "the ignore rules: %s", e->rules.why);
	f = calloc(1, sizeof(*f));
	if (f == NULL)
		return vs_err_set(err, VS_ENOMEM, "flush: out of memory");
	f->done = done;
	f->arg = arg;
	f->next = e->flushes;
	e->flushes = f;
	snprintf(f->cookie, sizeof(f->cookie), "%016" PRIx64,
	    vs_rand_u64(e->world.rand));
	f->cookie_ms = now.mono_ms + CORE_COOKIE_MS;
	if (deaf(d) || e->watch_limit || e->cloud.unsure ||
	    d->cookie(d, f->cookie, NULL) < 0)
		f->cookie_ms = now.mono_ms;
	return 0;
}

void engine_flush_cancel(struct engine *e, void *arg)
{
	struct core_flush *f = e->flushes;

	while (f != NULL && f->arg != arg)
		f = f->next;
	if (f == NULL)
		return;
	unlink_flush(e, f);
	free(f);
}

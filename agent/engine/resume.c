#include "agent/engine/resume.h"

#include <stdio.h>
#include <string.h>

#include "agent/engine/relist.h"
#include "agent/engine/root.h"
#include "agent/engine/rules.h"
#include "agent/engine/sweep.h"
#include "agent/engine/work.h"

#define KEY "resume" /* "VERSION RULES MARK" */
#define TEXT_MAX (64 + VS_HASH_HEX + DISK_MARK_SIZE)
#define CATCH_UP_MS (5 * 60 * 1000) /* for being told all of the history */
#define SPREAD_MS (60 * 60 * 1000) /* in which an overdue scan begins */

/* What the last run left, and is no more; "" if that was nothing. */
static int take(struct engine *e, char text[TEXT_MAX], struct vs_err *err)
{
	int rc = state_get_text(&e->state, KEY, text, TEXT_MAX, err);

	if (rc < 0 || text[0] == '\0')
		return rc;
	return state_set_text(&e->state, KEY, "", err);
}

/* Another version of us may see with other eyes. */
static bool parse(struct engine *e, const char *text)
{
	struct core_resume *r = &e->resume;
	char version[64];

	return sscanf(text, "%63s %64s %95s", version, r->rules, r->mark) ==
	    3 &&
	    strcmp(version, VS_VERSION) == 0;
}

/* Nothing but the disk is in doubt. */
static bool is_calm(const struct engine *e)
{
	const struct core_cloud *c = &e->cloud;

	return !c->relist && !c->reconcile && !c->unsure && !c->unread &&
	    !c->wary && !e->listing_first;
}

/* The periodic scan, however late: not all at once, nor at once. */
static int64_t scan_due(struct engine *e)
{
	int64_t ago = e->now.wall_ms - e->last_scan_ms;
	int64_t jitter =
	    (int64_t)vs_rand_below(e->world.rand, VS_RESCAN_MS / 2);
	int64_t left = VS_RESCAN_MS - VS_RESCAN_MS / 4 + jitter - ago;
	int64_t soon = (int64_t)vs_rand_below(e->world.rand, SPREAD_MS);

	if (e->last_scan_ms == 0 || ago < 0 || left < soon)
		left = soon;
	return e->now.mono_ms + left;
}

int resume_load(struct engine *e, struct vs_err *err)
{
	struct core_resume *r = &e->resume;
	struct disk *d = e->world.disk;
	char text[TEXT_MAX];
	int rc;

	memset(r, 0, sizeof(*r));
	rc = take(e, text, err);
	if (rc < 0)
		return rc;
	r->pending = d->resume != NULL && d->told != NULL && e->root.seen &&
	    is_calm(e) && parse(e, text) && d->resume(d, r->mark);
	if (!r->pending) {
		r->mark[0] = '\0';
		return 0;
	}
	r->until_ms = e->now.mono_ms + CATCH_UP_MS;
	e->next_scan_ms = scan_due(e);
	core_tell_state(e, "catching up");
	return 1;
}

static void stop(struct engine *e)
{
	struct core_resume *r = &e->resume;

	if (r->told)
		barrier_forget(&e->barrier, &r->wait);
	r->pending = false;
	r->told = false;
}

void resume_caught_up(struct engine *e)
{
	struct core_resume *r = &e->resume;

	if (!r->pending || r->told)
		return;
	r->told = true;
	barrier_wait(&e->barrier, &r->wait);
}

/* All of the history is durable here: as good as a scan. */
static void finish(struct engine *e)
{
	stop(e);
	e->swept = true;
	e->resume.moved = true;
	relist_reconcile(e);
	if (!e->fault.on && !e->root.lost)
		core_tell_state(e, "caught up");
}

/* Everything that was heard of is durable, and nothing is left to look at. */
static bool is_at_rest(const struct engine *e)
{
	return e->swept && !e->resume.pending && !e->resume.owed &&
	    !e->fault.on && !e->root.lost && e->sweep == NULL &&
	    e->sweeps == NULL && !e->stage.open && dirq_top(e->dirq) == NULL &&
	    work_jobs(e) == 0 && settle_count(e->settle) == 0 &&
	    !e->watch_limit && e->rules.ready && !rules_pending(e) &&
	    e->rules.why[0] == '\0';
}

/* How far has it told?  Where it cannot say, the mark of before still holds. */
static void mark(struct engine *e)
{
	struct disk *d = e->world.disk;
	char now[DISK_MARK_SIZE];

	if (d->told == NULL || !is_at_rest(e))
		return;
	e->resume.moved = false;
	d->told(d, now);
	if (now[0] != '\0')
		memcpy(e->resume.mark, now, sizeof(now));
}

void resume_step(struct engine *e)
{
	const struct core_resume *r = &e->resume;

	if (r->told && r->wait.left == 0 && !e->stage.open && e->rules.ready &&
	    !rules_pending(e))
		finish(e);
	else if (r->pending && !r->told && e->now.mono_ms >= r->until_ms)
		sweep_all(e); /* the system forgot to say that this was all */
	if (r->moved)
		mark(e);
}

int64_t resume_due(const struct engine *e)
{
	const struct core_resume *r = &e->resume;

	return r->pending && !r->told ? r->until_ms : INT64_MAX;
}

bool resume_pending(const struct engine *e)
{
	return e->resume.pending;
}

bool resume_rules(struct engine *e)
{
	char now[VS_HASH_HEX + 1];

	ignore_digest(e->rules.set, now);
	return e->resume.pending && strcmp(now, e->resume.rules) == 0;
}

void resume_heard(struct engine *e)
{
	e->resume.moved = true;
	if (!e->resume.pending || e->rules.ready)
		return;
	/* nothing of the history may be missed: they are needed now */
	if (root_check(e))
		rules_step(e);
	if (!e->rules.ready && !e->fault.on && !e->root.lost)
		sweep_all(e);
}

void resume_doubt(struct engine *e)
{
	e->resume.owed = true;
	e->resume.doubted = true;
	e->resume.mark[0] = '\0';
}

void resume_cancel(struct engine *e)
{
	stop(e);
	resume_doubt(e);
}

void resume_scan_begins(struct engine *e)
{
	e->resume.doubted = false;
}

void resume_scan_ended(struct engine *e)
{
	stop(e); /* it saw all that the history would tell */
	e->resume.owed = e->resume.doubted;
	e->resume.moved = true;
}

void resume_close(struct engine *e)
{
	mark(e);
	stop(e); /* what was not told yet, the next one is told */
}

void resume_leave(struct engine *e)
{
	char rules[VS_HASH_HEX + 1];
	char text[TEXT_MAX];
	struct vs_err err = VS_ERR_INIT;

	if (e->resume.mark[0] == '\0' || e->fault.on || e->root.lost ||
	    e->state.db == NULL || !is_calm(e))
		return;
	ignore_digest(e->rules.set, rules);
	snprintf(
	    text, sizeof(text), "%s %s %s", VS_VERSION, rules, e->resume.mark);
	/* where that fails there is none, and the next start scans */
	(void)state_set_text(&e->state, KEY, text, &err);
}

#include "agent/engine/rules.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/engine/flush.h"
#include "agent/engine/listing.h"
#include "agent/engine/resume.h"
#include "agent/engine/root.h"
#include "agent/engine/scouting.h"
#include "agent/engine/sweep.h"
#include "agent/scan/ignore.h"

/* A reading under way. */
struct loading {
	struct engine *e;
	struct disk_text *text;
	bool here[CORE_RULES_FILES];
	bool wait; /* it is being written, or may come back: in a moment */
	bool gone; /* the latter */
};

static int index_of(const char *path)
{
	static const char *const top[CORE_RULES_FILES] = { IGNORE_OWN,
		IGNORE_SYNCTHING };

	for (int i = 0; i < CORE_RULES_FILES; i++)
		if (strcmp(path, top[i]) == 0)
			return i;
	return -1;
}

/*
 * Programs that save a file take it away for a moment: one that was there is
 * gone only when it stays so.
 */
static int read_none(struct loading *l, int i, struct vs_err *err)
{
	struct core_rules *r = &l->e->rules;

	if (i < 0 || !r->ready || !r->here[i])
		return VS_ENOENT;
	if (r->gone_ms[i] == 0)
		r->gone_ms[i] = l->e->now.mono_ms;
	if (l->e->now.mono_ms - r->gone_ms[i] >= VS_QUIET_MS)
		return VS_ENOENT;
	l->wait = true;
	l->gone = true;
	return vs_err_set(err, VS_EBUSY, "it is not there any more");
}

static int read_file(
    void *arg, const char *path, char **text, size_t *len, struct vs_err *err)
{
	struct loading *l = arg;
	struct disk *d = l->e->world.disk;
	int i = index_of(path);
	int rc = d->read(d, path, l->text, err);

	if (rc == VS_ENOENT || (rc == VS_ENOTDIR && i < 0))
		return read_none(l, i, err);
	if (rc == VS_EBUSY || rc == VS_ECHANGED) {
		l->wait = true;
		return vs_err_set(err, VS_EBUSY, "it is being written");
	}
	if (rc < 0)
		return rc;
	if (i >= 0) {
		l->here[i] = true;
		l->e->rules.gone_ms[i] = 0;
	}
	*text = malloc(l->text->len + 1);
	if (*text == NULL)
		return vs_err_set(err, VS_ENOMEM, "out of memory");
	memcpy(*text, l->text->data, l->text->len);
	*len = l->text->len;
	return VS_OK;
}

static void fail(struct engine *e, const struct loading *l, const char *why)
{
	struct core_rules *r = &e->rules;
	bool news = strcmp(r->why, why) != 0;

	snprintf(r->why, sizeof(r->why), "%s", why);
	r->due_ms = e->now.mono_ms + (l->wait ? VS_QUIET_MS : CORE_TROUBLE_MS);
	if (!r->ready) {
		sweep_drop(e, VS_EBUSY);
		flush_drop(e, VS_EBUSY, r->why);
	}
	if (news)
		core_tell_state(e, "ignore_rules");
}

/*
 * Folders that are hidden from now on are let go as they leave the manifest.
 * Those that were read only for what might be shown in them are not in it:
 * the scan that follows watches anew what it lists.
 */
static void unwatch(struct engine *e)
{
	scouting_void(e); /* they are watched already, or no more */
	if (e->world.disk->watch != NULL)
		e->world.disk->watch(e->world.disk, NULL, NULL);
}

/* True if set is another one than before. */
static bool take(struct engine *e, const struct loading *l, struct ignore *set)
{
	struct core_rules *r = &e->rules;
	bool other = !r->ready || !ignore_same(r->set, set);
	bool reached = other && r->ready && ignore_has_reach(r->set);
	bool news = r->why[0] != '\0' || (other && r->ready);

	ignore_free(r->set);
	r->set = set;
	r->ready = true;
	r->why[0] = '\0';
	r->due_ms = INT64_MAX;
	if (reached) {
		unwatch(e); /* the root as well: nobody would have told */
		rules_again(e);
	}
	memcpy(r->here, l->here, sizeof(r->here));
	if (news)
		core_tell_state(e, "ignore_rules");
	return other;
}

/* True if there are other rules now. */
static bool load(struct engine *e)
{
	struct loading l = { .e = e, .text = malloc(sizeof(*l.text)) };
	const struct rule_reader reader = { .read = read_file, .arg = &l };
	struct vs_err err = VS_ERR_INIT;
	struct ignore *set = NULL;
	int rc;

	e->rules.hinted = false;
	if (!e->root.lost)
		listing_watch(e, ""); /* what changes from here on is told */
	if (l.text == NULL)
		rc = vs_err_set(&err, VS_ENOMEM, "out of memory");
	else
		rc = ignore_load(&set, &reader, &err);
	free(l.text);
	if (rc == VS_EROOT || (rc < 0 && !root_check(e))) {
		e->rules.due_ms = e->now.mono_ms + VS_SETTLE_MS;
		return false;
	}
	if (rc < 0) {
		l.wait = l.wait || rc == VS_ENOMEM; /* either passes soon */
		fail(e, &l, err.msg);
		e->rules.hinted = l.gone;
		return false;
	}
	return take(e, &l, set);
}

int rules_init(struct engine *e, struct vs_err *err)
{
	e->rules.due_ms = e->now.mono_ms;
	return ignore_load(&e->rules.set, NULL, err);
}

void rules_release(struct engine *e)
{
	ignore_free(e->rules.set);
	e->rules.set = NULL;
}

bool rules_step(struct engine *e)
{
	bool first = !e->rules.ready;

	if (e->rules.due_ms > e->now.mono_ms)
		return e->rules.ready;
	if (load(e) && !e->root.lost && !e->fault.on &&
	    !(first && resume_rules(e)))
		sweep_all(e);
	return e->rules.ready;
}

void rules_begin(struct engine *e)
{
	load(e);
}

void rules_hint(struct engine *e, const struct watch_hint *h)
{
	int64_t due = e->now.mono_ms;

	if (!ignore_depends(e->rules.set, h->path))
		return;
	due += h->what == WATCH_CHANGED ? VS_QUIET_MS : VS_SETTLE_MS;
	if (!e->rules.hinted || due < e->rules.due_ms)
		e->rules.due_ms = due;
	e->rules.hinted = true;
}

void rules_again(struct engine *e)
{
	e->rules.hinted = true;
	e->rules.due_ms = e->now.mono_ms;
}

bool rules_pending(const struct engine *e)
{
	return e->rules.hinted;
}

int64_t rules_due(const struct engine *e)
{
	return e->rules.due_ms;
}

struct ignore_verdict rules_judge(
    const struct engine *e, const char *path, bool dir)
{
	assert(path[0] != '\0');
	return ignore_path(e->rules.set, path, dir);
}

bool rules_hide(const struct engine *e, const char *path, bool dir)
{
	return rules_judge(e, path, dir).kind == IGNORE_HIDDEN;
}

bool rules_tell(
    const struct engine *e, const char *path, bool dir, char *out, size_t cap)
{
	struct ignore_verdict v = rules_judge(e, path, dir);

	if (v.kind == IGNORE_SHOWN)
		return false;
	if (v.rule->line == 0)
		snprintf(
		    out, cap, "class %s: %s", v.rule->source, v.rule->text);
	else
		snprintf(out, cap, "%s:%d: %s", v.rule->source, v.rule->line,
		    v.rule->text);
	return true;
}

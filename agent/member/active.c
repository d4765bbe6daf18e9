#include "agent/member/active.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/member/here.h"
#include "common/base/text.h"

static void tell(struct member *m, const struct pull *p)
{
	struct member_event e = {
		.news = MEMBER_PULL,
		.path = p->path,
		.text = pulls_state_name(p->state),
		.pull = p->id,
		.size = p->size,
		.n = p->bytes,
	};

	m->world.tell(m->world.arg, &e);
}

/* Strays. */

static void stray(struct member *m, uint64_t id, const char *part)
{
	struct member_stray *s = m->strays;

	while (s->id != 0)
		s++;
	/* chunks under way, strays among them, are never more than places */
	assert(s < m->strays + MEMBER_CHUNKS_MAX);
	s->id = id;
	snprintf(s->part, sizeof(s->part), "%s", part);
}

bool active_landed(struct member *m, uint64_t id)
{
	for (int i = 0; i < MEMBER_CHUNKS_MAX; i++) {
		if (id == 0 || m->strays[i].id != id)
			continue;
		m->strays[i].id = 0;
		m->look_for_pulls = true;
		return true;
	}
	return false;
}

bool active_strayed(const struct member *m, const char *id)
{
	for (int i = 0; i < MEMBER_CHUNKS_MAX; i++)
		if (m->strays[i].id != 0 && strcmp(m->strays[i].part, id) == 0)
			return true;
	return false;
}

int active_strays(const struct member *m)
{
	int n = 0;

	for (int i = 0; i < MEMBER_CHUNKS_MAX; i++)
		n += m->strays[i].id != 0;
	return n;
}

/* Those that wait. */

static struct member_waiting *waiting_find(struct member *m, const char *id)
{
	for (int i = 0; i < MEMBER_WAITING; i++)
		if (strcmp(m->waiting[i].id, id) == 0)
			return &m->waiting[i];
	return NULL;
}

static void waiting_free(struct member_waiting *w)
{
	free(w->path);
	memset(w, 0, sizeof(*w));
}

bool active_ready(struct member *m, const char *id, struct vs_backoff *backoff)
{
	struct member_waiting *w = waiting_find(m, id);

	memset(backoff, 0, sizeof(*backoff));
	if (w == NULL)
		return true;
	if (w->retry_ms > m->now.mono_ms)
		return false;
	*backoff = w->backoff;
	waiting_free(w);
	return true;
}

static bool sleeps(const struct member_waiting *w)
{
	return w->id[0] != '\0' && !w->woken;
}

bool active_wake(struct member *m)
{
	bool any = false;

	for (int i = 0; i < MEMBER_WAITING; i++) {
		struct member_waiting *w = &m->waiting[i];

		if (!sleeps(w) || w->retry_ms > m->now.mono_ms)
			continue;
		w->woken = true;
		any = true;
	}
	return any;
}

int64_t active_due(const struct member *m)
{
	int64_t due = INT64_MAX;

	for (int i = 0; i < MEMBER_WAITING; i++)
		if (sleeps(&m->waiting[i]) && m->waiting[i].retry_ms < due)
			due = m->waiting[i].retry_ms;
	return due;
}

void active_changed(struct member *m, const char *path)
{
	for (int i = 0; i < MEMBER_WAITING; i++)
		if (sleeps(&m->waiting[i]) &&
		    strcmp(m->waiting[i].path, path) == 0)
			m->waiting[i].retry_ms = m->now.mono_ms;
}

/* Frees the slot; what still comes for it are strays. */
static void release(struct member *m, struct member_active *a)
{
	for (int i = 0; i < MEMBER_CHUNKS_MAX; i++)
		if (a->chunks[i].id != 0)
			stray(m, a->chunks[i].id, a->pull->id);
	pulls_free(a->pull);
	json_decref(a->endpoints);
	memset(a, 0, sizeof(*a));
}

/* Gives the slot away; it is kept when there is no place to wait. */
static void wait(struct member *m, struct member_active *a)
{
	struct member_waiting *w = waiting_find(m, "");
	char *path = w != NULL ? strdup(a->pull->path) : NULL;

	if (path == NULL)
		return;
	memcpy(w->id, a->pull->id, sizeof(w->id));
	w->path = path;
	w->retry_ms = a->retry_ms;
	w->backoff = a->backoff;
	release(m, a);
	m->look_for_pulls = true;
}

/* Slots. */

struct member_active *active_find(struct member *m, const char *id)
{
	for (int i = 0; i < m->files_max; i++)
		if (m->active[i].pull != NULL &&
		    strcmp(m->active[i].pull->id, id) == 0)
			return &m->active[i];
	return NULL;
}

void active_drop(struct member *m)
{
	for (int i = 0; i < MEMBER_FILES_MAX; i++)
		if (m->active[i].pull != NULL)
			release(m, &m->active[i]);
	for (int i = 0; i < MEMBER_WAITING; i++)
		waiting_free(&m->waiting[i]);
	m->look_for_pulls = true;
}

void active_drop_part(struct member *m, struct target *t, const char *id)
{
	t->part_drop(t, id);
	/* it says nothing when the folder is not there */
	m->sweep = true;
}

int active_save(struct member *m, const struct pull *p, struct vs_err *err)
{
	int rc = vs_db_begin(m->mirror.db, err);

	if (rc < 0)
		return rc;
	rc = pulls_put(&m->mirror, p, m->now.wall_ms, err);
	if (rc == 0)
		return member_core_commit(m, err);
	vs_db_rollback(m->mirror.db);
	return rc;
}

void active_moved(struct member *m, struct member_active *a)
{
	tell(m, a->pull);
	if (a->pull->state < PULL_DONE)
		return;
	release(m, a);
	m->look_for_pulls = true;
}

int active_move(struct member *m, struct member_active *a, enum pull_state to,
    struct vs_err *err)
{
	struct pull *p = a->pull;
	int rc;

	assert(pulls_move(p->state, to));
	p->state = to;
	if (to >= PULL_DONE)
		p->ended_ms = m->now.wall_ms;
	rc = active_save(m, p, err);
	if (rc == 0)
		active_moved(m, a);
	return rc;
}

void active_patch(struct member *m, const struct pull *p, const char *status)
{
	char path[160];
	char body[128];

	if (p->transfer[0] == '\0')
		return;
	snprintf(path, sizeof(path), "/api/projects/%s/transfers/%s",
	    m->project_id, p->transfer);
	snprintf(body, sizeof(body),
	    "{\"status\":\"%s\",\"bytes_transferred\":%" PRId64 "}", status,
	    p->bytes);
	member_core_send(m, "PATCH", path, body, 65536);
}

int active_fail(struct member *m, struct member_active *a, enum vs_exit code,
    const char *why, struct vs_err *err)
{
	struct pull *p = a->pull;

	assert(code != VS_EXIT_OK);
	p->exit = (int)code;
	vs_text_copy(p->error, sizeof(p->error), why);
	active_drop_part(m, a->target, p->id);
	active_patch(m, p, "failed");
	return active_move(m, a, PULL_FAILED, err);
}

/* What was written before a pause need not come again. */
static void keep_written(struct member_active *a)
{
	if (a->unsynced_count > 0 &&
	    a->target->part_sync(a->target, a->pull->id, NULL) == 0)
		for (int i = 0; i < a->unsynced_count; i++)
			pulls_mark(a->pull, a->unsynced[i]);
	a->unsynced_count = 0;
}

int active_again(struct member *m, struct member_active *a, int64_t ms,
    const char *why, struct vs_err *err)
{
	int rc;

	vs_text_copy(a->pull->error, sizeof(a->pull->error), why);
	keep_written(a);
	a->retry_ms = m->now.mono_ms + ms;
	a->pull->state = PULL_QUEUED;
	rc = active_save(m, a->pull, err);
	if (rc < 0)
		return rc;
	tell(m, a->pull);
	wait(m, a);
	return 0;
}

int active_back_off(struct member *m, struct member_active *a,
    int64_t retry_after, const char *why, struct vs_err *err)
{
	return active_again(m, a,
	    vs_backoff_next(&a->backoff, m->world.rand, retry_after), why, err);
}

/* One that has no slot. */
static int cancel_waiting(struct member *m, const char *id, struct vs_err *err)
{
	struct member_waiting *w = waiting_find(m, id);
	struct pull *p = NULL;
	struct target *t;
	int rc = pulls_get(&m->mirror, id, &p, err);

	if (w != NULL)
		waiting_free(w);
	if (rc == 1) {
		t = here_target(m, p->out);
		if (t != NULL)
			active_drop_part(m, t, p->id);
		active_patch(m, p, "cancelled");
		p->state = PULL_CANCELLED;
		p->ended_ms = m->now.wall_ms;
		rc = active_save(m, p, err);
		if (rc == 0)
			tell(m, p);
	}
	pulls_free(p);
	return rc < 0 ? rc : 0;
}

int active_cancel(struct member *m, const char *id, struct vs_err *err)
{
	struct member_active *a = active_find(m, id);

	if (a == NULL)
		return cancel_waiting(m, id, err);
	active_drop_part(m, a->target, a->pull->id);
	active_patch(m, a->pull, "cancelled");
	return active_move(m, a, PULL_CANCELLED, err);
}

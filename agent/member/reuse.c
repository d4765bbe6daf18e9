#include "agent/member/reuse.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "agent/member/active.h"
#include "agent/member/here.h"
#include "agent/member/names.h"
#include "agent/member/verify.h"
#include "common/base/path.h"
#include "common/base/text.h"

#define AGAIN_MS 2000 /* before what did not fit is tried again */
#define CANDIDATES 32 /* copies of one content that are looked at */
#define HEIRS 8 /* pulls of one content that are */

/* Finding one. */

/*
 * 1 if the copy at place may lose its name; 0 also while the listing is not
 * known as a whole.
 */
static int is_free(
    struct member *m, const char *place, const char *hash, struct vs_err *err)
{
	struct mirror_row *row;
	enum pull_state state;
	char path[VS_PATH_MAX + 1];
	char id[40];
	int rc;

	if (m->follow.relist || m->mirror.log_id[0] == '\0')
		return 0;
	row = malloc(sizeof(*row));
	if (row == NULL)
		return vs_err_set(err, VS_ENOMEM, "pull: out of memory");
	rc = names_owner(&m->mirror, "", place, path, err);
	if (rc >= 0)
		rc = mirror_get(&m->mirror, path, row, err);
	if (rc == 0 || (rc == 1 && row->kind != VS_KIND_FILE)) {
		rc = 1;
	} else if (rc == 1 && strcmp(row->hash, hash) == 0) {
		rc = 0;
	} else if (rc == 1) {
		rc = pulls_of_path(&m->mirror, "", path, id, &state, err);
		rc = rc == 1 ? state < PULL_DONE : rc;
	}
	free(row);
	return rc;
}

/* True if the copy still is what a pull left, for another file. */
static bool is_untouched(
    struct target *t, const struct copy *c, const char *place)
{
	struct disk_stat now;

	return strcmp(c->path, place) != 0 &&
	    t->look(t, c->path, &now, NULL) == 0 && !now.odd &&
	    now.kind == VS_KIND_FILE && here_same_stat(&c->local.stat, &now);
}

static int choose(struct member *m, const struct mirror_row *want,
    const struct copy *copy, int n, struct copy *from, struct vs_err *err)
{
	char place[VS_PATH_MAX + 1];
	int best = names_place(&m->mirror, "", want->path, place, err);

	if (best < 0)
		return best;
	best = REUSE_NONE;

	for (int i = 0; i < n && best != REUSE_MOVE; i++) {
		const struct copy *c = &copy[i];
		int rc;

		if (c->local.stat.size != want->size ||
		    !is_untouched(m->world.target, c, place))
			continue;
		rc = is_free(m, c->path, want->hash, err);
		if (rc < 0)
			return rc;
		if (rc == 0 && best != REUSE_NONE)
			continue;
		*from = *c;
		best = rc == 1 ? REUSE_MOVE : REUSE_COPY;
	}
	return best;
}

int reuse_find(struct member *m, const struct mirror_row *want,
    struct copy *from, struct vs_err *err)
{
	struct copy *copy = malloc(CANDIDATES * sizeof(*copy));
	int n;

	if (copy == NULL)
		return vs_err_set(err, VS_ENOMEM, "pull: out of memory");
	n = copies_of_hash(&m->mirror, want->hash, copy, CANDIDATES, err);
	if (n > 0)
		n = choose(m, want, copy, n, from, err);
	free(copy);
	return n;
}

/* The end, without the part: there may be one from an earlier attempt. */
static int done(struct member *m, struct member_active *a,
    const struct disk_stat *stat, struct vs_err *err)
{
	active_drop_part(m, a->target, a->pull->id);
	return verify_done(m, a, stat, err);
}

/* Beginning with it. */

/* 1 if it has come already, by way of another pull. */
static int is_here(struct member *m, struct member_active *a,
    struct disk_stat *stat, struct vs_err *err)
{
	const struct pull *p = a->pull;
	char place[VS_PATH_MAX + 1];
	struct mirror_local local;
	int rc = names_place(&m->mirror, p->out, p->path, place, err);

	if (rc >= 0)
		rc = mirror_local_get(&m->mirror, place, &local, err);
	if (rc == 1)
		rc = strcmp(local.hash, p->hash) == 0 &&
		    a->target->look(a->target, place, stat, NULL) == 0 &&
		    here_same_stat(&local.stat, stat);
	return rc;
}

static int begin_from(struct member *m, struct member_active *a, int how,
    const struct copy *from, struct vs_err *err)
{
	int rc;

	vs_text_copy(a->pull->source, sizeof(a->pull->source), from->path);
	a->seen = from->local.stat;
	rc = active_move(
	    m, a, how == REUSE_MOVE ? PULL_VERIFYING : PULL_FETCHING, err);
	if (rc == 0 && how == REUSE_MOVE)
		verify_hash(m, a, HASH_SOURCE);
	return rc < 0 ? rc : 1;
}

static int begin(struct member *m, struct member_active *a,
    struct mirror_row *want, struct copy *from, struct vs_err *err)
{
	const struct pull *p = a->pull;
	int how;

	memcpy(want->path, p->path, sizeof(want->path));
	memcpy(want->hash, p->hash, sizeof(want->hash));
	want->size = p->size;
	how = reuse_find(m, want, from, err);
	return how > 0 ? begin_from(m, a, how, from, err) : how;
}

int reuse_begin(struct member *m, struct member_active *a, struct vs_err *err)
{
	struct pull *p = a->pull;
	struct mirror_row *want;
	struct copy *from;
	struct disk_stat stat;
	int rc;

	assert(p->state == PULL_QUEUED);
	p->source[0] = '\0';
	a->moved = false;
	/* only its name is missing */
	if (p->size > 0 && p->bytes == p->size) {
		rc = active_move(m, a, PULL_FETCHING, err);
		return rc < 0 ? rc : 1;
	}
	if (p->out[0] != '\0' || a->target->check(a->target, NULL) < 0)
		return 0;
	rc = is_here(m, a, &stat, err);
	if (rc == 1)
		rc = done(m, a, &stat, err) < 0 ? err->code : 1;
	if (rc != 0 || a->remote)
		return rc;
	want = calloc(1, sizeof(*want));
	from = malloc(sizeof(*from));
	rc = want == NULL || from == NULL
	    ? vs_err_set(err, VS_ENOMEM, "pull: out of memory")
	    : begin(m, a, want, from, err);
	free(want);
	free(from);
	return rc;
}

int reuse_give_up(struct member *m, struct member_active *a, struct vs_err *err)
{
	a->remote = true;
	a->pull->source[0] = '\0';
	return active_move(m, a, PULL_QUEUED, err);
}

int reuse_wrong(struct member *m, struct member_active *a, struct vs_err *err)
{
	struct pull *p = a->pull;
	int rc;

	if (p->source[0] == '\0')
		return 0;
	rc = copies_drop(&m->mirror, p->source, err);
	p->source[0] = '\0';
	return rc;
}

/* What was replaced. */

/* A pull that wants what another one replaces. */
struct heir {
	struct member *m;
	char source[VS_PATH_MAX + 1]; /* whose name it has now */
	struct pull *pull; /* of its slot, or owned; NULL: none */
	struct member_active *slot; /* NULL: it has none */
	struct vs_err *err;
};

static void heir_release(struct heir *h)
{
	if (h->slot == NULL)
		pulls_free(h->pull);
	h->pull = NULL;
	h->slot = NULL;
}

/* One in a slot that has not begun, or only reads. */
static bool is_idle(const struct member_active *a)
{
	if (a->ask_id != 0 || a->opened)
		return false;
	return a->pull->state == PULL_QUEUED ||
	    (a->pull->state == PULL_VERIFYING && a->hashing == HASH_SOURCE);
}

static int heir_try(void *arg, const char *id)
{
	struct heir *h = arg;
	struct member_active *slot = active_find(h->m, id);
	struct pull *p = NULL;

	if (h->pull != NULL && strcmp(h->pull->path, h->source) == 0)
		return 0;
	if ((slot != NULL && !is_idle(slot)) || active_strayed(h->m, id))
		return 0;
	if (slot == NULL && pulls_get(&h->m->mirror, id, &p, h->err) < 0)
		return h->err->code;
	if (slot != NULL)
		p = slot->pull;
	if (p == NULL)
		return 0;
	/* the one whose place it stands in already is the best of them */
	if (p->size > 0 && p->bytes < p->size &&
	    (h->pull == NULL || strcmp(p->path, h->source) == 0)) {
		heir_release(h);
		h->pull = p;
		h->slot = slot;
	} else if (slot == NULL) {
		pulls_free(p);
	}
	return 0;
}

/* All of it is in its part: only the name is missing. */
static int heir_endow(struct heir *h)
{
	struct pull *p = h->pull;

	for (int64_t c = 0; c < pulls_chunks(p); c++)
		pulls_mark(p, c);
	p->source[0] = '\0';
	p->state = PULL_QUEUED;
	if (h->slot != NULL)
		h->slot->hash_id = 0;
	return active_save(h->m, p, h->err);
}

/* Its own place is the one that what is replaced may take at once. */
static bool heir_is_next(const struct heir *h)
{
	return h->pull != NULL && strcmp(h->pull->path, h->source) == 0;
}

/* The part that what is replaced becomes. */
static const char *heir_part(const struct heir *h, const struct pull *p)
{
	return h->pull != NULL ? h->pull->id : p->id;
}

/* Who wants what the pull's place had; to be released. */
static int heir_find(struct heir *h, const struct member_active *a,
    const char *hash, struct vs_err *err)
{
	struct member *m = h->m;
	int rc = names_owner(&m->mirror, "", a->pull->source, h->source, err);

	h->err = err;
	if (rc < 0 || hash[0] == '\0')
		return rc < 0 ? rc : 0;
	return pulls_of_hash(
	    &m->mirror, hash, a->pull->id, HEIRS, heir_try, h, err);
}

/* What was replaced is at the pull's source, and belongs there. */
static int stay(struct member *m, struct member_active *a,
    const struct mirror_local *old, struct vs_err *err)
{
	struct target *t = a->target;
	struct mirror_local left = *old;

	if (t->look(t, a->pull->source, &left.stat, NULL) < 0)
		return 0;
	a->moved = false;
	return mirror_local_put(
	    &m->mirror, a->pull->source, &left, m->now.wall_ms, err);
}

/* It is a part now: somebody's, or nobody's. */
static int hand_on(struct member *m, struct member_active *a, struct heir *h)
{
	if (h->pull != NULL)
		return heir_endow(h);
	active_drop_part(m, a->target, a->pull->id);
	return 0;
}

/*
 * What the pull's place had before stands at its source since before the
 * program ended: it stays there, goes into the part of who wants it, or goes.
 */
static int settle(struct member *m, struct member_active *a,
    const struct mirror_local *old, struct vs_err *err)
{
	struct heir h = { .m = m };
	struct target *t = a->target;
	int rc = heir_find(&h, a, old->hash, err);

	a->moved = true;
	if (rc == 0 && heir_is_next(&h)) {
		rc = stay(m, a, old, err);
	} else if (rc == 0) {
		active_drop_part(m, t, heir_part(&h, a->pull));
		/* one that was edited meanwhile is a file of its own */
		if (t->part_take(t, heir_part(&h, a->pull), a->pull->source,
			&old->stat, NULL) == 0)
			rc = hand_on(m, a, &h);
	}
	heir_release(&h);
	return rc;
}

int reuse_resumed(struct member *m, struct member_active *a, struct vs_err *err)
{
	const struct pull *p = a->pull;
	struct mirror_local old;
	struct disk_stat now;
	int rc;

	if (p->source[0] == '\0')
		return 0;
	rc = a->target->look(a->target, p->source, &now, NULL);
	if (rc < 0) {
		a->moved = rc == VS_ENOENT || rc == VS_ENOTDIR;
		return 0;
	}
	rc = mirror_local_get(&m->mirror, a->place, &old, err);
	if (rc <= 0)
		return rc;
	/* a rename changes no more than its ctime */
	old.stat.ctime_ns = now.ctime_ns;
	return here_same_stat(&old.stat, &now) ? settle(m, a, &old, err) : 0;
}

/* Moving it. */

/* Folders made for what has left them go when nothing is in them. */
static void tidy_folders(struct member *m, const char *path)
{
	struct target *t = m->world.target;
	struct vs_err err = VS_ERR_INIT;
	struct mirror_row *row = malloc(sizeof(*row));
	char dir[VS_PATH_MAX + 1];
	size_t n;

	vs_text_copy(dir, sizeof(dir), path);
	while (row != NULL && (n = vs_path_parent_len(dir)) > 0) {
		dir[n] = '\0';
		if (copies_is_made(&m->mirror, dir, &err) != 1 ||
		    mirror_get(&m->mirror, dir, row, &err) != 0 ||
		    t->rmdir(t, dir, &err) < 0 ||
		    copies_unmade(&m->mirror, dir, &err) < 0)
			break;
	}
	free(row);
}

/*
 * Renames it.  Between two names of files the one that is replaced would
 * stand under a name that is not its own, so it goes by way of the parts,
 * unless it is just what belongs there.
 */
static int rename_it(struct member *m, struct member_active *a,
    const struct disk_stat *over, const struct heir *h, struct disk_stat *now,
    struct vs_err *why)
{
	const struct pull *p = a->pull;
	bool way = over != NULL && !heir_is_next(h);
	const struct target_move mv = {
		.from = p->source,
		.is = &a->seen,
		.to = a->place,
		.over = over,
		.mode = p->mode,
		.mtime_us = p->has_mtime ? p->mtime_us : -1,
		.via = way ? p->id : NULL,
		.old = way ? heir_part(h, p) : NULL,
	};

	if (way)
		active_drop_part(m, a->target, p->id);
	if (way && h->pull != NULL)
		active_drop_part(m, a->target, h->pull->id);
	return a->target->move(a->target, &mv, now, why);
}

/* It has its new name: the old one, what it replaced, and the end. */
static int moved(struct member *m, struct member_active *a,
    const struct mirror_local *old, struct heir *h, const struct disk_stat *now,
    struct vs_err *err)
{
	char *source = strdup(a->pull->source);
	int rc = 0;

	a->moved = true;
	if (old != NULL && heir_is_next(h))
		rc = stay(m, a, old, err);
	else if (old != NULL)
		rc = hand_on(m, a, h);
	if (rc == 0)
		rc = done(m, a, now, err);
	if (rc == 0 && source != NULL)
		tidy_folders(m, source);
	free(source);
	return rc;
}

static int move_over(struct member *m, struct member_active *a,
    const struct mirror_local *old, struct heir *h, struct vs_err *err)
{
	struct vs_err why = VS_ERR_INIT;
	struct disk_stat now;
	int rc = here_parent(m, a->target, a->pull->out, a->pull->path, &why);

	if (rc == 0)
		rc = rename_it(
		    m, a, old != NULL ? &old->stat : NULL, h, &now, &why);
	if (rc == VS_ECHANGED || rc == VS_EROOT)
		return active_again(m, a, AGAIN_MS, why.msg, err);
	if (rc < 0)
		return reuse_give_up(m, a, err);
	return moved(m, a, old, h, &now, err);
}

static int move(struct member *m, struct member_active *a, enum here here,
    const struct disk_stat *over, struct vs_err *err)
{
	struct mirror_local old = { .hash = "" };
	struct heir h = { .m = m };
	int rc = here == HERE_OLD
	    ? mirror_local_get(&m->mirror, a->place, &old, err)
	    : 0;

	if (rc < 0)
		return rc;
	old.stat = *over;
	rc = heir_find(&h, a, old.hash, err);
	if (rc == 0)
		rc = move_over(
		    m, a, here == HERE_NOTHING ? NULL : &old, &h, err);
	heir_release(&h);
	return rc;
}

int reuse_hashed(struct member *m, struct member_active *a, int code,
    bool right, struct vs_err *err)
{
	struct pull *p = a->pull;
	struct disk_stat seen = { 0 };
	enum here here;
	int rc;

	if (a->target->look(a->target, p->source, &seen, NULL) < 0 ||
	    !here_same_stat(&a->seen, &seen) || code < 0)
		return reuse_give_up(m, a, err);
	if (!right) {
		rc = reuse_wrong(m, a, err);
		return rc < 0 ? rc : reuse_give_up(m, a, err);
	}
	rc = verify_may(m, a, &here, &seen, err);
	if (rc <= 0)
		return rc;
	if (here == HERE_SAME)
		return done(m, a, &seen, err);
	rc = is_free(m, p->source, p->hash, err);
	if (rc < 0)
		return rc;
	/* its old name was given to it again meanwhile: a copy, then */
	if (rc == 0)
		return active_move(m, a, PULL_QUEUED, err);
	return move(m, a, here, &seen, err);
}

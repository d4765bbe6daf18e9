#include "tests/sim/memedge.h"

#include <string.h>

#include "agent/scan/ignore.h"
#include "agent/scan/roster.h"

#define MEMEDGE_READINGS 2 /* of the rules: before a scan, and after it */

static struct memedge *of(struct disk *d)
{
	return (struct memedge *)d;
}

static bool happens(struct memedge *m, enum memedge_call call, const char *path)
{
	return m->turn && m->turn(m->arg, call, path);
}

static int edge_root(struct disk *d, struct disk_root *out, struct vs_err *err)
{
	struct memedge *m = of(d);

	happens(m, MEMEDGE_ROOT, "");
	return m->inner->root(m->inner, out, err);
}

static int edge_mark(struct disk *d, const char *id, struct vs_err *err)
{
	struct memedge *m = of(d);

	return m->inner->mark(m->inner, id, err);
}

/* Of later what is in r, too, from the middle of r on. */
static int half_take(
    struct roster *out, const struct roster *r, const struct roster *later)
{
	size_t k = 0;
	int rc = 0;

	for (size_t i = 0; i < r->count && rc == 0; i++) {
		const char *name = roster_name(r, i);

		if (i < r->count / 2) {
			rc = roster_add(out, name, &r->row[i].stat);
			continue;
		}
		while (
		    k < later->count && strcmp(roster_name(later, k), name) < 0)
			k++;
		if (k < later->count && !strcmp(roster_name(later, k), name))
			rc = roster_add(out, name, &later->row[k].stat);
	}
	return rc < 0 ? rc : roster_sort(out);
}

/*
 * The names were read at once, but looked at one by one: the second half as
 * it is now.  A folder that is gone by now is none that one is looking into.
 */
static int half_later(
    struct memedge *m, const char *dir, struct roster *r, struct vs_err *err)
{
	struct roster now = { 0 }, out = { 0 };
	int rc = m->inner->list(m->inner, dir, &now, err);

	if (rc == 0)
		rc = half_take(&out, r, &now);
	roster_release(&now);
	roster_release(r);
	*r = out;
	return rc;
}

static int edge_list(
    struct disk *d, const char *dir, struct roster *out, struct vs_err *err)
{
	struct memedge *m = of(d);
	int rc;

	happens(m, MEMEDGE_LIST, dir);
	rc = m->inner->list(m->inner, dir, out, err);
	if (rc == 0 && happens(m, MEMEDGE_LIST, dir))
		rc = half_later(m, dir, out, err);
	if (m->late && m->inner->watch)
		m->inner->watch(m->inner, dir, NULL);
	return rc;
}

static int edge_look(
    struct disk *d, const char *path, struct disk_stat *out, struct vs_err *err)
{
	struct memedge *m = of(d);

	happens(m, MEMEDGE_LOOK, path);
	return m->inner->look(m->inner, path, out, err);
}

static int edge_hash(struct disk *d, const char *path, struct disk_hash *out,
    const atomic_bool *cancel, struct vs_err *err)
{
	struct memedge *m = of(d);

	return m->inner->hash(m->inner, path, out, cancel, err);
}

static int edge_hash_held(struct disk *d, const char *path,
    struct disk_hash *out, const atomic_bool *cancel, struct vs_err *err)
{
	struct memedge *m = of(d);

	return m->inner->hash_held(m->inner, path, out, cancel, err);
}

static bool edge_ahead(struct disk *d, const char *dir)
{
	struct memedge *m = of(d);

	happens(m, MEMEDGE_AHEAD, dir);
	return m->inner->ahead(m->inner, dir);
}

static void edge_behind(struct disk *d, const char *dir)
{
	struct memedge *m = of(d);

	m->inner->behind(m->inner, dir);
}

static int edge_read(
    struct disk *d, const char *path, struct disk_text *out, struct vs_err *err)
{
	struct memedge *m = of(d);
	int rc;

	happens(m, MEMEDGE_READ, path);
	rc = m->inner->read(m->inner, path, out, err);
	/* what was done to them meanwhile nobody hears of */
	if (m->hasty && !strcmp(path, IGNORE_SYNCTHING) &&
	    ++m->readings == MEMEDGE_READINGS && m->inner->watch)
		m->inner->watch(m->inner, "", NULL);
	happens(m, MEMEDGE_READ, path);
	return rc;
}

static int edge_cookie(struct disk *d, const char *name, struct vs_err *err)
{
	struct memedge *m = of(d);

	happens(m, MEMEDGE_COOKIE, "");
	return m->inner->cookie(m->inner, name, err);
}

static int edge_watch(struct disk *d, const char *dir, struct vs_err *err)
{
	struct memedge *m = of(d);
	int rc;

	happens(m, MEMEDGE_WATCH, dir ? dir : "");
	if (!dir)
		m->readings = 0;
	if (dir &&
	    (m->late || (m->hasty && !*dir && m->readings < MEMEDGE_READINGS)))
		rc = VS_OK;
	else
		rc = m->inner->watch(m->inner, dir, err);
	happens(m, MEMEDGE_WATCH, dir ? dir : "");
	return rc;
}

static void edge_unwatch(struct disk *d, const char *dir)
{
	struct memedge *m = of(d);

	m->inner->unwatch(m->inner, dir);
}

static int64_t edge_watched(struct disk *d)
{
	struct memedge *m = of(d);

	return m->inner->watched(m->inner);
}

static void edge_told(struct disk *d, char out[DISK_MARK_SIZE])
{
	struct memedge *m = of(d);

	m->inner->told(m->inner, out);
}

static bool edge_resume(struct disk *d, const char *mark)
{
	struct memedge *m = of(d);

	return m->inner->resume(m->inner, mark);
}

void memedge_init(struct memedge *m, struct disk *inner)
{
	*m = (struct memedge){ .inner = inner };
	m->disk = (struct disk){
		.root = edge_root,
		.mark = edge_mark,
		.list = edge_list,
		.look = edge_look,
		.hash = edge_hash,
		.hash_held = edge_hash_held,
		.ahead = inner->ahead ? edge_ahead : NULL,
		.behind = inner->behind ? edge_behind : NULL,
		.read = edge_read,
		.cookie = edge_cookie,
		.watch = inner->watch ? edge_watch : NULL,
		.unwatch = inner->unwatch ? edge_unwatch : NULL,
		.watched = inner->watched ? edge_watched : NULL,
		.told = inner->told ? edge_told : NULL,
		.resume = inner->resume ? edge_resume : NULL,
	};
}

void memedge_turn(struct memedge *m,
    bool (*turn)(void *arg, enum memedge_call call, const char *path),
    void *arg)
{
	m->turn = turn;
	m->arg = arg;
}

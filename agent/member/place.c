#include "agent/member/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A time of stat(2) as struct disk_stat has it. */
static int64_t time_ns(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

/* ctime: a rename changes it. */
static bool stat_is(
    const struct stat *s, const struct disk_stat *want, bool ctime)
{
	return (uint64_t)s->st_ino == want->ino &&
	    (int64_t)s->st_size == want->size &&
	    time_ns(&s->st_mtim) == want->mtime_ns &&
	    (!ctime || time_ns(&s->st_ctim) == want->ctime_ns);
}

static int place_changed(struct vs_err *err)
{
	return vs_err_set(err, VS_ECHANGED,
	    "what stands there was changed meanwhile: it is not replaced");
}

static int place_check(const struct place *at, struct vs_err *err)
{
	struct stat s;

	if (fstatat(at->dir, at->name, &s, AT_SYMLINK_NOFOLLOW) != 0) {
		if (errno != ENOENT)
			return vs_err_errno(err, errno, "stat of the target");
		return at->want == NULL ? VS_OK : place_changed(err);
	}
	if (!S_ISREG(s.st_mode) && !(at->links && S_ISLNK(s.st_mode)))
		return vs_err_set(err, VS_ECHANGED,
		    "what stands there is no file: it is not replaced");
	if (at->want == NULL || !stat_is(&s, at->want, true))
		return place_changed(err);
	return VS_OK;
}

/* Where the file system cannot say "only if nothing is there". */
static int place_link(
    int from, const char *name, const struct place *at, struct vs_err *err)
{
	if (linkat(from, name, at->dir, at->name, 0) == 0) {
		(void)unlinkat(from, name, 0);
		return VS_OK;
	}
	if (errno == EEXIST)
		return place_changed(err);
	/* no hard links either: what was just looked at decides */
	if (renameat(from, name, at->dir, at->name) == 0)
		return VS_OK;
	return vs_err_errno(err, errno, "rename into place");
}

static int place_new(
    int from, const char *name, const struct place *at, struct vs_err *err)
{
	if (renameat2(from, name, at->dir, at->name, RENAME_NOREPLACE) == 0)
		return VS_OK;
	if (errno == EEXIST)
		return place_changed(err);
	if (errno == EINVAL || errno == ENOSYS)
		return place_link(from, name, at, err);
	return vs_err_errno(err, errno, "rename into place");
}

/* Both change places; what comes out is what was wanted, or goes back. */
static int place_swap(
    int from, const char *name, const struct place *at, struct vs_err *err)
{
	struct stat s;

	if (renameat2(from, name, at->dir, at->name, RENAME_EXCHANGE) != 0) {
		if ((errno == EINVAL || errno == ENOSYS) &&
		    renameat(from, name, at->dir, at->name) == 0)
			return VS_OK;
		if (errno == ENOENT)
			return place_changed(err);
		return vs_err_errno(err, errno, "rename into place");
	}
	if (fstatat(from, name, &s, AT_SYMLINK_NOFOLLOW) == 0 &&
	    stat_is(&s, at->want, false))
		return unlinkat(from, name, 0) == 0
		    ? VS_OK
		    : vs_err_errno(err, errno, "remove the old version");
	if (renameat2(from, name, at->dir, at->name, RENAME_EXCHANGE) != 0)
		return vs_err_errno(err, errno, "rename back");
	return place_changed(err);
}

int place_put(
    int from, const char *name, const struct place *at, struct vs_err *err)
{
	int r = place_check(at, err);

	if (r == VS_OK)
		r = at->want == NULL ? place_new(from, name, at, err)
				     : place_swap(from, name, at, err);
	if (r == VS_OK && fsync(at->dir) != 0)
		r = vs_err_errno(err, errno, "fsync of the folder");
	return r;
}

static bool name_is(
    int dir, const char *name, const struct disk_stat *want, bool ctime)
{
	struct stat s;

	return fstatat(dir, name, &s, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(s.st_mode) && stat_is(&s, want, ctime);
}

static int durable(int a, int b, struct vs_err *err)
{
	if (fsync(a) != 0 || fsync(b) != 0)
		return vs_err_errno(err, errno, "fsync of the folder");
	return VS_OK;
}

int place_move(int from, const char *name, const struct disk_stat *is,
    const struct place *at, struct vs_err *err)
{
	unsigned how = at->want != NULL ? RENAME_EXCHANGE : RENAME_NOREPLACE;
	int r = place_check(at, err);

	if (r < 0)
		return r;
	if (!name_is(from, name, is, true))
		return place_changed(err);
	if (renameat2(from, name, at->dir, at->name, how) != 0)
		return errno == EEXIST || errno == ENOENT
		    ? place_changed(err)
		    : vs_err_errno(err, errno, "rename into place");
	/* an edit in the last instant: both go back to where they were */
	if (!name_is(at->dir, at->name, is, false) ||
	    (at->want != NULL && !name_is(from, name, at->want, false))) {
		if (renameat2(at->dir, at->name, from, name, how) != 0)
			return vs_err_errno(err, errno, "rename back");
		return place_changed(err);
	}
	return durable(at->dir, from, err);
}

int place_take(
    const struct place *at, int to, const char *name, struct vs_err *err)
{
	if (!name_is(at->dir, at->name, at->want, false))
		return place_changed(err);
	if (renameat2(at->dir, at->name, to, name, RENAME_NOREPLACE) != 0)
		return vs_err_errno(err, errno, "rename out of its place");
	if (!name_is(to, name, at->want, false)) {
		if (renameat2(to, name, at->dir, at->name, RENAME_NOREPLACE) !=
		    0)
			return vs_err_errno(err, errno, "rename back");
		return place_changed(err);
	}
	return durable(to, at->dir, err);
}

/* Exchanges via for what stands at the place; old is what came out. */
static int way_end(const struct disk_stat *is, const struct place *at,
    const struct place_way *w, struct vs_err *err)
{
	if (renameat2(w->parts, w->via, at->dir, at->name, RENAME_EXCHANGE) !=
	    0)
		return errno == ENOENT
		    ? place_changed(err)
		    : vs_err_errno(err, errno, "rename into place");
	if (!name_is(at->dir, at->name, is, false) ||
	    !name_is(w->parts, w->via, at->want, false)) {
		if (renameat2(w->parts, w->via, at->dir, at->name,
			RENAME_EXCHANGE) != 0)
			return vs_err_errno(err, errno, "rename back");
		return place_changed(err);
	}
	/* what is lost if this fails is only a copy to take */
	if (strcmp(w->via, w->old) != 0)
		(void)renameat2(
		    w->parts, w->via, w->parts, w->old, RENAME_NOREPLACE);
	return VS_OK;
}

int place_move_by(int from, const char *name, const struct disk_stat *is,
    const struct place *at, const struct place_way *way, struct vs_err *err)
{
	const struct place source = { .dir = from, .name = name, .want = is };
	int r = place_check(at, err);
	int back;

	if (r == VS_OK && !name_is(from, name, is, true))
		r = place_changed(err);
	if (r == VS_OK)
		r = place_take(&source, way->parts, way->via, err);
	if (r < 0)
		return r;
	r = way_end(is, at, way, err);
	if (r == VS_OK)
		return durable(at->dir, way->parts, err);
	back = renameat2(way->parts, way->via, from, name, RENAME_NOREPLACE);
	if (back != 0)
		return vs_err_errno(err, errno, "rename back to %s", name);
	(void)durable(from, way->parts, NULL);
	return r;
}

#include "agent/member/here.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/member/copies.h"
#include "agent/member/names.h"
#include "common/base/hex.h"
#include "common/base/path.h"
#include "common/base/text.h"

/* What is remembered of a path in another folder has that folder in front. */
static void local_key(char *key, size_t cap, const char *out, const char *path)
{
	if (out[0] == '\0')
		snprintf(key, cap, "%s", path);
	else
		snprintf(key, cap, "%s//%s", out, path);
}

bool here_same_stat(const struct disk_stat *a, const struct disk_stat *b)
{
	return a->size == b->size && a->mtime_ns == b->mtime_ns &&
	    a->ctime_ns == b->ctime_ns && a->ino == b->ino;
}

/*
 * Reads the file there to compare: with the version of row, and with what
 * was pulled there (hash "": nothing), which somebody may have touched or
 * put back.
 */
static enum here content(struct target *t, const struct mirror_row *row,
    const struct mirror_local *local, const struct here_seen *seen)
{
	const struct disk_stat *stat = &seen->stat;
	struct disk_hash *h;
	char hex[VS_HASH_HEX + 1];
	enum here here = HERE_CHANGED;

	if (stat->size > HERE_READ ||
	    (stat->size != row->size &&
		(local->hash[0] == '\0' || stat->size != local->stat.size)))
		return HERE_CHANGED;
	h = malloc(sizeof(*h));
	if (h != NULL && t->hash(t, seen->place, h, NULL, NULL) == 0) {
		vs_hex_encode(hex, h->sha256, VS_SHA256_SIZE);
		if (strcmp(hex, row->hash) == 0)
			here = HERE_SAME;
		else if (strcmp(hex, local->hash) == 0)
			here = HERE_OLD;
	}
	free(h);
	return here;
}

struct target *here_target(struct member *m, const char *out)
{
	if (out[0] == '\0')
		return m->world.target;
	if (m->world.target_at == NULL)
		return NULL;
	return m->world.target_at(m->world.arg, out);
}

static void note_missing(struct member *m, struct target *t, const char *dir)
{
	struct vs_err err = VS_ERR_INIT;
	struct disk_stat stat;
	char path[VS_PATH_MAX + 1];

	vs_text_copy(path, sizeof(path), dir);
	while (path[0] != '\0' && t->look(t, path, &stat, &err) < 0 &&
	    copies_made(&m->mirror, path, &err) == 0)
		path[vs_path_parent_len(path)] = '\0';
}

int here_mkdirs(struct member *m, struct target *t, const char *out,
    const char *dir, struct vs_err *why)
{
	if (out[0] == '\0')
		note_missing(m, t, dir);
	return t->mkdirs(t, dir, why);
}

int here_parent(struct member *m, struct target *t, const char *out,
    const char *path, struct vs_err *why)
{
	char dir[VS_PATH_MAX + 1];
	size_t n = vs_path_parent_len(path);

	memcpy(dir, path, n);
	dir[n] = '\0';
	return n > 0 ? here_mkdirs(m, t, out, dir, why) : 0;
}

/* The parent is no folder: because there is none, or something else is? */
static enum here in_the_way(struct target *t, const char *path,
    struct disk_stat *stat, struct vs_err *err)
{
	char dir[VS_PATH_MAX + 1];
	int rc = VS_ENOTDIR;

	vs_text_copy(dir, sizeof(dir), path);
	while (rc == VS_ENOTDIR && vs_path_parent_len(dir) > 0) {
		dir[vs_path_parent_len(dir)] = '\0';
		rc = t->look(t, dir, stat, err);
	}
	if (rc == VS_ENOENT || rc == VS_ENOTDIR)
		return HERE_NOTHING;
	if (rc < 0)
		return rc == VS_ELOOP || rc == VS_EXDEV ? HERE_ODD : HERE_ERROR;
	/* a folder that came meanwhile is none in the way */
	return stat->odd || stat->kind != VS_KIND_DIR ? HERE_ODD : HERE_NOTHING;
}

/* By a look alone; HERE_CHANGED: a file of whatever content. */
static enum here stands(
    struct target *t, struct here_seen *seen, struct vs_err *err)
{
	int rc = t->look(t, seen->place, &seen->stat, err);

	if (rc == VS_ENOENT)
		return HERE_NOTHING;
	if (rc == VS_ENOTDIR)
		return in_the_way(t, seen->place, &seen->stat, err);
	if (rc < 0)
		return rc == VS_ELOOP || rc == VS_EXDEV ? HERE_ODD : HERE_ERROR;
	return seen->stat.odd || seen->stat.kind != VS_KIND_FILE ? HERE_ODD
								 : HERE_CHANGED;
}

/* Whose place is being looked at. */
struct looking {
	struct member *m;
	struct target *t;
	const char *out;
	const struct mirror_row *row;
	struct here_seen *seen;
	struct mirror_local local; /* what was pulled there; hash "": nothing */
	struct vs_err *err;
};

/* HERE_SAME or _OLD if what was pulled to path stands there still. */
static enum here untouched(struct looking *l, const char *path)
{
	char key[2 * VS_PATH_MAX + 4];
	int rc;

	memset(&l->local, 0, sizeof(l->local));
	local_key(key, sizeof(key), l->out, path);
	rc = mirror_local_get(&l->m->mirror, key, &l->local, l->err);
	if (rc < 0)
		return HERE_DATABASE;
	if (rc == 0 || !here_same_stat(&l->local.stat, &l->seen->stat))
		return HERE_CHANGED;
	return strcmp(l->local.hash, l->row->hash) == 0 ? HERE_SAME : HERE_OLD;
}

/* What was pulled to the path that the disk lists is this file's now. */
static enum here inherit(struct looking *l, const char *spelled)
{
	char key[2 * VS_PATH_MAX + 4];
	enum here here = untouched(l, spelled);
	int rc;

	if (here != HERE_SAME && here != HERE_OLD)
		return here;
	local_key(key, sizeof(key), l->out, l->seen->place);
	rc = mirror_local_put(
	    &l->m->mirror, key, &l->local, l->m->now.wall_ms, l->err);
	local_key(key, sizeof(key), l->out, spelled);
	if (rc == 0)
		rc = copies_drop(&l->m->mirror, key, l->err);
	return rc < 0 ? HERE_DATABASE : here;
}

/*
 * The disk lists what stands there: 1 when that is another file of the
 * project, 0 when not, with what is known of it in *here.
 */
static int listed(struct looking *l, enum here *here)
{
	char spelled[VS_PATH_MAX + 1];
	struct vs_err why = VS_ERR_INIT;
	int rc = l->t->spelled(l->t, l->seen->place, spelled, &why);

	if (rc == VS_ENOENT || rc == VS_ENOTDIR ||
	    (rc < 0 && *here == HERE_ODD))
		return 0;
	if (rc < 0) {
		*here = HERE_ERROR;
		vs_err_set(l->err, why.code, "%s", why.msg);
		return 0;
	}
	if (strcmp(spelled, l->seen->place) == 0)
		return 0;
	rc = names_taken(&l->m->mirror, l->out, l->row->path, spelled, l->err);
	if (rc == 0 && *here == HERE_CHANGED)
		*here = inherit(l, spelled);
	return rc;
}

/* 1: the place is another file's; 0: *here; negative: the database. */
static int judge(struct looking *l, enum here *here)
{
	int rc = names_taken(
	    &l->m->mirror, l->out, l->row->path, l->seen->place, l->err);

	if (rc != 0)
		return rc;
	*here = stands(l->t, l->seen, l->err);
	if (*here == HERE_CHANGED)
		*here = untouched(l, l->seen->place);
	if (*here == HERE_CHANGED || *here == HERE_ODD)
		rc = listed(l, here);
	if (rc == 0 && *here == HERE_CHANGED)
		*here = content(l->t, l->row, &l->local, l->seen);
	return rc;
}

enum here here_look(struct member *m, const char *out,
    const struct mirror_row *row, struct here_seen *seen, struct vs_err *err)
{
	struct looking l = { .m = m,
		.t = here_target(m, out),
		.out = out,
		.row = row,
		.seen = seen,
		.err = err };
	enum here here = HERE_NOTHING;
	int rc;

	do {
		rc = names_place(&m->mirror, out, row->path, seen->place, err);
		if (rc >= 0)
			rc = judge(&l, &here);
		if (rc != 1)
			break;
		rc = names_choose(m, out, row, err);
		if (rc == 0)
			return HERE_ERROR;
	} while (rc == 1);
	return rc < 0 ? HERE_DATABASE : here;
}

int here_put(struct member *m, const char *out, const struct mirror_row *row,
    const struct disk_stat *stat, struct vs_err *err)
{
	char place[VS_PATH_MAX + 1];
	char key[2 * VS_PATH_MAX + 4];
	struct mirror_local local = {
		.stat = *stat,
		.version = row->version,
	};
	int rc = names_place(&m->mirror, out, row->path, place, err);

	if (rc < 0)
		return rc;
	memcpy(local.hash, row->hash, sizeof(local.hash));
	local_key(key, sizeof(key), out, place);
	return mirror_local_put(&m->mirror, key, &local, m->now.wall_ms, err);
}

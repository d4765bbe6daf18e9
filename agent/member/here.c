#include "agent/member/here.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/member/copies.h"
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
 * Reads the file to compare: with the version of row, and with what was
 * pulled there (NULL: nothing), which somebody may have touched or put back.
 */
static enum here content(struct target *t, const struct mirror_row *row,
    const struct mirror_local *local, const struct disk_stat *stat)
{
	struct disk_hash *h;
	char hex[VS_HASH_HEX + 1];
	enum here here = HERE_CHANGED;

	if (stat->size > HERE_READ ||
	    (stat->size != row->size &&
		(local == NULL || stat->size != local->stat.size)))
		return HERE_CHANGED;
	h = malloc(sizeof(*h));
	if (h != NULL && t->hash(t, row->path, h, NULL, NULL) == 0) {
		vs_hex_encode(hex, h->sha256, VS_SHA256_SIZE);
		if (strcmp(hex, row->hash) == 0)
			here = HERE_SAME;
		else if (local != NULL && strcmp(hex, local->hash) == 0)
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

enum here here_look(struct member *m, struct target *t, const char *out,
    const struct mirror_row *row, struct disk_stat *stat, struct vs_err *err)
{
	char key[2 * VS_PATH_MAX + 4];
	struct mirror_local local;
	int rc = t->look(t, row->path, stat, err);

	if (rc == VS_ENOENT)
		return HERE_NOTHING;
	if (rc == VS_ENOTDIR)
		return in_the_way(t, row->path, stat, err);
	if (rc < 0)
		return rc == VS_ELOOP || rc == VS_EXDEV ? HERE_ODD : HERE_ERROR;
	if (stat->odd || stat->kind != VS_KIND_FILE)
		return HERE_ODD;
	local_key(key, sizeof(key), out, row->path);
	rc = mirror_local_get(&m->mirror, key, &local, err);
	if (rc < 0)
		return HERE_DATABASE;
	if (rc == 1 && here_same_stat(&local.stat, stat))
		return strcmp(local.hash, row->hash) == 0 ? HERE_SAME
							  : HERE_OLD;
	return content(t, row, rc == 1 ? &local : NULL, stat);
}

int here_put(struct member *m, const char *out, const struct mirror_row *row,
    const struct disk_stat *stat, struct vs_err *err)
{
	char key[2 * VS_PATH_MAX + 4];
	struct mirror_local local = {
		.stat = *stat,
		.version = row->version,
	};

	memcpy(local.hash, row->hash, sizeof(local.hash));
	local_key(key, sizeof(key), out, row->path);
	return mirror_local_put(&m->mirror, key, &local, m->now.wall_ms, err);
}

#include "agent/member/here.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/hex.h"

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

/* Reads the file to compare; true if it is the version of row. */
static bool same_content(struct target *t, const struct mirror_row *row,
    const struct disk_stat *stat)
{
	struct disk_hash *h;
	char hex[VS_HASH_HEX + 1];
	bool same = false;

	if (stat->size != row->size || stat->size > HERE_READ)
		return false;
	h = malloc(sizeof(*h));
	if (h != NULL && t->hash(t, row->path, h, NULL, NULL) == 0) {
		vs_hex_encode(hex, h->sha256, VS_SHA256_SIZE);
		same = strcmp(hex, row->hash) == 0;
	}
	free(h);
	return same;
}

struct target *here_target(struct member *m, const char *out)
{
	if (out[0] == '\0')
		return m->world.target;
	if (m->world.target_at == NULL)
		return NULL;
	return m->world.target_at(m->world.arg, out);
}

enum here here_look(struct member *m, struct target *t, const char *out,
    const struct mirror_row *row, struct disk_stat *stat, struct vs_err *err)
{
	char key[2 * VS_PATH_MAX + 4];
	struct mirror_local local;
	int rc = t->look(t, row->path, stat, err);

	if (rc == VS_ENOENT || rc == VS_ENOTDIR)
		return HERE_NOTHING;
	if (rc < 0)
		return rc == VS_ELOOP || rc == VS_EXDEV ? HERE_ODD : HERE_ERROR;
	if (stat->odd || stat->kind != VS_KIND_FILE)
		return HERE_ODD;
	local_key(key, sizeof(key), out, row->path);
	rc = mirror_local_get(&m->mirror, key, &local, err);
	if (rc < 0)
		return HERE_ERROR;
	if (rc == 1 && here_same_stat(&local.stat, stat))
		return strcmp(local.hash, row->hash) == 0 ? HERE_SAME
							  : HERE_OLD;
	return same_content(t, row, stat) ? HERE_SAME : HERE_CHANGED;
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

#include "agent/member/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/member/here.h"
#include "agent/member/mirror_sql.h"
#include "common/base/hex.h"
#include "common/base/path.h"
#include "common/base/text.h"

#define SUFFIX 16 /* bytes that it has at most */

/* What the table says to key, in out: 1, 0 and the key itself, negative. */
static int translate(struct mirror *db, int how, const char *dir,
    const char *key, char out[VS_PATH_MAX + 1], struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc = 0;

	vs_text_copy(out, VS_PATH_MAX + 1, key);
	if (!db->renamed)
		return 0;
	rc = vs_db_first(db->db, how, &st, err, "tt", dir, key);
	if (rc <= 0)
		return rc;
	vs_text_copy(
	    out, VS_PATH_MAX + 1, (const char *)sqlite3_column_text(st, 0));
	sqlite3_reset(st);
	return 1;
}

int names_place(struct mirror *db, const char *out, const char *path,
    char place[VS_PATH_MAX + 1], struct vs_err *err)
{
	return translate(db, MSQL_NAME_PLACE, out, path, place, err);
}

int names_owner(struct mirror *db, const char *out, const char *place,
    char path[VS_PATH_MAX + 1], struct vs_err *err)
{
	return translate(db, MSQL_NAME_OWNER, out, place, path, err);
}

static int count(void *arg, const struct mirror_row *row)
{
	(void)row;
	++*(int *)arg;
	return 0;
}

/* A folder may have no row of its own: 1 if anything is or begins so. */
static int is_listed(struct mirror *db, const char *path, struct vs_err *err)
{
	struct mirror_row *row = malloc(sizeof(*row));
	int n = 0;
	int rc;

	if (row == NULL)
		return vs_err_set(err, VS_ENOMEM, "pull: out of memory");
	rc = mirror_get(db, path, row, err);
	free(row);
	if (rc == 0)
		rc = mirror_each(db, path, "", 1, count, &n, err);
	return rc == 0 ? n > 0 : rc;
}

int names_taken(struct mirror *db, const char *out, const char *path,
    const char *spelled, struct vs_err *err)
{
	char owner[VS_PATH_MAX + 1];
	int rc = names_owner(db, out, spelled, owner, err);

	if (rc < 0 || strcmp(owner, path) == 0)
		return rc < 0 ? rc : 0;
	return rc == 1 ? 1 : is_listed(db, owner, err);
}

/* path with a number behind it; what it must lose for that is cut off. */
static bool numbered(const char *path, int n, char out[VS_PATH_MAX + 1])
{
	char suffix[SUFFIX];
	size_t dir =
	    vs_path_parent_len(path) > 0 ? vs_path_parent_len(path) + 1 : 0;
	size_t len = strlen(path);
	size_t more = (size_t)snprintf(suffix, sizeof(suffix), "~case%d", n);

	while (len > dir &&
	    (len - dir + more > VS_NAME_MAX || len + more > VS_PATH_MAX ||
		((unsigned char)path[len] & 0xc0) == 0x80))
		len--;
	if (len == dir)
		return false;
	memcpy(out, path, len);
	memcpy(out + len, suffix, more + 1);
	return true;
}

/* True if just the content of row stands there, under that very name. */
static bool has_content(struct target *t, const char *place,
    const struct disk_stat *stat, const struct mirror_row *row)
{
	char spelled[VS_PATH_MAX + 1];
	char hex[VS_HASH_HEX + 1] = "";
	struct disk_hash *h;

	if (stat->odd || stat->kind != VS_KIND_FILE ||
	    stat->size != row->size || stat->size > HERE_READ ||
	    t->spelled(t, place, spelled, NULL) < 0 ||
	    strcmp(spelled, place) != 0)
		return false;
	h = malloc(sizeof(*h));
	if (h != NULL && t->hash(t, place, h, NULL, NULL) == 0)
		vs_hex_encode(hex, h->sha256, VS_SHA256_SIZE);
	free(h);
	return strcmp(hex, row->hash) == 0;
}

/* 1 if it may be row's place, 0, or what the disk (why) or database said. */
static int may_be(struct member *m, const char *out, const char *place,
    const struct mirror_row *row, struct vs_err *err)
{
	struct target *t = here_target(m, out);
	struct vs_err why = VS_ERR_INIT;
	char owner[VS_PATH_MAX + 1];
	struct disk_stat stat;
	int rc = names_owner(&m->mirror, out, place, owner, err);

	if (rc == 0)
		rc = is_listed(&m->mirror, place, err);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	rc = t->look(t, place, &stat, &why);
	if (rc == VS_ENOENT || rc == VS_ENOTDIR)
		return 1;
	return rc == 0 && has_content(t, place, &stat, row);
}

static int remember(struct mirror *db, const char *out, const char *path,
    const char *place, struct vs_err *err)
{
	int rc = vs_db_run(db->db, MSQL_NAME_PUT, err, "ttt", out, path, place);

	if (rc < 0)
		return rc;
	db->renamed = true;
	return 1;
}

int names_choose(struct member *m, const char *out,
    const struct mirror_row *row, struct vs_err *err)
{
	char place[VS_PATH_MAX + 1];

	for (int n = 1; n <= NAMES_MAX; n++) {
		int rc = numbered(row->path, n, place)
		    ? may_be(m, out, place, row, err)
		    : 0;

		if (rc < 0)
			return rc;
		if (rc == 1)
			return remember(&m->mirror, out, row->path, place, err);
	}
	vs_err_set(err, VS_EEXIST,
	    "this disk takes its name for another file's, and no other is "
	    "free");
	return 0;
}

int names_count(struct mirror *db, int64_t *n, struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc;

	*n = 0;
	if (!db->renamed)
		return 0;
	rc = vs_db_first(db->db, MSQL_NAME_COUNT, &st, err, "");
	if (rc <= 0)
		return rc;
	*n = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return 0;
}

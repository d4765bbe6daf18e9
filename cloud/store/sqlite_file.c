/*
 * The state: one row a path.  A listing below a folder goes by the folder's
 * own rows where they are few, and by the project's stamps where they are
 * many, so that neither a small folder in a large project nor a large one
 * costs a scan of everything for each page.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "cloud/store/sqlite.h"

#define COLUMN_HOLD 14 /* after SQLITE_FILE_COLUMNS */
#define NARROW 20000 /* rows of a folder that may be sorted for a page */

static void file_read(sqlite3_stmt *st, struct store_file *f)
{
	memset(f, 0, sizeof(*f));
	f->path = sqlite_text(st, 0);
	f->kind = (enum vs_kind)sqlite3_column_int(st, 1);
	f->hash = sqlite_text(st, 2);
	f->size = sqlite3_column_int64(st, 3);
	f->has_mtime = sqlite3_column_type(st, 4) != SQLITE_NULL;
	f->mtime_us = sqlite3_column_int64(st, 4);
	f->mode = sqlite3_column_int(st, 5);
	f->link_target = sqlite_text(st, 6);
	f->recording = sqlite3_column_int(st, 7) != 0;
	f->version = sqlite3_column_int64(st, 8);
	f->seq = sqlite3_column_int64(st, 9);
	f->created_ms = sqlite3_column_int64(st, 10);
	f->stamp_us = sqlite3_column_int64(st, 11);
	f->deleted = sqlite3_column_type(st, 12) != SQLITE_NULL;
	f->deleted_ms = sqlite3_column_int64(st, 12);
	f->deleted_by = sqlite_text(st, 13);
}

static int op_files_get(struct store *s, int64_t project,
    const char *const *paths, size_t n,
    int (*row)(void *arg, const struct store_file *f), void *arg,
    struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);
	sqlite3_stmt *st = sqlite_stmt(q, SQL_FILES_GET, err);
	struct store_file f;
	int rc;

	if (st == NULL)
		return q->failed;
	q->wanted.at = paths;
	q->wanted.count = n;
	rc = sqlite_note(q, vs_db_bind(st, err, "i", project));
	while (rc == VS_OK && (rc = sqlite_step(q, st, err)) > 0) {
		file_read(st, &f);
		f.hold_id = sqlite_text(st, COLUMN_HOLD);
		rc = row(arg, &f);
	}
	(void)sqlite3_reset(st);
	q->wanted.count = 0;
	return rc < 0 ? rc : VS_OK;
}

static int op_files_put(struct store *s, int64_t project,
    const struct store_file *const *files, size_t n, struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);

	q->given.at = files;
	q->given.count = n;
	return sqlite_set_run(q, SQL_FILES_PUT, &q->given, project, err);
}

/* Rows below lo..hi, counted up to one more than NARROW. */
static int count_below(struct sqlite *q, int64_t project, const char *lo,
    const char *hi, struct vs_err *err)
{
	sqlite3_stmt *st = sqlite_stmt(q, SQL_FILES_COUNT, err);
	int rc;

	if (st == NULL)
		return q->failed;
	rc = sqlite_note(q,
	    vs_db_bind(
		st, err, "itti", project, lo, hi, (int64_t)(NARROW + 1)));
	if (rc == VS_OK)
		rc = sqlite_step(q, st, err);
	if (rc <= 0)
		return rc;
	rc = sqlite3_column_int(st, 0);
	(void)sqlite3_reset(st);
	return rc;
}

/* The statement for a range, bound; NULL on failure (q->failed). */
static sqlite3_stmt *files_bind(struct sqlite *q, int64_t project,
    const struct store_range *r, const char *const bounds[2],
    struct vs_err *err)
{
	const char *lo = bounds[0], *hi = bounds[1];
	int64_t deleted = r->deleted;
	sqlite3_stmt *st;
	int n, rc;

	if (r->from != NULL) {
		st = sqlite_stmt(q, SQL_FILES_PATH, err);
		if (st == NULL)
			return NULL;
		if (strcmp(r->from, lo) > 0)
			lo = r->from;
		rc = vs_db_bind(
		    st, err, "ittii", project, lo, hi, deleted, r->limit);
	} else if (r->prefix[0] == '\0') {
		st = sqlite_stmt(q, SQL_FILES_STAMP, err);
		if (st == NULL)
			return NULL;
		rc = vs_db_bind(
		    st, err, "iiii", project, r->after_us, deleted, r->limit);
	} else {
		n = count_below(q, project, lo, hi, err);
		if (n < 0)
			return NULL;
		st = sqlite_stmt(q,
		    n > NARROW ? SQL_FILES_STAMP_WIDE : SQL_FILES_STAMP_NARROW,
		    err);
		if (st == NULL)
			return NULL;
		rc = vs_db_bind(st, err, "iiiitt", project, r->after_us,
		    deleted, r->limit, lo, hi);
	}
	return sqlite_note(q, rc) == VS_OK ? st : NULL;
}

static int op_files(struct store *s, int64_t project,
    const struct store_range *range,
    int (*row)(void *arg, const struct store_file *f), void *arg,
    struct vs_err *err)
{
	struct sqlite *q = sqlite_of(s);
	char lo[VS_PATH_MAX + 2] = "", hi[VS_PATH_MAX + 2] = "\xff";
	const char *const bounds[2] = { lo, hi };
	struct store_file f;
	sqlite3_stmt *st;
	int rc;

	assert(strlen(range->prefix) <= VS_PATH_MAX && range->limit > 0);
	if (range->prefix[0] != '\0') {
		/* '0' follows '/': all that begins with "prefix/" */
		(void)snprintf(lo, sizeof(lo), "%s/", range->prefix);
		(void)snprintf(hi, sizeof(hi), "%s0", range->prefix);
	}
	st = files_bind(q, project, range, bounds, err);
	if (st == NULL)
		return q->failed;
	while ((rc = sqlite_step(q, st, err)) > 0) {
		file_read(st, &f);
		rc = row(arg, &f);
		if (rc != 0)
			break;
	}
	(void)sqlite3_reset(st);
	return rc < 0 ? rc : VS_OK;
}

void sqlite_file_ops(struct store_ops *ops)
{
	ops->files_get = op_files_get;
	ops->files_put = op_files_put;
	ops->files = op_files;
}

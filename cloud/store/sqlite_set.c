/*
 * Sets of rows on their way into the database or to be looked up there: what
 * a batch names is one statement, whose cursors stay open from row to row.
 */
#include <assert.h>

#include "cloud/store/sqlite.h"

static void put_text(sqlite3_context *x, const char *s)
{
	if (s != NULL)
		sqlite3_result_text(x, s, -1, SQLITE_STATIC);
}

static void column_wanted(
    const void *at, size_t i, int column, sqlite3_context *x)
{
	const char *const *paths = at;

	assert(column == 0);
	(void)column;
	put_text(x, paths[i]);
}

/* The columns of SQLITE_GIVEN_COLUMNS that make up the content. */
static void put_content(
    const struct store_file *f, int column, sqlite3_context *x)
{
	switch (column) {
	case 0:
		put_text(x, f->path);
		break;
	case 1:
		sqlite3_result_int(x, (int)f->kind);
		break;
	case 2:
		put_text(x, f->hash);
		break;
	case 3:
		sqlite3_result_int64(x, f->size);
		break;
	case 4:
		if (f->has_mtime)
			sqlite3_result_int64(x, f->mtime_us);
		break;
	case 5:
		sqlite3_result_int(x, f->mode);
		break;
	default:
		put_text(x, f->link_target);
	}
}

/* The others: what became of it. */
static void put_story(
    const struct store_file *f, int column, sqlite3_context *x)
{
	switch (column) {
	case 7:
		sqlite3_result_int(x, f->recording);
		break;
	case 8:
		sqlite3_result_int64(x, f->version);
		break;
	case 9:
		sqlite3_result_int64(x, f->seq);
		break;
	case 10:
		sqlite3_result_int64(x, f->created_ms);
		break;
	case 11:
		sqlite3_result_int64(x, f->stamp_us);
		break;
	case 12:
		if (f->deleted)
			sqlite3_result_int64(x, f->deleted_ms);
		break;
	default:
		put_text(x, f->deleted_by);
	}
}

static void column_given(
    const void *at, size_t i, int column, sqlite3_context *x)
{
	const struct store_file *const *files = at;

	assert(files[i]->version > 0 && files[i]->seq > 0);
	if (column < 7)
		put_content(files[i], column, x);
	else
		put_story(files[i], column, x);
}

static void column_news(
    const void *at, size_t i, int column, sqlite3_context *x)
{
	const struct store_event *e = (const struct store_event *)at + i;

	assert(i == 0 || e->seq == e[-1].seq + 1);
	if (column == 0)
		sqlite3_result_int64(x, e->seq);
	else if (column == 1)
		put_text(x, e->change);
	else
		sqlite3_result_int64(x, e->created_ms);
}

int sqlite_set_attach(struct sqlite *q, struct vs_err *err)
{
	int rc;

	q->wanted = (struct vs_rows){ .name = "wanted",
		.columns = SQLITE_WANTED_COLUMNS,
		.column = column_wanted };
	q->given = (struct vs_rows){ .name = "given",
		.columns = SQLITE_GIVEN_COLUMNS,
		.column = column_given };
	q->news = (struct vs_rows){ .name = "news",
		.columns = SQLITE_NEWS_COLUMNS,
		.column = column_news };
	rc = vs_rows_attach(q->db, &q->wanted, err);
	if (rc == VS_OK)
		rc = vs_rows_attach(q->db, &q->given, err);
	if (rc == VS_OK)
		rc = vs_rows_attach(q->db, &q->news, err);
	return rc;
}

int sqlite_set_run(struct sqlite *q, enum sqlite_sql i, struct vs_rows *rows,
    int64_t project, struct vs_err *err)
{
	int rc = sqlite_note(q, vs_db_run(q->db, (int)i, err, "i", project));

	rows->at = NULL;
	rows->count = 0;
	return rc;
}

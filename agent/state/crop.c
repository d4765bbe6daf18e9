#include "agent/state/crop.h"

#include <assert.h>
#include <string.h>

#include "agent/state/manifest.h"
#include "agent/state/outrow.h"
#include "agent/state/state_sql.h"
#include "common/base/limits.h"

/* A part of a crop that one statement takes. */
struct sheaf {
	const struct crop *crop;
	int first; /* of crop->at */
	int count;
	int64_t dir; /* its number in the manifest */
	const char *prefix; /* before the names, in the outbox */
	int64_t id; /* of the first row in the outbox */
	int64_t wall_ms;
};

/* How many rows a statement has, and which it is. */
struct sickle {
	int rows;
	int entries;
	int outbox;
};

static const struct roster_row *row_of(const struct sheaf *b, int i)
{
	const struct crop *c = b->crop;

	return &c->names->row[c->at[b->first + i]];
}

static int bind_name(sqlite3_stmt *st, int at, const struct sheaf *b, int i)
{
	const struct crop *c = b->crop;
	const char *name = roster_name(c->names, c->at[b->first + i]);

	return sqlite3_bind_blob64(st, at, name, strlen(name), SQLITE_STATIC);
}

static int bind_entries(sqlite3_stmt *st, const struct sheaf *b)
{
	int rc = sqlite3_bind_int64(st, 1, b->dir);
	int at = 2;

	for (int i = 0; i < b->count; i++) {
		const struct disk_stat *t = &row_of(b, i)->stat;

		rc |= bind_name(st, at++, b, i);
		rc |= sqlite3_bind_int64(st, at++, t->size);
		rc |= sqlite3_bind_int64(st, at++, t->mtime_ns);
		rc |= sqlite3_bind_int64(st, at++, t->ctime_ns);
		rc |= sqlite3_bind_int64(st, at++, (int64_t)t->folder);
		rc |= sqlite3_bind_int64(st, at++, t->mode);
	}
	assert(at == sqlite3_bind_parameter_count(st) + 1);
	return rc;
}

static int bind_outbox(sqlite3_stmt *st, const struct sheaf *b)
{
	int rc = sqlite3_bind_int64(st, 1, b->wall_ms);
	int at = 3;

	rc |= sqlite3_bind_text(st, 2, b->prefix, -1, SQLITE_STATIC);
	for (int i = 0; i < b->count; i++) {
		const struct disk_stat *t = &row_of(b, i)->stat;

		rc |= bind_name(st, at++, b, i);
		rc |= sqlite3_bind_int64(st, at++, b->id + i);
		rc |= sqlite3_bind_int64(st, at++, t->size);
		rc |= sqlite3_bind_int64(st, at++, t->mtime_ns / 1000);
		rc |= sqlite3_bind_int64(st, at++, t->mode);
		rc |= sqlite3_bind_int64(st, at++, outrow_seq(b->id + i));
	}
	assert(at == sqlite3_bind_parameter_count(st) + 1);
	return rc;
}

static int run(struct state *s, int sql, const struct sheaf *b,
    int (*bind)(sqlite3_stmt *st, const struct sheaf *b), struct vs_err *err)
{
	sqlite3_stmt *st = vs_db_stmt(s->db, sql, err);

	if (st == NULL)
		return err->code;
	if (bind(st, b) != SQLITE_OK)
		return vs_err_set(err, VS_ENOMEM, "manifest: out of memory");
	return vs_db_step(s->db, st, err);
}

/* The largest statement that the rows from first on fill. */
static const struct sickle *sickle_for(int rows)
{
	static const struct sickle all[] = {
		{ 32, SQL_CROP_ENTRIES_32, SQL_CROP_OUTBOX_32 },
		{ 4, SQL_CROP_ENTRIES_4, SQL_CROP_OUTBOX_4 },
		{ 1, SQL_CROP_ENTRIES_1, SQL_CROP_OUTBOX_1 },
	};
	const struct sickle *k = all;

	while (k->rows > rows)
		k++;
	return k;
}

/* As long as it is, the manifest's counts follow. */
static void count(struct state *s, const struct crop *c)
{
	s->counts_dirty = true;
	s->entries += c->count;
	for (int i = 0; i < c->count; i++)
		s->bytes += c->names->row[c->at[i]].stat.size;
}

int crop_put(
    struct state *s, const struct crop *c, int64_t wall_ms, struct vs_err *err)
{
	char prefix[VS_PATH_MAX + 2];
	size_t n = strlen(c->dir);
	struct sheaf b = { .crop = c, .prefix = prefix, .wall_ms = wall_ms };
	int rc = outrow_reserve(s, c->count, err);

	assert(n <= VS_PATH_MAX && c->count > 0 && c->count <= CROP_MAX);
	memcpy(prefix, c->dir, n);
	prefix[n] = '/';
	prefix[n > 0 ? n + 1 : 0] = '\0';
	b.id =
	    outrow_id(OUTROW_UPSERT, OUTROW_SCAN, s->outbox_seq - c->count + 1);
	b.dir = rc < 0 ? rc : manifest_enter(s, c->dir, err);
	rc = b.dir < 0 ? (int)b.dir : 0;
	while (rc == 0 && b.first < c->count) {
		const struct sickle *k = sickle_for(c->count - b.first);

		b.count = k->rows;
		rc = run(s, k->entries, &b, bind_entries, err);
		if (rc == 0)
			rc = run(s, k->outbox, &b, bind_outbox, err);
		b.first += b.count;
		b.id += b.count;
	}
	if (rc == 0)
		count(s, c);
	return rc;
}

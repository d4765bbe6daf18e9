#include "agent/state/state.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/state/state_sql.h"
#include "common/base/hex.h"
#include "common/base/map.h"
#include "common/db/salvage.h"

int state_open(
    struct state *s, const char *path, const char *vfs, struct vs_err *err)
{
	struct vs_db_options o = {
		.path = path,
		.vfs = vfs,
		.migrations = state_sql_migrations,
		.version = state_sql_version,
		.sql = state_sql_statements,
		.sql_count = SQL_COUNT,
	};
	int rc;

	memset(s, 0, sizeof(*s));
	rc = vs_db_open(&s->db, &o, err);
	if (rc < 0)
		return rc;
	rc = state_load_totals(s, err);
	if (rc < 0)
		state_close(s);
	return rc;
}

void state_forget_flight(struct state *s)
{
	vs_map_free(s->flight);
	vs_map_free(s->ahead);
	vs_map_free(s->newer);
	s->flight = s->ahead = s->newer = NULL;
}

void state_close(struct state *s)
{
	state_forget_flight(s);
	vs_db_close(s->db);
	s->db = NULL;
}

int state_check(struct state *s, struct vs_err *err)
{
	int rc = vs_db_check(s->db, err);

	for (int i = 0; rc == 0 && i < SQL_COUNT; i++)
		if (vs_db_stmt(s->db, i, err) == NULL)
			rc = err->code;
	return rc;
}

int state_salvage(
    struct state *s, const char *path, const char *vfs, struct vs_err *err)
{
	static const struct vs_salvage what = { state_sql_salvage,
		SQL_META_SET };
	int64_t n = vs_salvage_take(s->db, path, vfs, &what, 1, err);

	return n < 0 ? (int)n : 0;
}

/* The statement for key, with its row: 1, 0 without one, negative. */
static int meta_find(
    struct state *s, const char *key, sqlite3_stmt **st, struct vs_err *err)
{
	int rc;

	*st = vs_db_stmt(s->db, SQL_META_GET, err);
	if (*st == NULL)
		return err->code;
	rc = vs_db_bind(*st, err, "t", key);
	return rc < 0 ? rc : vs_db_step(s->db, *st, err);
}

int state_get_int(struct state *s, const char *key, int64_t absent,
    int64_t *out, struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc = meta_find(s, key, &st, err);

	if (rc < 0)
		return rc;
	*out = rc == 1 ? sqlite3_column_int64(st, 0) : absent;
	sqlite3_reset(st);
	return 0;
}

int state_get_text(
    struct state *s, const char *key, char *out, size_t cap, struct vs_err *err)
{
	sqlite3_stmt *st;
	const char *text = NULL;
	int rc = meta_find(s, key, &st, err);

	assert(cap > 0);
	if (rc < 0)
		return rc;
	if (rc == 1)
		text = (const char *)sqlite3_column_text(st, 0);
	snprintf(out, cap, "%s", text != NULL ? text : "");
	sqlite3_reset(st);
	return 0;
}

int state_set_int(
    struct state *s, const char *key, int64_t value, struct vs_err *err)
{
	return vs_db_run(s->db, SQL_META_SET, err, "ti", key, value);
}

int state_set_text(
    struct state *s, const char *key, const char *value, struct vs_err *err)
{
	return vs_db_run(s->db, SQL_META_SET, err, "tt", key, value);
}

/* "ENTRIES DIRS BYTES", so that no start has to count a million rows. */
static int save_counts(struct state *s, struct vs_err *err)
{
	char text[3 * 24];
	int rc;

	snprintf(text, sizeof(text), "%" PRId64 " %" PRId64 " %" PRId64,
	    s->entries, s->dirs, s->bytes);
	rc = state_set_text(s, "counts", text, err);
	if (rc == 0)
		s->counts_dirty = false;
	return rc;
}

int state_save_totals(struct state *s, struct vs_err *err)
{
	char sum[2 * sizeof(s->tree.sum) + 1];
	int rc = s->counts_dirty ? save_counts(s, err) : 0;

	if (!s->totals_dirty || rc < 0)
		return rc;
	vs_hex_encode(sum, s->tree.sum, sizeof(s->tree.sum));
	rc = state_set_text(s, "tree_sum", sum, err);
	if (rc == 0)
		rc = state_set_int(s, "tree_count", s->tree.count, err);
	if (rc == 0)
		rc = state_set_int(s, "tree_bytes", s->tree.bytes, err);
	if (rc == 0)
		rc = state_set_int(s, "cloud_files", s->cloud_files, err);
	if (rc == 0)
		rc = state_set_int(s, "baseline", s->baseline, err);
	if (rc == 0)
		s->totals_dirty = false;
	return rc;
}

static int load_manifest(struct state *s, struct vs_err *err)
{
	sqlite3_stmt *st;
	char text[3 * 24];
	int rc = state_get_text(s, "counts", text, sizeof(text), err);

	s->counts_dirty = false;
	if (rc < 0 ||
	    sscanf(text, "%" SCNd64 " %" SCNd64 " %" SCNd64, &s->entries,
		&s->dirs, &s->bytes) == 3)
		return rc;
	rc = vs_db_first(s->db, SQL_ENTRY_COUNT, &st, err, "");
	if (rc < 0)
		return rc;
	s->entries = sqlite3_column_int64(st, 0);
	s->dirs = sqlite3_column_int64(st, 1);
	s->bytes = sqlite3_column_int64(st, 2);
	sqlite3_reset(st);
	return 0;
}

static int load_past(struct state *s, struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc;

	rc = vs_db_first(s->db, SQL_PAST_COUNT, &st, err, "");
	if (rc < 0)
		return rc;
	s->past = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return 0;
}

int state_load_ahead(struct state *s, struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc = vs_db_first(s->db, SQL_BATCH_NEXT, &st, err, "");

	s->ahead_pos = 0;
	if (rc <= 0)
		return rc;
	s->ahead_pos = sqlite3_column_int64(st, 2);
	sqlite3_reset(st);
	return 0;
}

static int load_outbox(struct state *s, struct vs_err *err)
{
	int rc = state_get_int(s, "outbox_seq", 0, &s->outbox_room, err);

	/* what was given out before a rollback is not given out again */
	if (s->outbox_seq == 0)
		s->outbox_seq = s->outbox_room;
	s->outbox_twins = true;
	state_forget_flight(s);
	return rc < 0 ? rc : state_load_ahead(s, err);
}

int state_load_trouble(struct state *s, struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc = vs_db_first(s->db, SQL_TROUBLE_ANY, &st, err, "");

	if (rc < 0)
		return rc;
	s->untroubled = rc == 0;
	if (rc == 1)
		sqlite3_reset(st);
	return 0;
}

int state_load_totals(struct state *s, struct vs_err *err)
{
	char sum[2 * sizeof(s->tree.sum) + 1];
	int rc = state_get_text(s, "tree_sum", sum, sizeof(sum), err);

	if (rc == 0)
		rc = state_get_int(s, "tree_count", 0, &s->tree.count, err);
	if (rc == 0)
		rc = state_get_int(s, "tree_bytes", 0, &s->tree.bytes, err);
	if (rc == 0)
		rc = state_get_int(s, "cloud_files", 0, &s->cloud_files, err);
	if (rc == 0)
		rc = state_get_int(s, "baseline", 0, &s->baseline, err);
	if (rc == 0)
		rc = load_manifest(s, err);
	if (rc == 0)
		rc = load_past(s, err);
	if (rc == 0)
		rc = load_outbox(s, err);
	if (rc == 0)
		rc = state_load_trouble(s, err);
	if (rc < 0)
		return rc;
	for (int i = 0; i < STATE_DIRS; i++)
		s->dir[i].id = 0;
	memset(s->unsealed, 0, sizeof(s->unsealed));
	memset(s->tree.sum, 0, sizeof(s->tree.sum));
	if (sum[0] != '\0' &&
	    vs_hex_decode(s->tree.sum, sizeof(s->tree.sum), sum) < 0)
		return vs_err_set(err, VS_ECORRUPT,
		    "manifest: tree_sum is no "
		    "checksum");
	s->totals_dirty = false;
	return 0;
}

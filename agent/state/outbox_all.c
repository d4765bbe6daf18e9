#include "agent/state/outbox.h"

#include <assert.h>
#include <string.h>

#include "agent/state/outrow.h"
#include "agent/state/state_sql.h"
#include "common/base/limits.h"

/* The integer of a one-row, one-column statement; absent when NULL. */
static int get_int(struct state *s, int sql, int64_t *out, struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc;

	rc = vs_db_first(s->db, sql, &st, err, "");
	if (rc < 0)
		return rc;
	*out = rc == 1 ? sqlite3_column_int64(st, 0) : 0;
	sqlite3_reset(st);
	return 0;
}

int outbox_ready(struct state *s, bool deletes, int64_t limit,
    struct outbox_ready *out, struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc;

	rc = vs_db_first(s->db,
	    deletes ? SQL_OUTBOX_GONE_COUNT : SQL_OUTBOX_READY_COUNT, &st, err,
	    "i", limit);
	if (rc < 0)
		return rc;
	out->changes = sqlite3_column_int64(st, 0);
	out->oldest_ms = sqlite3_column_int64(st, 1);
	sqlite3_reset(st);
	return 0;
}

static int run_all(struct state *s, const int *sql, int n, struct vs_err *err)
{
	int rc = 0;

	for (int i = 0; i < n && rc == 0; i++)
		rc = vs_db_run(s->db, sql[i], err, "");
	return rc;
}

int outbox_divorce(struct state *s, struct vs_err *err)
{
	static const int sql[] = { SQL_OUTBOX_DIVORCE_HALVES,
		SQL_OUTBOX_DIVORCE, SQL_OUTBOX_NO_TWINS };

	return run_all(s, sql, 3, err);
}

int outbox_marry(struct state *s, struct vs_err *err)
{
	int64_t after, end;
	int rc = 0;

	for (int i = 0; i < OUTROW_RANKS && rc >= 0; i++) {
		outrow_lane(OUTROW_UPSERT, (enum outrow_rank)i, &after, &end);
		do
			rc = outrow_marry(s, (enum outrow_rank)i, &after,
			    VS_BATCH_CHANGES, err);
		while (rc > 0);
	}
	return rc;
}

int outbox_refine(struct state *s, struct vs_err *err)
{
	static const int sql[] = { SQL_OUTBOX_NEW, SQL_OUTBOX_NEEDLESS,
		SQL_OUTBOX_WIDOWED };

	return run_all(s, sql, 3, err);
}

int outbox_count(
    struct state *s, int64_t *all, int64_t *held, struct vs_err *err)
{
	int rc = get_int(s, SQL_OUTBOX_COUNT, all, err);

	return rc < 0 ? rc : get_int(s, SQL_OUTBOX_HELD_COUNT, held, err);
}

int outbox_lone(struct state *s, bool *any, bool *to_judge, struct vs_err *err)
{
	sqlite3_stmt *st;
	int rc = vs_db_first(s->db, SQL_OUTBOX_LONE, &st, err, "");

	if (rc < 0)
		return rc;
	*any = sqlite3_column_int(st, 0) != 0;
	*to_judge = sqlite3_column_int(st, 1) != 0;
	sqlite3_reset(st);
	return 0;
}

int outbox_sums(struct state *s, struct outbox_sums *out, struct vs_err *err)
{
	sqlite3_stmt *st;
	int64_t any = 0;
	int rc = get_int(s, SQL_OUTBOX_DELETES, &any, err);

	memset(out, 0, sizeof(*out));
	out->any_delete = any != 0;
	if (rc < 0 || any == 0)
		return rc;
	st = vs_db_stmt(s->db, SQL_OUTBOX_SUMS, err);
	if (st == NULL)
		return err->code;
	while ((rc = vs_db_step(s->db, st, err)) == 1) {
		int64_t n = sqlite3_column_int64(st, 2);

		if (sqlite3_column_int(st, 0) == VS_OP_CREATE)
			out->creates += n;
		else if (sqlite3_column_int(st, 0) != VS_OP_DELETE)
			continue;
		else if (sqlite3_column_int(st, 1) != 0)
			out->approved += n;
		else
			out->deletes += n;
	}
	return rc;
}

int outbox_hold(struct state *s, enum outbox_hold what, struct vs_err *err)
{
	static const int sql[] = {
		[OUTBOX_HOLD] = SQL_OUTBOX_HOLD,
		[OUTBOX_UNHOLD] = SQL_OUTBOX_UNHOLD,
		[OUTBOX_APPROVE] = SQL_OUTBOX_APPROVE,
		[OUTBOX_REJECT] = SQL_OUTBOX_REJECT,
	};

	assert(what >= OUTBOX_HOLD && what <= OUTBOX_REJECT);
	return vs_db_run(s->db, sql[what], err, "");
}

int outbox_each_held(struct state *s, int limit,
    int (*each)(void *arg, const char *path, enum vs_kind kind), void *arg,
    struct vs_err *err)
{
	sqlite3_stmt *st = vs_db_stmt(s->db, SQL_OUTBOX_HELD_LIST, err);
	int rc;

	if (st == NULL)
		return err->code;
	rc = vs_db_bind(st, err, "i", (int64_t)limit);
	while (rc >= 0 && (rc = vs_db_step(s->db, st, err)) == 1) {
		rc = each(arg, (const char *)sqlite3_column_text(st, 0),
		    (enum vs_kind)sqlite3_column_int(st, 1));
		if (rc < 0)
			sqlite3_reset(st);
	}
	return rc;
}

int outbox_marks(struct state *s, int64_t *last, int64_t *least,
    int64_t *least_held, struct vs_err *err)
{
	int rc = get_int(s, SQL_OUTBOX_LEAST, least, err);

	*last = s->outbox_seq;
	if (rc == 0)
		rc = get_int(s, SQL_OUTBOX_LEAST_HELD, least_held, err);
	return rc;
}

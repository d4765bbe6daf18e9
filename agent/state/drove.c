#include "agent/state/drove.h"

#include <string.h>

#include "agent/state/manifest.h"
#include "agent/state/outrow.h"
#include "agent/state/state_sql.h"
#include "common/base/path.h"

int drove_is_quiet(struct state *s, const char *dir, const char *first,
    const char *last, struct vs_err *err)
{
	char a[VS_PATH_MAX + 1], z[VS_PATH_MAX + 1];
	sqlite3_stmt *st;
	int rc;

	if (vs_path_join(a, sizeof(a), dir, first) < 0 ||
	    vs_path_join(z, sizeof(z), dir, last) < 0)
		return 0;
	rc = vs_db_first(s->db, SQL_DROVE_QUIET, &st, err, "tt", a, z);
	if (rc <= 0)
		return rc;
	rc = sqlite3_column_int(st, 0);
	sqlite3_reset(st);
	return rc;
}

/* What stands before the names in dir. */
static void prefix(char out[VS_PATH_MAX + 2], const char *dir)
{
	size_t n = strlen(dir);

	memcpy(out, dir, n);
	out[n] = '/';
	out[n + 1] = '\0';
}

int64_t drove_move(struct state *s, const struct drove *d, bool fresh,
    int64_t wall_ms, struct vs_err *err)
{
	char old[VS_PATH_MAX + 2], new[VS_PATH_MAX + 2];
	int64_t dir = manifest_rehouse(s, d->from, d->to, &d->stay, err);
	int64_t at, end, n = 0;
	int rc;

	if (dir <= 0)
		return dir;
	prefix(old, d->from);
	prefix(new, d->to);
	rc = vs_db_run(s->db, SQL_DROVE_SHADOW, err, "it", dir, old);
	if (rc == 0) {
		n = vs_db_changes(s->db);
		outrow_lane(OUTROW_UPSERT, fresh ? OUTROW_FRESH : OUTROW_SCAN,
		    &at, &end);
		at += s->outbox_seq;
		rc = outrow_reserve(s, 2 * n, err);
	}
	if (rc == 0)
		rc = vs_db_run(s->db, SQL_DROVE_MOVED, err, "ittii", dir, old,
		    new, at, wall_ms);
	if (rc == 0)
		rc = vs_db_run(s->db, SQL_DROVE_UNSYNC, err, "i", dir);
	return rc < 0 ? rc : n;
}

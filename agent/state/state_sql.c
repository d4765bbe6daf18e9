#include "agent/state/state_sql.h"

const char *const state_sql_statements[SQL_COUNT] = {
#define STATE_SQL_TEXT(name, sql) [SQL_##name] = sql,
	STATE_SQL_MAP(STATE_SQL_TEXT)
#undef STATE_SQL_TEXT
};

/*
 * kind: 0 file, 1 directory, 2 symlink; op: 0 create, 1 update, 2 delete.
 * entries: mtime and ctime in ns; outbox: mtime in us, at in wall ms, batch
 * 1 while it is part of the batch in flight, held 1 until a person decides,
 * approved 1 from then on; pair is the other half of a rename, on both
 * (a held deletion becomes one only for a content that is no coincidence).
 * Directories are interned so that a row costs its name, not its path.
 */
static const char schema_1[] =
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    "CREATE TABLE dirs(id INTEGER PRIMARY KEY, parent INTEGER NOT NULL,"
    " name BLOB NOT NULL, UNIQUE(parent, name));"
    "INSERT INTO dirs(id, parent, name) VALUES(1, 0, x'');"
    "CREATE TABLE entries(dir INTEGER NOT NULL, name BLOB NOT NULL,"
    " kind INTEGER NOT NULL, size INTEGER NOT NULL, mtime INTEGER NOT NULL,"
    " ctime INTEGER NOT NULL, ino INTEGER NOT NULL, mode INTEGER NOT NULL,"
    " hash BLOB, target TEXT, racy INTEGER NOT NULL,"
    " synced INTEGER NOT NULL, PRIMARY KEY(dir, name)) WITHOUT ROWID;"
    "CREATE TABLE shadow(path TEXT PRIMARY KEY, kind INTEGER NOT NULL,"
    " size INTEGER NOT NULL, hash TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE outbox(id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " path TEXT NOT NULL, op INTEGER NOT NULL, kind INTEGER NOT NULL,"
    " size INTEGER NOT NULL, mtime INTEGER, mode INTEGER NOT NULL,"
    " hash TEXT, target TEXT, at INTEGER NOT NULL, batch INTEGER NOT NULL,"
    " held INTEGER NOT NULL, approved INTEGER NOT NULL, pair TEXT);"
    "CREATE UNIQUE INDEX outbox_path ON outbox(path, batch);"
    "CREATE INDEX outbox_ready ON outbox(batch, (op = 2), held, id);"
    "CREATE INDEX outbox_deletes ON outbox(op, batch) WHERE op = 2;"
    "CREATE INDEX outbox_twin ON outbox(hash, op)"
    " WHERE batch = 0 AND pair IS NULL AND hash IS NOT NULL;"
    "CREATE INDEX outbox_pair ON outbox(pair) WHERE pair IS NOT NULL;"
    "CREATE INDEX outbox_held ON outbox(held) WHERE held = 1;"
    "CREATE TABLE batch(counter INTEGER PRIMARY KEY, body BLOB NOT NULL);"
    "CREATE TABLE trouble(path BLOB PRIMARY KEY, dir BLOB NOT NULL,"
    " cloud INTEGER NOT NULL, reason TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX trouble_dir ON trouble(dir);"
    "CREATE TABLE cloud_holds(path TEXT PRIMARY KEY, kind INTEGER NOT NULL,"
    " hold_id TEXT NOT NULL, decision INTEGER NOT NULL DEFAULT 0)"
    " WITHOUT ROWID;";

/*
 * born: ns, 0 unknown, as of every row that is older than the column.  With
 * ino it finds a file by what it is, wherever it went.
 */
static const char schema_2[] =
    "ALTER TABLE entries ADD COLUMN born INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX entries_ino ON entries(ino) WHERE kind = 0;";

/*
 * outbox: pos is the place in the batch in flight; rank 0 leaves before 1
 * (work of a scan) and 2 (what the server choked on), tries counts the
 * answers that left the row out; state 1 is a recording, also in shadow.
 */
static const char schema_3[] =
    "ALTER TABLE outbox ADD COLUMN pos INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE outbox ADD COLUMN rank INTEGER NOT NULL DEFAULT 1;"
    "ALTER TABLE outbox ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE outbox ADD COLUMN state INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE shadow ADD COLUMN state INTEGER NOT NULL DEFAULT 0;"
    "DROP INDEX outbox_ready;"
    "CREATE INDEX outbox_ready ON outbox(batch, (op = 2), held, rank, id);"
    "DROP INDEX outbox_twin;"
    "CREATE INDEX outbox_twin ON outbox(hash, op)"
    " WHERE batch = 0 AND pair IS NULL AND hash IS NOT NULL AND state = 0;";

/* mtime in us and mode of what the cloud has; NULL: not known. */
static const char schema_4[] = "ALTER TABLE shadow ADD COLUMN mtime INTEGER;"
			       "ALTER TABLE shadow ADD COLUMN mode INTEGER;";

/*
 * The conflict copies are few among many: the index holds no other names, so
 * that counting and listing them costs what they are.
 */
static const char schema_5[] =
    "CREATE INDEX entries_conflict ON "
    "entries(dir, name) WHERE " STATE_SQL_CONFLICT ";";

/*
 * folder: inode of what a row is in, 0 unknown.  past: files that lost their
 * path, by inode, as the manifest had them; kept while they may turn up at
 * another one.
 */
static const char schema_6[] =
    "ALTER TABLE entries ADD COLUMN folder INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE past(ino INTEGER PRIMARY KEY, born INTEGER NOT NULL,"
    " folder INTEGER NOT NULL, size INTEGER NOT NULL, mtime INTEGER NOT NULL,"
    " ctime INTEGER NOT NULL, hash BLOB NOT NULL, path TEXT NOT NULL);";

/* Deletions that are no half of a rename: few behind a renamed folder. */
static const char schema_7[] =
    "CREATE INDEX outbox_lone ON outbox(rank, id, kind)"
    " WHERE op = 2 AND batch = 0 AND held = 0 AND pair IS NULL;";

/*
 * seal: what a scan found in the folder (agent/engine/seal.h), when that was
 * just what its rows say; NULL once one of them is written.
 */
static const char schema_8[] = "ALTER TABLE dirs ADD COLUMN seal BLOB;";

/*
 * outbox: what waits, a rename in one row (agent/state/outrow.h says what id,
 * half and mine are); flight: the rows of the batch that is under way, in its
 * order, so that neither has to be marked in a table of all that waits.  The
 * indexes go first: all of the schema is to stay on the file's first page.
 */
#define OUTROW_COLUMNS \
	" at INTEGER NOT NULL, path TEXT NOT NULL, op INTEGER NOT NULL," \
	" kind INTEGER NOT NULL, size INTEGER NOT NULL, mtime INTEGER," \
	" mode INTEGER NOT NULL, hash TEXT, target TEXT," \
	" state INTEGER NOT NULL, origin TEXT, half INTEGER NOT NULL," \
	" mine INTEGER NOT NULL," \
	" approved INTEGER NOT NULL, tries INTEGER NOT NULL);"

static const char schema_9[] =
    "INSERT OR REPLACE INTO meta(key, value)"
    " SELECT 'outbox_seq', max(coalesce((SELECT max(id) FROM outbox), 0),"
    " coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'outbox'), 0));"
    "DROP INDEX outbox_deletes; DROP INDEX outbox_pair;"
    "DROP INDEX outbox_held; DROP INDEX outbox_ready;"
    "DROP INDEX outbox_twin; DROP INDEX outbox_lone;"
    "ALTER TABLE outbox RENAME TO outbox_7;"
    "CREATE TABLE outbox(id INTEGER PRIMARY KEY," OUTROW_COLUMNS
    "CREATE TABLE flight(pos INTEGER PRIMARY KEY,"
    " id INTEGER NOT NULL," OUTROW_COLUMNS
    "INSERT INTO outbox(id, " STATE_SQL_OUTROW ")"
    " SELECT (((CASE WHEN u.op <> 2 THEN 6 WHEN u.held = 1 THEN 0 ELSE 3 END)"
    "  + u.rank) << 48) | min(u.id, coalesce(d.id, u.id)),"
    " u.at, u.path, u.op, u.kind, u.size, u.mtime, u.mode, u.hash, u.target,"
    " u.state, d.path, coalesce(d.id, 0), u.id,"
    " u.approved, u.tries FROM outbox_7 AS u LEFT JOIN outbox_7 AS d"
    " ON u.op <> 2 AND d.path = u.pair AND d.batch = 0 AND d.op = 2"
    " AND d.pair = u.path WHERE u.batch = 0 AND NOT (u.op = 2"
    " AND EXISTS(SELECT 1 FROM outbox_7 AS c WHERE c.path = u.pair"
    "  AND c.batch = 0 AND c.op <> 2 AND c.pair = u.path));"
    "INSERT INTO flight(id, " STATE_SQL_OUTROW ")"
    " SELECT (((CASE WHEN op <> 2 THEN 6 ELSE 3 END) + rank) << 48) | id,"
    " at, path, op, kind, size, mtime, mode, hash, target, state,"
    " NULL, 0, id, approved, tries"
    " FROM outbox_7 WHERE batch = 1 ORDER BY pos, id;"
    "DROP TABLE outbox_7;"
    "CREATE UNIQUE INDEX outbox_path ON outbox(path);"
    "CREATE UNIQUE INDEX outbox_origin ON outbox(origin)"
    " WHERE origin IS NOT NULL;"
    "CREATE INDEX outbox_twin ON outbox(hash, size)"
    " WHERE op = 2 AND kind = 0 AND hash IS NOT NULL;";

/* A file that was only listed has no inode to be found by: not indexed. */
static const char schema_10[] =
    "DROP INDEX entries_ino;"
    "CREATE INDEX entries_ino ON entries(ino) WHERE kind = 0 AND ino <> 0;";

/* batch: pos of its first row in flight; a second one may wait behind it. */
static const char schema_11[] =
    "ALTER TABLE batch ADD COLUMN pos INTEGER NOT NULL DEFAULT 0;";

const char *const state_sql_migrations[] = { schema_1, schema_2, schema_3,
	schema_4, schema_5, schema_6, schema_7, schema_8, schema_9, schema_10,
	schema_11 };
const int state_sql_version =
    (int)(sizeof(state_sql_migrations) / sizeof(state_sql_migrations[0]));

const char state_sql_salvage[] =
    "SELECT key, value FROM meta WHERE typeof(value) = 'integer' AND key IN "
    "('paused', 'fenced', 'mended_at', 'root_ino', 'root_fsid',"
    " 'root_fsid_lasts', 'baseline')";

#include "agent/member/mirror_sql.h"

const char *const mirror_sql_statements[MSQL_COUNT] = {
#define MIRROR_SQL_TEXT(name, sql) [MSQL_##name] = sql,
	MIRROR_SQL_MAP(MIRROR_SQL_TEXT)
#undef MIRROR_SQL_TEXT
};

/*
 * files: what the cloud's log says (mtime in us); gen tells rows of the
 * listing being read from older ones.  local: what was pulled, with the stat
 * it had then (mtime, ctime in ns).  pulls: state as enum pull_state, ends
 * from 10; received is a bit a chunk, set only for durable bytes; exit of a
 * failed one is an enum vs_exit; source is the path of a copy here that it
 * is made of.  made: folders that were not there before a pull.
 */
static const char schema_1[] =
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    "CREATE TABLE files(path TEXT PRIMARY KEY, kind INTEGER NOT NULL,"
    " size INTEGER NOT NULL, hash TEXT NOT NULL, mtime INTEGER,"
    " mode INTEGER NOT NULL, target TEXT, version INTEGER NOT NULL,"
    " seq INTEGER NOT NULL, recording INTEGER NOT NULL,"
    " gen INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE local(path TEXT PRIMARY KEY, hash TEXT NOT NULL,"
    " size INTEGER NOT NULL, mtime INTEGER NOT NULL,"
    " ctime INTEGER NOT NULL, ino INTEGER NOT NULL, mode INTEGER NOT NULL,"
    " version INTEGER NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE pulls(id TEXT PRIMARY KEY, path TEXT NOT NULL,"
    " hash TEXT NOT NULL, size INTEGER NOT NULL, mtime INTEGER,"
    " mode INTEGER NOT NULL, version INTEGER NOT NULL,"
    " state INTEGER NOT NULL, transfer TEXT NOT NULL, ticket TEXT NOT NULL,"
    " pin TEXT NOT NULL, endpoints TEXT NOT NULL, received BLOB,"
    " bytes INTEGER NOT NULL, error TEXT NOT NULL, tries INTEGER NOT NULL,"
    " force INTEGER NOT NULL, ended INTEGER NOT NULL, out TEXT NOT NULL,"
    " created INTEGER NOT NULL);"
    "CREATE INDEX pulls_live ON pulls(state) WHERE state < 10;"
    "CREATE INDEX pulls_path ON pulls(path);";

static const char schema_2[] =
    "ALTER TABLE pulls ADD COLUMN exit INTEGER NOT NULL DEFAULT 0;";

static const char schema_3[] =
    "ALTER TABLE pulls ADD COLUMN source TEXT NOT NULL DEFAULT '';"
    "CREATE INDEX pulls_want ON pulls(hash) WHERE state < 10;"
    "CREATE INDEX local_hash ON local(hash, at);"
    "CREATE TABLE made(path TEXT PRIMARY KEY) WITHOUT ROWID;";

/*
 * sums: of local (what is here) and of the pulls that have not ended (what
 * is still to come), so that nobody who asks makes us count.  pulls_turn:
 * whose turn it is.
 */
static const char schema_4[] =
    "DROP INDEX pulls_live;"
    "CREATE INDEX pulls_turn ON pulls(created) WHERE state < 10;"
    "CREATE TABLE sums(what TEXT PRIMARY KEY, n INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL) WITHOUT ROWID;"
    "INSERT INTO sums SELECT 'local', count(*), coalesce(sum(size), 0)"
    " FROM local;"
    "INSERT INTO sums SELECT 'live', count(*), coalesce(sum(size - bytes), 0)"
    " FROM pulls WHERE state < 10;"
    "CREATE TRIGGER local_in AFTER INSERT ON local BEGIN"
    " UPDATE sums SET n = n + 1, bytes = bytes + new.size"
    " WHERE what = 'local'; END;"
    "CREATE TRIGGER local_up AFTER UPDATE ON local BEGIN"
    " UPDATE sums SET bytes = bytes + new.size - old.size"
    " WHERE what = 'local'; END;"
    "CREATE TRIGGER local_out AFTER DELETE ON local BEGIN"
    " UPDATE sums SET n = n - 1, bytes = bytes - old.size"
    " WHERE what = 'local'; END;"
    "CREATE TRIGGER pulls_in AFTER INSERT ON pulls WHEN new.state < 10 BEGIN"
    " UPDATE sums SET n = n + 1, bytes = bytes + new.size - new.bytes"
    " WHERE what = 'live'; END;"
    "CREATE TRIGGER pulls_up AFTER UPDATE ON pulls BEGIN"
    " UPDATE sums SET n = n + (new.state < 10) - (old.state < 10),"
    " bytes = bytes + (new.state < 10) * (new.size - new.bytes)"
    " - (old.state < 10) * (old.size - old.bytes)"
    " WHERE what = 'live'; END;"
    "CREATE TRIGGER pulls_out AFTER DELETE ON pulls WHEN old.state < 10 BEGIN"
    " UPDATE sums SET n = n - 1, bytes = bytes - old.size + old.bytes"
    " WHERE what = 'live'; END;";

/*
 * names: files that do not stand under their own (names.h); dir as out.  Of
 * two paths that shared one file, which a disk may have taken for one, the
 * first keeps it.
 */
static const char schema_5[] =
    "CREATE TABLE names(dir TEXT NOT NULL, path TEXT NOT NULL,"
    " place TEXT NOT NULL, PRIMARY KEY(dir, path)) WITHOUT ROWID;"
    "CREATE UNIQUE INDEX names_place ON names(dir, place);"
    "DELETE FROM local WHERE path NOT IN (SELECT min(path) FROM local"
    " GROUP BY ino, size, mtime, ctime);";

const char *const mirror_sql_migrations[] = { schema_1, schema_2, schema_3,
	schema_4, schema_5 };
const int mirror_sql_version =
    (int)(sizeof(mirror_sql_migrations) / sizeof(mirror_sql_migrations[0]));

const char mirror_sql_salvage_meta[] =
    "SELECT key, value FROM meta WHERE key = 'paused'"
    " AND typeof(value) = 'integer'";
const char mirror_sql_salvage_local[] =
    "SELECT path, hash, size, mtime, ctime, ino, mode, version, at FROM local";
const char mirror_sql_salvage_names[] =
    "SELECT dir, path, place FROM names WHERE typeof(dir) = 'text'"
    " AND typeof(path) = 'text' AND place GLOB '*~case[1-9]*'";

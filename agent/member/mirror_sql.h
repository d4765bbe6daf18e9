/* Every statement of a member's database, by name. */
#ifndef MIRROR_SQL_H
#define MIRROR_SQL_H

#define MIRROR_COLUMNS \
	"path, kind, size, hash, mtime, mode, target, version, seq, recording"
#define PULL_COLUMNS \
	"id, path, hash, size, mtime, mode, version, state, transfer, " \
	"ticket, pin, endpoints, received, bytes, error, tries, force, " \
	"ended, out, exit, source"

/* X(name, SQL) */
#define MIRROR_SQL_MAP(X) \
	X(META_GET, "SELECT value FROM meta WHERE key = ?") \
	X(META_SET, \
	    "INSERT INTO meta(key, value) VALUES(?, ?) " \
	    "ON CONFLICT(key) DO UPDATE SET value = excluded.value") \
	X(FILE_GET, "SELECT " MIRROR_COLUMNS " FROM files WHERE path = ?") \
	X(FILE_PUT, \
	    "INSERT INTO files(" MIRROR_COLUMNS ", gen) " \
	    "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(path) " \
	    "DO UPDATE SET kind = excluded.kind, size = excluded.size, " \
	    "hash = excluded.hash, mtime = excluded.mtime, " \
	    "mode = excluded.mode, target = excluded.target, " \
	    "version = excluded.version, seq = excluded.seq, " \
	    "recording = excluded.recording, gen = excluded.gen") \
	X(FILE_DROP, "DELETE FROM files WHERE path = ?") \
	X(FILE_AFTER, \
	    "SELECT " MIRROR_COLUMNS " FROM files " \
	    "WHERE path > ? AND path < ? ORDER BY path LIMIT ?") \
	X(FILE_STALE, \
	    "SELECT " MIRROR_COLUMNS " FROM files " \
	    "WHERE path > ? AND gen <> ? ORDER BY path LIMIT ?") \
	X(LOCAL_GET, \
	    "SELECT hash, size, mtime, ctime, ino, mode, version " \
	    "FROM local WHERE path = ?") \
	X(LOCAL_PUT, \
	    "INSERT INTO local(path, hash, size, mtime, ctime, ino, mode, " \
	    "version, at) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?) " \
	    "ON CONFLICT(path) DO UPDATE SET hash = excluded.hash, " \
	    "size = excluded.size, mtime = excluded.mtime, " \
	    "ctime = excluded.ctime, ino = excluded.ino, " \
	    "mode = excluded.mode, version = excluded.version, " \
	    "at = excluded.at") \
	X(LOCAL_OF_HASH, \
	    "SELECT path, hash, size, mtime, ctime, ino, mode, version " \
	    "FROM local WHERE hash = ? AND substr(path, 1, 1) <> '/' " \
	    "ORDER BY at LIMIT ?") \
	X(LOCAL_DROP, "DELETE FROM local WHERE path = ?") \
	X(LOCAL_COUNT, "SELECT n, bytes FROM sums WHERE what = 'local'") \
	X(MADE_PUT, "INSERT OR IGNORE INTO made(path) VALUES(?)") \
	X(MADE_GET, "SELECT 1 FROM made WHERE path = ?") \
	X(MADE_DROP, "DELETE FROM made WHERE path = ?") \
	X(NAME_PLACE, "SELECT place FROM names WHERE dir = ? AND path = ?") \
	X(NAME_OWNER, "SELECT path FROM names WHERE dir = ? AND place = ?") \
	X(NAME_ANY, "SELECT EXISTS(SELECT 1 FROM names)") \
	X(NAME_COUNT, \
	    "SELECT count(*) FROM names WHERE dir = '' " \
	    "AND path IN (SELECT path FROM files)") \
	X(NAME_PUT, \
	    "INSERT INTO names(dir, path, place) VALUES(?, ?, ?) " \
	    "ON CONFLICT(dir, path) DO UPDATE SET place = excluded.place") \
	X(PULL_WANT, \
	    "SELECT id FROM pulls WHERE hash = ? AND state < 10 " \
	    "AND out = '' AND id <> ? ORDER BY rowid LIMIT ?") \
	X(PULL_GET, "SELECT " PULL_COLUMNS " FROM pulls WHERE id = ?") \
	X(PULL_PUT, \
	    "INSERT INTO pulls(" PULL_COLUMNS ", created) VALUES(?, ?, ?, " \
	    "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) " \
	    "ON CONFLICT(id) DO UPDATE SET hash = excluded.hash, " \
	    "size = excluded.size, mtime = excluded.mtime, " \
	    "mode = excluded.mode, version = excluded.version, " \
	    "state = excluded.state, transfer = excluded.transfer, " \
	    "ticket = excluded.ticket, pin = excluded.pin, " \
	    "endpoints = excluded.endpoints, " \
	    "received = excluded.received, bytes = excluded.bytes, " \
	    "error = excluded.error, tries = excluded.tries, " \
	    "force = excluded.force, ended = excluded.ended, " \
	    "exit = excluded.exit, source = excluded.source") \
	X(PULL_LIVE, \
	    "SELECT id FROM pulls INDEXED BY pulls_turn WHERE state < 10 " \
	    "ORDER BY created, rowid LIMIT ?") \
	X(PULL_LIVE_COUNT, "SELECT n, bytes FROM sums WHERE what = 'live'") \
	X(PULL_OF_PATH, \
	    "SELECT id, state FROM pulls WHERE path = ? " \
	    "AND out = ? " \
	    "ORDER BY rowid DESC LIMIT 1") \
	X(PULL_LIST, \
	    "SELECT * FROM (SELECT " PULL_COLUMNS " FROM pulls " \
	    "INDEXED BY pulls_turn WHERE state < 10 " \
	    "ORDER BY created DESC, rowid DESC LIMIT ?1) UNION ALL " \
	    "SELECT * FROM (SELECT " PULL_COLUMNS " FROM pulls NOT INDEXED " \
	    "WHERE state >= 10 ORDER BY rowid DESC LIMIT ?1) LIMIT ?1") \
	X(PULL_OLD, "DELETE FROM pulls WHERE state >= 10 AND ended < ?")

enum mirror_sql {
#define MIRROR_SQL_ENUM(name, sql) MSQL_##name,
	MIRROR_SQL_MAP(MIRROR_SQL_ENUM)
#undef MIRROR_SQL_ENUM
	    MSQL_COUNT,
};

extern const char *const mirror_sql_statements[MSQL_COUNT];

/* What may be taken of a damaged database. */
extern const char mirror_sql_salvage_meta[];
extern const char mirror_sql_salvage_local[];
extern const char mirror_sql_salvage_names[];
extern const char *const mirror_sql_migrations[];
extern const int mirror_sql_version;

#endif
